"""What can a JQL query say? The tree that the parser builds. Never knows which fields or values exist."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from jirakb.simulator.jql.messages import JqlError

Operator = Literal[
    "=", "!=", "~", "!~", "<", "<=", ">", ">=", "in", "not in", "is", "is not",
    "was", "was not", "was in", "was not in", "changed",
]  # fmt: skip

OPPOSITES: dict[Operator, Operator] = {
    "=": "!=", "!=": "=", "~": "!~", "!~": "~", "<": ">=", ">=": "<", ">": "<=", "<=": ">",
    "in": "not in", "not in": "in", "is": "is not", "is not": "is",
    "was": "was not", "was not": "was", "was in": "was not in", "was not in": "was in",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Value:
    """A word, a quoted text or a number; `number` only when it stands unquoted, as Jira tells ids from names so."""

    text: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Empty:
    """EMPTY or NULL."""

    text: str = "EMPTY"


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    name: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Many:
    """A list in parentheses, lists inside it already flattened."""

    items: tuple[Value | Empty | Call, ...]


Operand = Value | Empty | Call | Many


@dataclass(frozen=True, slots=True)
class Field:
    """A field as it was written; `custom` is the number of cf[number]."""

    name: str
    custom: int | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison. `predicates` are the words after a history operator (by, after, from ...)."""

    field: Field
    operator: Operator
    operand: Operand
    predicates: tuple[tuple[str, Operand], ...] = ()


@dataclass(frozen=True, slots=True)
class And:
    """All parts hold."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold; planning moves this into the operators, as Jira does."""

    part: "Condition"


Condition = Clause | And | Or | Not


@dataclass(frozen=True, slots=True)
class Sort:
    """One field of ORDER BY; without a direction the field's own applies."""

    field: Field
    direction: Literal["asc", "desc"] | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query.

    `words` is set when the whole text is bare words, which Cloud takes as a text search. `refusal` is then the syntax
    error that everyone else gets, when there is one.
    """

    where: Condition | None
    order: tuple[Sort, ...] = ()
    words: str | None = None
    refusal: JqlError | None = None

    @property
    def bounded(self) -> bool:
        """Whether the query restricts anything at all."""
        return self.where is not None or self.refusal is not None


def operands(operand: Operand) -> Iterator[Value | Empty | Call]:
    """Yield what a list holds, or the operand itself."""
    if isinstance(operand, Many):
        yield from operand.items
    else:
        yield operand


def spell(operand: Operand) -> str:
    """Write an operand as Jira shows it in messages."""
    match operand:
        case Value(text, None):
            return f'"{text}"'
        case Value(text) | Empty(text):
            return text
        case Call(name, arguments):
            return f"{name}({', '.join(arguments)})"
        case Many(items):
            return f"({', '.join(spell(item) for item in items)})"
