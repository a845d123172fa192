"""Which documents may a search return? Their fields as columns in memory, and masks over them.

The columns follow the outbox, so that a filter costs no query. Never reads a document's text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import apsw
import numpy as np
import orjson
from numpy.typing import NDArray

from jirakb.documents import Readers
from jirakb.knowledge.store import may_read, milliseconds

Mask = NDArray[np.bool_]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Filter:
    """What hits must have: one of the values of each field that names any, whatever the case."""

    projects: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    updated_since: datetime | None = None

    def wanted(self) -> dict[str, frozenset[str]]:
        """The restricted fields by their column's name, values folded."""
        values = {
            "project": self.projects, "type": self.types, "status": self.statuses,
            "priority": self.priorities, "assignee": self.assignees, "labels": self.labels,
        }  # fmt: skip
        return {name: frozenset(map(folded, wanted)) for name, wanted in values.items() if wanted}

    @property
    def since(self) -> int | None:
        """`updated_since` in epoch milliseconds."""
        return None if self.updated_since is None else milliseconds(self.updated_since)


NO_FILTER = Filter()
VALUE_COLUMNS = ("project", "type", "status", "priority", "assignee")


def folded(value: str) -> str:
    """A field's value as it is compared: without case and without space around it."""
    return value.strip().casefold()


@dataclass(frozen=True)
class Columns:
    """The fields of every document up to an outbox row, ascending by document id. Never changed: `follow` makes new ones."""

    seq: int
    document: Integers
    issue: Integers
    is_issue: Mask
    readers: Integers
    updated: Integers
    values: Mapping[str, Integers]
    codes: Mapping[str, int]
    labels: tuple[Integers, Integers]
    """Document ids and label codes, side by side."""
    row_of: NDArray[np.int32]
    """Row by document id, -1 for a document that is gone."""
    primary: NDArray[np.int32]
    """The row of an issue's own document, by issue, -1 where there is none."""

    def mask(self, wanted: Filter) -> Mask:
        """The documents that the filter admits."""
        mask = np.ones(len(self.document), dtype=np.bool_)
        for name, values in wanted.wanted().items():
            codes = [code for value in values if (code := self.codes.get(value)) is not None]
            mask &= self._labelled(codes) if name == "labels" else np.isin(self.values[name], codes)
        if wanted.since is not None:
            mask &= self.updated >= wanted.since
        return mask

    def _labelled(self, codes: list[int]) -> Mask:
        documents, labels = self.labels
        mask = np.zeros(len(self.document), dtype=np.bool_)
        mask[self.rows(documents[np.isin(labels, codes)])] = True
        return mask

    def readable(self, sets: frozenset[int]) -> Mask:
        """The documents whose own readers are among these sets."""
        return among(self.readers, sets)

    def rows(self, documents: Integers) -> Integers:
        """Rows of documents, -1 where there is none (any more)."""
        known = documents < len(self.row_of)
        return np.where(known, self.row_of[np.where(known, documents, 0)], -1).astype(np.int64)


def among(numbers: Integers, some: Iterable[int]) -> Mask:
    """Which of the numbers are among some; by a table, since all of them are small."""
    table = np.zeros(int(numbers.max(initial=0)) + 1, dtype=np.bool_)
    table[[number for number in some if number < len(table)]] = True
    return table[numbers]


def empty_columns() -> Columns:
    """The columns of a knowledge base without documents."""
    return _columns(0, {}, _Rows.of([]))


def follow(columns: Columns, connection: apsw.Connection) -> Columns:
    """The columns as of now; `connection` must be within a snapshot. The same object when nothing changed."""
    head = outbox_head(connection)
    if head == columns.seq:
        return columns
    changed = [] if columns.seq == 0 else _changed(connection, columns.seq)
    codes = dict(columns.codes)
    if columns.seq == 0 or head < columns.seq:
        return _columns(head, codes, _Rows.of(connection.execute(_ALL).fetchall(), codes))
    ids = orjson.dumps([document for document, gone in changed if not gone]).decode()
    new = _Rows.of(connection.execute(_SOME, (ids,)).fetchall(), codes)
    dropped = np.array([document for document, _ in changed], dtype=np.int64)
    return _columns(head, codes, _Rows.kept(columns, dropped).joined(new))


