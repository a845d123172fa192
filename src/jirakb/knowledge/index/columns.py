"""Which values do the documents have? Their fields as columns in memory, read when a search first asks for one.

The columns follow the outbox, so that a filter costs no query. Never reads a document's text, never decides who may read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any, Protocol

import apsw
import numpy as np
import orjson
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Integers = NDArray[np.int64]
Codes = NDArray[np.int32]

VALUE_COLUMNS = ("project", "type", "status", "priority", "assignee", "status_category", "reporter", "resolution")
"""Fields of one value that the text index holds, too."""
LIST_COLUMNS = ("labels", "components", "versions")
"""Fields of several values that the text index holds, too."""
_BLOCK = 10_000  # rows
NOTHING = int(np.iinfo(np.int64).min)
"""What stands in a column of numbers where a document has none."""

_VALUES = {name: name for name in (*VALUE_COLUMNS, "project_name")} | {
    name: f"coalesce(metadata ->> '{key}', '')"
    for name, key in {
        "creator": "creator", "category": "project_category", "parent": "parent", "epic": "epic", "security": "security",
    }.items()
}  # fmt: skip
_LISTS = {name: name for name in LIST_COLUMNS} | {"sprint": "coalesce(metadata ->> 'sprint', '')"}
_NUMBERS = {
    "created": "created",
    "updated": "updated",
    "resolved": "unixepoch(metadata ->> 'resolved') * 1000",
    "key_number": "CAST(substr(key, instr(key, '-') + 1) AS INTEGER)",
}
"""How each column is read from a row of `document`."""
_EXPRESSIONS = {**_VALUES, **_LISTS, **_NUMBERS}
_FACTS = "id, issue, kind = 'issue', readers"


@dataclass(frozen=True, slots=True)
class Sort:
    """By which column issues are ordered, and from which end. What has no value comes last either way."""

    column: str
    descending: bool = False


def folded(value: str) -> str:
    """A field's value as it is compared: without case and without space around it."""
    return value.strip().casefold()


class Names:
    """The values of one column as they are spelled, each with a number. Only grows, so that several columns may share it."""

    def __init__(self) -> None:
        self.spelled: list[str] = []
        self._numbers: dict[str, int] = {}
        self._folded: dict[str, list[int]] = {}

    def number(self, value: str) -> int:
        """The number of a value, a new one for a new value."""
        number = self._numbers.get(value)
        if number is None:
            number = self._numbers[value] = len(self.spelled)
            self.spelled.append(value)
            self._folded.setdefault(folded(value), []).append(number)
        return number

    def among(self, values: Iterable[str]) -> list[int]:
        """The numbers of the values that are one of these when folded."""
        return [number for value in values for number in self._folded.get(value, ())]


class Column(Protocol):
    """One field of every document, in the order of the columns' rows. Never changed: `followed` makes a new one."""

    def followed(self, keep: Mask, new: Sequence[Any]) -> Column:
        """The column of the rows that are kept, and behind them of new ones."""
        ...


@dataclass(frozen=True, slots=True)
class ValueColumn:
    """A field of one value, "" where there is none."""

    codes: Codes
    names: Names
    size: int = 0
    """How many of the names there were when the column was made."""

    @property
    def spelled(self) -> list[str]:
        """The values by their code."""
        return self.names.spelled[: self.size]

    @classmethod
    def empty(cls) -> ValueColumn:
        """A column without rows."""
        return cls(np.zeros(0, dtype=np.int32), Names())

    def followed(self, keep: Mask, new: Sequence[Any]) -> ValueColumn:
        """The column of the rows that are kept, and behind them of new ones."""
        codes = np.fromiter(map(self.names.number, new), dtype=np.int32, count=len(new))
        return ValueColumn(np.concatenate([self.codes[keep], codes]), self.names, len(self.names.spelled))

    def among(self, values: Collection[str]) -> Mask:
        """Which rows have one of these folded values; "" is none."""
        return among(self.codes, self.names.among(values))


