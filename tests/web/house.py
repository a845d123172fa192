"""A served page, a browser that looks at it, and the simulated site behind it, in the words of a test."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx2
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect, sync_playwright
from tests.engine.house import wait_for
from ulid import ULID

from jirakb.control.catalog import OWN_TENANT
from jirakb.control.database import open_database
from jirakb.control.tables import run, sample
from jirakb.simulator.server import Running, serve
from jirakb.simulator.site import Site

EMAIL = "agent@example.com"
TOKEN = "sim-token"
HARD = ["critical", "serious"]


@dataclass
class Served:
    """`jirakb serve` as a process, which can be ended and begun again at the same address."""

    home: Path
    env: dict[str, str]
    port: int = 0
    key: str = ""
    link: str = ""
    process: subprocess.Popen[str] | None = None
    said: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begin, and wait until it answers."""
        command = [sys.executable, "-m", "jirakb", "serve", "--home", str(self.home), "--port", str(self.port)]
        self.said = []
        self.process = subprocess.Popen(command, env=self.env, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self._listen, args=(self.process,), daemon=True).start()
        wait_for(lambda: self._found(r"answers at http://127\.0\.0\.1:(\d+)"))
        self.port = int(self._found(r"answers at http://127\.0\.0\.1:(\d+)"))
        wait_for(self._answers)
        self.link = self.link or self._found(r"(http://\S+/signin#\S+)")
        self.key = self.key or self._found(r"shown only now: (\S+)")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait(30)
        self.process = None

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """A request with the first key."""
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = httpx2.request(method, self.address + path, json=body, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                self.said.append(line)

    def _found(self, pattern: str) -> str:
        found = re.search(pattern, "".join(self.said))
        return found.group(1) if found else ""

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self.address}/healthz").status_code == 200
        except httpx2.TransportError:
            return False


@contextmanager
def served(home: Path, site: Running | None = None, **settings: str) -> Iterator[Served]:
    """A service on a home; the site may be called, its gateway too."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("JIRAKB_")}
    gateway = {"JIRAKB_GATEWAY_URL": site.gateway_url} if site else {}
    env = {**own, "JIRAKB_ALLOWED_SITES": "127.0.0.1", "JIRAKB_OCR": "off", **gateway, **settings}
    made = Served(home, env)
    try:
        made.start()
        yield made
    finally:
        made.stop(signal.SIGKILL)


@dataclass
class Visit:
    """Someone who looks at the page; whatever a script throws or the policy refuses is kept."""

    page: Page
    context: BrowserContext
    served: Served
    faults: list[str] = field(default_factory=list)
    connector: str = ""

    def go(self, path: str) -> None:
        """Open an address of the page."""
        self.page.goto(self.served.address + path)

    def sign_in(self) -> None:
        """With the first key."""
        self.go("/")
        self.page.get_by_label("API key").fill(self.served.key)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("navigation", name="Views")).to_be_visible()

    def step(self, button: str) -> None:
        """Press the button of a form's step."""
        self.page.get_by_role("button", name=button, exact=True).click()

    def connect(self, address: str, *, name: str = "Garden", token: str = TOKEN) -> None:
        """Fill in the steps as far as the sign-in's test."""
        self.go("/connectors/new")
        self.page.get_by_label("Address of the Jira site").fill(address)
        self.page.get_by_label("Name", exact=True).fill(name)
        self.step("Test the address")
        self.page.get_by_label("E-mail").fill(EMAIL)
        self.page.get_by_label("API token").fill(token)
        self.step("Test the sign-in")

    def finish_connecting(self) -> None:
        """The rest of the steps, without search by meaning, which takes time."""
        self.step("Count and go on")
        self.page.get_by_label("Search by meaning").select_option("none")
        self.step("Go on")
        self.step("Connect and sync")

    def find(self, words: str) -> None:
        """Type into the search's box."""
        self.page.get_by_role("combobox", name="Search issues").fill(words)

    def hits(self) -> Any:
        """The rows of what was found."""
        return self.page.locator(".hit")

    def trouble(self, *rules: str) -> list[str]:
        """What axe finds that is serious or worse, by all its rules or these."""
        self.page.evaluate(axe())
        options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
        found = self.page.evaluate("async (how) => (await axe.run(document, how)).violations", options)
        return [
            f"{one['id']}: {node['html'][:160]} {json.dumps(node['any'][:1])[:300]}"
            for one in found
            if one["impact"] in HARD
            for node in one["nodes"]
        ]


@cache
def axe() -> str:
    """axe-core's text, from the package that carries it."""
    found = find_spec("axe_playwright_python")
    assert found is not None
    assert found.origin is not None
    (script,) = Path(found.origin).parent.rglob("axe.min.js")
    return script.read_text("utf-8")


