"""In which order do issues come that are sorted by fields? Pure functions over the columns; relevance is not here."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

import numpy as np

from jirakb.knowledge.index.columns import NOTHING, Columns, Integers, NumberColumn, Sort, folded

Value = int | str | None


NEWEST = (Sort("updated", descending=True),)


def sorted_columns(sorts: Sequence[Sort]) -> frozenset[str]:
    """The columns that these orders look at."""
    return frozenset(sort.column for sort in sorts)


def arranged(columns: Columns, rows: Integers, sorts: Sequence[Sort], last: Sequence[Value] = ()) -> Integers:
    """The rows in order, equal ones newest issue first; only those behind `last`, where it names a place."""
    keys = [key for sort in sorts for key in _keys(columns, rows, sort)]
    keys.append(-columns.issue[rows])
    order = np.lexsort(keys[::-1])
    if last:
        marks = _marks(columns, sorts, last)
        order = order[_behind([key[order] for key in keys], marks)]
    return rows[order]


def place_of(columns: Columns, row: int, sorts: Sequence[Sort]) -> tuple[Value, ...]:
    """What orders this row, to be written into a cursor."""
    return (*(_value(columns, row, sort.column) for sort in sorts), int(columns.issue[row]))


def _value(columns: Columns, row: int, name: str) -> Value:
    column = columns.fields[name]
    if isinstance(column, NumberColumn):
        number = int(column.numbers[row])
        return None if number == NOTHING else number
    values = columns.values(name)
    return folded(values.spelled[values.codes[row]]) or None


def _keys(columns: Columns, rows: Integers, sort: Sort) -> Iterator[Integers]:
    """What is compared, the smaller first: whether there is no value, then the value."""
    column = columns.fields[sort.column]
    if isinstance(column, NumberColumn):
        numbers = column.numbers[rows]
        missing = numbers == NOTHING
    else:
        values = columns.values(sort.column)
        ranks, ordered = _ranks(values.spelled)
        numbers = ranks[values.codes[rows]]
        missing = numbers == _rank("", ordered)
    yield missing.astype(np.int64)
    yield np.where(missing, 0, -numbers if sort.descending else numbers)


def _ranks(spelled: Sequence[str]) -> tuple[Integers, list[str]]:
    ordered = sorted({folded(value) for value in spelled})
    return np.array([_rank(folded(value), ordered) for value in spelled], dtype=np.int64), ordered


def _rank(value: str, ordered: Sequence[str]) -> int:
    """An odd number for a value that there is, the even one between its neighbours for one that is gone."""
    at = bisect_left(ordered, value)
    return 2 * at + int(at < len(ordered) and ordered[at] == value)


def _marks(columns: Columns, sorts: Sequence[Sort], last: Sequence[Value]) -> list[int]:
    marks: list[int] = []
    for sort, value in zip(sorts, last, strict=False):
        number = _number(columns, sort.column, value)
        marks += [int(value is None), 0 if value is None else (-number if sort.descending else number)]
    return [*marks, -int(last[-1] or 0)]


def _number(columns: Columns, name: str, value: Value) -> int:
    if isinstance(columns.fields[name], NumberColumn):
        return value if isinstance(value, int) else 0
    return _rank(str(value), _ranks(columns.values(name).spelled)[1])


def _behind(keys: Sequence[Integers], marks: Sequence[int]) -> Integers:
    """Where, in rows that are in order, those begin that are behind the marks."""
    after = np.zeros(len(keys[0]), dtype=np.bool_)
    level = np.ones(len(keys[0]), dtype=np.bool_)
    for key, mark in zip(keys, marks, strict=True):
        after |= level & (key > mark)
        level &= key == mark
    return np.flatnonzero(after)
