"""What does a query ask of the index? Its conditions, the words to rank by, and the order. Pure; never looks anything up.

As in Jira, what says NOT drops issues that have no value: `assignee != Ann` does not find unassigned ones.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from jirakb.errors import UsageError
from jirakb.knowledge.index.columns import Sort, folded
from jirakb.knowledge.index.conditions import EVERYTHING, Among, Between, Condition, Either, Every, Holding, Named, Not
from jirakb.knowledge.query.dates import Moment, read_moment
from jirakb.knowledge.query.fields import FIELDS, OPERATORS, Field, field_named
from jirakb.knowledge.query.functions import moment_of, unknown
from jirakb.knowledge.query.lexer import mistake, shortened, tokenize
from jirakb.knowledge.query.parser import begins_like_a_query, parse, parse_order
from jirakb.knowledge.query.syntax import (
    About,
    And,
    Call,
    Clause,
    Comparison,
    Empty,
    Negation,
    Operand,
    Operator,
    Or,
    Ordering,
    Word,
)
from jirakb.knowledge.store import milliseconds

Language = Literal["auto", "text", "jql"]
MOST_TEXTS = 50
"""So many conditions of one query may look for words."""
_OPPOSITE: dict[Operator, Operator] = {
    "=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "~": "!~", "!~": "~", "in": "not in",
    "not in": "in", "is": "is not", "is not": "is",
}  # fmt: skip
_CATEGORIES = {"to do": "new", "todo": "new", "in progress": "indeterminate", "done": "done", "undefined": "undefined"}
_KEY = re.compile(r"([A-Za-z][A-Za-z0-9_]*)-([0-9]{1,18})", re.ASCII)
_WORD_OF_TEXT = re.compile(r"\w+")
_WILD = re.compile(r"""\?|(?:^|\s)["'(]*+\*|\*["')]*+[^\s*"')]""")
"""Marks that stand for letters where the index cannot look for them."""
_NOTHING = Either(())


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be searched: text to rank by ("" for none), conditions, and sorts (none for the order of relevance)."""

    words: str
    condition: Condition = EVERYTHING
    sorts: tuple[Sort, ...] = ()
    is_query: bool = False
    notes: tuple[str, ...] = ()


def read(query: str, language: Language, now: datetime) -> Plan:
    """The plan of a query in the language, or of plain words; raises UsageError where it must be the language.

    With "auto" it is the language when it begins with a field and an operator and can be read; else its words are searched.
    """
    query = query.strip()
    if language == "jql":
        return _Planner(query, now).plan()
    if language == "text" or not begins_like_a_query(query) or not field_named(tokenize(query)[0].text):
        return Plan(query)
    try:
        return _Planner(query, now).plan()
    except UsageError as error:
        return Plan(query, notes=(f"Searched as plain words. {error.message}",))


def read_sorts(text: str) -> tuple[Sort, ...]:
    """An order as it stands behind ORDER BY, "relevance" or "" for that; raises UsageError."""
    try:
        return _sorts(text, parse_order(text)) if text.strip() else ()
    except UsageError as exc:
        raise UsageError(
            f"The order {shortened(text)!r} cannot be read.",
            fix=f"Order by relevance alone, or by {_sortable()}; each may have asc or desc behind it, commas between them.",
        ) from exc


