"""Reads site files into a `Site`: what a file may hold, and how what it leaves out is filled in. Never talks HTTP.

A site file is JSON lines (plain or .gz), UTF-8. The first line may describe the site; every other line is one issue in
the form of REST v2. Everything but an issue's `id`, `key` and `fields` may be absent.

The site line (every part optional; without it all is gathered from the issues):

    {"site": {
      "title": "Greenhouse", "cloudId": "uuid", "timeZone": "America/New_York",
      "users":    [{"name": "ann", "displayName": "Ann Example", "emailAddress": "ann@example.com" or null,
                    "timeZone": "Europe/Berlin", "active": true, "accountType": "atlassian"|"app"|"customer",
                    "accountId": "...", "key": "JIRAUSER10001", "hideEmail": true,
                    "groups": ["staff"], "roles": {"SHOP": ["Developers"]}, "levels": ["Security team"],
                    "projects": ["SHOP"], "agent": true}],
      "projects": [{"id": "10000", "key": "SHOP", "name": "Shop", "projectTypeKey": "software"|"service_desk"|"business",
                    "description": "...", "lead": "ann", "projectCategory": {"id", "name", "description"},
                    "archived": false, "public": false, "style": "classic"|"next-gen"}],
      "fields":   [{"id": "customfield_10010", "name": "Story Points",
                    "schema": {"type": "number", "custom": "com.atlassian...:float", "customId": 10010}}],
      "groups":   [{"name": "staff", "groupId": "uuid"}] or ["staff"],
      "roles":    [{"id": 10002, "name": "Developers", "description": "..."}] or ["Developers"],
      "levels":   [{"id": "10100", "name": "Security team", "description": "..."}],
      "former_keys": {"OLD-1": "SHOP-9"}}}

A user is known by `name` (the login); `accountId` and `key` are derived from it when absent. `projects` are those that the
user can browse (absent: all), `levels` the security levels the user belongs to, `agent` whether internal notes
(`jsdPublic: false`) are shown, `admin` shows everything. Bodies show addresses on Data Center unless `hideEmail` is true,
and hide them on Cloud unless it is false. Groups and roles named only by a user exist, too; `public` projects are open to
anonymous callers. The user "agent" exists always, with an administrator's sight and known secrets (see `accounts`),
and never in the time zone of the site.

An issue line: {"id": "10001", "key": "SHOP-1", "fields": {...}, "former_keys": ["OLD-7"],
"changelog": {"histories": [{"author": "ann", "created": "...", "items": [{"field", "fromString", "toString"}]}]}}. In `fields`:

- people (assignee, reporter, creator, author, updateAuthor, custom user fields) are a login ("ann"), or an object with
  `name` or `key` as Jira has it; a login that the site line does not know makes a new user from the object.
- rich texts (description, environment, comment bodies, text areas: custom fields whose schema's `custom` ends with
  ":textarea") are a wiki string, null, or {"wiki": "...", "adf": {...}}. REST v2 serves the wiki text, v3 the ADF document
  (converted when only the wiki text is given; a text with `adf` alone is served as its plain words on v2).
- times are ISO with offset ("2024-01-15T10:30:00.000+0000"); they are served in the site's zone.
- comment: {"comments": [{"id", "author", "body", "created", "updated", "updateAuthor",
  "visibility": {"type": "role"|"group", "value": "Developers"}, "jsdPublic": false}]} or just the list.
- attachment: [{"id", "filename", "author", "created", "size", "mimeType", "path": "attachments/7.pdf"}]; `path` is relative
  to the site file's folder and gives real bytes and the true size. Without it the bytes are made up, deterministic and
  of the stated size.
- worklog: {"worklogs": [{"id", "author", "comment", "started", "created", "updated", "timeSpentSeconds"}]} or the list.
- parent, links and subtasks may name the other issue by its key alone ("SHOP-2" for {"id", "key", "fields"}).
- security: a level's name or id, or {"id", "name"}.
- sprint fields (custom schema ":gh-sprint"): a list of {"id", "name", "state", "startDate"?, "endDate"?}, served as
  objects on Cloud and as Java's toString on Data Center. Epic links (":gh-epic-link") are the epic's key.
- `epic` (any issue of an agile export) and everything else is served as it stands.
"""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from jirakb.simulator.accounts import AGENT, OTHER_AGENT_ZONE, User, account_id, new_user, user_key
from jirakb.simulator.fields import SYSTEM_IDS, Json
from jirakb.simulator.issues import Blob, Project, Stored
from jirakb.simulator.state import State

_PEOPLE = ("assignee", "reporter", "creator")
_AUTHORS = ("author", "updateAuthor")
_LISTS = {"comment": "comments", "worklog": "worklogs"}


def load(state: State, paths: Iterable[Path]) -> None:
    """Read site files into a site, one after another."""
    incomplete: list[int] = []
    for path in paths:
        reader = _Reader(state, path.parent)
        reader.read(_lines(path))
        incomplete += reader.incomplete
    _fill_references(state, incomplete)
    state.generation += 1


