"""A Jira that lies: it signs callers in like the simulated site, and answers what a test makes up."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
from tests.flow.world import World

from jirakb.errors import JirakbError
from jirakb.jira.pacing import Timing
from jirakb.knowledge.attachments import StoredAttachments
from jirakb.report import Report
from jirakb.simulator.app import App, Host, Reply
from jirakb.simulator.messages import Answer, Request
from jirakb.simulator.site import Site
from jirakb.sync import Wish, sync


def hasty() -> Timing:
    """Clocks that a sleep moves forward: nobody waits, and who waited sees that time went by."""
    slept = [0.0]

    def sleep(seconds: float) -> None:
        slept[0] += seconds

    return Timing(monotonic=lambda: time.monotonic() + slept[0], now=lambda: time.time() + slept[0], sleep=sleep)


FINE, OMITTED, USAGE, REFUSED = 0, 3, 2, 5
NASTY: tuple[object, ...] = (None, True, -3.5, "\u202e\x00 ../x", [None, 7, "x", [], {}], {"x": {"id": []}})
"""One value of each JSON type."""
NAMES = (
    "../../escaped", "..", ".", "/etc/escaped", "con", "NUL.txt", "a\x00b", "k" * 5000, "\u202egpj.exe", "two\nlines",
    "\\\\host\\share", "~/x", "\x1b[2J", "a/../../../b", " ", "-rf", "PUMP-1\r\nX-Header: 1", "%2e%2e%2f", "\ud800",
)  # fmt: skip
Liar = Callable[[str, Request], Answer | None]
"""From an endpoint ("GET search/jql") and its request to a made-up answer; None lets the site answer."""
_REST = re.compile(r"(?:/ex/jira/[^/]+)?/rest/api/\w+/(.*)")
_IDS = re.compile(r"id in \(([\d, ]+)\)")


def answer(body: object, **headers: str) -> Answer:
    """An answer of JSON, or of bytes that claim to be some."""
    return Answer(200, body if isinstance(body, bytes) else orjson.dumps(body), headers=headers)


def issue(number: object, key: object = "", **fields: object) -> dict[str, Any]:
    """The JSON of an issue that has what an issue must have, and these fields."""
    known = {"summary": f"Pump {number}", "updated": "2026-01-02T03:04:05.000+0000", "project": {"key": "PUMP"}}
    return {"id": str(number), "key": key or f"PUMP-{number}", "fields": known | fields}


class Impostor(App):
    """Answers listings and bodies from `issues` (the JSON by the number that it is listed under); `lie` goes first."""

    def __init__(self, site: Site, issues: Mapping[int, bytes] | None = None, lie: Liar | None = None) -> None:
        super().__init__(site)
        self.issues = issues
        self.lie = lie

    def reply(self, request: Request, host: Host = "site") -> Reply:
        """The made-up answer, else the site's."""
        match = _REST.fullmatch(request.path)
        name = f"{request.method} {match[1] if match else request.path.lstrip('/')}"
        made = self.lie(name, request) if self.lie and host != "media" else None
        made = made or self._of_issues(name, request)
        return Reply(made) if made else super().reply(request, host)

    def _of_issues(self, name: str, request: Request) -> Answer | None:
        if self.issues is None:
            return None
        if name.endswith(" search/jql"):
            return answer({"issues": [{"id": str(number)} for number in self.issues], "isLast": True})
        if name == "POST issue/bulkfetch":
            return _page(self._named(map(int, request.json()["issueIdsOrKeys"])), b"")
        if name == "POST search":
            return self._search(request.json())
        if name.startswith("GET issue/") and name.count("/") == 1:
            body = self.issues.get(int(name.rpartition("/")[2]))
            return answer(body) if body else Answer(404, b'{"errorMessages": ["It does not exist."]}')
        return None

    def _search(self, asked: dict[str, Any]) -> Answer:
        named = _IDS.search(asked["jql"])
        if named:
            bodies = self._named(int(number) for number in named[1].split(","))
            return _page(bodies, b',"startAt":0,"total":%d' % len(bodies))
        rows = [b'{"id":"%d"}' % number for number in self.issues or ()]
        start = asked["startAt"]
        return _page(rows[start : start + asked["maxResults"]], b',"startAt":%d,"total":%d' % (start, len(rows)))

    def _named(self, numbers: Iterable[int]) -> list[bytes]:
        return [self.issues[number] for number in numbers if number in (self.issues or {})] if self.issues else []


def _page(bodies: list[bytes], rest: bytes) -> Answer:
    return Answer(200, b'{"issues":[' + b",".join(bodies) + b"]" + rest + b"}")


@dataclass
class Victim:
    """A knowledge base that follows a hostile site, in the words of a test."""

    world: World
    options: dict[str, Any] = field(default_factory=dict)

    def sync(self, **wish: Any) -> Report:
        """One sync, attachments too."""
        options = {"include_attachments": True, "timing": hasty(), **self.options}
        with closing(self.world.connector(**options)) as source:
            source.keep_attachments_in(StoredAttachments(self.world.base))
            wanted = Wish(query=source.query, reading=source.reading, **wish)
            return sync(source, self.world.base, wanted, settings=self.world.settings, embedder=None)

    def exit_code(self, **wish: Any) -> int:
        """What the command line would end with; anything but the errors of the program comes through as it is."""
        try:
            return 3 if self.sync(**wish).failed else 0
        except JirakbError as error:
            return error.exit_code if error.message else 1


@dataclass
class Elsewhere:
    """Another host: answers every call alike, and remembers who came with what."""

    url: str
    calls: list[dict[str, str]] = field(default_factory=list)

    @property
    def credentials(self) -> list[dict[str, str]]:
        """The calls that brought something secret."""
        return [call for call in self.calls if call.keys() & {"authorization", "cookie", "proxy-authorization"}]


@contextmanager
def elsewhere(body: bytes = b'{"deploymentType": "Cloud"}') -> Iterator[Elsewhere]:
    """A host of this machine that is not the site."""
    seen = Elsewhere("")

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            seen.calls.append({name.lower(): value for name, value in self.headers.items()} | {":path": self.path})
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _serve  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in http.server
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    seen.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def files_below(folder: Path) -> set[Path]:
    """All files of a folder, with the size of none."""
    return {path for path in folder.rglob("*") if path.is_file()}


def bodies(*issues: dict[str, Any]) -> dict[int, bytes]:
    """Issues under numbers of their own, whatever they say of themselves; written as Jira writes lone surrogates, too."""
    return {number: json.dumps(body).encode() for number, body in enumerate(issues, 1)}


MakeVictim = Callable[..., Victim]