@dataclass(frozen=True, slots=True)
class ListColumn:
    """A field of several values: `rows` and `codes` stand side by side, rows ascending."""

    length: int
    rows: Codes
    codes: Codes
    names: Names
    size: int = 0
    """How many of the names there were when the column was made."""

    @property
    def spelled(self) -> list[str]:
        """The values by their code."""
        return self.names.spelled[: self.size]

    @classmethod
    def empty(cls) -> ListColumn:
        """A column without rows."""
        return cls(0, np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32), Names())

    def followed(self, keep: Mask, new: Sequence[Any]) -> ListColumn:
        """The column of the rows that are kept, and behind them of new ones."""
        places = np.cumsum(keep, dtype=np.int32) - 1
        stay, kept = keep[self.rows], int(np.count_nonzero(keep))
        pairs = [(kept + at, self.names.number(value)) for at, values in enumerate(new) for value in values]
        fresh = np.array(pairs, dtype=np.int32).reshape(-1, 2)
        rows = np.concatenate([places[self.rows[stay]], fresh[:, 0]])
        codes = np.concatenate([self.codes[stay], fresh[:, 1]])
        return ListColumn(kept + len(new), rows, codes, self.names, len(self.names.spelled))

    def among(self, values: Collection[str]) -> Mask:
        """Which rows have one of these folded values; "" is none at all."""
        mask = np.zeros(self.length, dtype=np.bool_)
        mask[self.rows[among(self.codes, self.names.among(values))]] = True
        if "" in values:
            mask |= self._without()
        return mask

    def _without(self) -> Mask:
        mask = np.ones(self.length, dtype=np.bool_)
        mask[self.rows] = False
        return mask


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """A number or a time in epoch milliseconds, NOTHING where there is none."""

    numbers: Integers

    @classmethod
    def empty(cls) -> NumberColumn:
        """A column without rows."""
        return cls(np.zeros(0, dtype=np.int64))

    def followed(self, keep: Mask, new: Sequence[Any]) -> NumberColumn:
        """The column of the rows that are kept, and behind them of new ones."""
        numbers = [NOTHING if value is None else int(value) for value in new]
        return NumberColumn(np.concatenate([self.numbers[keep], np.array(numbers, dtype=np.int64)]))

    def between(self, low: int | None, high: int | None) -> Mask:
        """Which rows have a number from `low` on and below `high`."""
        mask: Mask = self.numbers != NOTHING
        if low is not None:
            mask &= self.numbers >= low
        if high is not None:
            mask &= self.numbers < high
        return mask


def _items(text: str) -> Sequence[str]:
    """The distinct values in a JSON array."""
    return () if text == "[]" else tuple(dict.fromkeys(orjson.loads(text)))


def _joined_items(text: str) -> Sequence[str]:
    """The distinct values that the front matter joins by commas."""
    return tuple(dict.fromkeys(text.split(", "))) if text else ()


@dataclass(frozen=True)
class Columns:
    """Every document up to an outbox row, ascending by document id. Never changed: `follow` makes new ones.

    `fields` holds those columns that were asked for.
    """

    seq: int
    document: Integers
    issue: Integers
    is_issue: Mask
    readers: Integers
    fields: Mapping[str, Column]
    row_of: NDArray[np.int32]
    """Row by document id, -1 for a document that is gone."""
    primary: NDArray[np.int32]
    """The row of an issue's own document, by issue, -1 where there is none."""

    @cached_property
    def own(self) -> Integers:
        """For each row, that of its issue's own document, which has the issue's fields."""
        own = self.primary[self.issue].astype(np.int64)
        return np.where(own < 0, np.arange(len(own)), own)

    def readable(self, sets: frozenset[int]) -> Mask:
        """The documents whose own readers are among these sets."""
        return among(self.readers, sets)

    def rows(self, documents: Integers) -> Integers:
        """Rows of documents, -1 where there is none (any more)."""
        known = documents < len(self.row_of)
        return np.where(known, self.row_of[np.where(known, documents, 0)], -1).astype(np.int64)

    def values(self, name: str) -> ValueColumn:
        """A column of single values that was asked for."""
        column = self.fields[name]
        assert isinstance(column, ValueColumn)
        return column

    def lists(self, name: str) -> ListColumn:
        """A column of lists that was asked for."""
        column = self.fields[name]
        assert isinstance(column, ListColumn)
        return column

    def numbers(self, name: str) -> Integers:
        """A column of numbers that was asked for."""
        column = self.fields[name]
        assert isinstance(column, NumberColumn)
        return column.numbers


def among(numbers: NDArray[Any], some: Iterable[int]) -> Mask:
    """Which of the numbers are among some; by a table, since all of them are small."""
    table = np.zeros(int(numbers.max(initial=0)) + 1, dtype=np.bool_)
    table[[number for number in some if number < len(table)]] = True
    found: Mask = table[numbers]
    return found