class _Planner:
    """One query on its way to its plan."""

    def __init__(self, query: str, now: datetime) -> None:
        self._query = query
        self._now = now
        self._texts = 0

    def plan(self) -> Plan:
        parsed = parse(self._query)
        top = tuple(_conjuncts(parsed.clause)) if parsed.clause else ()
        words = [clause.words.text.strip() for clause in top if isinstance(clause, About)]
        words = words or [text for clause in top for text in _held_words(clause)]
        conditions = tuple(self._condition(clause, negated=False) for clause in top if not isinstance(clause, About))
        sorts = _sorts(self._query, parsed.order)
        return Plan(" ".join(words), Every(conditions), sorts, is_query=True)

    # Conditions

    def _condition(self, clause: Clause, *, negated: bool) -> Condition:
        match clause:
            case Comparison():
                return self._comparison(clause, _OPPOSITE[clause.operator] if negated else clause.operator)
            case Negation(inner):
                return self._condition(inner, negated=not negated)
            case And(parts) | Or(parts):
                conditions = tuple(self._condition(part, negated=negated) for part in parts)
                return Every(conditions) if isinstance(clause, And) != negated else Either(conditions)
            case About(words):
                what = "ABOUT ranks what the rest of the query finds; it may stand neither within OR nor behind NOT"
                raise self._wrong(what, words.at)

    def _comparison(self, clause: Comparison, operator: Operator) -> Condition:
        field = self._field(clause.field)
        if clause.operator not in OPERATORS[field.kind]:
            allowed = ", ".join(OPERATORS[field.kind])
            raise self._wrong(
                f"{field.name} cannot be compared by {clause.operator}, only by {allowed}", clause.operator_at
            )
        match field.kind:
            case "value":
                return self._value(field, operator, clause.operands)
            case "date":
                return self._date(field, operator, clause.operands)
            case "text":
                return self._text(field, operator, clause.operands)
            case "key":
                return self._key(operator, clause.operands)
            case "link":
                return self._link(field, operator, clause.operands)

    def _field(self, name: Word) -> Field:
        field = field_named(name.text)
        if field is None:
            known = ", ".join(field.name for field in FIELDS)
            raise self._wrong(f"there is no field {shortened(name.text)!r}; there are {known}", name.at)
        return field

    def _value(self, field: Field, operator: Operator, operands: Sequence[Operand]) -> Condition:
        values = frozenset(self._plain(field, operand) for operand in operands)
        if operator in ("=", "in", "is"):
            return _either(tuple(Among(column, values) for column in field.columns))
        first, *others = field.columns  # what has no value is dropped, too
        return Every((Not(Among(first, values | {""})), *(Not(Among(column, values)) for column in others)))

    def _plain(self, field: Field, operand: Operand) -> str:
        if isinstance(operand, Empty):
            return ""
        if isinstance(operand, Call):
            raise unknown(operand, self._wrong)
        value = folded(operand.text)
        if field.name == "statusCategory":
            return _CATEGORIES.get(value, value)
        return "" if field.name == "resolution" and value == "unresolved" else value

    def _date(self, field: Field, operator: Operator, operands: Sequence[Operand]) -> Condition:
        column = field.columns[0]
        if operator in ("is", "is not"):
            return Not(Between(column)) if operator == "is" else Between(column)
        if operator in ("=", "in"):
            return _either(tuple(self._same_time(column, operand) for operand in operands))
        if operator in ("!=", "not in"):
            return Every((Between(column), *(Not(self._same_time(column, operand)) for operand in operands)))
        at = milliseconds(self._moment(operands[0]).at)
        low = {">=": at, ">": at + 1}.get(operator)
        return Between(column, low, {"<": at, "<=": at + 1}.get(operator))

    def _same_time(self, column: str, operand: Operand) -> Condition:
        if isinstance(operand, Empty):
            return Not(Between(column))
        moment = self._moment(operand)
        return Between(column, milliseconds(moment.at), milliseconds(moment.stop))

    def _moment(self, operand: Operand) -> Moment:
        if isinstance(operand, Call):
            return moment_of(operand, self._now, self._wrong)
        found = read_moment(operand.text, self._now) if isinstance(operand, Word) else None
        if found is None:
            what = 'expected a date: "2026-01-31", "2026-01-31 14:05", -30d, startOfMonth(-1) ...'
            raise self._wrong(what, operand.at)
        return found

    def _text(self, field: Field, operator: Operator, operands: Sequence[Operand]) -> Condition:
        self._texts += 1
        operand = operands[0]
        if self._texts > MOST_TEXTS:
            raise self._wrong(f"more than {MOST_TEXTS} conditions look for words", operand.at)
        present: Condition = EVERYTHING if field.part in ("text", "summary") else Holding(field.part)
        if isinstance(operand, Empty):
            return Not(present) if operator in ("is", "~") else present
        if isinstance(operand, Call):
            raise unknown(operand, self._wrong)
        held = self._held(field, operand)
        return held if operator == "~" else Every((present, Not(held)))

    def _held(self, field: Field, operand: Word) -> Holding:
        words, beginnings = _text_words(operand.text)
        if not words and not beginnings:
            raise self._wrong("there is no word to look for", operand.at)
        if _WILD.search(operand.text):
            raise self._wrong("* may only stand at the end of a word, and ? not at all", operand.at)
        return Holding(field.part, " ".join(words), tuple(beginnings))

    def _key(self, operator: Operator, operands: Sequence[Operand]) -> Condition:
        if operator in ("is", "is not"):
            return _NOTHING if operator == "is" else EVERYTHING
        if operator in ("=", "in"):
            return Named("key", self._keys(operands))
        if operator in ("!=", "not in"):
            return Not(Named("key", self._keys(operands)))
        return self._key_range(operator, operands[0])

    def _key_range(self, operator: Operator, operand: Operand) -> Condition:
        match = _KEY.fullmatch(operand.text) if isinstance(operand, Word) else None
        if match is None:
            raise self._wrong("expected a key such as ABC-12", operand.at)
        number = int(match[2])
        low = {">=": number, ">": number + 1}.get(operator)
        numbers = Between("key_number", low, {"<": number, "<=": number + 1}.get(operator))
        return Every((Among("project", frozenset({folded(match[1])})), numbers))

    def _link(self, field: Field, operator: Operator, operands: Sequence[Operand]) -> Condition:
        column: Literal["parent", "epic"] = "parent" if field.name == "parent" else "epic"
        empty = Among(column, frozenset({""}))
        keys = self._keys([operand for operand in operands if not isinstance(operand, Empty)])
        found: list[Condition] = [Named(column, keys)] if keys else []
        if any(isinstance(operand, Empty) for operand in operands):
            found.append(empty)
        if operator in ("=", "in", "is"):
            return _either(tuple(found))
        return Every((Not(empty), *map(Not, found)))

    def _keys(self, operands: Sequence[Operand]) -> frozenset[str]:
        keys: set[str] = set()
        for operand in operands:
            if isinstance(operand, Call):
                raise unknown(operand, self._wrong)
            if isinstance(operand, Word):
                keys.add(operand.text.strip().upper())
        return frozenset(keys)

    def _wrong(self, what: str, at: int) -> UsageError:
        return mistake(self._query, at, what)


