"""What is in a page of issues, before anybody reads them? Finds where each issue begins and ends, and keeps its bytes.

A page holds megabytes of rich text that only the renderer needs, later: here it is passed over, not turned into objects.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import orjson

from jirakb.errors import ProtocolError
from jirakb.jira.document.lenient import decode, mapping

IssueBytes = bytes | msgspec.Raw
"""The JSON of one issue as it was sent. A `Raw` is a view that keeps the whole page in memory."""


class _Page(msgspec.Struct, rename="camel", gc=False):
    issues: list[msgspec.Raw]
    issue_errors: Any = None
    next_page_token: Any = None
    is_last: Any = None
    start_at: Any = None
    total: Any = None


_PAGE = msgspec.json.Decoder(_Page)


def read_page(body: bytes) -> Mapping[str, object]:
    """The page as Jira sent it, with `issues` as a list of IssueBytes where it is an array.

    Raises ValueError where there is no JSON. A page that is not quite JSON is read generously, at the cost of its parsing.
    """
    try:
        page = _PAGE.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _read_slowly(body)
    return {
        "issues": page.issues,
        "issueErrors": page.issue_errors,
        "nextPageToken": page.next_page_token,
        "isLast": page.is_last,
        "startAt": page.start_at,
        "total": page.total,
    }


def issue_bytes(issue: object) -> bytes:
    """The JSON of one issue that was parsed; raises ProtocolError on one that is nested too deeply."""
    try:
        return orjson.dumps(issue)
    except (TypeError, ValueError):
        # Lone surrogates and numbers beyond 64 bits, which only the standard library writes.
        return _dump_slowly(issue)


def _dump_slowly(issue: object) -> bytes:
    try:
        return json.dumps(issue).encode()
    except RecursionError as exc:
        raise ProtocolError("An answer holds an issue that is nested too deeply.", status=200) from exc


def _read_slowly(body: bytes) -> Mapping[str, object]:
    page = mapping(decode(body))
    issues = page.get("issues")
    return {**page, "issues": [issue_bytes(issue) for issue in issues]} if isinstance(issues, list) else page
