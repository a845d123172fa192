"""In which order do results stand? Keys for every field of ORDER BY; never filters.

EMPTY comes last in ascending order and first in descending order, as in Jira's index. Ties, and results without
ORDER BY, stand newest issue first.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter

from jirakb.simulator.jql import custom, fields, names
from jirakb.simulator.jql.fields import CustomField, DateField, DayField, IssueField, NameField, ProjectField, TextField
from jirakb.simulator.jql.matching import key_number
from jirakb.simulator.jql.row import Context, Row
from jirakb.simulator.jql.syntax import Field, Sort

# Only these are sorted newest or most urgent first when the query names no direction: the field's own order.
_DESCENDING = frozenset({"created", "createddate", "updated", "updateddate", "resolved", "resolutiondate", "priority"})
_UNSORTABLE = frozenset({"text", "comment"})
# Every issue has these, so that their values can be compared without a look for EMPTY.
_ALWAYS = frozenset({"created", "createddate", "updated", "updateddate"})

SortKey = Callable[[Row], object]


@dataclass(frozen=True, slots=True)
class Ordering:
    """One step of sorting."""

    key: SortKey
    reverse: bool


def ordering(sort: Sort, context: Context) -> Ordering | None:
    """Return how to sort by a field, or None when Jira cannot."""
    name = sort.field.name.lower()
    key = _key(sort.field, name, context)
    if key is None:
        return None
    reverse = name in _DESCENDING if sort.direction is None else sort.direction == "desc"
    return Ordering(key, reverse)


def arrange(rows: Iterable[Row], orderings: Iterable[Ordering]) -> list[Row]:
    """Return the rows in order; the first ordering counts most."""
    found = sorted(rows, key=attrgetter("number"), reverse=True)
    for step in reversed(tuple(orderings)):
        found.sort(key=step.key, reverse=step.reverse)  # type: ignore[arg-type]
    return found


def _key(field: Field, name: str, context: Context) -> SortKey | None:
    if name in _UNSORTABLE:
        return None
    if name == "rank" or (name == "id" and not context.id_follows_key):
        return attrgetter("number")
    known = fields.find(field, context)
    match known:
        case None:
            return None
        case IssueField():
            return lambda row: (row.project, key_number(row.key))
        case ProjectField():
            return attrgetter("project")
        case DateField(read) if name in _ALWAYS:
            return read
        case DateField(read) | DayField(read):
            return _empty_last(read)
        case TextField(read):
            return _empty_last(lambda row: read(row).lower() or None)
        case CustomField(id):
            return _empty_last(lambda row: custom.sort_value(row, id))
        case NameField():
            return _name_key(known, name, context)


def _name_key(known: NameField, name: str, context: Context) -> SortKey:
    read = known.read
    if name == "priority":
        ranks = names.ranks(context)
        return _empty_last(lambda row: _placed(read(row), ranks))
    if name == "status":
        order = {status.lower(): place for place, status in enumerate((context.statuses or {}).values())}
        return _empty_last(lambda row: _placed(read(row), order))
    if known.yields == "user":
        shown = {user.id: user.display_name.lower() for user in (context.users or {}).values()}
        return _empty_last(lambda row: shown.get(str(read(row)), str(read(row)).lower()) if read(row) else None)
    return _empty_last(lambda row: _folded(read(row)))


def _placed(value: object, places: Mapping[str, int]) -> tuple[int, str] | None:
    return (places.get(str(value).lower(), 0), str(value).lower()) if value else None


def _folded(value: str | tuple[str, ...] | None) -> tuple[str, ...] | None:
    if not value:
        return None
    return (value.lower(),) if isinstance(value, str) else tuple(name.lower() for name in value)


def _empty_last(read: Callable[[Row], object]) -> SortKey:
    def key(row: Row) -> tuple[bool, object]:
        value = read(row)
        return value is None, (0 if value is None else value)

    return key
