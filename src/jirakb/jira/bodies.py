"""What is one issue of an answer: a body, complete with all its comments and worklogs, or broken?

Jira embeds only the first part of a long list of comments and says so in `total`; the rest is paged in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import orjson

from jirakb.documents import IssueRef, RawIssue
from jirakb.errors import ProtocolError
from jirakb.jira.client.endpoints import JiraClient, OffsetPage, Part
from jirakb.jira.lenient import mapping, number
from jirakb.jira.times import parse_time

_PARTS: tuple[Part, ...] = ("comment", "worklog")
_PART_PAGE = 100
"""Cloud answers at most a hundred comments whatever is asked."""
_PASSES = 3
"""Times that a list is read when it shrinks between its pages."""


def issue_number(data: object) -> int:
    """The id of an issue as it was sent; raises ProtocolError when it has none."""
    found = number(mapping(data).get("id"))
    if found is None:
        raise ProtocolError("An answer holds an issue without an id.", status=200)
    return found


def by_number(rows: Iterable[object]) -> dict[int, dict[str, object]]:
    """The issues as sent, by id; raises ProtocolError when one of them is not even an object with an id."""
    return {issue_number(row): cast(dict[str, object], row) for row in rows}


def raw_issue(client: JiraClient, issue: dict[str, object]) -> RawIssue | None:
    """The complete body; None when the issue vanished while its comments were read. Raises ProtocolError on a broken one."""
    found = complete(client, issue)
    if found is None:
        return None
    key = found.get("key")
    updated = parse_time(mapping(found.get("fields")).get("updated"))
    if not isinstance(key, str) or not key or updated is None:
        raise ProtocolError("An answer holds an issue without key, fields or time of update.", status=200)
    return RawIssue(issue_number(found), key, updated, _payload(found))


def single(client: JiraClient, wanted: int) -> RawIssue | None:
    """One issue by its own call; None when the site does not show it any more."""
    answer = client.issue(wanted, attempts=3)
    if answer.status != 200:
        return None
    return raw_issue(client, next(iter(by_number([answer.data]).values())))


def reference(row: object) -> IssueRef:
    """A row of a listing."""
    return IssueRef(issue_number(row), parse_time(mapping(mapping(row).get("fields")).get("updated")))


def complete(client: JiraClient, issue: dict[str, object]) -> dict[str, object] | None:
    """The issue with every comment and worklog; None when it is gone."""
    for part in _PARTS:
        embedded = mapping(mapping(issue.get("fields")).get(part))
        if not _is_cut(embedded, part):
            continue
        rest = _read_all(client, issue_number(issue), part)
        if rest is None:
            return None
        issue = _with_part(issue, part, embedded, rest)
    return issue


def _is_cut(embedded: Mapping[str, object], part: Part) -> bool:
    rows = embedded.get(f"{part}s")
    return isinstance(rows, list) and len(rows) < (number(embedded.get("total")) or 0)


def _with_part(
    issue: dict[str, object], part: Part, embedded: Mapping[str, object], rows: Sequence[object]
) -> dict[str, object]:
    whole = {**embedded, f"{part}s": rows, "startAt": 0, "maxResults": len(rows), "total": len(rows)}
    return {**issue, "fields": {**mapping(issue.get("fields")), part: whole}}


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


def _is_last(page: OffsetPage, start: int) -> bool:
    return not page.rows or start >= page.total


def _payload(issue: Mapping[str, object]) -> bytes:
    try:
        return orjson.dumps(issue)
    except (TypeError, ValueError):
        # Lone surrogates and numbers beyond 64 bits, which only the standard library writes.
        return json.dumps(issue).encode()
