"""What must an issue have to be found? Conditions on its fields and texts, joined by and, or and not.

A condition holds for an issue or it does not: its attachments go with it. Never reads rows, never decides who may read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from jirakb.knowledge.index.columns import Columns, Integers, ListColumn, Mask, NumberColumn, ValueColumn, among

TextPart = Literal["text", "summary", "description", "environment", "comment", "attachment"]
"""What can be asked for words: everything that the reader may read, or one kind of it."""


@dataclass(frozen=True, slots=True)
class Among:
    """The field has one of these values, folded; "" stands for none."""

    column: str
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Between:
    """The number or time (epoch milliseconds) is there, at least `low` and below `high`."""

    column: str
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """Its own key, or that of its parent or epic, is a present or former key of one of these issues.

    `keys` are keys in capitals, or numbers by which the site knows issues. To be resolved before it is looked for.
    """

    column: Literal["key", "parent", "epic"]
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Issues:
    """It is one of these issues, by their rows; `documents` are theirs."""

    rows: frozenset[int]
    documents: frozenset[int]


@dataclass(frozen=True, slots=True)
class Holding:
    """A text of that kind, readable for who asks, holds every one of the words (any text of that kind, without words).

    `words` is plain text, `beginnings` are beginnings of words.
    """

    part: TextPart
    words: str = ""
    beginnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Every:
    """All of them hold."""

    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Either:
    """One of them holds."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """It does not hold."""

    condition: Condition


Condition = Among | Between | Named | Issues | Holding | Every | Either | Not
EVERYTHING = Every()


def both(one: Condition, other: Condition) -> Condition:
    """Both hold; what admits everything adds nothing."""
    if one == EVERYTHING:
        return other
    return one if other == EVERYTHING else Every((one, other))


def leaves(condition: Condition) -> Iterator[Among | Between | Named | Issues | Holding]:
    """The conditions that are not made of others."""
    if isinstance(condition, Every | Either):
        for part in condition.conditions:
            yield from leaves(part)
    elif isinstance(condition, Not):
        yield from leaves(condition.condition)
    else:
        yield condition


def fields_of(condition: Condition) -> frozenset[str]:
    """The columns that `mask` will look at."""
    return frozenset(leaf.column for leaf in leaves(condition) if isinstance(leaf, Among | Between))


def mask(condition: Condition, columns: Columns, holding: Callable[[Holding], Integers]) -> Mask:
    """The documents of the issues for which the condition holds, by the columns' row.

    `holding` tells the documents whose text is as asked.
    """
    return _rows(condition, columns, holding)[columns.own]


def _rows(condition: Condition, columns: Columns, holding: Callable[[Holding], Integers]) -> Mask:
    match condition:
        case Among(name, values):
            column = columns.fields[name]
            assert isinstance(column, ValueColumn | ListColumn)
            return column.among(values)
        case Between(name, low, high):
            column = columns.fields[name]
            assert isinstance(column, NumberColumn)
            return column.between(low, high)
        case Issues(rows):
            return among(columns.issue, rows)
        case Holding():
            return _of_issues(holding(condition), columns)
        case Named():
            raise TypeError(f"{condition} was not resolved")
        case Not(part):
            return ~_rows(part, columns, holding)
        case Every(parts):
            found = np.ones(len(columns.document), dtype=np.bool_)
            for part in parts:
                found &= _rows(part, columns, holding)
            return found
        case Either(parts):
            found = np.zeros(len(columns.document), dtype=np.bool_)
            for part in parts:
                found |= _rows(part, columns, holding)
            return found


def _of_issues(documents: Integers, columns: Columns) -> Mask:
    """The rows of all issues to which one of these documents belongs."""
    rows = columns.rows(documents)
    held = np.zeros(len(columns.primary), dtype=np.bool_)
    held[columns.issue[rows[rows >= 0]]] = True
    return held[columns.issue]
