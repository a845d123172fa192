"""What a route gets (the call) and how a path finds its route. Holds no endpoint of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from jirakb.simulator.accounts import Caller
from jirakb.simulator.bodies import ALL_CHANGES, Bodies
from jirakb.simulator.fields import Selection
from jirakb.simulator.gzip_pieces import Piece
from jirakb.simulator.issues import Issue
from jirakb.simulator.messages import Answer, Refusal, Request, as_json, errors, problem, unauthenticated
from jirakb.simulator.search import Search
from jirakb.simulator.site import Site

NO_ISSUE = "Issue does not exist or you do not have permission to see it."
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Call:
    """One request to one route: the site, who calls, which version of the API, and the parts of the path."""

    site: Site
    search: Search
    request: Request
    caller: Caller
    api: int
    args: Mapping[str, str]

    @property
    def bodies(self) -> Bodies:
        """The bodies of this site, with what the request expanded."""
        return Bodies(self.site, properties="properties" in self.expanded, changes=self._changes(100))

    @property
    def many_bodies(self) -> Bodies:
        """The bodies of issues that come with others in one answer."""
        switches = self.site.switches
        cap, log = switches.inline_attachment_cap, self._changes(switches.inline_changelog_cap)
        return Bodies(self.site, properties="properties" in self.expanded, attachments=cap, changes=log)

    def _changes(self, cap: int) -> int | None:
        """How many entries of the change log a body holds: Data Center sends all."""
        return (cap if self.site.cloud else ALL_CHANGES) if "changelog" in self.expanded else None

    @property
    def expanded(self) -> frozenset[str]:
        """What `expand` names."""
        named = self.request.query.get("expand", ())
        return frozenset(part.strip() for text in named for part in text.split(","))

    def number(self, name: str, default: int) -> int:
        """A whole number of the query; refuses other text as the flavor does."""
        text = self.request.first(name)
        if not text:
            return default
        try:
            return int(text)
        except ValueError:
            raise self._unreadable(name, text) from None

    def _unreadable(self, name: str, text: str) -> Refusal:
        if self.site.cloud:
            detail = f"Failed to convert '{name}' with value: '{text}'"
            return problem(400, "Bad Request", detail, self.request.path)
        return Refusal(Answer(404))

    def signed_in(self) -> None:
        """Refuse anonymous callers."""
        if self.caller.user is None:
            raise unauthenticated()

    def issue(self, id_or_key: str) -> Issue:
        """The issue of the path, or the refusal that never tells missing from forbidden on Cloud."""
        found = self.site.find(id_or_key)
        if found is not None and self.site.sees(self.caller, found):
            return found
        if self.site.cloud:
            raise errors(404, NO_ISSUE)
        raise self._dc_refusal(exists=found is not None)

    def _dc_refusal(self, *, exists: bool) -> Refusal:
        if self.caller.user is None:
            return unauthenticated()
        if exists:
            return errors(403, "You do not have the permission to see the specified issue.")
        return errors(404, "Issue Does Not Exist")


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. Its template is the path below /rest/api/N/, with `{key}` for keys and ids."""

    method: str
    template: str
    handler: Handler

    @property
    def label(self) -> str:
        """How the endpoint is written in counts."""
        return f"{self.method} {self.template.removesuffix('/{name}')}"


class Router:
    """Finds the route of a method and path."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = [(_pattern(route.template), route) for route in routes]

    def find(self, method: str, path: str) -> tuple[Route | None, dict[str, str], tuple[str, ...]]:
        """The route and the parts of the path; without a route, the methods that the path does allow."""
        allowed: list[str] = []
        for pattern, route in self._routes:
            match = pattern.fullmatch(path)
            if match and route.method == method:
                return route, match.groupdict(), ()
            if match:
                allowed.append(route.method)
        return None, {}, tuple(allowed)


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(_PLACE.sub(lambda m: f"(?P<{m[1]}>[^/]+)", template))


def general(path: str) -> str:
    """A path with its keys and ids taken out, for counts of paths that no route knows."""
    return re.sub(r"/(\d+|[A-Z][A-Z0-9_]*-\d+)(?=/|$)", "/{key}", path)


def listed(head: bytes, bodies: Sequence[Piece], tail: bytes) -> Answer:
    """An answer whose JSON list is made of ready pieces: `head` ends with "[", `tail` begins with "]"."""
    comma = Piece(b",")
    pieces = [Piece(head)]
    for place, body in enumerate(bodies):
        pieces += [comma, body] if place else [body]
    return Answer(200, (*pieces, Piece(tail)))


def issue_answer(call: Call, named: Selection) -> Answer:
    """One issue."""
    issue = call.issue(call.args["key"])
    return Answer(200, (call.bodies.issue(issue, named or ("*all",), call.caller, api=call.api),))


def slice_of(call: Call, default: int, cap: int | None) -> tuple[int, int]:
    """`startAt` and `maxResults` of the query, the latter no more than the cap."""
    start, size = max(call.number("startAt", 0), 0), call.number("maxResults", default)
    return start, max(min(size, cap) if cap is not None else size, 0)


__all__ = [
    "NO_ISSUE",
    "Call",
    "Handler",
    "Route",
    "Router",
    "as_json",
    "general",
    "issue_answer",
    "listed",
    "slice_of",
]
