"""What does the JSON of one issue say? Parses it into frozen values, the same for Cloud and Data Center.

Any field may be missing, null or of a wrong type. Never renders, and never asks the site.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from jirakb.errors import SkippedIssueError
from jirakb.jira.document.agile import epic_key, sprint_names
from jirakb.jira.document.fields import Field, FieldCatalog
from jirakb.jira.document.lenient import clean, decode, line, lines, mapping, names, number, objects
from jirakb.jira.document.people import Person, parse_person
from jirakb.jira.document.restrictions import OPEN, entry_restrictions, level_restriction
from jirakb.jira.document.times import parse_moment, parse_time

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_OWN_PLACE = frozenset(
    (
        *(
            "summary",
            "description",
            "environment",
            "issuetype",
            "status",
            "priority",
            "project",
            "reporter",
            "assignee",
        ),
        *("creator", "labels", "components", "fixVersions", "resolution", "resolutiondate", "created", "updated"),
        *("parent", "epic", "sprint", "closedSprints", "security", "comment", "worklog", "attachment", "issuelinks"),
        *("subtasks", "statusCategory"),
    )
)
"""Jira's own fields that a document shows in places of their own."""

Body: TypeAlias = object
"""A rich text as the site sent it: wiki markup in a string, or a document of the Atlassian Document Format."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A comment or a piece of logged work. `at` is when it was written, or when the work began; None when unknown."""

    id: str
    author: Person | None
    at: datetime | None
    updated: datetime | None
    body: Body
    restrictions: frozenset[str] = OPEN
    spent: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of an issue. `size` is in bytes; `content` is the URL as the site sent it, on whatever host."""

    id: str
    name: str
    size: int | None
    content: str
    created: datetime | None
    author: Person | None = None
    mime_type: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A link to another issue, labelled as read from this one ("is blocked by")."""

    label: str
    key: str


@dataclass(frozen=True, slots=True)
class Subtask:
    """A sub-task as its parent lists it. It has its parent's security level."""

    key: str
    summary: str
    status: str


@dataclass(frozen=True, slots=True)
class Change:
    """One field that somebody changed: `before` and `after` are "" where there was nothing."""

    field: str
    before: str
    after: str
    author: Person | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue. Texts are "" and moments None where absent; comments and worklog stand as the site ordered them."""

    number: int
    key: str
    summary: str
    description: Body
    environment: Body
    type: str
    status: str
    status_category: str
    priority: str
    project: str
    project_name: str
    project_category: str
    reporter: Person | None
    assignee: Person | None
    creator: Person | None
    labels: tuple[str, ...]
    components: tuple[str, ...]
    fix_versions: tuple[str, ...]
    resolution: str
    created: datetime | None
    updated: datetime | None
    resolved: datetime | None
    parent: str
    epic: str
    sprints: tuple[str, ...]
    security: str
    restrictions: frozenset[str]
    comments: tuple[Entry, ...]
    worklog: tuple[Entry, ...]
    attachments: tuple[Attachment, ...]
    links: tuple[Link, ...]
    subtasks: tuple[Subtask, ...]
    further: tuple[tuple[Field, object], ...]
    former_keys: tuple[str, ...]
    history: tuple[Change, ...] = ()

    def people(self) -> Iterator[Person]:
        """Everybody whom the issue shows, each as often as it does; a mention in a text is named after one of them."""
        written = (entry.author for entry in (*self.comments, *self.worklog))
        uploaded = (file.author for file in self.attachments)
        shown = (self.reporter, self.assignee, self.creator, *written, *uploaded)
        return (person for person in shown if person)


def parse_issue(payload: bytes, catalog: FieldCatalog) -> Issue:
    """The issue in a site's JSON; raises SkippedIssueError("bad_body") where there is no id, key or fields object."""
    raw = _decode(payload)
    identity, key, fields = number(raw.get("id")), line(raw.get("key")), raw.get("fields")
    if identity is None or not key or not isinstance(fields, dict):
        raise SkippedIssueError("The issue's JSON has no id, key or fields.", reason="bad_body", key=key)
    return _parse_fields(identity, key, fields, raw, catalog)


def parse_attachments(payload: bytes) -> tuple[Attachment, ...]:
    """The attachments in the JSON of an issue alone; none where it cannot be read."""
    if b'"attachment"' not in payload:
        return ()
    try:
        fields = mapping(mapping(decode(payload)).get("fields"))
    except ValueError:
        return ()
    return tuple(_parse_attachment(entry) for entry in objects(fields.get("attachment")))


def _decode(payload: bytes) -> Mapping[str, object]:
    try:
        return mapping(decode(payload))
    except ValueError as exc:
        raise SkippedIssueError(f"The issue's JSON cannot be read: {exc}.", reason="bad_body") from exc


