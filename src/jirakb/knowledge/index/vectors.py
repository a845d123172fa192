"""Which passages are nearest to a query vector? A scan over every vector of a knowledge base, in two steps.

First the signs of the numbers are compared, an eighth of a byte each; then the int8 numbers of the rows that may be
among the nearest. Never embeds, never reads text, never decides who may read: it is told which rows are allowed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import simsimd
from numpy.typing import NDArray

from jirakb.knowledge.index.filters import Integers, Mask

SCALE = 127.0
"""What a unit vector was multiplied by before it was rounded to int8."""
ROUNDING = 300.0
"""Two dot products of rounded vectors whose difference is larger are in the right order: rounding the query moves one
by 0.29 times the row's length of 127 as its standard deviation, and this is four of that for each of the two."""
EXACT_ROWS = 8_192
"""So few allowed rows are compared by their numbers right away."""
SHORTLIST = 2_048
"""So many rows, those with most signs in common, are compared by their numbers in any case: 20 for each row of the pool."""
_CERTAIN_PLACES = 10
_CERTAINTY = 2.0
"""A row is left out only where its signs differ in so many standard deviations more than those of a row as near as the
tenth would. Of texts' vectors 3 to 10 % are compared; where all vectors are far from all others, every one is."""
_MOST_PICKED = 4
"""When more than one row in this many is to be compared, going through all in order is cheaper than picking them out."""
FACTS = {"seq": np.int64, "passage": np.int64, "document": np.int64, "readers": np.int32}
"""What stands beside each vector, and how."""

Floats = NDArray[np.float32]
Bytes = NDArray[np.int8]
Signs = NDArray[np.uint8]
Numbers = NDArray[Any]


def signs_of(values: Bytes) -> Signs:
    """The signs of each row's numbers, eight in a byte."""
    return np.packbits(values > 0, axis=1)


@dataclass(frozen=True, eq=False)
class Block:
    """Vectors with their signs, and beside each what it is of. Never changed."""

    values: Bytes
    signs: Signs
    seq: Numbers
    passage: Numbers
    document: Numbers
    readers: Numbers

    @classmethod
    def of(cls, values: Bytes, facts: dict[str, Numbers]) -> Block:
        """A block in memory."""
        return cls(values, signs_of(values), **facts)

    def __len__(self) -> int:
        return len(self.seq)

    def joined(self, other: Block) -> Block:
        """This block and another one behind it."""
        names = ("values", "signs", *FACTS)
        return Block(**{name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in names})

    @cached_property
    def _by_document(self) -> tuple[Numbers, Numbers, Numbers]:
        """The rows, ascending by document; the documents; and where in the rows each one's begin, with the end behind."""
        order = np.argsort(self.document, kind="stable").astype(np.int32)
        documents, starts = np.unique(self.document[order], return_index=True)
        return order, documents, np.append(starts, len(order))

    def rows_of(self, documents: Integers) -> Integers:
        """The rows of these documents."""
        order, known, firsts = self._by_document
        at = np.searchsorted(known, documents)
        at = at[np.append(known, -1)[at] == documents]
        starts = firsts[at]
        sizes = firsts[at + 1] - starts
        # Each document's stretch of places, side by side.
        places = np.arange(sizes.sum()) + np.repeat(starts - np.cumsum(sizes) + sizes, sizes)
        rows: Integers = order[places].astype(np.int64)
        return rows


@dataclass(frozen=True, eq=False)
class Matrix:
    """Vectors of one model, in blocks. Never changed. The first block is the file's, where `filed` says so."""

    base: str
    dimensions: int
    blocks: tuple[Block, ...] = ()
    is_filed: bool = False

    @cached_property
    def _firsts(self) -> list[int]:
        """The first row of each block, and behind them how many rows there are."""
        return [0, *np.cumsum([len(block) for block in self.blocks], dtype=np.int64).tolist()]

    def __len__(self) -> int:
        return self._firsts[-1]

    @property
    def filed(self) -> int:
        """How many of the rows stand in the file."""
        return len(self.blocks[0]) if self.is_filed and self.blocks else 0

    @property
    def seq(self) -> int:
        """The last vector row of the truth that is in here."""
        return int(self.blocks[-1].seq[-1]) if len(self) else 0

    @property
    def filed_seq(self) -> int:
        """The last vector row of the truth that is in the file."""
        return int(self.blocks[0].seq[-1]) if self.filed else 0

    @cached_property
    def passages(self) -> Numbers:
        """The passage of each row."""
        return self._beside("passage")

    @cached_property
    def documents(self) -> Numbers:
        """The document of each row."""
        return self._beside("document")

    @cached_property
    def readers(self) -> Numbers:
        """The reader set of each row."""
        return self._beside("readers")

    @cached_property
    def is_restricted(self) -> bool:
        """Whether any row is of text that not every reader sees."""
        return any(block.readers.any() for block in self.blocks)

    def rows_of(self, documents: Sequence[int]) -> Integers:
        """The rows of these documents."""
        wanted = np.asarray(documents, dtype=np.int64)
        found = [block.rows_of(wanted) + first for block, first in zip(self.blocks, self._firsts, strict=False)]
        return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)

    def scan(self, query: Floats, allowed: Mask) -> Scan:
        """The query against the allowed rows: those that may be among the nearest, with their dot products."""
        rounded = np.clip(np.rint(query * SCALE), -SCALE, SCALE).astype(np.int8)
        if np.count_nonzero(allowed) <= EXACT_ROWS:
            rows = np.flatnonzero(allowed)
            return Scan(self, query, rounded, allowed, rows, self.dots(rounded, rows))
        rows, dots = _Shortlist(self, rounded, allowed).nearest()
        return Scan(self, query, rounded, allowed, rows, dots)

    def cosines(self, query: Floats, rows: Integers) -> Floats:
        """The cosines of these rows with the query as it is (only the rows are rounded)."""
        return (self._picked(rows).astype(np.float32) @ query) / np.float32(SCALE)

    def dots(self, rounded: Bytes, rows: Integers) -> Floats:
        """The dot products of these rows, ascending or not, with the rounded query."""
        if len(rows) * _MOST_PICKED < len(self):
            return _dots(rounded, self._picked(rows))
        return _behind([_dots(rounded, block.values) for block in self.blocks])[rows]

    def differences(self, rounded: Bytes, rows: Integers | None = None) -> Numbers:
        """In how many signs each row (or each of these) differs from the rounded query."""
        signs = signs_of(rounded[None, :])
        if rows is not None:
            return _differences(signs, self._picked(rows, "signs"))
        return _behind([_differences(signs, block.signs) for block in self.blocks])

    def _beside(self, name: str) -> Numbers:
        """One fact of each row; of a single block without a copy, so that it stays in the file."""
        columns = [getattr(block, name) for block in self.blocks]
        return _behind(columns) if columns else np.zeros(0, dtype=FACTS[name])

    def _picked(self, rows: Integers, name: str = "values") -> Numbers:
        kept: list[Numbers] = [getattr(block, name) for block in self.blocks]
        if len(kept) == 1:
            return kept[0].take(rows, axis=0)
        picked = np.empty((len(rows), kept[0].shape[1]), dtype=kept[0].dtype)
        for block, first in zip(kept, self._firsts, strict=False):
            inside = (rows >= first) & (rows < first + len(block))
            picked[inside] = block[rows[inside] - first]
        return picked


