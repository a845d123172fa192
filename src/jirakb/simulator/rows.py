"""Turns an issue's stored fields into the row that JQL sees. Never decides who sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import orjson

from jirakb.simulator.fields import Field
from jirakb.simulator.issues import Project, Stored
from jirakb.simulator.jql import Row
from jirakb.simulator.richtext import is_rich, wiki_of
from jirakb.simulator.times import milliseconds

PersonId = Callable[[str | None], str | None]
"""From a login to the id that JQL knows: the account id on Cloud, the login itself on Data Center."""


def build_row(
    number: int,
    key: str,
    project: Project,
    stored: Stored,
    source: bytes,
    *,
    person: PersonId,
    customs: Mapping[str, Field],
) -> Row:
    """The row of one issue. Its text is read from `source` when somebody searches in it."""
    return Row(
        number=number,
        key=key,
        project=project.key,
        project_id=project.id,
        project_name=project.name,
        type=_name(stored.get("issuetype")) or "",
        status=_name(stored.get("status")) or "",
        status_category=_name((stored.get("status") or {}).get("statusCategory")) or "",
        priority=_name(stored.get("priority")),
        resolution=_name(stored.get("resolution")),
        assignee=person(stored.get("assignee")),
        reporter=person(stored.get("reporter")),
        creator=person(stored.get("creator")),
        labels=tuple(stored.get("labels") or ()),
        components=_names(stored.get("components")),
        fix_versions=_names(stored.get("fixVersions")),
        versions=_names(stored.get("versions")),
        created=_time(stored.get("created")) or 0,
        updated=_time(stored.get("updated")) or 0,
        resolved=_time(stored.get("resolutiondate")),
        due=stored.get("duedate"),
        parent=(stored.get("parent") or {}).get("key"),
        security=stored.get("security"),
        sprints=_sprints(stored, customs),
        epic=_epic(stored, customs),
        summary=stored.get("summary") or "",
        description=partial(_rich, source, "description"),
        environment=partial(_rich, source, "environment"),
        comments=partial(_comments, source),
        text=partial(_text, source),
        archived=project.archived,
        custom=_custom(stored, customs, person),
    )


def _name(value: Any) -> str | None:
    return value.get("name") if isinstance(value, dict) else value


def _names(values: Iterable[Any] | None) -> tuple[str, ...]:
    return tuple(name for name in map(_name, values or ()) if name)


def _time(text: str | None) -> int | None:
    return milliseconds(text) if text else None


def _rich(source: bytes, field: str) -> str:
    return wiki_of(orjson.loads(source).get(field)) or ""


def _comments(source: bytes) -> str:
    return "\n".join(wiki_of(c.get("body")) or "" for c in orjson.loads(source).get("comment") or ())


def _text(source: bytes) -> str:
    stored: Stored = orjson.loads(source)
    texts = [stored.get("summary"), wiki_of(stored.get("description")), wiki_of(stored.get("environment"))]
    texts += [wiki_of(comment.get("body")) for comment in stored.get("comment") or ()]
    texts += [
        wiki_of(v) for k, v in stored.items() if k.startswith("customfield_") and (is_rich(v) or isinstance(v, str))
    ]
    return "\n".join(text for text in texts if text)


def _sprints(stored: Stored, customs: Mapping[str, Field]) -> tuple[str, ...]:
    held = [sprint for id_, field in customs.items() if field.kind == "gh-sprint" for sprint in stored.get(id_) or ()]
    held += stored.get("closedSprints") or ()
    held += [stored["sprint"]] if isinstance(stored.get("sprint"), dict) else []
    return _names(held)


def _epic(stored: Stored, customs: Mapping[str, Field]) -> str | None:
    linked = next((stored[i] for i, f in customs.items() if f.kind == "gh-epic-link" and stored.get(i)), None)
    return linked or (stored.get("epic") or {}).get("key")


def _custom(stored: Stored, customs: Mapping[str, Field], person: PersonId) -> dict[str, object]:
    values = {id_: _plain(stored.get(id_), field, person) for id_, field in customs.items()}
    return {id_: value for id_, value in values.items() if value is not None}


def _plain(value: Any, field: Field, person: PersonId) -> object:
    if isinstance(value, list):
        return tuple(plain for plain in (_plain(item, field, person) for item in value) if plain is not None)
    if field.schema.get("type") == "user" or field.schema.get("items") == "user":
        return person(value)
    if is_rich(value):
        return wiki_of(value)
    if isinstance(value, dict):
        return value.get("value") or value.get("name")
    return value if isinstance(value, str | int | float) else None
