"""What the simulated site holds: projects, people, issues and the index that search reads. Changes only through `keep` and `drop`.

The server holds the lock for each request; what changes the site takes it, too.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Literal, TypeVar, cast
from zoneinfo import ZoneInfo

import orjson

from jirakb.simulator.accounts import (
    AGENT,
    AGENT_EMAIL,
    AGENT_ZONE,
    Accounts,
    Caller,
    User,
    agent_credentials,
    new_user,
)
from jirakb.simulator.changelog import ChangeLogs, changes
from jirakb.simulator.fields import SYSTEM, Field, Json, custom_field
from jirakb.simulator.issues import Blob, Issue, Project, Stored, is_restricted
from jirakb.simulator.jql import Row
from jirakb.simulator.record import Record
from jirakb.simulator.rows import build_row
from jirakb.simulator.switches import Switches
from jirakb.simulator.times import of_moment, stamp

Flavor = Literal["cloud", "dc"]
_CATALOGS = {"issuetype": "issuetypes", "status": "statuses", "priority": "priorities", "resolution": "resolutions"}


def wall_clock() -> datetime:
    """The true time, aware UTC."""
    return datetime.now(UTC)


Method = TypeVar("Method", bound=Callable[..., Any])


def locked(method: Method) -> Method:
    """A method that no request sees half done."""

    @wraps(method)
    def held(self: State, *args: Any, **kwargs: Any) -> Any:
        with self.lock:
            return method(self, *args, **kwargs)

    return cast(Method, held)


@dataclass(frozen=True, slots=True)
class _Pending:
    """A change that search does not see yet; without a row the issue goes."""

    due: int
    number: int
    row: Row | None


class State:
    """The site's memory and the ways to look things up in it."""

    def __init__(
        self,
        flavor: Flavor = "cloud",
        *,
        clock: Callable[[], datetime] = wall_clock,
        monotonic: Callable[[], float] = time.monotonic,
        time_zone: str = "America/New_York",
        base_path: str = "",
        title: str = "Simulated Jira",
        switches: Switches | None = None,
    ) -> None:
        self.flavor: Flavor = flavor
        self.clock = clock
        self.monotonic = monotonic
        self.zone = ZoneInfo(time_zone)
        self.base_path = base_path.rstrip("/")
        self.title = title
        self.cloud_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, title))
        self.base_url = f"http://site.invalid{self.base_path}"
        self.media_url = "http://media.invalid"
        self.switches = switches or Switches()
        self.record = Record(monotonic)
        self.lock = threading.RLock()
        self.accounts = Accounts()
        self.projects: dict[str, Project] = {}
        self.customs: dict[str, Field] = {}
        self.groups: dict[str, str] = {}
        self.roles: dict[str, Json] = {}
        self.levels: dict[str, Json] = {}
        self.catalogs: dict[str, dict[str, Json]] = {field: {} for field in _CATALOGS}
        self.extra_fields: set[str] = set()
        self.changelogs = ChangeLogs()
        self.issues: dict[int, Issue] = {}
        self.blobs: dict[str, Blob] = {}
        self.numbers_by_key: dict[str, int] = {}
        self.former_keys: dict[str, str] = {}
        self.former_projects: dict[str, str] = {}
        self.refresh_tokens: set[str] = set()
        self.used_refresh_tokens: dict[str, int] = {}
        self.index: dict[int, Row] = {}
        self.generation = 0
        self._pending: list[_Pending] = []
        self._last_number: dict[str, int] = {}
        self._highest_id = 10_000
        self._people_seen = -1
        self._account_ids: dict[str, str] = {}
        self._display_names: dict[str, str] = {}
        self._add_agent()

    def _add_agent(self) -> None:
        self.accounts.put(
            new_user(AGENT, "Sync Agent", email=AGENT_EMAIL, time_zone=AGENT_ZONE, admin=True, agent=True)
        )
        for credential in agent_credentials():
            self.accounts.issue(credential)

    @property
    def cloud(self) -> bool:
        """Whether this site is Jira Cloud."""
        return self.flavor == "cloud"

    def now_ms(self) -> int:
        """The site's clock in epoch milliseconds."""
        return of_moment(self.clock())

    def now_text(self) -> str:
        """The site's clock as Jira writes times."""
        return stamp(self.now_ms(), self.zone)

    def use_urls(self, base_url: str, media_url: str) -> None:
        """Where the site and its media host can be reached; bodies made before are forgotten, since they hold URLs."""
        if (base_url, media_url) == (self.base_url, self.media_url):
            return
        self.base_url, self.media_url = base_url, media_url
        self.forget_bodies()

    def forget_bodies(self) -> None:
        """Drop all cached bodies, after a change that may concern many of them."""
        for issue in self.issues.values():
            issue.bodies.clear()

    def next_id(self) -> int:
        """A number above every id of the site so far."""
        self._highest_id += 1
        return self._highest_id

    def note_id(self, id_: object) -> None:
        """Keep new ids above this one."""
        if str(id_).isdigit():
            self._highest_id = max(self._highest_id, int(str(id_)))

    def next_key(self, project: str) -> str:
        """The key of a project's next issue."""
        self._last_number[project] = self._last_number.get(project, 0) + 1
        return f"{project}-{self._last_number[project]}"

    def add_custom(self, described: Mapping[str, object]) -> Field:
        """Define a custom field."""
        field = custom_field(described)
        self.customs[field.id] = field
        return field

    def field_ids(self) -> list[str]:
        """The ids of all fields that issues may have, Jira's own first."""
        return [*(field.id for field in SYSTEM), *self.customs, *sorted(self.extra_fields)]

    def person_id(self, name: str | None) -> str | None:
        """What JQL and bodies call a user: the account id on Cloud, the login on Data Center."""
        if not name or not self.cloud:
            return name or None
        user = self.accounts.users.get(name)
        return user.account_id if user else name

    def account_ids(self) -> Mapping[str, str]:
        """From login to account id."""
        self._refresh_people()
        return self._account_ids

    def display_names(self) -> Mapping[str, str]:
        """From account id (Cloud) or login to the name that people read."""
        self._refresh_people()
        return self._display_names

    def _refresh_people(self) -> None:
        if self._people_seen == self.accounts.generation:
            return
        users = list(self.accounts.users.values())
        self._account_ids = {user.name: user.account_id for user in users}
        self._display_names = {user.account_id if self.cloud else user.name: user.display_name for user in users}
        self._people_seen = self.accounts.generation

    def find_user(self, identity: str) -> User:
        """A user by login, account id, key or e-mail; unknown logins become users, so that tests stay short."""
        return self.accounts.find(identity) or self.accounts.put(new_user(identity))

    def find(self, id_or_key: str) -> Issue | None:
        """An issue by id, key or former key, whoever asks."""
        number = int(id_or_key) if id_or_key.isdecimal() else self.numbers_by_key.get(id_or_key.upper())
        return None if number is None else self.issues.get(number)

    def get(self, id_or_key: str) -> Issue:
        """The issue of a verb; KeyError when there is none."""
        issue = self.find(str(id_or_key))
        if issue is None:
            raise KeyError(f"no issue {id_or_key} on this site")
        return issue

    def present_project(self, key: str) -> str:
        """The key that a project has now, by any key that it had; other texts as they are."""
        seen = {key}
        while key not in self.projects and (now := self.former_projects.get(key.upper())) and now not in seen:
            seen.add(now)
            key = now
        return key

    def sees_project(self, caller: Caller, key: str) -> bool:
        """Whether the caller may browse a project that exists."""
        project = self.projects.get(key)
        return project is not None and caller.browses(key, public=project.public)

    def sees(self, caller: Caller, issue: Issue) -> bool:
        """Whether the caller may see an issue at all."""
        return self.sees_project(caller, issue.project) and caller.sees_level(issue.level)

    def visible(self, caller: Caller, id_or_key: str) -> Issue | None:
        """An issue that the caller may see."""
        issue = self.find(id_or_key)
        return issue if issue and self.sees(caller, issue) else None

    @locked
    def keep(self, number: int, key: str, project: str, stored: Stored) -> Issue:
        """Put an issue into the site, or its new form in place of the old one."""
        source = orjson.dumps(stored)
        row = build_row(
            number, key, self.projects[project], stored, source, person=self.person_id, customs=self.customs
        )
        former = self.issues.get(number)
        issue = Issue(number, key, project, source, row, stored.get("security"), is_restricted(stored))
        if former is not None:
            issue.documents = former.documents
            self._log_change(former, key, stored)
        self.issues[number] = issue
        self.numbers_by_key[key.upper()] = number
        self.note_id(number)
        self._note_key(key, project)
        self._post(number, row)
        return issue

    @locked
    def drop(self, issue: Issue) -> None:
        """Remove an issue and its keys; nothing of it is left to ask for."""
        del self.issues[issue.number]
        for key in [key for key, number in self.numbers_by_key.items() if number == issue.number]:
            del self.numbers_by_key[key]
        for id_ in [id_ for id_, blob in self.blobs.items() if blob.issue == issue.number]:
            del self.blobs[id_]
        self.changelogs.held.pop(issue.number, None)
        self._post(issue.number, None)

    def _log_change(self, former: Issue, key: str, stored: Stored) -> None:
        items = changes((former.key, former.stored()), (key, stored), self.customs)
        if items:
            self.changelogs.note(former.number, AGENT, self.now_text(), items)

    def _note_key(self, key: str, project: str) -> None:
        prefix, _, number = key.rpartition("-")
        if prefix == project and number.isdecimal():
            self._last_number[project] = max(self._last_number.get(project, 0), int(number))

    def _post(self, number: int, row: Row | None) -> None:
        lag = self.switches.index_lag
        if not lag:
            self._pending = [waiting for waiting in self._pending if waiting.number != number]
            self._apply(_Pending(0, number, row))
            return
        earlier = max((waiting.due for waiting in self._pending if waiting.number == number), default=0)
        self._pending.append(_Pending(max(earlier, self.now_ms() + int(lag * 1000)), number, row))

    def _apply(self, change: _Pending) -> None:
        self.generation += 1
        if change.row is None:
            self.index.pop(change.number, None)
        else:
            self.index[change.number] = change.row

    def settle(self) -> None:
        """Let search see the changes whose lag has passed."""
        if not self._pending:
            return
        now = self.now_ms()
        due = [change for change in self._pending if change.due <= now]
        self._pending = [change for change in self._pending if change.due > now]
        for change in due:
            self._apply(change)

    def fresh_row(self, number: int) -> Row | None:
        """The row as the database has it, ahead of a lagging index."""
        issue = self.issues.get(number)
        return issue.row if issue else None
