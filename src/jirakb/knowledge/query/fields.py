"""Which fields can be asked for, under which names, and with which operators? What the knowledge base keeps of an issue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jirakb.knowledge.index.conditions import TextPart
from jirakb.knowledge.query.syntax import Operator

FieldKind = Literal["value", "date", "text", "key", "link"]
_SAME: tuple[Operator, ...] = ("=", "!=", "in", "not in")
_EMPTY: tuple[Operator, ...] = ("is", "is not")
_MORE: tuple[Operator, ...] = ("<", "<=", ">", ">=")
OPERATORS: dict[FieldKind, tuple[Operator, ...]] = {
    "value": (*_SAME, *_EMPTY),
    "date": (*_SAME, *_MORE, *_EMPTY),
    "text": ("~", "!~", *_EMPTY),
    "key": (*_SAME, *_MORE, *_EMPTY),
    "link": (*_SAME, *_EMPTY),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field by Jira's name for it; `columns` are where it stands, `other` its further names."""

    name: str
    kind: FieldKind
    columns: tuple[str, ...]
    other: tuple[str, ...] = ()
    part: TextPart = "text"
    is_sortable: bool = True

    @property
    def is_newest_first(self) -> bool:
        """Whether it is ordered from its highest value on where no direction is given."""
        return self.kind == "date"


def _list(name: str, column: str, *other: str) -> Field:
    return Field(name, "value", (column,), other, is_sortable=False)


def _text(part: TextPart, *other: str) -> Field:
    return Field(part, "text", (), other, part, is_sortable=False)


FIELDS = (
    Field("project", "value", ("project", "project_name")),
    Field("type", "value", ("type",), ("issuetype", "issue type")),
    Field("status", "value", ("status",)),
    Field("statusCategory", "value", ("status_category",), ("status category",)),
    Field("priority", "value", ("priority",)),
    Field("resolution", "value", ("resolution",)),
    Field("assignee", "value", ("assignee",)),
    Field("reporter", "value", ("reporter",)),
    Field("creator", "value", ("creator",)),
    _list("labels", "labels", "label"),
    _list("component", "components", "components"),
    _list("fixVersion", "versions", "fixversions", "fix version"),
    _list("sprint", "sprint"),
    Field("category", "value", ("category",), ("project category",)),
    Field("level", "value", ("security",), ("security level",)),
    Field("created", "date", ("created",), ("createddate",)),
    Field("updated", "date", ("updated",), ("updateddate",)),
    Field("resolved", "date", ("resolved",), ("resolutiondate",)),
    Field("key", "key", ("project", "key_number"), ("issuekey", "issue", "id")),
    Field("parent", "link", ("parent",), is_sortable=False),
    Field("epic", "link", ("epic",), ("epic link",), is_sortable=False),
    _text("text"),
    _text("summary"),
    _text("description"),
    _text("environment"),
    _text("comment", "comments"),
    _text("attachment", "attachments"),
)


def field_named(name: str) -> Field | None:
    """The field of that name, in any case; None where there is none."""
    wanted = name.strip().casefold()
    return next((field for field in FIELDS if wanted == field.name.casefold() or wanted in field.other), None)