@dataclass(frozen=True, eq=False)
class _Shortlist:
    """The rows that may be among the nearest, by their signs."""

    matrix: Matrix
    rounded: Bytes
    allowed: Mask

    def nearest(self) -> tuple[Integers, Floats]:
        """The rows, ascending, and their dot products."""
        differences = self._differences()
        limit = int(np.partition(differences, SHORTLIST)[SHORTLIST])
        rows, dots = self._within(differences, limit)
        farthest = self._limit(dots)
        return self._within(differences, farthest) if farthest > limit else (rows, dots)

    @cached_property
    def _few(self) -> Integers | None:
        """The allowed rows, where they are so few that picking them out is cheaper than going through all."""
        few = np.count_nonzero(self.allowed) * _MOST_PICKED < len(self.matrix)
        return np.flatnonzero(self.allowed) if few else None

    def _differences(self) -> Numbers:
        """In how many signs each of the few rows differs, or each of all; in more than there are where it is barred."""
        if self._few is not None:
            return self.matrix.differences(self.rounded, self._few)
        # A choice by the mask takes ten times as long as the larger of two numbers.
        barred = np.multiply(~self.allowed, np.iinfo(np.uint16).max, dtype=np.uint16)
        return np.maximum(self.matrix.differences(self.rounded), barred)

    def _within(self, differences: Numbers, limit: int) -> tuple[Integers, Floats]:
        rows = np.flatnonzero(differences <= limit)
        if self._few is not None:
            rows = self._few[rows]
        return rows, self.matrix.dots(self.rounded, rows)

    def _limit(self, dots: Floats) -> int:
        """In how many signs a row may differ that is as near as the tenth: of two vectors with an angle of half a
        circle between them all differ, and of others the share that the angle is of it, more or less."""
        tenth = float(np.partition(dots, -_CERTAIN_PLACES)[-_CERTAIN_PLACES])
        length = float(np.linalg.norm(self.rounded.astype(np.float32))) * SCALE
        share = math.acos(min(max(tenth / max(length, 1.0), -1.0), 1.0)) / math.pi
        spread = math.sqrt(self.matrix.dimensions * share * (1.0 - share))
        return int(self.matrix.dimensions * share + _CERTAINTY * spread)


@dataclass(frozen=True, eq=False)
class Scan:
    """A query's dot products, both sides rounded, with the rows that may be among the nearest."""

    matrix: Matrix
    query: Floats
    rounded: Bytes
    mask: Mask
    rows: Integers
    near: Floats

    def nearest(self, count: int) -> Integers:
        """The `count` best rows by rounded numbers, ascending by row."""
        if len(self.rows) <= count:
            return self.rows
        return np.sort(self.rows[np.argpartition(-self.near, count)[:count]])

    def allowed(self, rows: Integers) -> Integers:
        """Those of the rows that are allowed."""
        return rows[self.mask[rows]]

    def dots(self, rows: Integers) -> Floats:
        """The dot products of any rows."""
        return self.matrix.dots(self.rounded, rows)

    def cosines(self, rows: Integers) -> Floats:
        """The cosines of these rows with the query as it is."""
        return self.matrix.cosines(self.query, rows)


def _behind(columns: Sequence[Numbers]) -> Numbers:
    """The columns one behind the other; a single one without a copy."""
    return np.asarray(columns[0]) if len(columns) == 1 else np.concatenate(columns)


def _dots(query: Bytes, block: Bytes) -> Floats:
    if not len(block):
        return np.zeros(0, dtype=np.float32)
    distances: Any = simsimd.cdist(query[None, :], block, metric="dot", out_dtype="float32")
    return np.asarray(distances).reshape(-1)


def _differences(signs: Signs, block: Signs) -> Numbers:
    if not len(block):
        return np.zeros(0, dtype=np.uint16)
    kind: Any = "uint16"  # which its types do not name
    distances: Any = simsimd.cdist(signs, block, metric="hamming", dtype="bin8", out_dtype=kind)
    return np.asarray(distances).reshape(-1)
