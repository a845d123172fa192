"""Which calls of Jira's REST interface does a connector use? One method each, named as Jira names it; answers are checked.

Holds no logic of reading: what to ask for, and in which order, is the readers' business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import quote

from jirakb.errors import ProtocolError
from jirakb.jira.client.answers import Answer
from jirakb.jira.client.pages import IssueBytes, read_page
from jirakb.jira.client.sender import Call, Sender
from jirakb.jira.document.lenient import line, mapping, number

_LONGEST_QUERY_IN_URL = 1500
"""Characters; longer queries go in a POST, since proxies cut addresses at a few kilobytes."""

_NOT_FOR_ALL = frozenset({302, 303, 401, 403, 404})
"""How sites answer strangers that they tell nothing: some single sign-ons send them to a login page."""

_LOG_PAGE = 2000
"""Changes that one page of Cloud's change logs holds: enough for most batches, without gigantic answers."""

_CLOUD_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
"""A UUID; it becomes a part of an address that is called with credentials."""

Part = Literal["comment", "worklog"]


@dataclass(frozen=True, slots=True)
class IdPage:
    """A page of Cloud's search: issues as sent, and the token of the next page ("" on the last)."""

    rows: Sequence[IssueBytes]
    next_token: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class IssuePage:
    """A page of Data Center's search, counted from `start`: issues as sent, and how many there are in all."""

    rows: Sequence[IssueBytes]
    start: int
    total: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class PartPage:
    """A page of comments or worklogs, counted from `start`, and how many there are in all."""

    rows: Sequence[object]
    start: int
    total: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class LogPage:
    """A page of the changes of several issues, and the token of the next page ("" on the last)."""

    rows: Sequence[object]
    next_token: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """What bulkfetch brought: issues as sent, and the ids that it could not bring with its reason."""

    issues: Sequence[IssueBytes]
    errors: Mapping[str, str]
    answer: Answer


class PublicSite:
    """What a site tells everybody: which Jira it is."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def server_info(self) -> Answer:
        """Version and deployment; a refusal, a way to a login page and 404 are the caller's to judge."""
        return self._sender.send(Call("GET", "GET serverInfo", "rest/api/2/serverInfo", accepted=_NOT_FOR_ALL))

    def cloud_id(self) -> str:
        """The site's cloudId, "" where it has none, or tells one that could lead a token elsewhere than to its own gateway."""
        call = Call("GET", "GET _edge/tenant_info", "_edge/tenant_info", accepted=_NOT_FOR_ALL)
        told = line(mapping(self._sender.send(call).data).get("cloudId"))
        return told if _CLOUD_ID.fullmatch(told) else ""


