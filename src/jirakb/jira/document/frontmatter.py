"""What stands above a document's text, and how is it written so that every YAML reader reads the same values back?

Every value but the three times is a string. Never writes what the issue does not have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

from jirakb.jira.document.issue import Issue
from jirakb.jira.document.people import Person
from jirakb.jira.document.times import time_text

Entries: TypeAlias = dict[str, str | datetime | Mapping[str, str]]
"""The front matter before it is written: texts, moments (aware UTC), and one map of custom fields."""

_EMAILS = frozenset({"reporter_email", "assignee_email", "creator_email"})

_UNPRINTABLE = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""What YAML forbids outside of escapes, takes for a line break, or (a tab) for a separator."""
_MISREAD = re.compile(r"^[-?:,\[\]{}#&*!|>'\"%@`=<~+. ]|: |:$| #| $")
_NUMBER_LIKE = re.compile(r"[0-9][-+.,0-9_:a-fA-FxXoOtTzZ ]*")
_RETYPED = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_ESCAPED = re.compile('["\\\\]|' + _UNPRINTABLE.pattern)
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def entries(issue: Issue, url: str, updated: datetime, custom: Mapping[str, str]) -> Entries:
    """The front matter's keys in their order, without those that the issue has no value for."""
    found: Entries = {
        "key": issue.key,
        "url": url,
        "summary": issue.summary,
        "status": issue.status,
        "priority": issue.priority,
        "issue_type": issue.type,
        "project": issue.project_name,
        "project_key": issue.project,
        **_person("reporter", issue.reporter),
        **_person("assignee", issue.assignee),
        "labels": ",".join(issue.labels),
        "created": issue.created or "",
        "updated": updated,
        **_person("creator", issue.creator),
        "project_category": issue.project_category,
        "resolution": issue.resolution,
        "resolved": issue.resolved or "",
        "components": ", ".join(issue.components),
        "fix_versions": ", ".join(issue.fix_versions),
        "parent": issue.parent,
        "epic": issue.epic,
        "sprint": ", ".join(issue.sprints),
        "security": issue.security,
        "fields": custom,
    }
    return {name: value for name, value in found.items() if value}


def _person(role: str, person: Person | None) -> Entries:
    return {role: person.name, f"{role}_email": person.email} if person else {}


def write(found: Entries) -> str:
    """The front matter between its two "---" lines."""
    return "---\n" + "".join(_lines(name, value) for name, value in found.items()) + "---\n"


def _lines(name: str, value: str | datetime | Mapping[str, str]) -> str:
    if isinstance(value, str):
        return f"{name}: {scalar(value)}\n"
    if isinstance(value, datetime):
        return f"{name}: {time_text(value)}\n"
    return f"{name}:\n" + "".join(f"  {scalar(label)}: {scalar(text)}\n" for label, text in value.items())


def metadata(found: Entries) -> dict[str, object]:
    """The front matter as values that JSON can hold, without e-mail addresses."""
    return {name: _jsonable(value) for name, value in found.items() if name not in _EMAILS}


def _jsonable(value: str | datetime | Mapping[str, str]) -> object:
    if isinstance(value, datetime):
        return time_text(value)
    return value if isinstance(value, str) else dict(value)


def scalar(text: str) -> str:
    """The text as a YAML scalar that reads back as exactly this string, without quotes where it can."""
    if _UNPRINTABLE.search(text):
        return '"' + _ESCAPED.sub(_escape, text) + '"'
    if not text or _MISREAD.search(text) or _NUMBER_LIKE.fullmatch(text) or _is_retyped(text):
        return "'" + text.replace("'", "''") + "'"
    return text


def _is_retyped(text: str) -> bool:
    return len(text) <= 5 and text.lower() in _RETYPED


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    return _ESCAPES.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
