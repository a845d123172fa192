"""What is a query made of, once it is read? Frozen values; nothing here knows fields, dates or the index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "~", "!~", "in", "not in", "is", "is not"]


@dataclass(frozen=True, slots=True)
class Word:
    """A value as it was written."""

    text: str
    at: int
    is_quoted: bool = False


@dataclass(frozen=True, slots=True)
class Empty:
    """EMPTY or NULL."""

    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    name: str
    arguments: tuple[Word, ...]
    at: int


Operand = Word | Empty | Call


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field, an operator and what it is compared with: several operands only for `in` and `not in`."""

    field: Word
    operator: Operator
    operands: tuple[Operand, ...]
    operator_at: int


@dataclass(frozen=True, slots=True)
class About:
    """Text by which the matching issues are ranked."""

    words: Word


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of them."""

    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """Not this."""

    clause: Clause


Clause = Comparison | About | And | Or | Negation


@dataclass(frozen=True, slots=True)
class Ordering:
    """One field of ORDER BY; None where no direction was given."""

    field: Word
    descending: bool | None


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query; `clause` is None where there is only an order."""

    clause: Clause | None
    order: tuple[Ordering, ...] = ()
