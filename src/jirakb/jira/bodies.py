"""What is one issue of an answer: a body, complete with all its comments and worklogs, or broken?

Jira embeds only the first part of a long list of comments and says so in `total`; the rest is paged in. A body is parsed
only when something is put into it; else its bytes are kept as they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from jirakb.documents import IssueRef, RawIssue
from jirakb.errors import ProtocolError
from jirakb.jira.client.endpoints import JiraClient, Part, PartPage
from jirakb.jira.client.pages import IssueBytes, issue_bytes
from jirakb.jira.document.lenient import decode, mapping, number
from jirakb.jira.document.times import parse_time

_PARTS: tuple[Part, ...] = ("comment", "worklog")
_PART_PAGE = 100
"""Cloud answers at most a hundred comments whatever is asked."""
_PASSES = 3
"""Times that a list is read when it shrinks between its pages."""


@dataclass(frozen=True, slots=True)
class Body:
    """One issue of an answer. `cut` are the lists of which it holds only a part; `key` is "" where it has none."""

    number: int
    key: str
    updated: datetime | None
    cut: tuple[Part, ...]
    payload: IssueBytes


class _List(msgspec.Struct, gc=False):
    total: Any = None
    comments: list[msgspec.Raw] | None = None
    worklogs: list[msgspec.Raw] | None = None


class _Fields(msgspec.Struct, gc=False):
    updated: Any = None
    comment: _List | None = None
    worklog: _List | None = None


class _Issue(msgspec.Struct, gc=False):
    id: Any = None
    key: Any = None
    fields: _Fields | None = None


_ISSUE = msgspec.json.Decoder(_Issue)


def read_body(payload: IssueBytes) -> Body:
    """Looks into an issue without parsing its texts; raises ProtocolError when it is not even an object with an id."""
    try:
        found = _ISSUE.decode(payload)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _read_odd_body(payload)
    fields = found.fields
    if fields is None:
        return _body(found.id, found.key, None, (), payload)
    cut: tuple[Part, ...] = ()
    if fields.comment and _is_cut(fields.comment.comments, fields.comment.total):
        cut += ("comment",)
    if fields.worklog and _is_cut(fields.worklog.worklogs, fields.worklog.total):
        cut += ("worklog",)
    return _body(found.id, found.key, fields.updated, cut, payload)


def by_number(payloads: Iterable[IssueBytes]) -> dict[int, Body]:
    """The issues of an answer by id; raises ProtocolError when one of them is not even an object with an id."""
    return {body.number: body for body in map(read_body, payloads)}


def raw_issue(client: JiraClient, body: Body) -> RawIssue | None:
    """The complete body; None when the issue vanished while its comments were read. Raises ProtocolError on a broken one."""
    if not body.key or body.updated is None:
        raise ProtocolError("An answer holds an issue without key, fields or time of update.", status=200)
    payload = _complete(client, body) if body.cut else bytes(body.payload)
    return None if payload is None else RawIssue(body.number, body.key, body.updated, payload)


def single(client: JiraClient, wanted: int) -> RawIssue | None:
    """One issue by its own call; None when the site does not show it any more."""
    answer = client.issue(wanted, attempts=3)
    if answer.status != 200:
        return None
    return raw_issue(client, read_body(issue_bytes(answer.data)))


def reference(payload: IssueBytes) -> IssueRef:
    """A row of a listing."""
    body = read_body(payload)
    return IssueRef(body.number, body.updated)


def _read_odd_body(payload: IssueBytes) -> Body:
    """The same of an issue that holds values of other types than documented."""
    try:
        issue = mapping(decode(bytes(payload)))
    except ValueError as exc:
        raise ProtocolError(f"An answer holds an issue that cannot be read: {exc}.", status=200) from exc
    fields = mapping(issue.get("fields"))
    held = {part: mapping(fields.get(part)) for part in _PARTS}
    cut = tuple(part for part in _PARTS if _is_cut(held[part].get(f"{part}s"), held[part].get("total")))
    return _body(issue.get("id"), issue.get("key"), fields.get("updated"), cut, payload)


def _body(id_: object, key: object, updated: object, cut: tuple[Part, ...], payload: IssueBytes) -> Body:
    found = number(id_)
    if found is None:
        raise ProtocolError("An answer holds an issue without an id.", status=200)
    return Body(found, key if isinstance(key, str) else "", parse_time(updated), cut, payload)


def _is_cut(rows: object, total: object) -> bool:
    return isinstance(rows, list) and len(rows) < (number(total) or 0)


def _complete(client: JiraClient, body: Body) -> bytes | None:
    """The issue with every comment and worklog; None when it is gone."""
    issue = mapping(decode(bytes(body.payload)))
    for part in body.cut:
        rest = _read_all(client, body.number, part)
        if rest is None:
            return None
        issue = _with_part(issue, part, rest)
    return issue_bytes(issue)


def _with_part(issue: Mapping[str, object], part: Part, rows: Sequence[object]) -> Mapping[str, object]:
    fields = mapping(issue.get("fields"))
    whole = {**mapping(fields.get(part)), f"{part}s": rows, "startAt": 0, "maxResults": len(rows), "total": len(rows)}
    return {**issue, "fields": {**fields, part: whole}}


@dataclass(frozen=True, slots=True)
class _Pass:
    rows: Sequence[object]
    shrank: bool


def _read_all(client: JiraClient, issue: int, part: Part) -> Sequence[object] | None:
    """All rows; read again when one was deleted meanwhile, since the row after it then slips past."""
    rows: Sequence[object] = ()
    for _ in range(_PASSES):
        found = _read_once(client, issue, part)
        if found is None:
            return None
        rows = found.rows
        if not found.shrank:
            break
    return rows


def _read_once(client: JiraClient, issue: int, part: Part) -> _Pass | None:
    rows: dict[object, object] = {}
    start, first_total = 0, None
    while True:
        page = client.parts(issue, part, start, _PART_PAGE)
        if page is None:
            return None
        first_total = page.total if first_total is None else first_total
        rows.update((mapping(row).get("id"), row) for row in page.rows)
        start += len(page.rows)
        if _is_last(page, start):
            return _Pass(list(rows.values()), page.total < first_total)


def _is_last(page: PartPage, start: int) -> bool:
    return not page.rows or start >= page.total
