"""Live events over a real server: what a listener is told, how often the tables are read, and how a stream ends."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
import uvicorn
from tests.engine.house import wait_for
from tests.service.web.conftest import Web
from tests.service.web.test_connectors import FIRST

from jirakb.engine.open import Service
from jirakb.service.web.app import create_app
from jirakb.service.web.feed import Event, Feed
from jirakb.service.web.looking import Looking
from jirakb.simulator.server import Running


@dataclass
class Listener:
    """Somebody who reads a stream in a thread of his own."""

    url: str
    headers: dict[str, str]
    events: list[tuple[str, str, Any]] = field(default_factory=list)
    comments: int = 0
    status: int = 0
    has_ended: bool = False

    def run(self) -> None:
        with httpx2.stream("GET", self.url, headers=self.headers, timeout=60) as answer:
            self.status = answer.status_code
            told: dict[str, str] = {}
            for line in answer.iter_lines():
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, text = line.partition(": ")
                    told[name] = text
                elif "data" in told:
                    self.events.append((told["event"], told["id"], json.loads(told["data"])))
                    told = {}
        self.has_ended = True

    def of(self, kind: str) -> list[Any]:
        return [data for name, _, data in self.events if name == kind]


@dataclass
class Server:
    """The app on a port of this machine."""

    url: str
    server: uvicorn.Server
    app: Any
    web: Web

    @contextmanager
    def listener(self, path: str, **headers: str) -> Iterator[Listener]:
        made = Listener(self.url + path, {"Authorization": f"Bearer {self.web.key('sync')}", **headers})
        thread = threading.Thread(target=made.run)
        thread.start()
        try:
            wait_for(lambda: made.status)
            yield made
        finally:
            self.app.state.context.feed.close()
            thread.join(10)
            assert not thread.is_alive()


@contextmanager
def served(web: Web, **feed: float) -> Iterator[Server]:
    app = create_app(web.house.service)
    context = app.state.context
    if feed:
        object.__setattr__(context, "feed", Feed(Looking(web.house.service).look, **feed))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Server(f"http://127.0.0.1:{port}", server, app, web)
    finally:
        app.state.context.feed.close()
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def test_a_run_is_followed_live_from_its_request_to_its_end(web: Web, running: Running) -> None:
    connector = web.made(running)
    running.site.switches.latency = 0.2
    with served(web) as server, server.listener(f"/v1/connector/{connector['id']}/events") as listener:
        wait_for(lambda: listener.of("connector"))
        run = web.ask("POST", f"/v1/connector/{connector['id']}/sync").json()["run_id"]
        wait_for(lambda: [one for one in listener.of("run") if one["finished"]])
        running.site.switches.latency = 0.0
        states = [one["state"] for one in listener.of("run") if one["id"] == run]
        assert states[-1] == "complete"
        assert "running" in states
        assert any(one["progress"]["stages"] for one in listener.of("run"))
        web.ask("PUT", f"/v1/connector/{connector['id']}/resume", {"resume": False})
        wait_for(lambda: listener.of("connector")[-1]["state"] == "paused")
        web.ask("POST", f"/v1/connector/{connector['id']}/rm")
        wait_for(lambda: listener.of("removed") == [{"id": connector["id"]}])


def test_who_comes_back_is_told_only_what_changed(web: Web, running: Running) -> None:
    connector = web.synced(running)
    path = f"/v1/connector/{connector['id']}/events"
    with served(web) as server, server.listener(path) as first:
        wait_for(lambda: len(first.events) == 2)
    last = first.events[-1]
    with served(web, beat=0.3) as server, server.listener(path, **{"Last-Event-ID": last[1]}) as second:
        wait_for(lambda: second.comments)
        assert [event[1] for event in second.events] == [first.events[0][1]]


def test_all_connectors_of_the_tenant_come_in_one_stream(web: Web, running: Running) -> None:
    mine = {web.made(running)["id"] for _ in range(2)}
    foreign = web.ask(
        "POST", "/v1/connector/set",
        {"name": "theirs", "config": {"base_url": running.base_url, "project_key": "*"}},
        key=web.key("admin", "t2"),
    ).json()["id"]  # fmt: skip
    with served(web) as server, server.listener("/v1/events") as listener:
        wait_for(lambda: mine <= {one["id"] for one in listener.of("connector")})
        assert foreign not in str(listener.events)


def test_a_stream_ends_with_its_key(web: Web) -> None:
    with served(web, beat=0.2) as server:
        key, text = web.house.service.keys.create("t1", "sync")
        with server.listener("/v1/events", Authorization=f"Bearer {text}") as listener:
            wait_for(lambda: listener.comments)
            web.house.service.keys.revoke("t1", key.id)
            wait_for(lambda: listener.has_ended, 10)


def test_a_stream_ends_with_its_key_while_there_is_always_something_to_tell(web: Web) -> None:
    def busy(tenant: str, connector: str | None) -> list[Event]:
        return [Event("run", "one", str(time.monotonic()))]

    with served(web) as server:
        object.__setattr__(server.app.state.context, "feed", Feed(busy, seconds=0.05, beat=0.5))
        key, text = web.house.service.keys.create("t1", "sync")
        with server.listener("/v1/events", Authorization=f"Bearer {text}") as listener:
            wait_for(lambda: len(listener.events) > 3)
            web.house.service.keys.revoke("t1", key.id)
            wait_for(lambda: listener.has_ended, 10)
            assert listener.comments == 0


def test_a_stream_outlives_a_lost_database(idle: Web) -> None:
    database = idle.house.settings.home / "control.sqlite"
    with served(idle, beat=0.2) as server, server.listener("/v1/events") as listener:
        wait_for(lambda: listener.comments)
        idle.house.service.engine_db.dispose()
        database.rename(database.with_name("away"))
        database.mkdir()
        seen = listener.comments
        wait_for(lambda: listener.comments > seen + 3)
        database.rmdir()
        database.with_name("away").rename(database)
        connector = idle.ask("POST", "/v1/connector/set", FIRST).json()["id"]
        wait_for(lambda: [one["id"] for one in listener.of("connector")] == [connector])


@dataclass
class Counting:
    """Looks as the app does, and counts."""

    service: Service
    looks: int = 0

    def look(self, tenant: str, connector: str | None) -> Any:
        self.looks += 1
        return Looking(self.service).look(tenant, connector)


@pytest.mark.parametrize("listeners", [1, 5])
def test_the_tables_are_read_once_for_all_listeners(web: Web, running: Running, listeners: int) -> None:
    connector = web.made(running)
    counting = Counting(web.house.service)
    with served(web) as server:
        object.__setattr__(server.app.state.context, "feed", Feed(counting.look, seconds=0.2, beat=0.5))
        made = [Listener(f"{server.url}/v1/connector/{connector['id']}/events", {}) for _ in range(listeners)]
        for one in made:
            one.headers["Authorization"] = f"Bearer {web.key('sync')}"
        threads = [threading.Thread(target=one.run) for one in made]
        for thread in threads:
            thread.start()
        wait_for(lambda: all(one.comments >= 2 for one in made))
        server.app.state.context.feed.close()
        for thread in threads:
            thread.join(10)
        assert all(one.has_ended and one.of("connector") for one in made)
        spans = max(one.comments for one in made) + 2
        assert counting.looks <= spans * 0.5 / 0.2 + 3
