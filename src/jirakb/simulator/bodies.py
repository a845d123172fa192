"""How an issue, a comment, a person or a project looks in an answer: v2 with wiki text, v3 with ADF, Cloud and Data Center.

Reads the site and decides what the caller may see inside an issue; never whether the caller may see the issue.
"""

from __future__ import annotations

import mimetypes
import uuid
import zlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import orjson

from jirakb.simulator.accounts import Caller, User
from jirakb.simulator.fields import Field, Json, Selection, chosen
from jirakb.simulator.gzip_pieces import Piece
from jirakb.simulator.issues import Issue, Project, Stored
from jirakb.simulator.messages import errors
from jirakb.simulator.richtext import EMPTY_DOCUMENT, document_of, is_rich, wiki_of, with_account_ids
from jirakb.simulator.state import State
from jirakb.simulator.times import restamp

_EXPAND = "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations"
_SELF_PATHS = {
    "issuetype": "issuetype",
    "status": "status",
    "priority": "priority",
    "resolution": "resolution",
    "components": "component",
    "fixVersions": "version",
    "versions": "version",
}
ALL_CHANGES = 1_000_000
_TIMES = frozenset({"created", "updated", "resolutiondate"})
_PEOPLE = frozenset({"assignee", "reporter", "creator"})
_TEXTS = frozenset({"description", "environment"})
_LISTS = frozenset({"labels", "components", "fixVersions", "versions", "issuelinks", "subtasks"})


