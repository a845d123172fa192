"""From a request to an answer: finds the route, asks the door who is calling, lets faults happen, keeps the record.

Knows no sockets: `server` carries what is answered here.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Literal

import orjson

from jirakb.simulator import doors
from jirakb.simulator.accounts import Caller
from jirakb.simulator.call import Call, Route, Router, general
from jirakb.simulator.limits import Limit, admit, with_limits
from jirakb.simulator.media import LABEL as MEDIA_LABEL
from jirakb.simulator.media import media
from jirakb.simulator.messages import Answer, Refusal, Request, as_json, html, problem
from jirakb.simulator.oauth import oauth
from jirakb.simulator.record import EVERYTHING
from jirakb.simulator.routes_cloud import ROUTES as CLOUD_ROUTES
from jirakb.simulator.routes_cloud import attachment_content
from jirakb.simulator.routes_dc import ROUTES as DC_ROUTES
from jirakb.simulator.routes_dc import secure_attachment
from jirakb.simulator.search import Search
from jirakb.simulator.site import Site
from jirakb.simulator.switches import Fault, every_fault

Host = Literal["site", "gateway", "media"]
_REST = re.compile(r"/rest/api/(\d+|latest)/(.*)")
NO_SITE = "Atlassian Cloud Notifications - Page Unavailable"
"""What Atlassian's edge answers for a host that is no site of anybody's; any such host but our own is none."""
_GATEWAY = re.compile(r"/ex/jira/([^/]+)(/.*)")
_SECURE = "secure/attachment/{key}/{name}"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})
_WAITING = frozenset({429, 503})
_ABSURD_DIGITS = 7


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer and how the network treats it: whole, cut short, broken off in the middle, or not sent at all."""

    answer: Answer
    fate: Literal["whole", "truncate", "break", "stall", "reset"] = "whole"
    seconds: float = 0.0