def chromium() -> str:
    """Debian's browser."""
    return shutil.which("chromium") or ""


@contextmanager
def browser() -> Iterator[Browser]:
    """The browser, for many visits."""
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            yield made
        finally:
            made.close()


@contextmanager
def visit(
    made: Browser, served: Served, *, theme: Any = "light", width: int = 1280, height: int = 800
) -> Iterator[Visit]:
    """A visit in a browser that knows nothing yet."""
    size: Any = {"width": width, "height": height}
    context = made.new_context(viewport=size, color_scheme=theme, permissions=["clipboard-read", "clipboard-write"])
    context.set_default_timeout(20_000)
    page = context.new_page()
    visitor = Visit(page, context, served)
    page.on("pageerror", lambda error: visitor.faults.append(f"thrown: {error}"))
    page.on("dialog", lambda dialog: _dismiss(visitor, dialog))
    page.on("console", lambda message: _note(visitor, message.type, message.text))
    try:
        yield visitor
    finally:
        context.close()


def _dismiss(visitor: Visit, dialog: Dialog) -> None:
    visitor.faults.append(f"dialog: {dialog.message}")
    dialog.dismiss()


def _note(visitor: Visit, kind: str, text: str) -> None:
    """Answers that are errors are logged by the browser itself; they are part of some walks."""
    if kind == "error" and "Failed to load resource" not in text:
        visitor.faults.append(f"console: {text}")


def remember(service: Served, connector: Mapping[str, Any], runs: int) -> None:
    """A past of so many runs, one every quarter of an hour, and what was measured meanwhile."""
    engine, now = open_database(service.home, ""), datetime.now(UTC)
    begin = now - timedelta(minutes=15 * runs)
    same = {"tenant": OWN_TENANT, "kb": connector["kb_id"], "connector": connector["id"], "kind": "incremental",
            "lane": "sync", "wish": "{}", "state": "complete"}  # fmt: skip
    rows, dice = [], random.Random("runs")
    for number in range(runs):
        then = begin + timedelta(minutes=15 * number)
        indexed, waited = int(dice.expovariate(0.2) * _busy(then)), dice.choice((0, 0, 0, 0, 1, 2))
        result = {"counts": {"indexed": indexed}, "seconds": {"total": 4.0}, "requests": {"total": 3 + indexed // 9}}
        progress = {
            "requests": {"GET search/jql": 3 + indexed // 9},
            "throttled": waited,
            "throttled_seconds": 0.7 * waited,
        }
        told = {"result": json.dumps(result), "progress": json.dumps(progress), "id": str(ULID.from_datetime(then))}
        rows.append({**same, **told, "requested": then, "started": then, "finished": then + timedelta(seconds=5)})
    measured = [*_measured(begin, now, 1800, connector["kb_id"]), *_measured(now - _A_DAY, now, 60, connector["kb_id"])]
    with engine.begin() as connection:
        connection.execute(run.insert(), rows)
        connection.execute(sample.delete())
        connection.execute(sample.insert(), measured)
    engine.dispose()


_A_DAY = timedelta(days=1)
_NOT_MEASURED = dict.fromkeys(("memory", "searches", "search_seconds", "search_slowest", "backlog"))


def _measured(begin: datetime, end: datetime, span: int, kb: str) -> Iterator[dict[str, Any]]:
    """One sample for each span of a service, its searches and its backlog."""
    first, dice, held = int(begin.timestamp()) // span, random.Random("samples"), 310.0
    for number in range(int((end - begin).total_seconds()) // span):
        time = datetime.fromtimestamp((first + number) * span, UTC)
        at, held = {**_NOT_MEASURED, "span": span, "time": time}, held + dice.uniform(-3, 3) + (310 - held) / 50
        yield {**at, "tenant": "", "kb": "", "memory": int(held) << 20}
        count, mean = 1 + int(dice.random() * 9 * _busy(time)), dice.lognormvariate(-3.8, 0.3)
        searches = {"searches": count, "search_seconds": count * mean, "search_slowest": mean * dice.uniform(1, 4)}
        yield {**at, **searches, "tenant": OWN_TENANT, "kb": ""}
        yield {**at, "tenant": OWN_TENANT, "kb": kb, "backlog": max(0, int(dice.gauss(-20, 30) * _busy(time)))}


def _busy(time: datetime) -> float:
    """People work by day."""
    return 1.0 if 8 <= time.hour < 18 and time.weekday() < 5 else 0.15


@contextmanager
def on_the_network(site: Site) -> Iterator[Running]:
    """The site, served."""
    with ExitStack() as stack:
        yield stack.enter_context(serve(site))