def _either(conditions: tuple[Condition, ...]) -> Condition:
    return conditions[0] if len(conditions) == 1 else Either(conditions)


def _conjuncts(clause: Clause) -> Iterator[Clause]:
    """The clauses of the outermost conjunction."""
    if isinstance(clause, And):
        for part in clause.clauses:
            yield from _conjuncts(part)
    else:
        yield clause


def _held_words(clause: Clause) -> Iterator[str]:
    """The words that a text must hold, by which can be ranked where nothing else says by what."""
    if isinstance(clause, Comparison) and clause.operator == "~" and isinstance(clause.operands[0], Word):
        yield from _text_words(clause.operands[0].text)[0]


def _text_words(text: str) -> tuple[list[str], list[str]]:
    """The words that a text must hold, and the beginnings of words (written with a * behind them)."""
    words, beginnings = [], []
    for piece in text.split():
        start = piece.strip("\"'()").rstrip("*")
        if piece.strip("\"'()").endswith("*"):
            *inner, last = _WORD_OF_TEXT.findall(start) or [""]
            words += inner
            beginnings += [_letters(last)] if last else []
        elif _WORD_OF_TEXT.search(start):
            words.append(start)
    return words, beginnings


def _letters(word: str) -> str:
    """Small letters without accents, as the index has them."""
    plain = unicodedata.normalize("NFKD", word.lower())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def _sorts(query: str, order: Sequence[Ordering]) -> tuple[Sort, ...]:
    sorts: list[Sort] = []
    for ordering in order:
        if ordering.field.text.casefold() == "relevance" and len(order) == 1:
            return ()
        sorts += _sorts_by(query, ordering)
    return tuple(sorts)


def _sorts_by(query: str, ordering: Ordering) -> Iterator[Sort]:
    field = field_named(ordering.field.text)
    if field is None or not field.is_sortable:
        what = f"issues cannot be ordered by this, only by relevance alone, or by {_sortable()}"
        raise mistake(query, ordering.field.at, what)
    descending = field.is_newest_first if ordering.descending is None else ordering.descending
    columns = field.columns if field.kind == "key" else field.columns[:1]
    yield from (Sort(column, descending) for column in columns)


def _sortable() -> str:
    return ", ".join(field.name for field in FIELDS if field.is_sortable)
