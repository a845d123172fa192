"""What is one issue of an answer: a body, complete with all its comments, worklogs and attachments, or broken?

Jira embeds only the first part of a long list of comments and says so in `total`; the rest is paged in. Attachments are a
plain list that has no pages of its own: where a body holds a part of it, the issue is asked for alone. A body is parsed only
when something is put into it; else its bytes are kept as they came.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from jirakb.documents import IssueRef, Omission, RawIssue
from jirakb.errors import ProtocolError
from jirakb.jira.client.endpoints import JiraClient, Part, PartPage
from jirakb.jira.client.pages import IssueBytes, issue_bytes
from jirakb.jira.document.lenient import decode, line, mapping, number
from jirakb.jira.document.times import parse_time
from jirakb.source import Listing

List = Part | Literal["attachment"]
"""The lists of an issue of which a body may hold a page only."""

_PARTS: tuple[Part, ...] = ("comment", "worklog")
_PART_PAGE = 100
"""Cloud answers at most a hundred comments whatever is asked."""
_MOST_ROWS = 50_000
"""Comments or worklogs of one issue that are read; Cloud lets no issue have more than 10,000."""
_PASSES = 3
"""Times that a list is read when it shrinks between its pages."""


@dataclass(frozen=True, slots=True)
class Body:
    """One issue of an answer. `cut` are the lists of which it holds a page only; `key` is "" where it has none."""

    number: int
    key: str
    updated: datetime | None
    cut: tuple[List, ...]
    payload: IssueBytes


class _List(msgspec.Struct, gc=False):
    total: Any = None
    comments: list[msgspec.Raw] | None = None
    worklogs: list[msgspec.Raw] | None = None


class _Fields(msgspec.Struct, gc=False):
    updated: Any = None
    comment: _List | None = None
    worklog: _List | None = None
    attachment: msgspec.Raw = msgspec.Raw()


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
    if bytes(memoryview(fields.attachment)[:1]) == b"{":  # a page in place of the usual array
        return _read_odd_body(payload)
    cut: tuple[List, ...] = ()
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
    if not body.cut:
        return RawIssue(body.number, body.key, body.updated, bytes(body.payload))
    return _complete(client, body, body.updated)


def single(client: JiraClient, wanted: int) -> RawIssue | None:
    """One issue by its own call; None when the site does not show it any more."""
    answer = client.issue(wanted, attempts=3)
    if answer.status != 200:
        return None
    return raw_issue(client, read_body(issue_bytes(answer.data)))


def listing(payloads: Iterable[IssueBytes], site_time: datetime) -> Listing:
    """A page of a listing; a row that names no issue is one omission, not the end of the listing."""
    refs: list[IssueRef] = []
    omissions: list[tuple[int, Omission]] = []
    for payload in payloads:
        try:
            body = read_body(payload)
        except ProtocolError as exc:
            omissions.append(_unreadable(bytes(payload), exc.message))
        else:
            refs.append(IssueRef(body.number, body.updated, body.key))
    return Listing(tuple(refs), site_time, tuple(omissions))


def _unreadable(payload: bytes, why: str) -> tuple[int, Omission]:
    try:
        row = mapping(decode(payload))
    except ValueError:
        row = {}
    key = (line(row.get("key")) or line(row.get("id")) or "unknown")[:100]
    return -2 - zlib.crc32(key.encode("utf-8", "replace")), Omission(key, "issue", "failed", "bad_id", why)


def _read_odd_body(payload: IssueBytes) -> Body:
    """The same of an issue that holds values of other types than documented."""
    try:
        issue = mapping(decode(bytes(payload)))
    except ValueError as exc:
        raise ProtocolError(f"An answer holds an issue that cannot be read: {exc}.", status=200) from exc
    fields = mapping(issue.get("fields"))
    held = {part: mapping(fields.get(part)) for part in (*_PARTS, "attachment")}
    cut: tuple[List, ...] = tuple(p for p in _PARTS if _is_cut(held[p].get(f"{p}s"), held[p].get("total")))
    if isinstance(held["attachment"].get("attachments"), list):  # to be made the usual array, whether it is cut or not
        cut += ("attachment",)
    return _body(issue.get("id"), issue.get("key"), fields.get("updated"), cut, payload)


def _body(id_: object, key: object, updated: object, cut: tuple[List, ...], payload: IssueBytes) -> Body:
    found = number(id_)
    if found is None:
        raise ProtocolError("An answer holds an issue without an id.", status=200)
    return Body(found, line(key), parse_time(updated), cut, payload)


def _is_cut(rows: object, total: object) -> bool:
    return isinstance(rows, list) and len(rows) < (number(total) or 0)


def _complete(client: JiraClient, body: Body, updated: datetime) -> RawIssue | None:
    """The issue with every comment, worklog and attachment; None when it is gone."""
    issue = mapping(decode(bytes(body.payload)))
    omissions: tuple[Omission, ...] = ()
    for part in body.cut:
        rows = _read_all(client, body.number, part) if part != "attachment" else _attachments(client, body, issue)
        if rows is None:
            return None
        if part == "attachment":
            omissions = _attachments_missed(body.key, issue, rows)
        issue = _with_part(issue, part, rows)
    return RawIssue(body.number, body.key, updated, issue_bytes(issue), omissions=omissions)


def _with_part(issue: Mapping[str, object], part: List, rows: Sequence[object]) -> Mapping[str, object]:
    fields = mapping(issue.get("fields"))
    whole = {**mapping(fields.get(part)), f"{part}s": rows, "startAt": 0, "maxResults": len(rows), "total": len(rows)}
    return {**issue, "fields": {**fields, part: rows if part == "attachment" else whole}}


def _attachments(client: JiraClient, body: Body, issue: Mapping[str, object]) -> Sequence[object] | None:
    """All attachments of an issue that holds a page of them: asked for alone, it names them all. None when it is gone."""
    page = mapping(mapping(issue.get("fields")).get("attachment"))
    embedded = page.get("attachments")
    if isinstance(embedded, list) and not _is_cut(embedded, page.get("total")):
        return embedded
    answer = client.issue(body.number, fields="attachment", attempts=3)
    if answer.status != 200:
        return None
    held = mapping(mapping(answer.data).get("fields")).get("attachment")
    rows = held if isinstance(held, list) else mapping(held).get("attachments")
    return rows if isinstance(rows, list) else ()


def _attachments_missed(key: str, issue: Mapping[str, object], rows: Sequence[object]) -> tuple[Omission, ...]:
    total = number(mapping(mapping(issue.get("fields")).get("attachment")).get("total")) or 0
    if len(rows) >= total:
        return ()
    detail = f"The site names {len(rows)} of {total} attachments."
    return (Omission(key, "attachment", "failed", "attachments_cut", detail),)


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
        rows.update((line(mapping(row).get("id")), row) for row in page.rows)
        start += len(page.rows)
        if start > _MOST_ROWS:
            raise ProtocolError(
                f"Issue {issue} has more than {_MOST_ROWS} rows of {part}.", url=client.site, status=200
            )
        if _is_last(page, start):
            return _Pass(list(rows.values()), page.total < first_total)


def _is_last(page: PartPage, start: int) -> bool:
    return not page.rows or start >= page.total
