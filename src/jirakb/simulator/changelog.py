"""What changed in an issue, as Jira's change log tells it? Compares two forms of it; keeps the entries. Serves nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jirakb.simulator.fields import Field, Json
from jirakb.simulator.issues import Stored
from jirakb.simulator.richtext import is_rich, wiki_of

_UNLOGGED = frozenset({"created", "updated", "comment", "worklog", "creator", "resolutiondate", "subtasks"})
_NAMES = {"labels": "labels", "fixVersions": "Fix Version", "components": "Component", "issuelinks": "Link"} | {
    "attachment": "Attachment",
    "versions": "Version",
    "parent": "Parent",
}
_ONE_BY_ONE = frozenset({"attachment", "components", "fixVersions", "versions", "issuelinks"})
"""Lists of which each member that comes or goes is an item of its own."""


@dataclass(slots=True)
class ChangeLogs:
    """The entries of each issue, oldest first: id, author (a login), created, items."""

    held: dict[int, list[Json]] = field(default_factory=dict)
    count: int = 0

    def note(self, number: int, author: str | None, created: str, items: list[Json]) -> str:
        """A new entry; its id."""
        self.count += 1
        id_ = str(self.count)
        entry: Json = {"id": id_, "author": author, "created": created, "items": items}
        self.held.setdefault(number, []).append(entry)
        return id_

    def of(self, number: int) -> list[Json]:
        """The entries of an issue."""
        return self.held.get(number, [])


def item(name: str, before: str | None, after: str | None, *, id_: str = "", custom: bool = False) -> Json:
    """One change as an entry holds it; system fields are named by their id, custom ones by their name."""
    body: Json = {"field": name, "fieldtype": "custom" if custom else "jira"}
    if id_:
        body["fieldId"] = id_
    return body | {"from": None, "fromString": before, "to": None, "toString": after}


def changes(former: tuple[str, Stored], present: tuple[str, Stored], customs: Mapping[str, Field]) -> list[Json]:
    """The items of a change from one key and form of an issue to another."""
    (old_key, before), (new_key, after) = former, present
    items = [item("Key", old_key, new_key)] if old_key != new_key else []
    for id_ in sorted({*before, *after} - _UNLOGGED):
        if before.get(id_) != after.get(id_):
            items += _items(id_, before.get(id_), after.get(id_), customs.get(id_))
    return items


def _items(id_: str, before: Any, after: Any, custom: Field | None) -> Iterator[Json]:
    name = custom.name if custom else _NAMES.get(id_, id_)
    if id_ in _ONE_BY_ONE:
        old, new = _texts(before), _texts(after)
        yield from (item(name, text, None, id_=id_) for text in old if text not in new)
        yield from (item(name, None, text, id_=id_) for text in new if text not in old)
    elif _text(before) != _text(after):
        yield item(name, _text(before) or None, _text(after) or None, id_=id_, custom=custom is not None)


def _texts(value: Any) -> list[str]:
    return [_text(member) for member in value or ()]


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list):
        return " ".join(map(_text, value))
    if not isinstance(value, Mapping):
        return str(value)
    if is_rich(value):
        return wiki_of(value) or ""
    if "type" in value and ("inwardIssue" in value or "outwardIssue" in value):
        side = "inward" if "inwardIssue" in value else "outward"
        return f"This issue {value['type'].get(side)} {value[f'{side}Issue'].get('key')}"
    return str(next((value[name] for name in ("value", "filename", "key", "name") if value.get(name)), ""))
