"""Answers queries for a caller: which issues, in which order, and which page of them. Never builds a body."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from jirakb.simulator import jql
from jirakb.simulator.accounts import Caller
from jirakb.simulator.state import State

_KEPT_RESULTS = 8
_TOKEN_LIFE_MS = 7 * 24 * 3600 * 1000
_UNSETTLED_MS = 60_000
UNBOUNDED = "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."


class BadTokenError(Exception):
    """A page token that is not ours, is too old, or belongs to another query."""


@dataclass(frozen=True, slots=True)
class Page:
    """Numbers of issues; `token` leads to the next page, `total` counts them all."""

    numbers: tuple[int, ...]
    total: int
    token: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Result:
    numbers: tuple[int, ...]
    warnings: tuple[str, ...]


class _VisibleNumbers:
    """From key to number, of the issues that a caller sees."""

    def __init__(self, state: State, caller: Caller) -> None:
        self.state, self.caller = state, caller

    def get(self, key: str, /) -> int | None:
        """The number of a key, old ones too."""
        number = self.state.numbers_by_key.get(key.upper())
        issue = None if number is None else self.state.issues.get(number)
        return number if issue and self.state.sees(self.caller, issue) else None


class _VisibleKeys:
    """From number to key, of the issues that a caller sees."""

    def __init__(self, state: State, caller: Caller) -> None:
        self.state, self.caller = state, caller

    def get(self, number: int, /) -> str | None:
        """The key of a number."""
        issue = self.state.issues.get(number)
        return issue.key if issue and self.state.sees(self.caller, issue) else None


class Search:
    """The search of one site, with the few results that paging clients come back for."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._results: dict[tuple[object, ...], _Result] = {}
        self._snapshots: dict[str, tuple[int, ...]] = {}

    def parse(self, text: str) -> jql.Query:
        """The query; raises JqlError."""
        return jql.parse(text)

    def offset_page(self, text: str, caller: Caller, start: int, size: int, *, validate: bool = True) -> Page:
        """Rows `start` to `start + size` of the result as it is now."""
        result = self._result(text, caller, validate=validate)
        return Page(result.numbers[start : start + size], len(result.numbers), warnings=result.warnings)

    def token_page(
        self,
        text: str,
        caller: Caller,
        size: int,
        token: str | None,
        *,
        bound_to: object,
        reconcile: Sequence[int] = (),
    ) -> Page:
        """The page that a token leads to; without one, the first. Raises BadTokenError."""
        mark = hashlib.sha256(repr((text, bound_to, caller.id, tuple(reconcile))).encode()).hexdigest()[:16]
        start, snapshot = self._read_token(token, mark)
        numbers = self._snapshot(text, caller, snapshot, reconcile)
        page = numbers[start : start + size]
        end = start + len(page)
        more = end < len(numbers)
        return Page(page, len(numbers), self._write_token(mark, end, numbers) if more else None)

    def _snapshot(self, text: str, caller: Caller, name: str, reconcile: Sequence[int]) -> tuple[int, ...]:
        if name and name in self._snapshots:
            return self._snapshots[name]
        return self._result(text, caller, reconcile=reconcile).numbers

    def _write_token(self, mark: str, start: int, numbers: tuple[int, ...]) -> str:
        name = ""
        if self.state.switches.paging == "snapshot":
            name = hashlib.sha256(orjson.dumps([mark, numbers])).hexdigest()[:12]
            self._snapshots[name] = numbers
        held = [mark, start, self.state.now_ms(), name]
        return base64.urlsafe_b64encode(orjson.dumps(held)).decode().rstrip("=")

    def _read_token(self, token: str | None, mark: str) -> tuple[int, str]:
        if not token:
            return 0, ""
        try:
            held = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
            known, start, made, name = held
        except (ValueError, TypeError) as exc:
            raise BadTokenError from exc
        if known != mark or self.state.now_ms() - made > _TOKEN_LIFE_MS:
            raise BadTokenError
        return start, name

    def _result(self, text: str, caller: Caller, *, validate: bool = True, reconcile: Sequence[int] = ()) -> _Result:
        state = self.state
        state.settle()
        key = (text, caller.id, validate, tuple(reconcile), state.generation, state.accounts.generation, self._tick())
        known = self._results.get(key)
        if known is None:
            known = self._run(text, caller, validate=validate, reconcile=reconcile)
            self._remember(key, known)
        return self._without_recent(known) if state.switches.flickers() else known

    def _without_recent(self, result: _Result) -> _Result:
        """The index is not of one mind: what it has shown can be missing once more for a moment."""
        since, index = self.state.now_ms() - _UNSETTLED_MS, self.state.index
        numbers = tuple(number for number in result.numbers if number not in index or index[number].updated < since)
        return _Result(numbers, result.warnings)

    def _tick(self) -> int:
        """Relative dates move with the clock; a result may serve for a few seconds."""
        return self.state.now_ms() // 5000

    def _remember(self, key: tuple[object, ...], result: _Result) -> None:
        while len(self._results) >= _KEPT_RESULTS:
            self._results.pop(next(iter(self._results)))
        self._results[key] = result

    def _run(self, text: str, caller: Caller, *, validate: bool, reconcile: Sequence[int]) -> _Result:
        plan = jql.plan(self.parse(text), self.context(caller), validate=validate)
        rows = self._rows(plan.numbers(), caller, frozenset(reconcile))
        return _Result(tuple(row.number for row in plan.select(rows)), plan.warnings)

    def _rows(self, named: frozenset[int] | None, caller: Caller, reconcile: frozenset[int]) -> Iterable[jql.Row]:
        index = self.state.index
        if reconcile:
            fresh = {n: row for n in reconcile if (row := self.state.fresh_row(n)) is not None}
            index = {number: row for number, row in index.items() if number not in reconcile} | fresh
        open_projects = {key for key in self.state.projects if self.state.sees_project(caller, key)}
        rows = index.values() if named is None else [index[number] for number in named if number in index]
        return [row for row in rows if row.project in open_projects and caller.sees_level(row.security)]

    def context(self, caller: Caller) -> jql.Context:
        """What JQL may know on behalf of a caller."""
        state = self.state
        return jql.Context(
            flavor=state.flavor,
            now=state.clock(),
            zone=ZoneInfo(caller.user.time_zone) if caller.user else state.zone,
            site_zone=state.zone,
            user=state.person_id(caller.id) if caller.user else None,
            projects=self._projects(caller),
            statuses=self._names("status"),
            types=self._names("issuetype"),
            priorities=self._names("priority"),
            resolutions=self._names("resolution"),
            users=self._users(),
            groups=self._groups(),
            custom_fields={field.name: field.id for field in state.customs.values()},
            issue_numbers_by_key=_VisibleNumbers(state, caller),
            issue_keys_by_number=_VisibleKeys(state, caller),
        )

    def _projects(self, caller: Caller) -> dict[str, jql.Project]:
        shown = {
            key.upper(): jql.Project(project.id, key, project.name)
            for key, project in self.state.projects.items()
            if self.state.sees_project(caller, key)
        }
        former = self.state.former_projects if self.state.switches.former_project_keys else {}
        present = {old: self.state.present_project(old).upper() for old in former}
        return {old: shown[now] for old, now in present.items() if now in shown} | shown

    def _names(self, field: str) -> dict[str, str]:
        return {str(id_): value["name"] for id_, value in self.state.catalogs[field].items()}

    def _users(self) -> dict[str, jql.User]:
        found: dict[str, jql.User] = {}
        for user in self.state.accounts.users.values():
            id_: Any = self.state.person_id(user.name)
            found[id_] = jql.User(id_, user.display_name, user.email)
        return found

    def _groups(self) -> dict[str, frozenset[str]]:
        groups: dict[str, set[str]] = {group: set() for group in self.state.groups}
        for user in self.state.accounts.users.values():
            for group in user.groups:
                groups.setdefault(group, set()).add(str(self.state.person_id(user.name)))
        return {group: frozenset(ids) for group, ids in groups.items()}