def _parse_fields(
    identity: int, key: str, fields: Mapping[str, object], raw: Mapping[str, object], catalog: FieldCatalog
) -> Issue:
    project, security, status = (mapping(fields.get(name)) for name in ("project", "security", "status"))
    return Issue(
        number=identity,
        key=key,
        summary=line(fields.get("summary")),
        description=fields.get("description"),
        environment=fields.get("environment"),
        type=_name(fields, "issuetype"),
        status=line(status.get("name")),
        status_category=_category(status),
        priority=_name(fields, "priority"),
        project=line(project.get("key")) or key.rpartition("-")[0],
        project_name=line(project.get("name")),
        project_category=_name(project, "projectCategory"),
        reporter=parse_person(fields.get("reporter")),
        assignee=parse_person(fields.get("assignee")),
        creator=parse_person(fields.get("creator")),
        labels=lines(fields.get("labels")),
        components=names(fields.get("components")),
        fix_versions=names(fields.get("fixVersions")),
        resolution=_name(fields, "resolution"),
        created=parse_time(fields.get("created")),
        updated=parse_time(fields.get("updated")),
        resolved=parse_time(fields.get("resolutiondate")),
        parent=line(mapping(fields.get("parent")).get("key")),
        epic=epic_key(fields, catalog),
        sprints=sprint_names(fields, catalog),
        security=line(security.get("name")) or line(security.get("id")),
        restrictions=level_restriction(fields.get("security")),
        comments=tuple(_parse_comment(entry) for entry in _page(fields, "comment", "comments")),
        worklog=tuple(_parse_work(entry) for entry in _page(fields, "worklog", "worklogs")),
        attachments=tuple(_parse_attachment(entry) for entry in objects(fields.get("attachment"))),
        links=tuple(_parse_links(fields.get("issuelinks"))),
        subtasks=tuple(_parse_subtasks(fields.get("subtasks"))),
        further=tuple(_further_values(fields, mapping(raw.get("names")), catalog)),
        former_keys=_former_keys(raw, key),
        history=tuple(_changes(raw)),
    )


def _name(holder: Mapping[str, object], field: str) -> str:
    return line(mapping(holder.get(field)).get("name"))


def _category(status: Mapping[str, object]) -> str:
    category = mapping(status.get("statusCategory"))
    return line(category.get("key")) or line(category.get("name")).lower()


def _page(fields: Mapping[str, object], field: str, entries: str) -> Iterator[Mapping[str, object]]:
    """The entries of a page object; a bare array is taken as well."""
    page = fields.get(field)
    return objects(page if isinstance(page, list) else mapping(page).get(entries))


def _parse_comment(entry: Mapping[str, object]) -> Entry:
    return Entry(
        id=line(entry.get("id")),
        author=parse_person(entry.get("author")),
        at=parse_time(entry.get("created")),
        updated=parse_time(entry.get("updated")),
        body=entry.get("body"),
        restrictions=entry_restrictions(entry),
    )


def _parse_work(entry: Mapping[str, object]) -> Entry:
    return Entry(
        id=line(entry.get("id")),
        author=parse_person(entry.get("author")),
        at=parse_time(entry.get("started")) or parse_time(entry.get("created")),
        updated=parse_time(entry.get("updated")),
        body=entry.get("comment"),
        restrictions=entry_restrictions(entry),
        spent=line(entry.get("timeSpent")),
    )


def _parse_attachment(entry: Mapping[str, object]) -> Attachment:
    return Attachment(
        id=line(entry.get("id")),
        name=line(entry.get("filename")),
        size=number(entry.get("size")),
        content=line(entry.get("content")),
        created=parse_time(entry.get("created")),
        author=parse_person(entry.get("author")),
        mime_type=line(entry.get("mimeType")),
    )


def _parse_links(value: object) -> Iterator[Link]:
    for entry in objects(value):
        side = "inward" if entry.get("inwardIssue") else "outward"
        kind = mapping(entry.get("type"))
        key = line(mapping(entry.get(f"{side}Issue")).get("key"))
        if key:
            yield Link(line(kind.get(side)) or line(kind.get("name")) or "relates to", key)


def _parse_subtasks(value: object) -> Iterator[Subtask]:
    for entry in objects(value):
        key, fields = line(entry.get("key")), mapping(entry.get("fields"))
        if key:
            yield Subtask(key, line(fields.get("summary")), _name(fields, "status"))


def _further_values(
    fields: Mapping[str, object], named: Mapping[str, object], catalog: FieldCatalog
) -> Iterator[tuple[Field, object]]:
    """The fields without a place of their own that have a value and a name, which the answer may give (`expand=names`)."""
    for identity, value in fields.items():
        if value is None or value in ("", [], {}) or identity in _OWN_PLACE:
            continue
        known = catalog.fields.get(identity) or Field(identity, line(named.get(identity)))
        if known.name:
            yield known, value


def _changes(raw: Mapping[str, object]) -> Iterator[Change]:
    """What changed, newest first."""
    histories = list(objects(mapping(raw.get("changelog")).get("histories")))
    for entry in sorted(histories, key=_age, reverse=True):
        author, at = parse_person(entry.get("author")), parse_moment(entry.get("created"))
        for item in objects(entry.get("items")):
            if field := line(item.get("field")):
                yield Change(field, _words(item.get("fromString")), _words(item.get("toString")), author, at)


def _age(entry: Mapping[str, object]) -> tuple[datetime, int]:
    return parse_moment(entry.get("created")) or _LONG_AGO, number(entry.get("id")) or 0


def _words(value: object) -> str:
    return clean(value).strip() if isinstance(value, str) else ""


def _former_keys(raw: Mapping[str, object], key: str) -> tuple[str, ...]:
    """The keys that the issue had before it was moved, as far as its change log came with it."""
    items = (
        item
        for change in objects(mapping(raw.get("changelog")).get("histories"))
        for item in objects(change.get("items"))
        if line(item.get("field")).lower() == "key"
    )
    former = (text for item in items for text in (line(item.get("fromString")), line(item.get("toString"))))
    return tuple(dict.fromkeys(text for text in former if text and text != key))
