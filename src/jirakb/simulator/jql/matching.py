"""Does an issue satisfy one comparison? Builds a function of a row for each kind of field; reports nothing.

An issue whose field is EMPTY satisfies no negative comparison: `labels != x` wants labels, as in Jira.
"""

import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal

from jirakb.simulator.jql.dates import Moment
from jirakb.simulator.jql.row import Row
from jirakb.simulator.jql.text import TextMatcher

Matcher = Callable[[Row], bool]
Range = Literal["<", "<=", ">", ">="]

COMPARE: Mapping[Range, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def nothing(_: Row) -> bool:
    """Match no row."""
    return False


def everything(_: Row) -> bool:
    """Match every row."""
    return True


def all_of(parts: Sequence[Matcher]) -> Matcher:
    """Match when every part does."""
    if len(parts) == 2:
        first, second = parts
        return lambda row: first(row) and second(row)
    return lambda row: all(part(row) for part in parts)


def any_of(parts: Sequence[Matcher]) -> Matcher:
    """Match when a part does."""
    if len(parts) == 2:
        first, second = parts
        return lambda row: first(row) or second(row)
    return lambda row: any(part(row) for part in parts)


def names(
    read: Callable[[Row], str | tuple[str, ...] | None], wanted: Collection[str], empty: bool, positive: bool
) -> Matcher:
    """Compare one name or several with lower-case names; `empty` says that EMPTY is among the wanted."""

    def has(row: Row) -> bool:
        value = read(row)
        if not value:
            return empty
        if isinstance(value, str):
            return value.lower() in wanted
        return any(name.lower() in wanted for name in value)

    def lacks(row: Row) -> bool:
        value = read(row)
        if not value:
            return False
        if isinstance(value, str):
            return value.lower() not in wanted
        return all(name.lower() not in wanted for name in value)

    return has if positive else lacks


def ranked(read: Callable[[Row], object], ranks: Mapping[str, int], limit: int | None, comparison: Range) -> Matcher:
    """Compare names by rank; a name without one satisfies nothing."""
    compare = COMPARE[comparison]

    def match(row: Row) -> bool:
        value = read(row)
        rank = ranks.get(value.lower()) if isinstance(value, str) else None
        return rank is not None and limit is not None and compare(rank, limit)

    return match


def moments(read: Callable[[Row], int | None], wanted: Sequence[Moment], empty: bool, positive: bool) -> Matcher:
    """Compare a moment with the extents of others."""

    def match(row: Row) -> bool:
        value = read(row)
        if value is None:
            return empty and positive
        return any(moment.low <= value < moment.high for moment in wanted) is positive

    return match


def values(read: Callable[[Row], str | None], wanted: Collection[str], empty: bool, positive: bool) -> Matcher:
    """Compare a value with others exactly."""

    def match(row: Row) -> bool:
        value = read(row)
        return (empty and positive) if value is None else (value in wanted) is positive

    return match


def ordered(read: Callable[[Row], int | str | None], limit: int | str | None, comparison: Range) -> Matcher:
    """Compare by order; a limit of None is satisfied by nothing."""
    if limit is None:
        return nothing
    compare = COMPARE[comparison]

    def match(row: Row) -> bool:
        value = read(row)
        return value is not None and compare(value, limit)

    return match


def text(read: Callable[[Row], str], matches: TextMatcher, positive: bool) -> Matcher:
    """Search a text; an empty one satisfies neither `~` nor `!~`."""

    def match(row: Row) -> bool:
        value = read(row)
        return bool(value) and matches(value) is positive

    return match


def text_empty(read: Callable[[Row], str], positive: bool) -> Matcher:
    """Tell an empty text."""
    return lambda row: (not read(row)) is positive


def issues(numbers: Collection[int], keys: Collection[str], positive: bool) -> Matcher:
    """Compare the issue's number, or its key in upper case where no number is known."""
    if not keys:
        return lambda row: (row.number in numbers) is positive
    return lambda row: (row.number in numbers or row.key.upper() in keys) is positive


def projects(keys: Collection[str], positive: bool) -> Matcher:
    """Compare the project's key."""
    if positive and len(keys) == 1:
        (only,) = keys
        return lambda row: row.project == only
    return lambda row: (row.project in keys) is positive


def after_key(key: str, comparison: Range) -> Matcher:
    """Compare numbers of keys within the key's project."""
    project, limit, compare = key.rpartition("-")[0], key_number(key), COMPARE[comparison]
    return lambda row: row.project == project and compare(key_number(row.key), limit)


def key_number(key: str) -> int:
    """Return the number in an issue's key."""
    return int(key.rpartition("-")[2])