def _lines(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        yield from (line for line in file if line.strip())


class _Reader:
    """Reads the lines of one file; `folder` is where attachment paths start."""

    def __init__(self, state: State, folder: Path) -> None:
        self.state = state
        self.folder = folder
        self.incomplete: list[int] = []

    def read(self, lines: Iterable[bytes]) -> None:
        """Take in every line."""
        for line in lines:
            held: Json = orjson.loads(line)
            if "site" in held:
                self._site(held["site"])
            else:
                self._issue(held)

    def _site(self, site: Json) -> None:
        state = self.state
        state.title = site.get("title", state.title)
        state.cloud_id = site.get("cloudId") or str(uuid.uuid5(uuid.NAMESPACE_DNS, state.title))
        state.zone = ZoneInfo(site["timeZone"]) if site.get("timeZone") else state.zone
        for described in site.get("fields") or ():
            if str(described["id"]).startswith("customfield_"):
                state.add_custom(described)
        self._names(site)
        for described in site.get("users") or ():
            self._user(described)
        for described in site.get("projects") or ():
            self._project(described)
        self._move_agent_away()
        for old, new in (site.get("former_keys") or {}).items():
            state.former_keys[old.upper()] = new.upper()

    def _move_agent_away(self) -> None:
        agent, now = self.state.accounts.users[AGENT], self.state.clock()
        if now.astimezone(ZoneInfo(agent.time_zone)).utcoffset() == now.astimezone(self.state.zone).utcoffset():
            self.state.accounts.put(replace(agent, time_zone=OTHER_AGENT_ZONE))

    def _names(self, site: Json) -> None:
        state = self.state
        for group in map(_named, site.get("groups") or ()):
            state.groups[group["name"]] = group.get("groupId") or _id_of(group["name"])
        for role in map(_named, site.get("roles") or ()):
            state.roles[role["name"]] = {"id": state.next_id(), **role}
        for level in map(_named, site.get("levels") or ()):
            state.levels[level["name"]] = {"id": str(state.next_id()), **level}

    def _user(self, described: Json) -> None:
        user = user_of(described)
        self.state.accounts.put(user)
        for group in user.groups:
            self.state.groups.setdefault(group, _id_of(group))
        for role in {name for names in user.roles.values() for name in names}:
            self.state.roles.setdefault(role, {"id": self.state.next_id(), "name": role})

    def _project(self, described: Json) -> None:
        key = described["key"]
        self.state.projects[key] = Project(
            id=str(described.get("id") or self.state.next_id()),
            key=key,
            name=described.get("name") or key,
            type_key=described.get("projectTypeKey") or "software",
            style=described.get("style") or "classic",
            description=described.get("description") or "",
            lead=self._person(described.get("lead")),
            category=described.get("projectCategory"),
            archived=bool(described.get("archived")),
            public=bool(described.get("public")),
        )
        self.state.note_id(self.state.projects[key].id)

    def _issue(self, held: Json) -> None:
        state, fields = self.state, held["fields"]
        number, key = int(held["id"]), held["key"]
        stored = self._stored(number, key, fields)
        if _bare_keys(stored):
            self.incomplete.append(number)
        for old in held.get("former_keys") or ():
            state.numbers_by_key[old.upper()] = number
        state.keep(number, key, stored["project"], stored)
        for entry in (held.get("changelog") or {}).get("histories") or ():
            state.changelogs.note(number, self._person(entry.get("author")), entry["created"], entry["items"])

    def _stored(self, number: int, key: str, fields: Json) -> Stored:
        stored: Stored = {name: value for name, value in fields.items() if value is not None}
        stored["project"] = self._project_key(key, fields.get("project"))
        for name in _PEOPLE:
            self._replace_person(stored, name)
        for name, plural in _LISTS.items():
            if name in stored:
                stored[name] = self._entries(stored[name], plural)
        if stored.get("attachment"):
            stored["attachment"] = [self._attachment(number, item) for item in stored["attachment"]]
        self._custom_people(stored)
        self._catalogue(stored)
        if stored.get("security"):
            stored["security"] = self._level(stored["security"])
        return stored

    def _project_key(self, key: str, described: Any) -> str:
        own = described.get("key") if isinstance(described, dict) else described
        project = str(own or key.rpartition("-")[0])
        if project not in self.state.projects:
            self._project({**(described if isinstance(described, dict) else {}), "key": project})
        return project

    def _person(self, value: Any) -> str | None:
        if not isinstance(value, dict):
            return value or None
        name = value.get("name") or value.get("key") or value.get("accountId") or value.get("displayName")
        if name and name not in self.state.accounts.users:
            self._user({**value, "name": name})
        return name

    def _replace_person(self, holder: Json, name: str) -> None:
        if name in holder:
            holder[name] = self._person(holder[name])

    def _entries(self, value: Any, plural: str) -> list[Json]:
        entries: list[Json] = value.get(plural) or [] if isinstance(value, dict) else value
        for entry in entries:
            self.state.note_id(entry["id"])
            for name in _AUTHORS:
                self._replace_person(entry, name)
        return entries

    def _attachment(self, number: int, item: Json) -> Json:
        self._replace_person(item, "author")
        path = self.folder / item.pop("path") if item.get("path") else None
        size = path.stat().st_size if path else int(item.get("size") or 0)
        mime = item.get("mimeType") or "application/octet-stream"
        id_ = str(item["id"])
        self.state.note_id(id_)
        self.state.blobs[id_] = Blob(number, item["filename"], mime, size, path=path)
        return item | {"id": id_, "size": size, "mimeType": mime}

    def _custom_people(self, stored: Stored) -> None:
        for id_, field in self.state.customs.items():
            if id_ in stored and "user" in (field.schema.get("type"), field.schema.get("items")):
                value = stored[id_]
                stored[id_] = [self._person(v) for v in value] if isinstance(value, list) else self._person(value)

    def _catalogue(self, stored: Stored) -> None:
        for name, known in self.state.catalogs.items():
            value = stored.get(name)
            if isinstance(value, dict) and value.get("id") not in known:
                known[str(value.get("id") or value["name"])] = value
                self.state.note_id(value.get("id"))
        for name in stored.keys() - SYSTEM_IDS - self.state.customs.keys():
            if name.startswith("customfield_"):
                self.state.add_custom({"id": name})
            else:
                self.state.extra_fields.add(name)

    def _level(self, value: Any) -> str:
        level = _named(value)
        levels = self.state.levels
        by_id = next(
            (name for name, known in levels.items() if known["id"] == level.get("id", level.get("name"))), None
        )
        name = by_id or str(level["name"])
        levels.setdefault(name, {"id": str(self.state.next_id()), **level})
        return name


def _named(value: Any) -> Json:
    return value if isinstance(value, dict) else {"name": value}


def _id_of(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def user_of(described: Mapping[str, Any]) -> User:
    """A user from its line in a site file, or from a person in an issue."""
    name = described["name"]
    rights: Json = {
        "account_id": described.get("accountId") or account_id(name),
        "key": described.get("key") or user_key(name),
        "email": described.get("emailAddress") or None,
        "time_zone": described.get("timeZone") or "Etc/UTC",
        "active": described.get("active", True),
        "account_type": described.get("accountType") or "atlassian",
        "hide_email": described.get("hideEmail"),
        "groups": frozenset(described.get("groups") or ()),
        "roles": {project: frozenset(names) for project, names in (described.get("roles") or {}).items()},
        "levels": frozenset(described.get("levels") or ()),
        "projects": frozenset(described["projects"]) if described.get("projects") is not None else None,
        "agent": bool(described.get("agent")),
        "admin": name == AGENT or bool(described.get("admin")),
    }
    return replace(new_user(name, described.get("displayName") or name), **rights)


def _fill_references(state: State, numbers: Iterable[int]) -> None:
    """Give parents, links and subtasks that name only a key the short form of the issue they name."""
    for key, new in state.former_keys.items():
        if new in state.numbers_by_key:
            state.numbers_by_key[key] = state.numbers_by_key[new]
    for number in numbers:
        issue = state.issues[number]
        stored = issue.stored()
        for holder, name in _references(stored):
            holder[name] = reference(state, holder[name])
        state.keep(issue.number, issue.key, issue.project, stored)


def _references(stored: Stored) -> list[tuple[Any, Any]]:
    """Where an issue names others without their fields: each holder with the index or name of the place in it."""
    places: list[tuple[Any, Any]] = [(stored, "parent")] if stored.get("parent") else []
    for link in stored.get("issuelinks") or ():
        places += [(link, side) for side in ("inwardIssue", "outwardIssue") if side in link]
    subtasks = stored.get("subtasks") or []
    places += [(subtasks, place) for place in range(len(subtasks))]
    return [(holder, name) for holder, name in places if "fields" not in holder[name]]


def _bare_keys(stored: Stored) -> bool:
    """Write issues named by their key alone as objects; whether any issue is named without its fields."""
    for holder, name in _references(stored):
        if isinstance(holder[name], str):
            holder[name] = {"key": holder[name]}
    return bool(_references(stored))


def reference(state: State, named: Json) -> Json:
    """The short form in which one issue holds another: id, key and four fields."""
    issue = state.find(str(named.get("key") or named["id"]))
    if issue is None:
        return {"id": "0", "fields": {"summary": named.get("key")}, **named}
    stored = issue.stored()
    fields = {name: stored[name] for name in ("summary", "status", "priority", "issuetype") if name in stored}
    return {"id": str(issue.number), "key": issue.key, "fields": fields}