def outbox_head(connection: apsw.Connection) -> int:
    """The last outbox row ever written."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
    return int(row[0]) if row else 0


def empty_columns() -> Columns:
    """The columns of a knowledge base without documents."""
    return _columns(0, np.zeros((0, 4), dtype=np.int64), {})


def follow(columns: Columns, connection: apsw.Connection, fields: Collection[str] = ()) -> Columns:
    """The columns as of now, those of these fields among them; the same object when nothing changed.

    `connection` must be within a snapshot.
    """
    head = outbox_head(connection)
    if head != columns.seq:
        columns = _followed(columns, connection, head, fields)
    missing = [name for name in fields if name not in columns.fields]
    if not missing:
        return columns
    everything = _Reader(connection, None)
    loaded = {name: everything.onto(_empty(name), name, np.zeros(0, dtype=np.bool_)) for name in missing}
    return replace(columns, fields={**columns.fields, **loaded})


def _followed(columns: Columns, connection: apsw.Connection, head: int, fields: Collection[str]) -> Columns:
    if columns.seq == 0 or head < columns.seq:
        rows, loaded = _Reader(connection, None).everything({*columns.fields, *fields})
        return _columns(head, rows, loaded)
    changed = _changed(connection, columns.seq)
    reader = _Reader(connection, [document for document, gone in changed if not gone])
    dropped = np.array([document for document, _ in changed], dtype=np.int64)
    keep = ~np.isin(columns.document, dropped)
    old = np.column_stack([columns.document, columns.issue, columns.is_issue, columns.readers])
    rows = np.concatenate([old[keep].astype(np.int64), reader.rows()])
    return _columns(head, rows, {name: reader.onto(old, name, keep) for name, old in columns.fields.items()})


def _changed(connection: apsw.Connection, seq: int) -> list[tuple[int, int]]:
    rows = connection.execute("SELECT document, max(gone) FROM outbox WHERE seq > ? GROUP BY document", (seq,))
    return [(int(document), int(gone)) for document, gone in rows]


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads some documents, or all, ascending by id."""

    connection: apsw.Connection
    documents: list[int] | None

    def rows(self) -> Integers:
        return self.everything(())[0]

    def everything(self, names: Collection[str]) -> tuple[Integers, dict[str, Column]]:
        """The rows, and these columns of them: read in one go, since the documents' pages are many."""
        expressions = [_FACTS, *(_EXPRESSIONS[name] for name in names)]
        rows = self._rows(", ".join(expressions))
        blocks = [np.zeros((0, 4), dtype=np.int64)]
        values: list[list[Any]] = [[] for _ in names]
        while block := list(islice(rows, _BLOCK)):  # a list of all of them would be the most that a process ever holds
            facts = list(zip(*block, strict=True))
            blocks.append(np.array(facts[:4], dtype=np.int64).T)
            for some, more in zip(values, facts[4:], strict=True):
                some.extend(more)
        whole = np.zeros(0, dtype=np.bool_)
        loaded = {name: _onto(_empty(name), name, whole, some) for name, some in zip(names, values, strict=True)}
        return np.concatenate(blocks), loaded

    def onto(self, column: Column, name: str, keep: Mask) -> Column:
        """The column of the rows that are kept, and behind them of these documents."""
        return _onto(column, name, keep, [value for (value,) in self._rows(_EXPRESSIONS[name])])

    def _rows(self, expressions: str) -> Iterator[tuple[Any, ...]]:
        if self.documents is None:
            return iter(self.connection.execute(f"SELECT {expressions} FROM document ORDER BY id"))
        some = f"SELECT {expressions} FROM document WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
        return iter(self.connection.execute(some, (orjson.dumps(self.documents).decode(),)))


def _onto(column: Column, name: str, keep: Mask, values: Sequence[Any]) -> Column:
    if isinstance(column, ListColumn):
        values = list(map(_joined_items if name == "sprint" else _items, values))
    return column.followed(keep, values)


def _empty(name: str) -> Column:
    kinds: tuple[tuple[Collection[str], Callable[[], Column]], ...] = (
        (_VALUES, ValueColumn.empty), (_LISTS, ListColumn.empty), (_NUMBERS, NumberColumn.empty),
    )  # fmt: skip
    return next(make() for names, make in kinds if name in names)


def _columns(seq: int, rows: Integers, fields: Mapping[str, Column]) -> Columns:
    document, issue, is_issue, readers = (rows[:, at].copy() for at in range(4))
    row_of = np.full(int(document[-1]) + 1 if len(document) else 1, -1, dtype=np.int32)
    row_of[document] = np.arange(len(document))
    own = np.flatnonzero(is_issue)
    primary = np.full(int(issue.max()) + 1 if len(issue) else 1, -1, dtype=np.int32)
    primary[issue[own]] = own
    return Columns(seq, document, issue, is_issue.astype(np.bool_), readers, fields, row_of, primary)