def outbox_head(connection: apsw.Connection) -> int:
    """The last outbox row ever written."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
    return int(row[0]) if row else 0


def readable_sets(connection: apsw.Connection, principals: Readers | None) -> frozenset[int]:
    """The reader sets whose every principal is held; None holds them all."""
    rows: Any = connection.execute("SELECT id, principals FROM readers")
    return frozenset(int(number) for number, held in rows if may_read(Readers(orjson.loads(held)), principals))


_FIELDS = "SELECT id, issue, kind = 'issue', readers, updated, project, type, status, priority, assignee, labels FROM document"
_ALL = f"{_FIELDS} ORDER BY id"
_SOME = f"{_FIELDS} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"


def _changed(connection: apsw.Connection, seq: int) -> list[tuple[int, int]]:
    rows = connection.execute("SELECT document, max(gone) FROM outbox WHERE seq > ? GROUP BY document", (seq,))
    return [(int(document), int(gone)) for document, gone in rows]


@dataclass(frozen=True)
class _Rows:
    """Numbers of documents (id, issue, kind, readers, updated, values' codes) and their labels, not yet looked up."""

    numbers: Integers
    labels: Integers

    @classmethod
    def of(cls, rows: Iterable[tuple[object, ...]], codes: dict[str, int] | None = None) -> _Rows:
        code = _Coder({} if codes is None else codes)
        numbers: list[tuple[object, ...]] = []
        labels: list[tuple[object, int]] = []
        for row in rows:
            numbers.append((*row[:5], *(code(str(value)) for value in row[5:10])))
            if row[10] != "[]":
                labels.extend((row[0], code(label)) for label in orjson.loads(str(row[10])))
        return cls(np.array(numbers, dtype=np.int64).reshape(-1, 10), np.array(labels, dtype=np.int64).reshape(-1, 2))

    @classmethod
    def kept(cls, columns: Columns, dropped: Integers) -> _Rows:
        numbers = np.column_stack(
            [columns.document, columns.issue, columns.is_issue, columns.readers, columns.updated]
            + [columns.values[name] for name in VALUE_COLUMNS]
        ).astype(np.int64)
        labels = np.column_stack(columns.labels)
        return cls(numbers[~np.isin(numbers[:, 0], dropped)], labels[~np.isin(labels[:, 0], dropped)])

    def joined(self, new: _Rows) -> _Rows:
        return _Rows(np.concatenate([self.numbers, new.numbers]), np.concatenate([self.labels, new.labels]))


class _Coder(dict[str, int]):
    """Numbers for values, by their folded form."""

    def __init__(self, codes: dict[str, int]) -> None:
        super().__init__()
        self._codes = codes

    def __missing__(self, value: str) -> int:
        self[value] = code = self._codes.setdefault(folded(value), len(self._codes))
        return code

    def __call__(self, value: str) -> int:
        return self[value]


def _columns(seq: int, codes: dict[str, int], rows: _Rows) -> Columns:
    numbers = rows.numbers
    document, issue = numbers[:, 0].copy(), numbers[:, 1].copy()
    is_issue = numbers[:, 2].astype(np.bool_)
    row_of = np.full(int(document[-1]) + 1 if len(document) else 1, -1, dtype=np.int32)
    row_of[document] = np.arange(len(document))
    own = np.flatnonzero(is_issue)
    primary = np.full(int(issue.max()) + 1 if len(issue) else 1, -1, dtype=np.int32)
    primary[issue[own]] = own
    return Columns(
        seq=seq,
        document=document,
        issue=issue,
        is_issue=is_issue,
        readers=numbers[:, 3].copy(),
        updated=numbers[:, 4].copy(),
        values={name: numbers[:, 5 + at].copy() for at, name in enumerate(VALUE_COLUMNS)},
        codes=codes,
        labels=(rows.labels[:, 0].copy(), rows.labels[:, 1].copy()),
        row_of=row_of,
        primary=primary,
    )
