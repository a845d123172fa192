"""Which passages are nearest to a query vector? An exact scan over every vector of a knowledge base, as int8.

Never embeds, never reads text, never decides who may read: it is told which rows are allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import simsimd
from numpy.typing import NDArray

from jirakb.knowledge.index.filters import Integers, Mask

SCALE = 127.0
"""What a unit vector was multiplied by before it was rounded to int8."""
ROUNDING = 300.0
"""Two dot products of rounded vectors whose difference is larger are in the right order: rounding the query moves one
by 0.29 times the row's length of 127 as its standard deviation, and this is four of that for each of the two."""
_BLOCK = 64
_GATHER_BELOW = 20
"""When fewer than one row in this many is allowed, picking them out is cheaper than scanning all."""
FACTS = 4
SEQ, PASSAGE, DOCUMENT, READERS = range(FACTS)
"""The columns beside the vectors."""

_FORBIDDEN = np.array([-np.inf, 0.0], dtype=np.float32)

Floats = NDArray[np.float32]
Bytes = NDArray[np.int8]


@dataclass(frozen=True)
class Matrix:
    """Vectors of one model, in blocks, and beside them what each is of. Never changed."""

    base: str
    dimensions: int
    blocks: tuple[Bytes, ...]
    facts: Integers
    """seq, passage, document, readers of each row."""
    filed: int = 0
    """How many of the rows, in the first block, stand in the file."""

    def __len__(self) -> int:
        return len(self.facts)

    @property
    def seq(self) -> int:
        """The last vector row of the truth that is in here."""
        return int(self.facts[-1, SEQ]) if len(self.facts) else 0

    @property
    def filed_seq(self) -> int:
        """The last vector row of the truth that is in the file."""
        return int(self.facts[self.filed - 1, SEQ]) if self.filed else 0

    @cached_property
    def passages(self) -> Integers:
        """The passage of each row."""
        return np.ascontiguousarray(self.facts[:, PASSAGE])

    @cached_property
    def documents(self) -> Integers:
        """The document of each row."""
        return np.ascontiguousarray(self.facts[:, DOCUMENT])

    @cached_property
    def readers(self) -> Integers:
        """The reader set of each row."""
        return np.ascontiguousarray(self.facts[:, READERS])

    @cached_property
    def is_restricted(self) -> bool:
        """Whether any row is of text that not every reader sees."""
        return bool(self.readers.any())

    @cached_property
    def _by_document(self) -> tuple[Integers, Integers]:
        order = np.argsort(self.documents, kind="stable")
        return order, self.documents[order]

    def rows_of(self, documents: Sequence[int]) -> Integers:
        """The rows of these documents."""
        order, ascending = self._by_document
        wanted = np.asarray(documents, dtype=np.int64)
        starts, stops = (np.searchsorted(ascending, wanted, side) for side in ("left", "right"))
        spans = [order[start:stop] for start, stop in zip(starts, stops, strict=True) if stop > start]
        return np.concatenate(spans) if spans else np.zeros(0, dtype=np.int64)

    def scan(self, query: Floats, allowed: Mask) -> Scan:
        """The query against every allowed row."""
        rounded = np.clip(np.rint(query * SCALE), -SCALE, SCALE).astype(np.int8)
        if np.count_nonzero(allowed) * _GATHER_BELOW < len(self):
            rows = np.flatnonzero(allowed)
            dots = np.full(len(self), -np.inf, dtype=np.float32)
            dots[rows] = _dots(rounded, self._picked(rows))
            return Scan(self, query, dots)
        dots = np.concatenate([_dots(rounded, block) for block in self.blocks])
        dots += _FORBIDDEN[allowed.view(np.uint8)]  # five times as fast as assigning by the mask
        return Scan(self, query, dots)

    def cosines(self, query: Floats, rows: Integers) -> Floats:
        """The cosines of these rows with the query as it is (only the rows are rounded)."""
        return (self._picked(rows).astype(np.float32) @ query) / np.float32(SCALE)

    def _picked(self, rows: Integers) -> Bytes:
        picked = np.empty((len(rows), self.dimensions), dtype=np.int8)
        first = 0
        for block in self.blocks:
            inside = (rows >= first) & (rows < first + len(block))
            picked[inside] = block[rows[inside] - first]
            first += len(block)
        return picked


@dataclass(frozen=True)
class Scan:
    """A query's dot product with every row, both rounded; minus infinity for rows that are not allowed."""

    matrix: Matrix
    query: Floats
    dots: Floats

    def nearest(self, count: int) -> Integers:
        """The `count` best rows by rounded numbers, ascending by row."""
        return _top(self.dots, count)

    def allowed(self, rows: Integers) -> Integers:
        """Those of the rows that are allowed."""
        return rows[self.dots[rows] > -np.inf]

    def cosines(self, rows: Integers) -> Floats:
        """The cosines of these rows with the query as it is."""
        return self.matrix.cosines(self.query, rows)


def _dots(query: Bytes, block: Bytes) -> Floats:
    if not len(block):
        return np.zeros(0, dtype=np.float32)
    return np.array(simsimd.cdist(query[None, :], block, metric="dot", out_dtype="float32"), dtype=np.float32).reshape(
        -1
    )


def _top(scores: Floats, count: int) -> Integers:
    """Where the `count` highest finite scores are, ascending. Maxima of blocks first: partitioning all is slow."""
    whole = len(scores) // _BLOCK * _BLOCK
    if whole > count * _BLOCK:
        maxima = scores[:whole].reshape(-1, _BLOCK).max(axis=1)
        blocks = np.argpartition(-maxima, count)[:count]
        spots = (blocks[:, None] * _BLOCK + np.arange(_BLOCK)).reshape(-1)
        spots = np.concatenate([spots, np.arange(whole, len(scores))])
    else:
        spots = np.arange(len(scores))
    spots = spots[scores[spots] > -np.inf]
    if len(spots) > count:
        spots = spots[np.argpartition(-scores[spots], count)[:count]]
    return np.sort(spots)
