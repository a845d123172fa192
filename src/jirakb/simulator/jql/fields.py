"""Which fields does JQL know, what are they called, and what may be asked of them? Never looks at an issue's values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from jirakb.simulator.jql import names
from jirakb.simulator.jql.row import Context, Row
from jirakb.simulator.jql.syntax import Field, Operator

_EQUAL: frozenset[Operator] = frozenset({"=", "!=", "in", "not in"})
_EMPTY: frozenset[Operator] = frozenset({"is", "is not"})
_RANGE: frozenset[Operator] = frozenset({"<", "<=", ">", ">="})
_TEXT: frozenset[Operator] = frozenset({"~", "!~"})
# "changed" is refused everywhere: a row has no history. WAS sees the present value, so that queries of users run.
_WAS: frozenset[Operator] = frozenset({"was", "was not", "was in", "was not in"})


@dataclass(frozen=True, slots=True)
class ProjectField:
    """The project, by key, name or id."""

    operators: frozenset[Operator] = _EQUAL | _EMPTY


@dataclass(frozen=True, slots=True)
class IssueField:
    """The issue itself, by key or id."""

    operators: frozenset[Operator] = _EQUAL | _RANGE


@dataclass(frozen=True, slots=True)
class NameField:
    """One name or several; `resolve` turns a value into the lower-case names it stands for, None when unknown."""

    read: Callable[[Row], str | tuple[str, ...] | None]
    resolve: names.Resolver
    operators: frozenset[Operator] = _EQUAL | _EMPTY
    yields: Literal["user", "sprint"] | None = None
    rank: Callable[[Context], Mapping[str, int]] | None = None
    empty_name: str | None = None


@dataclass(frozen=True, slots=True)
class DateField:
    """A moment in epoch milliseconds."""

    read: Callable[[Row], int | None]
    operators: frozenset[Operator] = _EQUAL | _EMPTY | _RANGE


@dataclass(frozen=True, slots=True)
class DayField:
    """A day without time or zone, yyyy-MM-dd."""

    read: Callable[[Row], str | None]
    operators: frozenset[Operator] = _EQUAL | _EMPTY | _RANGE


@dataclass(frozen=True, slots=True)
class TextField:
    """A text that is searched by words."""

    read: Callable[[Row], str]
    operators: frozenset[Operator] = _TEXT | _EMPTY


@dataclass(frozen=True, slots=True)
class CustomField:
    """A custom field by its id; what may be asked follows from each issue's value, so everything may."""

    id: str
    operators: frozenset[Operator] = _EQUAL | _EMPTY | _RANGE | _TEXT


KnownField = ProjectField | IssueField | NameField | DateField | DayField | TextField | CustomField

TEXT = TextField(lambda row: row.text(), frozenset({"~"}))

_ISSUE = IssueField()
_TYPE = NameField(attrgetter("type"), names.among(lambda context: context.types), _EQUAL | _EMPTY | _WAS)
_PRIORITY = NameField(
    attrgetter("priority"),
    names.among(lambda context: context.priorities),
    _EQUAL | _EMPTY | _RANGE | _WAS,
    rank=names.ranks,
)
_RESOLUTION = NameField(
    attrgetter("resolution"),
    names.among(lambda context: context.resolutions),
    _EQUAL | _EMPTY | _WAS,
    empty_name="unresolved",
)
_VERSIONS = names.listed(lambda context: context.versions)
_CREATED, _UPDATED = DateField(attrgetter("created")), DateField(attrgetter("updated"))
_RESOLVED, _DUE = DateField(attrgetter("resolved")), DayField(attrgetter("due"))

FIELDS: Mapping[str, KnownField] = {
    "project": ProjectField(),
    "key": _ISSUE, "issuekey": _ISSUE, "issue": _ISSUE, "id": _ISSUE,
    "type": _TYPE, "issuetype": _TYPE,
    "status": NameField(attrgetter("status"), names.among(lambda context: context.statuses), _EQUAL | _EMPTY | _WAS),
    "statuscategory": NameField(attrgetter("status_category"), names.category),
    "priority": _PRIORITY,
    "resolution": _RESOLUTION,
    "assignee": NameField(attrgetter("assignee"), names.user, _EQUAL | _EMPTY | _WAS, "user"),
    "reporter": NameField(attrgetter("reporter"), names.user, _EQUAL | _EMPTY | _WAS, "user"),
    "creator": NameField(attrgetter("creator"), names.user, _EQUAL | _EMPTY, "user"),
    "labels": NameField(attrgetter("labels"), names.anything),
    "component": NameField(attrgetter("components"), names.listed(lambda context: context.components)),
    "fixversion": NameField(attrgetter("fix_versions"), _VERSIONS, _EQUAL | _EMPTY | _WAS),
    "affectedversion": NameField(attrgetter("versions"), _VERSIONS),
    "created": _CREATED, "createddate": _CREATED,
    "updated": _UPDATED, "updateddate": _UPDATED,
    "resolved": _RESOLVED, "resolutiondate": _RESOLVED,
    "due": _DUE, "duedate": _DUE,
    "parent": NameField(attrgetter("parent"), names.issue),
    "epic link": NameField(attrgetter("epic"), names.issue),
    "level": NameField(attrgetter("security"), names.anything),
    "sprint": NameField(attrgetter("sprints"), names.sprint, yields="sprint"),
    "summary": TextField(attrgetter("summary")),
    "description": TextField(lambda row: row.description()),
    "environment": TextField(lambda row: row.environment()),
    "comment": TextField(lambda row: row.comments(), _TEXT),
    "text": TEXT,
}  # fmt: skip


def find(field: Field, context: Context) -> KnownField | None:
    """Return the field that a query names, or None when the caller's site has none of that name."""
    if field.custom is not None:
        wanted = f"customfield_{field.custom}"
        return CustomField(wanted) if wanted in context.custom_fields.values() else None
    name = field.name.lower()
    known = FIELDS.get(name)
    if known is not None:
        return known
    custom = next((known for label, known in context.custom_fields.items() if label.lower() == name), None)
    return CustomField(custom) if custom is not None else None
