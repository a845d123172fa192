"""Which question is put to Jira? Composes JQL from a connector's filters and a window of time. Pure: sends nothing.

Everything that a user gave is quoted, or checked to stay within its own parentheses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from jirakb.errors import ConnectorValidationError, UsageError

EVERY_PROJECT = "*"
_ANYTHING = 'created >= "1970-01-01"'
"""Holds for every issue, and counts as the restriction without which Cloud refuses a query."""
_ORDER = " ORDER BY created ASC, key ASC"
"""Neither is touched by an edit, so that an issue edited while pages are walked keeps its place."""
_CHANGE_NEAR = timedelta(hours=3)
_MINUTE = timedelta(minutes=1)
_EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)
_ORDER_BY = re.compile(r"order\s+by\b", re.IGNORECASE)
_NAME = re.compile(r"[\w.]")


@dataclass(frozen=True, slots=True)
class Query:
    """Which issues a connector reads: projects (alternatives), the user's JQL without its ORDER BY, labels to leave out."""

    projects: tuple[str, ...]
    jql: str
    labels_to_skip: tuple[str, ...]

    @classmethod
    def of(cls, projects: Iterable[str], jql: str | None, labels_to_skip: Iterable[str]) -> Query:
        """Checks and tidies what the user gave.

        Raises UsageError when nothing restricts the query (unless the project is "*"), ConnectorValidationError for JQL
        whose quotes or parentheses do not match.
        """
        keys = _tidy(projects)
        where = split_order_by(jql or "")[0]
        if not keys and not where:
            raise UsageError(
                "Neither a project nor JQL is given: this would read the whole site.",
                fix="Give --project KEY or --jql, or --project '*' to read everything.",
            )
        return cls(keys, where, _tidy(labels_to_skip))

    @property
    def name(self) -> str:
        """The same text for the same set of issues, however it was written: JSON with sorted keys."""
        projects = sorted({key.upper() for key in self.projects})
        return json.dumps(
            {
                "jql": self.jql,
                "labels_to_skip": sorted(set(self.labels_to_skip)),
                "projects": [EVERY_PROJECT] if EVERY_PROJECT in projects else projects,
            },
            ensure_ascii=False,
            sort_keys=True,
        )

    @property
    def keys(self) -> tuple[str, ...]:
        """The project keys that restrict the query; none when every project is meant."""
        return () if EVERY_PROJECT in self.projects else self.projects

    def where(self) -> str:
        """The restriction, without window and order."""
        clauses = [_projects(self.keys), f"({self.jql})" if self.jql else "", _without(self.labels_to_skip)]
        return " AND ".join(clause for clause in clauses if clause) or _ANYTHING

    def all(self) -> str:
        """The query for every issue."""
        return self.where() + _ORDER

    def among(self, numbers: Iterable[int]) -> str:
        """The query for those of these issues that it still admits."""
        return f"{self.where()} AND {_in(numbers)}{_ORDER}"

    def within(self, window: Window, zone: tzinfo) -> str:
        """The query for the issues updated in a window, for an account in this time zone."""
        clauses = [self.where(), f"updated >= {minute(window.start, zone)}"]
        if window.stop is not None:
            clauses.append(f"updated < {minute(window.stop, zone)}")
        return " AND ".join(clauses) + _ORDER


@dataclass(frozen=True, slots=True)
class Window:
    """A span of `updated` in whole minutes; `ragged` when it holds more than was asked, so that its issues need a look."""

    start: datetime
    stop: datetime | None
    ragged: bool = False


def windows(since: datetime, until: datetime | None, zone: tzinfo) -> tuple[Window, ...]:
    """The windows to ask for so that nothing updated in [since, until) is missed.

    JQL compares minutes of the account's clock, which shows an hour twice (or not at all) when it is put back (or
    forward): near such a change a window begins an hour earlier and ends an hour later. What is more than was asked at
    the end stands in a window of its own, which is ragged; more at the beginning does no harm.
    """
    since = min(max(since, _EARLIEST), _LATEST)
    start = _floor(since) - (timedelta(hours=1) if _clock_changes_near(since, zone) else timedelta())
    if until is None or until > _LATEST:
        return (Window(start, None),)
    if until <= since:
        return ()
    if _clock_changes_near(until, zone):
        return _ended(start, _floor(until) - timedelta(hours=1), _floor(until) + timedelta(hours=1, minutes=1))
    if _floor(until) == until:
        return (Window(start, until),)
    return _ended(start, _floor(until), _floor(until) + _MINUTE)


def minute(moment: datetime, zone: tzinfo) -> str:
    """The minute of a moment as the account's clock shows it, as a quoted literal."""
    local = moment.astimezone(zone)
    return f'"{local.year:04}-{local:%m-%d %H:%M}"'


def quote(text: str) -> str:
    """The text as a JQL string that means exactly it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'


def ids(numbers: Iterable[int]) -> str:
    """The query for these issues by number."""
    return f"{_in(numbers)} ORDER BY key ASC"


def split_order_by(jql: str) -> tuple[str, str]:
    """The restriction and the ORDER BY clause of a query ("" where there is none); an ORDER BY in quotes is text.

    Raises ConnectorValidationError when quotes or parentheses do not match: put in parentheses of ours, such a query
    would mean something else.
    """
    for position in _outside(jql):
        if _ORDER_BY.match(jql, position) and not (position and _NAME.match(jql[position - 1])):
            return jql[:position].strip(), jql[position:].strip()
    return jql.strip(), ""


def _outside(jql: str) -> Iterator[int]:
    """The positions of characters outside quotes and parentheses."""
    quoted_by, depth, position = "", 0, 0
    while position < len(jql):
        letter = jql[position]
        if letter == "\\":
            position += 1
            _check(bool(jql[position : position + 1].strip() or quoted_by), "a backslash stands alone", jql)
        elif quoted_by:
            quoted_by = "" if letter == quoted_by else quoted_by
        elif letter in "\"'":
            quoted_by = letter
        elif letter in "()":
            depth += 1 if letter == "(" else -1
            _check(depth >= 0, "a closing parenthesis is too many", jql)
        elif depth == 0:
            yield position
        position += 1
    _check(not quoted_by, "a quoted string has no end", jql)
    _check(depth == 0, "a parenthesis is not closed", jql)


def _check(holds: bool, what: str, jql: str) -> None:
    if not holds:
        raise ConnectorValidationError(f"The JQL cannot be read: {what}: {jql}", fix="Correct the JQL query.")


def _in(numbers: Iterable[int]) -> str:
    return f"id in ({', '.join(map(str, numbers))})"


def _tidy(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.strip() for text in texts if text.strip()))


def _projects(keys: tuple[str, ...]) -> str:
    if len(keys) == 1:
        return f"project = {quote(keys[0])}"
    return f"project in ({', '.join(map(quote, keys))})" if keys else ""


def _without(labels: tuple[str, ...]) -> str:
    """NOT IN alone would also drop every issue that has no label at all."""
    return f"(labels IS EMPTY OR labels NOT IN ({', '.join(map(quote, labels))}))" if labels else ""


def _ended(start: datetime, cut: datetime, stop: datetime) -> tuple[Window, ...]:
    cut = max(start, cut)
    whole = (Window(start, cut),) if cut > start else ()
    return (*whole, Window(cut, stop, ragged=True))


def _floor(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _clock_changes_near(moment: datetime, zone: tzinfo) -> bool:
    before, after = moment - _CHANGE_NEAR, moment + _CHANGE_NEAR
    return before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset()