def media_id(attachment: str) -> str:
    """The media host's name for an attachment, which ADF documents use and REST never tells."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, attachment))


class Bodies:
    """Builds bodies of one site. Cheap to make: what is worth keeping is kept on the issues.

    `properties`: the request expanded them, so that Data Center tells which comments are internal notes.
    `attachments`: a body holds a page of that many of them; None: a list of all. `changes`: it holds so many of the newest
    entries of its change log; None: no change log.
    """

    def __init__(
        self, state: State, *, properties: bool = False, attachments: int | None = None, changes: int | None = None
    ) -> None:
        self.state = state
        self.properties = properties
        self.attachments = attachments
        self.changes = changes

    # ---- issues

    def issue(self, issue: Issue, named: Selection, caller: Caller, *, api: int) -> Piece:
        """The JSON of an issue with the chosen fields, as bytes that are made once per change."""
        if issue.number in self.state.switches.broken and "*all" in named:
            raise errors(500, "Internal server error")
        view = (
            api,
            named,
            caller.id if issue.restricted else None,
            self.state.switches.inline_comment_cap,
            self.attachments,
            self.changes,
            self.properties,
        )
        made = issue.bodies.get(view)
        return made or issue.keep(view, Piece(orjson.dumps(self.issue_json(issue, named, caller, api=api))))

    def issue_json(self, issue: Issue, named: Selection, caller: Caller, *, api: int) -> Json:
        """The same, not yet bytes."""
        stored = issue.stored()
        held = _View(self, issue, stored, caller, api)
        ids = chosen(named, self.state.field_ids())
        fields = {id_: held.value(id_) for id_ in ids if id_ in stored or not self._is_foreign(id_)}
        head = {"expand": _EXPAND, "id": str(issue.number), "self": self.url(api, f"issue/{issue.number}")}
        log = {} if self.changes is None else {"changelog": self._change_page(issue, self.changes, api=api)}
        return head | {"key": issue.key, **log, "fields": fields}

    def _change_page(self, issue: Issue, cap: int, *, api: int) -> Json:
        """Cloud tells the newest first, Data Center the oldest."""
        held = self.histories(issue, api=api)
        shown = held[::-1][:cap] if self.state.cloud else held
        return {"startAt": 0, "maxResults": len(shown), "total": len(held), "histories": shown}

    def histories(self, issue: Issue, *, api: int) -> list[Json]:
        """The entries of an issue's change log, oldest first."""
        return [self._history(entry, api=api) for entry in self.state.changelogs.of(issue.number)]

    def _history(self, entry: Json, *, api: int) -> Json:
        author = self.person(entry["author"], api=api)
        when = restamp(entry["created"], self.state.zone)
        return {"id": entry["id"], **({"author": author} if author else {}), "created": when, "items": entry["items"]}

    def _is_foreign(self, id_: str) -> bool:
        return id_ in self.state.extra_fields

    def url(self, api: int, path: str) -> str:
        """The address of a resource; the site's own, even through the gateway."""
        return f"{self.state.base_url}/rest/api/{api}/{path}"

    # ---- people and projects

    def person(self, name: str | None, *, api: int) -> Json | None:
        """A person as issues hold one."""
        if not name:
            return None
        user = self.state.accounts.users.get(name)
        return self.user(user, api=api) if user else {"displayName": name, "active": False}

    def user(self, user: User, *, api: int, own: bool = False) -> Json:
        """A user; `own` when the caller asks for himself, who always sees his own address."""
        body = self._cloud_user(user, api) if self.state.cloud else self._dc_user(user)
        if user.email and (own or self._shows_email(user)):
            body["emailAddress"] = user.email
        body |= {"displayName": user.display_name, "active": user.active, "timeZone": user.time_zone}
        return body | {"avatarUrls": {"48x48": f"{self.state.base_url}/secure/useravatar?ownerId={quote(user.key)}"}}

    def _shows_email(self, user: User) -> bool:
        return user.hide_email is False if self.state.cloud else not user.hide_email

    def _cloud_user(self, user: User, api: int) -> Json:
        link = self.url(api, f"user?accountId={quote(user.account_id)}")
        return {"self": link, "accountId": user.account_id, "accountType": user.account_type}

    def _dc_user(self, user: User) -> Json:
        return {"self": self.url(2, f"user?username={quote(user.name)}"), "name": user.name, "key": user.key}

    def project(self, project: Project, *, api: int, full: bool = False) -> Json:
        """A project as issues and lists hold one, or (`full`) as its own page."""
        body: Json = {
            "self": self.url(api, f"project/{project.id}"),
            "id": project.id,
            "key": project.key,
            "name": project.name,
            "projectTypeKey": project.type_key,
            "avatarUrls": {"48x48": f"{self.state.base_url}/secure/projectavatar?pid={project.id}"},
        }
        if self.state.cloud:
            body["simplified"] = project.style == "next-gen"
        if project.category:
            body["projectCategory"] = {"self": self.url(api, "projectCategory/1"), **project.category}
        return body | (self._project_page(project, api) if full else {})

    def _project_page(self, project: Project, api: int) -> Json:
        body: Json = {"description": project.description, "expand": "description,lead,issueTypes,url,projectKeys"}
        body |= {"components": [], "versions": [], "roles": {}, "archived": project.archived}
        body["issueTypes"] = self.catalog("issuetype", api=api)
        if self.state.cloud:
            body |= {"style": project.style, "isPrivate": not project.public, "properties": {}}
        lead = self.person(project.lead, api=api)
        return body | ({"lead": lead} if lead else {})

    def catalog(self, field: str, *, api: int) -> list[Json]:
        """All types, statuses, priorities or resolutions of the site."""
        return [self.named(field, value, api=api) for value in self.state.catalogs[field].values()]

    def named(self, field: str, value: Any, *, api: int) -> Any:
        """A type, status, version and the like, with its address."""
        if not isinstance(value, Mapping):
            return value
        body = {"self": self.url(api, f"{_SELF_PATHS[field]}/{value.get('id')}"), **value}
        if field in ("issuetype", "status", "priority"):
            body.setdefault("iconUrl", f"{self.state.base_url}/images/icons/{field}.svg")
        category = body.get("statusCategory")
        if isinstance(category, Mapping):
            body["statusCategory"] = {"self": self.url(api, f"statuscategory/{category.get('id')}"), **category}
        return body

    # ---- what hangs on issues

    def comments(self, issue: Issue, caller: Caller, *, api: int, stored: Stored | None = None) -> list[Json]:
        """The comments that the caller may see, oldest first."""
        held = _View(self, issue, stored or issue.stored(), caller, api)
        return [held.comment(comment) for comment in held.visible_comments()]

    def worklogs(self, issue: Issue, caller: Caller, *, api: int) -> list[Json]:
        """All worklogs."""
        held = _View(self, issue, issue.stored(), caller, api)
        return [held.worklog(entry) for entry in held.stored.get("worklog") or ()]

    def attachment(self, issue: Issue, id_: str, caller: Caller, *, api: int) -> Json:
        """One attachment's description."""
        held = _View(self, issue, issue.stored(), caller, api)
        return next(held.attachment(item) for item in held.stored["attachment"] if item["id"] == id_)

    def document(self, issue: Issue, value: Any, files: Mapping[str, str]) -> orjson.Fragment:
        """A rich text as ADF, converted once."""
        known = hash(value) if isinstance(value, str) else None
        if known is not None and known in issue.documents:
            return orjson.Fragment(zlib.decompress(issue.documents[known]))
        made = document_of(value, people=self.state.display_names(), files=files)
        if known is not None:
            issue.documents[known] = zlib.compress(made, 1)
        return orjson.Fragment(made)


