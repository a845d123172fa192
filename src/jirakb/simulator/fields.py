"""Which fields issues have, which of them a request chose, and what `/field` says of them. Never reads an issue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field as `/field` lists it. `navigable` fields are what `*navigable` means."""

    id: str
    name: str
    schema: Mapping[str, Any]
    navigable: bool = True
    searchable: bool = True
    clauses: tuple[str, ...] = ()

    @property
    def custom(self) -> bool:
        """Whether the site's administrators made it."""
        return self.id.startswith("customfield_")

    @property
    def kind(self) -> str:
        """The last part of a custom field's type: "textarea", "gh-sprint", "userpicker"; empty for Jira's own fields."""
        return str(self.schema.get("custom", "")).rpartition(":")[2]


def _system(id_: str, name: str, type_: str, items: str = "", **more: Any) -> Field:
    schema = {"type": type_, "system": id_} | ({"items": items} if items else {})
    return Field(id_, name, schema, **more)


SYSTEM: tuple[Field, ...] = (
    _system("issuetype", "Issue Type", "issuetype", clauses=("issuetype", "type")),
    _system("parent", "Parent", "issuelink", clauses=("parent",)),
    _system("project", "Project", "project", clauses=("project",)),
    _system("summary", "Summary", "string", clauses=("summary",)),
    _system("description", "Description", "string", clauses=("description",)),
    _system("environment", "Environment", "string", clauses=("environment",)),
    _system("status", "Status", "status", clauses=("status",)),
    _system("priority", "Priority", "priority", clauses=("priority",)),
    _system("resolution", "Resolution", "resolution", clauses=("resolution",)),
    _system("resolutiondate", "Resolved", "datetime", clauses=("resolutiondate", "resolved")),
    _system("assignee", "Assignee", "user", clauses=("assignee",)),
    _system("reporter", "Reporter", "user", clauses=("reporter",)),
    _system("creator", "Creator", "user", clauses=("creator",)),
    _system("created", "Created", "datetime", clauses=("created", "createdDate")),
    _system("updated", "Updated", "datetime", clauses=("updated", "updatedDate")),
    _system("duedate", "Due date", "date", clauses=("due", "duedate")),
    _system("labels", "Labels", "array", "string", clauses=("labels",)),
    _system("components", "Components", "array", "component", clauses=("component",)),
    _system("fixVersions", "Fix versions", "array", "version", clauses=("fixVersion",)),
    _system("versions", "Affects versions", "array", "version", clauses=("affectedVersion",)),
    _system("issuelinks", "Linked Issues", "array", "issuelinks", clauses=("issueLink",)),
    _system("subtasks", "Sub-tasks", "array", "issuelinks", searchable=False, clauses=("subtasks",)),
    _system("security", "Security Level", "securitylevel", clauses=("level",)),
    _system("votes", "Votes", "votes", clauses=("votes",)),
    _system("watches", "Watchers", "watches", clauses=("watchers",)),
    _system("attachment", "Attachment", "array", "attachment", navigable=False, clauses=("attachments",)),
    _system("comment", "Comment", "comments-page", navigable=False, clauses=("comment",)),
    _system("worklog", "Log Work", "array", "worklog", navigable=False, clauses=("worklogDate",)),
)
SYSTEM_IDS = frozenset(field.id for field in SYSTEM)
_NOT_NAVIGABLE = frozenset(field.id for field in SYSTEM if not field.navigable)
MULTI_VALUED = frozenset({"comment", "attachment", "worklog", "issuelinks", "subtasks", "*all", "*navigable"})
"""Fields that keep a bulk fetch at 100 issues."""


def custom_field(described: Mapping[str, Any]) -> Field:
    """A custom field from its line in a site file."""
    id_, name = str(described["id"]), str(described.get("name") or described["id"])
    number = int(id_.rpartition("_")[2]) if id_.rpartition("_")[2].isdigit() else 0
    schema = {"customId": number, "type": "any", **described.get("schema", {})}
    return Field(id_, name, schema, clauses=(f"cf[{number}]", name))


def describe(field: Field, *, cloud: bool) -> Json:
    """The field as `/field` answers it."""
    body: Json = {"id": field.id, "name": field.name, "custom": field.custom, "orderable": field.navigable}
    if cloud:
        body["key"] = field.id
    body |= {"navigable": field.navigable, "searchable": field.searchable, "clauseNames": list(field.clauses)}
    return body | {"schema": dict(field.schema)}


Selection = tuple[str, ...]
"""The fields that a request named, in its order: ids, `*all`, `*navigable`, `-id`."""


def selection(named: Iterable[str]) -> Selection:
    """Names split at commas, stripped, without empty ones."""
    return tuple(part.strip() for text in named for part in text.split(",") if part.strip())


def only_ids(named: Selection) -> bool:
    """Whether no field's value is asked for, so that a page may hold thousands of issues."""
    return all(name in ("id", "key", "issuekey") for name in named)


def chosen(named: Selection, existing: Sequence[str]) -> list[str]:
    """The ids to serve, of those that the issue has. Names with a minus alone are taken from the navigable ones."""
    plus = [name for name in named if not name.startswith("-")]
    minus = {name[1:] for name in named if name.startswith("-")}
    if "*all" in plus:
        taken: Iterable[str] = existing
    elif "*navigable" in plus or not plus:
        taken = [id_ for id_ in existing if id_ not in _NOT_NAVIGABLE or id_ in plus]
    else:
        taken = [id_ for id_ in existing if id_ in set(plus)]
    return [id_ for id_ in taken if id_ not in minus]
