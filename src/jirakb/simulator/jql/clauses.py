"""What does one clause ask of an issue? Joins a known field, an operator and its operands into a matcher."""

from typing import get_args

from jirakb.simulator.jql import custom, dates, matching, messages
from jirakb.simulator.jql.dates import Moment
from jirakb.simulator.jql.fields import (
    CustomField,
    DateField,
    DayField,
    IssueField,
    KnownField,
    NameField,
    ProjectField,
    TextField,
)
from jirakb.simulator.jql.matching import Matcher, Range
from jirakb.simulator.jql.operands import Reader
from jirakb.simulator.jql.syntax import Empty, Operator, Value
from jirakb.simulator.jql.text import TextMatcher, TextQueryError, compile_text

_POSITIVE: frozenset[Operator] = frozenset({"=", "~", "in", "is", "was", "was in"})
_RANGES: dict[Operator, Range] = {comparison: comparison for comparison in get_args(Range)}


def compile_clause(known: KnownField, operator: Operator, reader: Reader) -> tuple[Matcher, frozenset[int] | None]:
    """Build the matcher of a clause, with the numbers of the only issues that can match where these are known.

    `operator` is the clause's own or, under a NOT, its opposite. What is wrong is noted in the reader's problems.
    """
    match known:
        case IssueField():
            return _issue(operator, reader)
        case ProjectField():
            return _project(operator, reader), None
        case NameField():
            return _name(known, operator, reader), None
        case DateField():
            return _date(known, operator, reader), None
        case DayField():
            return _day(known, operator, reader), None
        case TextField():
            return _text(known, operator, reader), None
        case CustomField():
            return _custom(known, operator, reader), None


def _issue(operator: Operator, reader: Reader) -> tuple[Matcher, frozenset[int] | None]:
    if operator in _RANGES:
        return _issue_range(_RANGES[operator], reader), None
    issues, positive = reader.issues(), operator in _POSITIVE
    numbers = frozenset(issues.numbers) if positive and not issues.keys else None
    return matching.issues(issues.numbers, issues.keys, positive), numbers


def _issue_range(comparison: Range, reader: Reader) -> Matcher:
    value, context = reader.clause.operand, reader.context
    found = reader.issues()
    if not isinstance(value, Value) or not (found.numbers or found.keys):
        return matching.nothing
    if value.number is not None and (not context.id_follows_key or context.issue_keys_by_number is None):
        return matching.ordered(lambda row: row.number, value.number, comparison)
    key = _present_key(value, reader)
    if value.number is None and key.upper() != value.text.upper():
        reader.refuse(messages.issue_moved(reader.clause.operator, value.text))
    return matching.after_key(key, comparison)


def _present_key(value: Value, reader: Reader) -> str:
    """Return the key that the issue of a key or id has now, or the written one where the site gave no index."""
    context, number = reader.context, value.number
    if number is None and context.issue_numbers_by_key is not None:
        number = context.issue_numbers_by_key.get(value.text.upper())
    if number is None or context.issue_keys_by_number is None:
        return value.text.upper()
    return context.issue_keys_by_number.get(number) or value.text.upper()


def _project(operator: Operator, reader: Reader) -> Matcher:
    if isinstance(reader.clause.operand, Empty):
        return matching.nothing if operator in _POSITIVE else matching.everything
    return matching.projects(reader.projects(), operator in _POSITIVE)


def _name(known: NameField, operator: Operator, reader: Reader) -> Matcher:
    wanted, empty = reader.names(known)
    if operator not in _RANGES:
        return matching.names(known.read, wanted, empty, operator in _POSITIVE)
    ranks = known.rank(reader.context) if known.rank is not None else {}
    limit = next((ranks[name] for name in wanted if name in ranks), None)
    return matching.ranked(known.read, ranks, limit, _RANGES[operator])


def _date(known: DateField, operator: Operator, reader: Reader) -> Matcher:
    moments, empty = reader.moments()
    if operator in _RANGES:
        return matching.ordered(known.read, moments[0].at if moments else None, _RANGES[operator])
    return matching.moments(known.read, moments, empty, operator in _POSITIVE)


def _day(known: DayField, operator: Operator, reader: Reader) -> Matcher:
    moments, empty = reader.moments()
    days = [day for moment in moments if (day := _iso_day(moment, reader)) is not None]
    if operator in _RANGES:
        return matching.ordered(known.read, days[0] if days else None, _RANGES[operator])
    return matching.values(known.read, days, empty, operator in _POSITIVE)


def _iso_day(moment: Moment, reader: Reader) -> str | None:
    day = dates.local_date(moment.at, reader.context.zone)
    return day.isoformat() if day is not None else None


def _text(known: TextField, operator: Operator, reader: Reader) -> Matcher:
    positive = operator in _POSITIVE
    if isinstance(reader.clause.operand, Empty):
        if not known.operators & {"is"}:
            reader.refuse(messages.never_empty(reader.name))
        return matching.text_empty(known.read, positive)
    matches = _text_query(reader)
    return matching.text(known.read, matches, positive) if matches is not None else matching.nothing


def _text_query(reader: Reader) -> TextMatcher | None:
    operand = reader.clause.operand
    if not isinstance(operand, Value):
        reader.texts()
        return None
    try:
        return compile_text(operand.text, reader.name)
    except TextQueryError as refusal:
        reader.refuse(str(refusal))
        return None


def _custom(known: CustomField, operator: Operator, reader: Reader) -> Matcher:
    positive = operator in _POSITIVE
    wanted, empty = reader.texts()
    if operator in _RANGES:
        return custom.ordered(known.id, wanted[0], _RANGES[operator]) if wanted else matching.nothing
    if operator not in ("~", "!~") or empty:
        return custom.equals(known.id, wanted, empty, positive)
    matches = _text_query(reader)
    return custom.contains(known.id, matches, positive) if matches is not None else matching.nothing


def text_search(words: str) -> Matcher:
    """Search all text for bare words, as Cloud does with what is no query."""
    plain = " ".join(word.strip("-") for word in words.split())
    try:
        return matching.text(lambda row: row.text(), compile_text(plain, "text"), positive=True)
    except TextQueryError:
        return matching.nothing