class _View:
    """One issue for one caller in one version of the API."""

    def __init__(self, bodies: Bodies, issue: Issue, stored: Stored, caller: Caller, api: int) -> None:
        self.bodies = bodies
        self.state = bodies.state
        self.issue = issue
        self.stored = stored
        self.caller = caller
        self.api = api
        self.files = {item["filename"]: media_id(item["id"]) for item in stored.get("attachment") or ()}

    def value(self, id_: str) -> Any:
        """A field as the answer holds it."""
        if id_ in _SPECIAL_VALUES:
            return getattr(self, _SPECIAL_VALUES[id_])()
        value = self.stored.get(id_)
        if value is None:
            return [] if id_ in _LISTS else None
        return self._plain(id_, value)

    def _plain(self, id_: str, value: Any) -> Any:
        if id_ in _PEOPLE:
            return self.person(value)
        if id_ in _TIMES:
            return restamp(value, self.state.zone)
        if id_ in _TEXTS:
            return self.text(value)
        if id_ in _SELF_PATHS:
            return self._named(id_, value)
        field = self.state.customs.get(id_)
        return value if field is None else self._custom(field, value)

    def _named(self, id_: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self.bodies.named(id_, item, api=self.api) for item in value]
        return self.bodies.named(id_, value, api=self.api)

    def _custom(self, field: Field, value: Any) -> Any:
        if "user" in (field.schema.get("type"), field.schema.get("items")):
            return [self.person(v) for v in value] if isinstance(value, list) else self.person(value)
        if field.kind == "gh-sprint" and not self.state.cloud:
            return [java_sprint(sprint) for sprint in value]
        return self.text(value) if field.kind == "textarea" or is_rich(value) else value

    def person(self, name: str | None) -> Json | None:
        return self.bodies.person(name, api=self.api)

    def text(self, value: Any) -> Any:
        """A rich text in the form of this version of the API."""
        if self.api < 3:
            return self._wiki(wiki_of(value) or "")
        if not value:
            return orjson.Fragment(EMPTY_DOCUMENT)
        if isinstance(value, Mapping) and value.get("adf") is None and value.get("wiki") is not None:
            value = value["wiki"]
        return self.bodies.document(self.issue, self._wiki(value) if isinstance(value, str) else value, self.files)

    def _wiki(self, text: str) -> str:
        return with_account_ids(text, self.state.account_ids()) if self.state.cloud else text

    def _summary(self) -> str:
        return self.stored.get("summary") or ""

    def _project(self) -> Json:
        return self.bodies.project(self.state.projects[self.issue.project], api=self.api)

    def _security(self) -> Json | None:
        level = self.state.levels.get(self.stored.get("security") or "")
        if level is None:
            return None
        link = self.bodies.url(self.api, f"securitylevel/{level['id']}")
        return {"self": link, "description": "", **level}

    def _votes(self) -> Json:
        return {"self": self._own("votes"), "votes": 0, "hasVoted": False}

    def _watches(self) -> Json:
        return {"self": self._own("watchers"), "watchCount": 1, "isWatching": False}

    def _own(self, path: str) -> str:
        return self.bodies.url(self.api, f"issue/{self.issue.key}/{path}")

    def _parent(self) -> Json | None:
        parent = self.stored.get("parent")
        return self._reference(parent) if parent else None

    def _subtasks(self) -> list[Json]:
        return [self._reference(sub) for sub in self.stored.get("subtasks") or ()]

    def _links(self) -> list[Json]:
        return [self._link(link) for link in self.stored.get("issuelinks") or ()]

    def _link(self, link: Json) -> Json:
        body = {"self": self.bodies.url(self.api, f"issueLink/{link.get('id')}"), **link}
        for side in ("inwardIssue", "outwardIssue"):
            if side in body:
                body[side] = self._reference(body[side])
        return body

    def _reference(self, other: Json) -> Json:
        fields = {id_: self._named(id_, v) if id_ in _SELF_PATHS else v for id_, v in other.get("fields", {}).items()}
        return {**other, "self": self.bodies.url(self.api, f"issue/{other.get('id')}"), "fields": fields}

    def _attachments(self) -> list[Json] | Json:
        held, cap = self.stored.get("attachment") or (), self.bodies.attachments
        if cap is None:
            return [self.attachment(item) for item in held]
        page = {"startAt": 0, "maxResults": cap, "total": len(held)}
        return page | {"attachments": [self.attachment(item) for item in held[:cap]]}

    def attachment(self, item: Json) -> Json:
        """An attachment's description; `content` is where its bytes are asked for."""
        mime = item.get("mimeType") or mimetypes.guess_type(item["filename"])[0]
        return {
            "self": self.bodies.url(self.api, f"attachment/{item['id']}"),
            **item,
            "author": self.person(item.get("author")),
            "created": restamp(item["created"], self.state.zone),
            "mimeType": mime,
            "content": self._content(item),
        }

    def _content(self, item: Json) -> str:
        if self.state.cloud:
            return self.bodies.url(self.api, f"attachment/content/{item['id']}")
        return f"{self.state.base_url}/secure/attachment/{item['id']}/{quote(item['filename'])}"

    def visible_comments(self) -> Sequence[Json]:
        """The stored comments that the caller may see."""
        held = self.stored.get("comment") or ()
        if not self.issue.restricted:
            return held
        return [comment for comment in held if self.caller.sees_comment(self.issue.project, comment)]

    def _comment_page(self) -> Json:
        held = self.visible_comments()
        cap = self.state.switches.inline_comment_cap
        shown = held if cap is None else held[max(len(held) - cap, 0) :]
        body = {"comments": [self.comment(comment) for comment in shown], "self": self._own("comment")}
        return body | {"maxResults": len(held) if cap is None else cap, "total": len(held), "startAt": 0}

    def comment(self, held: Json) -> Json:
        """One comment."""
        number = self.issue.number
        body: Json = {
            "self": self.bodies.url(self.api, f"issue/{number}/comment/{held['id']}"),
            "id": held["id"],
            "author": self.person(held.get("author")),
            "body": self.text(held.get("body")),
            "updateAuthor": self.person(held.get("updateAuthor")),
            "created": restamp(held["created"], self.state.zone),
            "updated": restamp(held.get("updated") or held["created"], self.state.zone),
        }
        if held.get("visibility"):
            body["visibility"] = self._visibility(held["visibility"])
        if self.state.cloud:
            body["jsdPublic"] = held.get("jsdPublic") is not False
        elif self.bodies.properties and held.get("jsdPublic") is False:
            body["properties"] = [{"key": "sd.public.comment", "value": {"internal": True}}]
        return {name: value for name, value in body.items() if value is not None}

    def _visibility(self, visibility: Json) -> Json:
        value = visibility["value"]
        if not self.state.cloud:
            return {"type": visibility["type"], "value": value}
        identifier = self.state.groups.get(value, value) if visibility["type"] == "group" else value
        return {"type": visibility["type"], "value": value, "identifier": identifier}

    def _worklog_page(self) -> Json:
        held, cap = self.stored.get("worklog") or [], self.state.switches.inline_worklog_cap
        shown = [self.worklog(entry) for entry in held[:cap]]
        return {"startAt": 0, "maxResults": cap, "total": len(held), "worklogs": shown}

    def worklog(self, held: Json) -> Json:
        """One worklog."""
        zone = self.state.zone
        times = {name: restamp(held[name], zone) for name in ("created", "updated", "started") if held.get(name)}
        people = {name: self.person(held.get(name)) for name in ("author", "updateAuthor")}
        link = self.bodies.url(self.api, f"issue/{self.issue.number}/worklog/{held['id']}")
        text = self.text(held.get("comment"))
        return {**held, **people, **times, "self": link, "comment": text, "issueId": str(self.issue.number)}


_SPECIAL_VALUES = {
    "summary": "_summary",
    "project": "_project",
    "security": "_security",
    "votes": "_votes",
    "watches": "_watches",
    "parent": "_parent",
    "subtasks": "_subtasks",
    "issuelinks": "_links",
    "attachment": "_attachments",
    "comment": "_comment_page",
    "worklog": "_worklog_page",
}


def java_sprint(sprint: Mapping[str, Any]) -> str:
    """A sprint as Data Center writes it: what Java prints of the object."""
    names = ("id", "rapidViewId", "state", "name", "startDate", "endDate", "completeDate", "sequence")
    values = {"rapidViewId": sprint.get("originBoardId", 1), "sequence": sprint.get("id"), **sprint}
    values["state"] = str(sprint.get("state", "")).upper()
    inside = ",".join(f"{name}={values.get(name, '<null>')}" for name in names)
    return f"com.atlassian.greenhopper.service.sprint.Sprint@1f[{inside}]"
