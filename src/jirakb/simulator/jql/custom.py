"""Does an issue satisfy a comparison with a custom field? Goes by what each issue holds: text, number or several."""

from collections.abc import Iterator, Sequence

from jirakb.simulator.jql.matching import COMPARE, Matcher, Range
from jirakb.simulator.jql.row import Row
from jirakb.simulator.jql.text import TextMatcher


def equals(field: str, wanted: Sequence[str], empty: bool, positive: bool) -> Matcher:
    """Compare with texts, ignoring case, and with numbers by value."""
    folded = {text.lower() for text in wanted}
    numbers = {number for text in wanted if (number := to_number(text)) is not None}

    def match(row: Row) -> bool:
        held = list(_held(row, field))
        if not held:
            return empty and positive
        return any(_is_one(value, folded, numbers) for value in held) is positive

    return match


def contains(field: str, matches: TextMatcher, positive: bool) -> Matcher:
    """Search the field's text."""

    def match(row: Row) -> bool:
        held = [str(value) for value in _held(row, field)]
        return bool(held) and any(map(matches, held)) is positive

    return match


def ordered(field: str, limit: str, comparison: Range) -> Matcher:
    """Compare by number where both are numbers, else by text."""
    compare, number = COMPARE[comparison], to_number(limit)

    def match(row: Row) -> bool:
        for value in _held(row, field):
            held = to_number(value)
            if held is not None and number is not None:
                return compare(held, number)
            if held is None and number is None:
                return compare(str(value).lower(), limit.lower())
        return False

    return match


def sort_value(row: Row, field: str) -> tuple[int, float, str] | None:
    """Return what to sort by, numbers before texts; None when the field is empty."""
    for value in _held(row, field):
        number = value if isinstance(value, int | float) else None
        return (0, number, "") if number is not None else (1, 0.0, str(value).lower())
    return None


def to_number(value: object) -> float | None:
    """Return a value as a number when it is one, or spells one."""
    if isinstance(value, int | float):
        return value
    try:
        return float(str(value))
    except ValueError:
        return None


def _held(row: Row, field: str) -> Iterator[object]:
    value = row.custom.get(field)
    if isinstance(value, tuple | list):
        yield from value
    elif value is not None and value != "":
        yield value


def _is_one(value: object, folded: set[str], numbers: set[float]) -> bool:
    if isinstance(value, int | float):
        return value in numbers
    return str(value).lower() in folded