class JiraClient:
    """The calls of a signed-in account."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self.site = sender.site

    def server_info(self) -> Answer:
        """Version and deployment, for sites that tell them to accounts only; also the cheapest sign of life."""
        return self._sender.send(Call("GET", "GET serverInfo", "serverInfo"))

    def myself(self) -> Answer:
        """The account."""
        return self._sender.send(Call("GET", "GET myself", "myself"))

    def fields(self) -> object:
        """The definitions of all fields."""
        return self._sender.send(Call("GET", "GET field", "field")).data

    def project(self, key: str) -> Answer:
        """One project; 404 (missing or hidden) is the caller's to judge."""
        path = f"project/{quote(key, safe='')}"
        return self._sender.send(Call("GET", "GET project/{key}", path, accepted=frozenset({404})))

    def projects(self) -> Answer:
        """All projects that the account sees, on Data Center."""
        return self._sender.send(Call("GET", "GET project", "project"))

    def project_page(self) -> Answer:
        """The first hundred projects that the account sees, on Cloud."""
        params = {"action": "browse", "maxResults": "100"}
        return self._sender.send(Call("GET", "GET project/search", "project/search", params=params))

    def count(self, jql: str) -> int | None:
        """About how many issues a query finds, on Cloud; never a proof of completeness."""
        call = Call("POST", "POST search/approximate-count", "search/approximate-count", body={"jql": jql})
        return number(mapping(self._sender.send(call).data).get("count"))

    def users(self, text: str) -> Sequence[object]:
        """The users of Cloud whose name holds these words, or whose address is this one; none where the site does not tell."""
        accepted = frozenset({400, 401, 403, 404})
        call = Call("GET", "GET user/search", "user/search", params={"query": text}, accepted=accepted)
        answer = self._sender.send(call)
        return answer.data if answer.status == 200 and isinstance(answer.data, list) else ()

    def search_jql(self, jql: str, fields: str, size: int, token: str = "") -> IdPage:
        """A page of Cloud's search; every page of a walk must ask the same query and fields."""
        asked: dict[str, object] = {"jql": jql, "fields": [fields], "maxResults": size}
        if token:
            asked["nextPageToken"] = token
        return self._id_page(self._sender.send(_search_call(jql, asked)))

    def bulk_fetch(self, numbers: Sequence[int], fields: Sequence[str], *, attempts: int | None = None) -> Fetched:
        """Bodies by id on Cloud; 400 is raised as ConnectorValidationError."""
        asked = {"issueIdsOrKeys": [str(number) for number in numbers], "fields": list(fields)}
        call = Call("POST", "POST issue/bulkfetch", "issue/bulkfetch", body=asked, read=read_page)
        answer = self._sender.send(call, attempts=attempts)
        data = mapping(answer.data)
        errors = {
            line(mapping(error).get("id")): line(mapping(error).get("errorMessage"))
            for error in self._array(data, "issueErrors", "bulkfetch", optional=True)
        }
        return Fetched(self._issues(data, "bulkfetch"), errors, answer)

    def changelogs(self, numbers: Sequence[int], token: str = "") -> LogPage:
        """A page of what changed in these issues, on Cloud."""
        asked: dict[str, object] = {"issueIdsOrKeys": [str(number) for number in numbers], "maxResults": _LOG_PAGE}
        if token:
            asked["nextPageToken"] = token
        call = Call("POST", "POST changelog/bulkfetch", "changelog/bulkfetch", body=asked)
        data = mapping(self._sender.send(call, attempts=3).data)
        return LogPage(self._array(data, "issueChangeLogs", "changelog/bulkfetch"), line(data.get("nextPageToken")))

    def search(
        self,
        jql: str,
        fields: Sequence[str],
        start: int,
        size: int,
        *,
        lenient: bool = False,
        attempts: int | None = None,
        expand: Sequence[str] = (),
    ) -> IssuePage | None:
        """A page of Data Center's search. `lenient`: dead ids are passed over, and None stands for a query refused."""
        asked: dict[str, object] = {"jql": jql, "startAt": start, "maxResults": size, "fields": list(fields)}
        if expand:
            asked["expand"] = list(expand)
        if lenient:
            asked["validateQuery"] = False
        accepted = frozenset({400}) if lenient else frozenset[int]()
        call = Call("POST", "POST search", "search", body=asked, accepted=accepted, read=read_page)
        answer = self._sender.send(call, attempts=attempts)
        if answer.status == 400:
            return None
        data = mapping(answer.data)
        rows = self._issues(data, "search")
        return IssuePage(rows, *_position(data, start, len(rows)), answer)

    def issue(self, number: int, *, fields: str = "*all", expand: str = "", attempts: int | None = None) -> Answer:
        """One issue with these fields; 401, 403 and 404 (gone, or no longer shown) are the caller's to judge."""
        call = Call(
            "GET",
            "GET issue/{key}",
            f"issue/{number}",
            params={"fields": fields, "expand": expand} if expand else {"fields": fields},
            accepted=frozenset({401, 403, 404}),
        )
        return self._sender.send(call, attempts=attempts)

    def parts(self, number: int, part: Part, start: int, size: int) -> PartPage | None:
        """A page of an issue's comments or worklogs, oldest first; None when the issue is gone."""
        params = {"startAt": str(start), "maxResults": str(size)}
        if part == "comment":
            params["orderBy"] = "created"
        path = f"issue/{number}/{part}"
        call = Call("GET", f"GET issue/{{key}}/{part}", path, params=params, accepted=frozenset({404}))
        answer = self._sender.send(call)
        if answer.status == 404:
            return None
        data = mapping(answer.data)
        rows = self._array(data, f"{part}s", part)
        return PartPage(rows, *_position(data, start, len(rows)), answer)

    def _id_page(self, answer: Answer) -> IdPage:
        data = mapping(answer.data)
        rows = self._issues(data, "search/jql")
        token = data.get("nextPageToken")
        last = data.get("isLast") is True or not isinstance(token, str)
        return IdPage(rows, "" if last else str(token), answer)

    def _issues(self, data: Mapping[str, object], what: str) -> Sequence[IssueBytes]:
        return cast(Sequence[IssueBytes], self._array(data, "issues", what))

    def _array(self, data: Mapping[str, object], name: str, what: str, *, optional: bool = False) -> Sequence[object]:
        found = data.get(name)
        if isinstance(found, list):
            return found
        if optional and found is None:
            return ()
        raise ProtocolError(f"{self.site} answered {what} without {name}.", url=self.site, status=200)


def _position(data: Mapping[str, object], start: int, rows: int) -> tuple[int, int]:
    """From where a page counts, and how many rows there are in all; what the page does not say is presumed."""
    echoed, total = number(data.get("startAt")), number(data.get("total"))
    return start if echoed is None else echoed, rows if total is None else total


def _search_call(jql: str, asked: Mapping[str, object]) -> Call:
    if len(jql) > _LONGEST_QUERY_IN_URL:
        return Call("POST", "POST search/jql", "search/jql", body=asked, read=read_page)
    params = {name: ",".join(value) if isinstance(value, list) else str(value) for name, value in asked.items()}
    return Call("GET", "GET search/jql", "search/jql", params=params, read=read_page)