class App:
    """The simulated site as a function from requests to replies; `sleep` waits out the switch `latency`."""

    def __init__(self, site: Site, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.site = site
        self.search = Search(site)
        self.sleep = sleep
        self._rest = Router(CLOUD_ROUTES if site.cloud else DC_ROUTES)
        self._secure = Router([Route("GET", _SECURE, attachment_content if site.cloud else secure_attachment)])
        self._calls = 0

    def reply(self, request: Request, host: Host = "site") -> Reply:
        """Answer one request to one of the hosts."""
        path = self._own_path(request.path) if host == "site" else request.path
        if path is not None and path.startswith("/_sim/"):
            return Reply(self._control(request, path))
        asked, request = request.path, replace(request, path=path or request.path)
        label, work = self._find(request, host, known=path is not None)
        site = self.site
        site.record.arrive(label)
        fault, refusal = self._meet(label, request)
        self._hold_up(site.switches.latency + (fault.seconds if fault and fault.kind == "slow" else 0.0))
        with site.lock:
            if fault and fault.kind == "anonymous" and host == "site":
                work = self._find(_unsigned(request), host, known=path is not None)[1]
            reply = Reply(refusal) if refusal else self._struck(fault, label, work, request)
            self._maybe_edit()
            wait, concerns = self._asked_wait(reply.answer), _concerned(reply.answer, label, cloud=site.cloud)
            site.record.answer(label, reply.answer.status, asked, wait, concerns=concerns)
        return replace(reply, answer=self._with_common_headers(reply.answer))

    def _meet(self, label: str, request: Request) -> tuple[Fault | None, Answer | None]:
        """The fault that strikes a call as it arrives, or the refusal of a limit."""
        switches = self.site.switches
        with self.site.lock:
            refusal = admit(switches.limits, label, _user(request), self.site.monotonic())
            return (None, refusal) if refusal else (switches.fault_for(label), None)

    def _hold_up(self, seconds: float) -> None:
        if seconds:
            self.sleep(seconds)

    def _own_path(self, path: str) -> str | None:
        base = self.site.base_path
        if not base:
            return path
        return path[len(base) :] if path.startswith(f"{base}/") else None

    def _struck(self, fault: Fault | None, label: str, work: Callable[[], Answer], request: Request) -> Reply:
        if fault is None or fault.kind in ("slow", "anonymous"):
            return Reply(self._limited(work(), label, request))
        if fault.kind == "notice":
            return Reply(with_headers(work(), self._headers_of(fault)))
        if fault.kind == "garble":
            answer = work()
            whole = answer.plain()
            return Reply(replace(answer, body=whole[: len(whole) // 2]))
        if fault.kind in ("truncate", "break", "stall"):
            return Reply(work(), fault.kind, fault.seconds)
        return Reply(faulty(fault, self._headers_of(fault)), "reset" if fault.kind == "reset" else "whole")

    def _limited(self, answer: Answer, label: str, request: Request) -> Answer:
        site = self.site
        return with_limits(answer, site.switches.limits, label, _user(request), site.monotonic())

    def _headers_of(self, fault: Fault) -> dict[str, str]:
        said = fault.retry_after
        if said is None:
            return dict(fault.headers)
        if said.startswith("in "):
            moment = self.site.clock().astimezone(UTC) + timedelta(seconds=float(said[3:]))
            said = format_datetime(moment, usegmt=True)
        return {**fault.headers, "Retry-After": said}

    def _asked_wait(self, answer: Answer) -> float | None:
        """The seconds that a refusal asks for; none for what nobody can mean."""
        text = answer.headers.get("Retry-After", "")
        if answer.status not in _WAITING or not text:
            return None
        if not text.isdecimal():
            return (parsedate_to_datetime(text) - self.site.clock().astimezone(UTC)).total_seconds()
        return float(text) if len(text) < _ABSURD_DIGITS else None

    def _maybe_edit(self) -> None:
        self._calls += 1
        every = self.site.switches.edit_every
        if every and self._calls % every == 0:
            self.site.random_edit()

    # ---- which route

    def _find(self, request: Request, host: Host, *, known: bool) -> tuple[str, Callable[[], Answer]]:
        """The endpoint as counts name it, and what answers it."""
        if host == "media":
            return MEDIA_LABEL, lambda: _caught(lambda: media(self.site, request))
        if host == "gateway":
            return self._find_gateway(request)
        if not known:
            return f"{request.method} (elsewhere)", lambda: html(404, "Not Found")
        return self._find_site(request)

    def _find_site(self, request: Request) -> tuple[str, Callable[[], Answer]]:
        if self.site.cloud and request.headers.get("host", "").endswith(".atlassian.net"):
            return f"{request.method} (no site)", lambda: html(404, NO_SITE, {"Atl-Missing-Tcs": "true"})
        if self.site.cloud and request.path == "/_edge/tenant_info":
            return "GET _edge/tenant_info", lambda: as_json({"cloudId": self.site.cloud_id})
        if request.path == "/login.jsp":
            return f"{request.method} login.jsp", lambda: html(200, "Log in")
        if request.path.startswith("/secure/attachment/"):
            return self._routed(self._secure, request, request.path[1:], 3, doors.caller_of)
        match = _REST.fullmatch(request.path)
        api = self._api(match[1]) if match else None
        if match is None or api is None:
            return f"{request.method} {general(request.path)}", lambda: self._unknown(request)
        return self._routed(self._rest, request, match[2].rstrip("/"), api, doors.caller_of)

    def _find_gateway(self, request: Request) -> tuple[str, Callable[[], Answer]]:
        if request.path.startswith("/oauth/token"):
            return f"{request.method} {request.path[1:]}", lambda: _caught(lambda: oauth(self.site, request))
        match = _GATEWAY.fullmatch(request.path)
        rest = _REST.fullmatch(match[2]) if match and match[1] == self.site.cloud_id else None
        api = self._api(rest[1]) if rest else None
        if rest is None or api is None:
            return f"{request.method} {general(request.path)}", lambda: self._gateway_unknown(request)
        return self._routed(self._rest, request, rest[2].rstrip("/"), api, doors.gateway_caller)

    def _api(self, version: str) -> int | None:
        versions = {"2": 2, "3": 3, "latest": 3} if self.site.cloud else {"2": 2, "latest": 2}
        return versions.get(version)

    def _routed(
        self, router: Router, request: Request, path: str, api: int, door: Callable[[Site, Request, str], Caller]
    ) -> tuple[str, Callable[[], Answer]]:
        route, args, allowed = router.find(request.method, path)
        if route is None:
            return f"{request.method} {general('/' + path)[1:]}", lambda: self._not_routed(request, allowed)
        found = route
        return route.label, lambda: self._call(found, request, api, args, door)

    def _call(
        self,
        route: Route,
        request: Request,
        api: int,
        args: dict[str, str],
        door: Callable[[Site, Request, str], Caller],
    ) -> Answer:
        try:
            caller = door(self.site, request, route.label)
        except Refusal as refusal:
            return refusal.answer
        call = Call(self.site, self.search, request, caller, api, args)
        answer = _caught(lambda: route.handler(call))
        headers = doors.marks(self.site, caller, route.label, answer.status)
        return replace(answer, headers={**headers, **answer.headers})

    def _not_routed(self, request: Request, allowed: tuple[str, ...]) -> Answer:
        if not allowed:
            return self._unknown(request)
        headers = {"Allow": ", ".join(sorted(set(allowed)))}
        detail = f"Method '{request.method}' is not supported."
        return problem(405, "Method Not Allowed", detail, request.path, headers).answer

    def _unknown(self, request: Request) -> Answer:
        if not self.site.cloud:
            return html(404, "Oops, you've found a dead link.")
        detail = f"No endpoint {request.method} {request.path}."
        return problem(404, "Not Found", detail, request.path).answer

    def _gateway_unknown(self, request: Request) -> Answer:
        body = {"timestamp": f"{self.site.clock().astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}", "status": 404}
        body |= {"error": "Not Found", "message": "No message available", "path": request.path}
        return replace(as_json(body, 404), type="application/json")

    def _with_common_headers(self, answer: Answer) -> Answer:
        trace = uuid.uuid4().hex
        common = {"Date": format_datetime(self.site.clock().astimezone(UTC), usegmt=True), "X-AREQUESTID": trace}
        if self.site.cloud:
            common |= {
                "Server": "AtlassianEdge",
                "Atl-Traceid": trace,
                "Cache-Control": "no-cache, no-store, no-transform",
                "Atl-Request-Id": str(uuid.UUID(trace)),
                "Timing-Allow-Origin": "*",
                "X-Xss-Protection": "1; mode=block",
                "Strict-Transport-Security": "max-age=63072000; includeSubDomains; preload",
            }
        return replace(answer, headers={**common, "X-Content-Type-Options": "nosniff", **answer.headers})

    # ---- how another process reads and drives the site

    def _control(self, request: Request, path: str) -> Answer:
        if request.client not in _LOOPBACK:
            return as_json({"error": "only from this machine"}, 403)
        if (request.method, path) == ("GET", "/_sim/record"):
            limits = [limit.as_json() for limit in self.site.switches.limits]
            return as_json({**self.site.record.as_json(), "limits": limits})
        if (request.method, path) == ("POST", "/_sim/edit"):
            return self._edit(request)
        if (request.method, path) == ("POST", "/_sim/latency"):
            return self._set_latency(request)
        if (request.method, path) == ("POST", "/_sim/mood"):
            return self._set_mood(request)
        return as_json({"error": f"no {request.method} {path}"}, 404)

    def _edit(self, request: Request) -> Answer:
        try:
            asked = orjson.loads(request.body)
            with self.site.lock:
                result = self.site.run_verb(asked["verb"], asked.get("args") or {})
            return Answer(200, orjson.dumps({"result": result}, default=str))
        except (ValueError, KeyError, TypeError) as exc:
            return as_json({"error": str(exc)}, 400)

    def _set_latency(self, request: Request) -> Answer:
        try:
            self.site.switches.latency = float(orjson.loads(request.body)["seconds"])
            return as_json({"latency": self.site.switches.latency})
        except (ValueError, KeyError, TypeError) as exc:
            return as_json({"error": str(exc)}, 400)

    def _set_mood(self, request: Request) -> Answer:
        """Change switches from another process: `faults` is the share of each kind of trouble, `limits` a list of those of
        `Limit`, anything else a switch by its name."""
        try:
            asked = dict(orjson.loads(request.body))
            with self.site.lock:
                switches = self.site.switches
                if "faults" in asked:
                    share = asked.pop("faults")
                    switches.faults = every_fault(share) if share else []
                if "limits" in asked:
                    switches.limits = [Limit(**limit) for limit in asked.pop("limits")]
                for name, value in asked.items():
                    setattr(switches, _MOODS[name], value)
            return as_json({"ok": True})
        except (ValueError, KeyError, TypeError) as exc:
            return as_json({"error": str(exc)}, 400)


_MOODS = {name: name for name in ("edit_every", "flicker", "index_lag", "latency", "page_limit", "short_pages")}


def _caught(work: Callable[[], Answer]) -> Answer:
    try:
        return work()
    except Refusal as refusal:
        return refusal.answer


def faulty(fault: Fault, headers: Mapping[str, str]) -> Answer:
    """What a fault answers."""
    if fault.kind == "html":
        return html(fault.status, "Service Unavailable", headers)
    body = (
        b""
        if fault.kind in ("empty", "reset")
        else orjson.dumps({"message": "Try again later", "status-code": fault.status})
    )
    return Answer(fault.status, body, headers=headers)


def with_headers(answer: Answer, headers: Mapping[str, str]) -> Answer:
    """An answer with more headers."""
    return replace(answer, headers={**answer.headers, **headers})


def _unsigned(request: Request) -> Request:
    """A call as it arrives when something on the way has lost its credentials."""
    return replace(request, headers={name: held for name, held in request.headers.items() if name != "authorization"})


def _user(request: Request) -> str:
    """Whose bucket a call draws from; nobody's without credentials."""
    return request.headers.get("authorization", "")


def _concerned(answer: Answer, label: str, *, cloud: bool) -> str:
    """Which endpoint a refusal is about: on Cloud a quota concerns all, on Data Center every 429 does."""
    reason = answer.headers.get("RateLimit-Reason", "")
    return EVERYTHING if answer.status == 429 and ("quota" in reason or not (cloud or reason)) else label
