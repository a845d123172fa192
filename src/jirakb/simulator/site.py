"""The simulated site in the words of a test: create, edit, comment, move, delete, restrict. Never speaks HTTP.

    site = Site("cloud")
    key = site.create("SHOP", "The pump stops at night", description="h3. Steps")
    site.comment(key, "Seen again", visibility="Developers")

Verbs take issues by key, former key or number, and people by login. Each moves the issue's `updated` to the site's clock.
They may be called from any thread while the site answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from jirakb.simulator.accounts import (
    AGENT,
    AGENT_ACCESS_TOKEN,
    AGENT_EMAIL,
    AGENT_PASSWORD,
    AGENT_PAT,
    AGENT_SCOPED_TOKEN,
    AGENT_TOKEN,
    Caller,
)
from jirakb.simulator.bodies import Bodies
from jirakb.simulator.fields import SYSTEM_IDS, Json
from jirakb.simulator.issues import Blob, Issue, Project, Stored
from jirakb.simulator.load import load, reference
from jirakb.simulator.people import People
from jirakb.simulator.state import Flavor, locked

_DONE = {"id": 3, "key": "done", "colorName": "green", "name": "Done"}
_NEW = {"id": 2, "key": "new", "colorName": "blue-gray", "name": "To Do"}
_ACTIVE = {"id": 4, "key": "indeterminate", "colorName": "yellow", "name": "In Progress"}
_DONE_WORDS = frozenset({"done", "closed", "resolved"})
_NEW_WORDS = frozenset({"to do", "open", "new", "backlog", "reopened"})
_PLURAL = ("components", "fixVersions", "versions")
_LABELS = {"Blocks": ("is blocked by", "blocks"), "Duplicate": ("is duplicated by", "duplicates")}
_PEOPLE = ("assignee", "reporter", "creator")


class Site(People):
    """A Jira site that tests and the demo can edit; `jirakb.simulator.server.serve` puts it on the network.

    The agent (`email` with `token` on Cloud, `token` alone or `username` with `password` on Data Center) sees everything.
    """

    email = AGENT_EMAIL
    username = AGENT
    password = AGENT_PASSWORD
    scoped_token = AGENT_SCOPED_TOKEN
    access_token = AGENT_ACCESS_TOKEN

    @property
    def token(self) -> str:
        """The agent's API token on Cloud, its personal access token on Data Center."""
        return AGENT_TOKEN if self.cloud else AGENT_PAT

    @classmethod
    def load(cls, paths: Iterable[Path | str], flavor: Flavor = "cloud", **settings: Any) -> Self:
        """A site with the issues of site files (the form is in `load`); `settings` are those of the constructor."""
        site = cls(flavor, **settings)
        load(site, [Path(path) for path in paths])
        return site

    def warm(self, fields: tuple[str, ...] = ("*all",), *, api: int | None = None) -> int:
        """Make every body now, as the default reader sees it, so that later calls are fast; how many there are."""
        bodies, caller = Bodies(self), Caller(self.accounts.users[AGENT])
        for issue in list(self.issues.values()):
            bodies.issue(issue, fields, caller, api=api or (3 if self.cloud else 2)).deflated()
        return len(self.issues)

    # ---- projects

    @locked
    def project(self, key: str, name: str | None = None, **attributes: Any) -> Project:
        """A project, made or changed; `attributes` are those of `Project`."""
        known = self.projects.get(key) or Project(id=str(self.next_id()), key=key, name=name or key)
        self.projects[key] = replace(known, name=name or known.name, **attributes)
        self.generation += 1
        return self.projects[key]

    @locked
    def archive(self, project: str, *, archived: bool = True) -> None:
        """Archive a project (or bring it back): search no longer finds its issues, a fetch still does."""
        self.project(project, archived=archived)
        for issue in [issue for issue in self.issues.values() if issue.project == project]:
            self.keep(issue.number, issue.key, project, issue.stored())

    @locked
    def rename_project(self, project: str, key: str) -> None:
        """Give a project another key: its issues get new keys and keep `updated`; the former keys go on leading to them."""
        held = self.projects.pop(project)
        self.projects[key] = replace(held, key=key)
        self.former_projects[project.upper()] = key
        for issue in [issue for issue in self.issues.values() if issue.project == project]:
            number = issue.key.rpartition("-")[2]
            self.keep(issue.number, f"{key}-{number}", key, issue.stored() | {"project": key})
        self.generation += 1

    # ---- issues

    @locked
    def create(
        self,
        project: str,
        summary: str,
        *,
        type: str = "Task",  # noqa: A002 - the word of the domain
        status: str = "To Do",
        reporter: str | None = AGENT,
        number: int | None = None,
        **fields: Any,
    ) -> str:
        """A new issue; its key. Other fields by their id, as in `edit`."""
        if project not in self.projects:
            self.project(project)
        now = self.now_text()
        stored: Stored = {"project": project, "created": now, "updated": now, "labels": [], "comment": []}
        given = {"summary": summary, "issuetype": type, "status": status, "reporter": reporter, "creator": reporter}
        self._apply_fields(stored, given | fields)
        return self.keep(number or self.next_id(), self.next_key(project), project, stored).key

    def edit(self, issue: str | int, **fields: Any) -> None:
        """Set fields by id: texts (wiki, or {"wiki", "adf"}), `status="Done"`, people by login, `components=["x"]`; None clears."""
        self._change(issue, lambda stored: self._apply_fields(stored, fields))

    def touch(self, issue: str | int) -> None:
        """Move `updated` and nothing else."""
        self._change(issue, lambda stored: None)

    def label(self, issue: str | int, *labels: str) -> None:
        """Add labels."""
        self._change(issue, lambda stored: stored.update(labels=[*dict.fromkeys([*stored.get("labels", []), *labels])]))

    def unlabel(self, issue: str | int, *labels: str) -> None:
        """Remove labels."""
        self._change(
            issue, lambda stored: stored.update(labels=[x for x in stored.get("labels", []) if x not in labels])
        )

    def restrict(self, issue: str | int, level: str | None) -> None:
        """Put the issue under a security level, or (None) under none."""
        if level is not None:
            self.levels.setdefault(level, {"id": str(self.next_id()), "name": level})
        self._change(issue, lambda stored: _put(stored, "security", level))

    @locked
    def link(self, issue: str | int, other: str | int, kind: str = "Relates") -> None:
        """Link two issues, outward from the first."""
        here, there = self.get(str(issue)), self.get(str(other))
        inward, outward = _LABELS.get(kind, (kind.lower(), kind.lower()))
        names = {"id": str(self.next_id()), "name": kind, "inward": inward, "outward": outward}
        id_ = str(self.next_id())
        for one, side, two in ((here, "outwardIssue", there), (there, "inwardIssue", here)):
            held = {"id": id_, "type": names, side: reference(self, {"key": two.key})}
            self._change(one.number, lambda stored, held=held: stored.setdefault("issuelinks", []).append(held))  # type: ignore[misc]

    @locked
    def move(self, issue: str | int, project: str) -> str:
        """Move an issue to another project: a new key, the same id; the old key goes on leading to it."""
        found = self.get(str(issue))
        if project not in self.projects:
            self.project(project)
        stored = found.stored() | {"project": project, "updated": self.now_text()}
        return self.keep(found.number, self.next_key(project), project, stored).key

    @locked
    def delete(self, issue: str | int) -> None:
        """Delete an issue: no trace of it is left."""
        self.drop(self.get(str(issue)))

    # ---- what hangs on issues

    def comment(
        self,
        issue: str | int,
        body: str | Json,
        *,
        author: str | None = AGENT,
        role: str | None = None,
        group: str | None = None,
        public: bool = True,
    ) -> str:
        """A new comment, for everybody or for one role or group; `public=False` is an internal note. Its id."""
        id_, now = str(self.next_id()), self.now_text()
        held: Json = {"id": id_, "author": author, "updateAuthor": author, "body": body, "created": now, "updated": now}
        if author:
            self.find_user(author)
        if role or group:
            held["visibility"] = {"type": "role" if role else "group", "value": role or group}
        if not public:
            held["jsdPublic"] = False
        self._change(issue, lambda stored: stored.setdefault("comment", []).append(held))
        return id_

    def edit_comment(self, issue: str | int, comment: str, body: str | Json) -> None:
        """Change a comment's text."""
        new = {"body": body, "updated": self.now_text()}
        self._change(
            issue, lambda stored: _entry(stored, "comment", comment).update(new), bump=self.switches.comment_edit_bumps
        )

    def delete_comment(self, issue: str | int, comment: str) -> None:
        """Delete a comment."""
        self._change(issue, lambda stored: _remove(stored, "comment", comment))

    def log_work(self, issue: str | int, comment: str, *, seconds: int = 3600, author: str = AGENT) -> str:
        """A new worklog; its id."""
        id_, now = str(self.next_id()), self.now_text()
        held: Json = {"id": id_, "author": author, "updateAuthor": author, "comment": comment, "started": now}
        held |= {"created": now, "updated": now, "timeSpentSeconds": seconds}
        self._change(issue, lambda stored: stored.setdefault("worklog", []).append(held))
        return id_

    @locked
    def attach(
        self,
        issue: str | int,
        filename: str,
        data: bytes | str,
        *,
        mime: str = "application/octet-stream",
        author: str = AGENT,
        size: int | None = None,
    ) -> str:
        """A new attachment; its id. `size` may lie about the bytes; text becomes UTF-8."""
        data = data.encode() if isinstance(data, str) else data
        id_ = str(self.next_id())
        held: Json = {"id": id_, "filename": filename, "author": author, "created": self.now_text()}
        held |= {"size": len(data) if size is None else size, "mimeType": mime}
        self.blobs[id_] = Blob(self.get(str(issue)).number, filename, mime, len(data), data=data)
        self._change(issue, lambda stored: stored.setdefault("attachment", []).append(held))
        return id_

    @locked
    def detach(self, issue: str | int, attachment: str) -> None:
        """Delete an attachment."""
        del self.blobs[attachment]
        self._change(issue, lambda stored: _remove(stored, "attachment", attachment))

    @locked
    def random_edit(self) -> str:
        """Do something small to some issue, by the seeded chance of the switches; what was done."""
        chance = self.switches.chance
        if not self.issues:
            return ""
        number = chance.choice(list(self.issues))
        verb = chance.choice(("touch", "comment", "label", "edit"))
        word = f"w{chance.randrange(10_000)}"
        given: dict[str, tuple[object, ...]] = {"touch": (), "comment": (word,), "label": (word,), "edit": ()}
        getattr(self, verb)(number, *given[verb], **({"summary": f"Summary {word}"} if verb == "edit" else {}))
        return f"{verb} {number}"

    def run_verb(self, verb: str, args: Mapping[str, Any] | list[Any]) -> object:
        """Run a verb by name, as `/_sim/edit` does; ValueError when there is no such verb."""
        if verb not in VERBS:
            raise ValueError(f"no verb {verb!r}; there are {', '.join(sorted(VERBS))}")
        method: Callable[..., object] = getattr(self, verb)
        return method(**args) if isinstance(args, Mapping) else method(*args)

    @locked
    def _change(self, issue: str | int, mutate: Callable[[Stored], None], *, bump: bool = True) -> None:
        found: Issue = self.get(str(issue))
        stored = found.stored()
        mutate(stored)
        if bump:
            stored["updated"] = self.now_text()
        self.keep(found.number, found.key, found.project, stored)

    def _apply_fields(self, stored: Stored, fields: Mapping[str, Any]) -> None:
        for name, value in fields.items():
            _put(stored, name, self._value(name, value))
        if "status" in fields:
            self._resolve(stored)

    def _value(self, name: str, value: Any) -> Any:
        if name in self.catalogs and isinstance(value, str):
            return self._known(name, value)
        if name in _PLURAL and value:
            return [item if isinstance(item, dict) else {"id": _stable_id(name, item), "name": item} for item in value]
        if name in _PEOPLE and value:
            return self.find_user(value).name
        if name == "parent" and value is not None:
            return reference(self, value if isinstance(value, dict) else {"key": value})
        if name not in SYSTEM_IDS and name not in self.customs:
            self.add_custom({"id": name})
        return list(value) if isinstance(value, tuple) else value

    def _known(self, field: str, name: str) -> Json:
        known = self.catalogs[field]
        for value in known.values():
            if value["name"].lower() == name.lower():
                return value
        new: Json = {"id": str(self.next_id()), "name": name}
        if field == "status":
            new["statusCategory"] = _category(name)
        if field == "issuetype":
            new["subtask"] = name.lower() in {"sub-task", "subtask"}
        known[new["id"]] = new
        return new

    def _resolve(self, stored: Stored) -> None:
        done = stored["status"]["statusCategory"]["key"] == "done"
        if done and not stored.get("resolution"):
            stored |= {"resolution": self._known("resolution", "Done"), "resolutiondate": self.now_text()}
        elif not done:
            stored.pop("resolution", None)
            stored.pop("resolutiondate", None)


VERBS = frozenset(
    (
        *(
            "account",
            "allow",
            "lose",
            "revoke",
            "project",
            "archive",
            "rename_project",
            "create",
            "edit",
            "touch",
            "label",
            "unlabel",
        ),
        *("restrict", "link", "move", "delete", "comment", "edit_comment", "delete_comment", "log_work", "attach"),
        *("detach", "random_edit"),
    )
)
"""The verbs that another process may run."""


def _put(stored: Stored, name: str, value: Any) -> None:
    if value is None:
        stored.pop(name, None)
    else:
        stored[name] = value


def _category(status: str) -> Json:
    word = status.lower()
    return _DONE if word in _DONE_WORDS else _NEW if word in _NEW_WORDS else _ACTIVE


def _stable_id(kind: str, name: str) -> str:
    return str(20_000 + sum(map(ord, kind + name)))


def _entry(stored: Stored, kind: str, id_: str) -> Json:
    for entry in stored.get(kind) or ():
        if entry["id"] == str(id_):
            found: Json = entry
            return found
    raise KeyError(f"no {kind} {id_} on this issue")


def _remove(stored: Stored, kind: str, id_: str) -> None:
    stored[kind].remove(_entry(stored, kind, id_))
