"""From a request to an answer: finds the route, asks the door who is calling, lets faults happen, keeps the record.

Knows no sockets: `server` carries what is answered here.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import format_datetime
from typing import Literal

import orjson

from jirakb.simulator import doors
from jirakb.simulator.accounts import Caller
from jirakb.simulator.call import Call, Route, Router, general
from jirakb.simulator.media import LABEL as MEDIA_LABEL
from jirakb.simulator.media import media
from jirakb.simulator.messages import Answer, Refusal, Request, as_json, html, problem
from jirakb.simulator.oauth import oauth
from jirakb.simulator.routes_cloud import ROUTES as CLOUD_ROUTES
from jirakb.simulator.routes_cloud import attachment_content
from jirakb.simulator.routes_dc import ROUTES as DC_ROUTES
from jirakb.simulator.routes_dc import secure_attachment
from jirakb.simulator.search import Search
from jirakb.simulator.site import Site
from jirakb.simulator.switches import Fault

Host = Literal["site", "gateway", "media"]
_REST = re.compile(r"/rest/api/(\d+|latest)/(.*)")
_GATEWAY = re.compile(r"/ex/jira/([^/]+)(/.*)")
_SECURE = "secure/attachment/{key}/{name}"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})
_WAITING = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer and how the network treats it: whole, cut short, or not sent at all."""

    answer: Answer
    fate: Literal["whole", "truncate", "reset"] = "whole"


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
        label, work = self._find(replace(request, path=path or request.path), host, known=path is not None)
        site = self.site
        site.record.arrive(label)
        if site.switches.latency:
            self.sleep(site.switches.latency)
        with site.lock:
            reply = self._struck(label, work)
            self._maybe_edit()
            site.record.answer(label, reply.answer.status, request.path, _asked_wait(reply.answer))
        return replace(reply, answer=self._with_common_headers(reply.answer))

    def _own_path(self, path: str) -> str | None:
        base = self.site.base_path
        if not base:
            return path
        return path[len(base) :] if path.startswith(f"{base}/") else None

    def _struck(self, label: str, work: Callable[[], Answer]) -> Reply:
        fault = self.site.switches.fault_for(label)
        if fault is None:
            return Reply(work())
        if fault.kind == "truncate":
            return Reply(work(), "truncate")
        return Reply(faulty(fault), "reset" if fault.kind == "reset" else "whole")

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
            }
        return replace(answer, headers={**common, "X-Content-Type-Options": "nosniff", **answer.headers})

    # ---- how another process reads and drives the site

    def _control(self, request: Request, path: str) -> Answer:
        if request.client not in _LOOPBACK:
            return as_json({"error": "only from this machine"}, 403)
        if (request.method, path) == ("GET", "/_sim/record"):
            return as_json(self.site.record.as_json())
        if (request.method, path) == ("POST", "/_sim/edit"):
            return self._edit(request)
        if (request.method, path) == ("POST", "/_sim/latency"):
            return self._set_latency(request)
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


def _caught(work: Callable[[], Answer]) -> Answer:
    try:
        return work()
    except Refusal as refusal:
        return refusal.answer


def faulty(fault: Fault) -> Answer:
    """What a fault answers."""
    headers = dict(fault.headers)
    if fault.retry_after is not None:
        headers["Retry-After"] = fault.retry_after
    if fault.kind == "html":
        return html(fault.status, "Service Unavailable", headers)
    body = (
        b""
        if fault.kind in ("empty", "reset")
        else orjson.dumps({"message": "Try again later", "status-code": fault.status})
    )
    return Answer(fault.status, body, headers=headers)


def _asked_wait(answer: Answer) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return float(text) if answer.status in _WAITING and text.isdecimal() else None
