"""Paces that several processes share through Valkey, PostgreSQL or a file; and what happens when the server is gone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.servers import fresh_database, valkey_server

from jirakb.errors import UsageError
from jirakb.jira.connector import JiraConnector
from jirakb.jira.pacing import Pacer, PacesInMemory
from jirakb.jira.pacing import postgres as in_postgres
from jirakb.jira.pacing import redis as in_redis
from jirakb.jira.pacing.shared import open_pacers, open_paces
from jirakb.jira.pacing.shelter import AGAIN_SECONDS, Sheltered
from jirakb.settings import Settings
from jirakb.simulator.limits import user_bucket
from jirakb.simulator.server import serve
from jirakb.simulator.site import Site

A = "https://a"
READER = Path(__file__).with_name("reader.py")
ISSUES = 26


@pytest.fixture(params=["valkey", "postgres"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a service with each server; what is kept there is new."""
    if request.param == "valkey":
        server = request.getfixturevalue("valkey")
        with closing(server.client()) as client:
            client.flushall()
        return Settings(home=tmp_path, redis_url=f"redis://127.0.0.1:{server.port}/0")
    return Settings(home=tmp_path, database_url=fresh_database(request.getfixturevalue("postgres")))


def environment(settings: Settings, home: Path) -> dict[str, str]:
    """Homes of their own, so that it is not their files by which processes know of each other."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("JIRAKB_")}
    given = {"JIRAKB_HOME": home, "JIRAKB_DATABASE_URL": settings.database_url, "JIRAKB_REDIS_URL": settings.redis_url}
    home.mkdir()
    return own | {name: str(value) for name, value in given.items()}


def in_two_processes(settings: Settings, *arguments: str) -> None:
    environments = [environment(settings, settings.home / name) for name in ("one", "two")]
    command = [sys.executable, str(READER), *arguments]
    started = [subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) for env in environments]
    ended = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], ended


def kept(settings: Settings, site: str = A) -> bytes:
    found: list[bytes] = []

    def look(held: bytes) -> bytes:
        found.append(held)
        return held

    with closing(open_paces(settings)) as store:
        store.change(site, look)
    return found[-1]


def test_what_one_store_learns_the_other_knows(shared: Settings) -> None:
    with closing(open_pacers(shared)) as one, closing(open_pacers(shared)) as two:
        one.of(A).hold(60, "GET x")
        assert 59 < two.of(A).due_in("GET x") <= 66
        assert two.of(A).due_in("GET y") == two.of("https://b").due_in("GET x") == 0


def test_nothing_is_written_where_nothing_changes(shared: Settings) -> None:
    asked: list[bytes] = []
    with closing(open_paces(shared)) as store:
        store.change(A, lambda held: asked.append(held) or held)  # type: ignore[func-returns-value]
    assert asked == [b""]


def test_a_change_that_others_were_faster_than_loses_none_of_theirs(shared: Settings) -> None:
    """Overtaken at whatever step it is: while it looks, and while it writes."""
    others: list[threading.Thread] = []
    with closing(open_paces(shared)) as one, closing(open_paces(shared)) as two:
        plain_change(one, b"begin")

        def overtaken(held: bytes) -> bytes:
            if len(others) < 2:
                others.append(threading.Thread(target=two.change, args=(A, lambda text: text + b" other")))
                others[-1].start()
                others[-1].join(0.5)
            return held + b" own"

        one.change(A, overtaken)
        for other in others:
            other.join()
    assert sorted(kept(shared).split()) == [b"begin", b"other", b"other", b"own"]


def test_two_processes_keep_to_a_sites_limit_together(shared: Settings) -> None:
    site = Site("dc")
    for number in range(ISSUES):
        key = site.create("PUMP", f"Pump {number}")
        site.comment(key, "Seen once.")
        site.comment(key, "Seen again.")
    limit = user_bucket(20, 20)
    site.switches.inline_comment_cap = 1
    site.switches.limits = [limit]
    with serve(site) as running:
        in_two_processes(shared, running.base_url, "sim-pat")
        assert running.record.violations == []
    assert limit.admitted >= 2 * ISSUES
    assert limit.refused == 0


# When the server is gone


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def plain_change(store: Any, text: bytes) -> None:
    store.change(A, lambda held: text)


@pytest.mark.parametrize("name", ["redis_url", "database_url"])
def test_a_dead_server_costs_the_sharing_with_other_machines_only(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"{'redis' if name == 'redis_url' else 'postgresql'}://me:hidden@127.0.0.1:{free_port()}/0"
    settings = replace(Settings(home=tmp_path, ocr="off"), **{name: url})  # type: ignore[arg-type]
    site = Site("dc")
    site.create("ABC", "Issue", number=101)
    with serve(site) as running, closing(open_pacers(settings)) as pacers:
        login = {"jira_api_token": "sim-pat"}
        connector = JiraConnector(running.base_url, "ABC", credentials=login, settings=settings, pacers=pacers)
        with closing(connector):
            assert [ref.number for listing in connector.list_all() for ref in listing.refs] == [101]
            pacers.of(A).hold(60, "GET x")
    assert caplog.text.count("not shared with other workers") == 1
    assert "hidden" not in caplog.text
    assert b"GET x" in kept(Settings(home=tmp_path)), "the processes of this home still share it"


def test_what_was_learned_goes_along_when_valkey_dies_and_comes_back_empty(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port, clock = free_port(), Clock()
    url = f"valkey://127.0.0.1:{port}"
    store = Sheltered(in_redis.PacesInRedis(url), in_redis.TROUBLE, PacesInMemory(), "the Redis server", clock)
    pacer = Pacer(1, store=store, site=A)
    with closing(store):
        with valkey_server(tmp_path / "one", port):
            pacer.hold(600, "GET x")
        assert pacer.due_in("GET x") > 500
        pacer.hold(600, "GET y")
        with valkey_server(tmp_path / "two", port):
            clock.time += AGAIN_SECONDS - 1
            assert pacer.due_in("GET y") > 500
            assert "again" not in caplog.text
            clock.time += 1
            assert pacer.due_in("GET y") > 500
            with closing(in_redis.PacesInRedis(url)) as other:
                assert Pacer(1, store=other, site=A).due_in("GET x") > 500
    assert [record.message.split()[-1] for record in caplog.records] == ["(ConnectionError).", "again."]


def test_a_server_that_keeps_silent_is_waited_for_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = Settings(home=tmp_path, redis_url=f"redis://127.0.0.1:{silent.getsockname()[1]}")
        with closing(open_paces(settings)) as store:
            threads = [threading.Thread(target=plain_change, args=(store, b"x")) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        silent.setblocking(False)
        assert len(list(accepted(silent))) <= 2, "a try, and one more on a new connection"
    assert kept(Settings(home=tmp_path)) == b"x"


def accepted(listener: socket.socket) -> Iterator[None]:
    with suppress(BlockingIOError):
        while True:
            connection, _ = listener.accept()
            connection.close()
            yield


@pytest.mark.parametrize(
    "harm",
    [
        "DROP TABLE jirakb_pace",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'jirakb pace'",
    ],
    ids=["dropped", "cut"],
)
def test_a_table_or_connection_that_is_gone_is_made_anew(harm: str, postgres: Any) -> None:
    url, clock = fresh_database(postgres), Clock()
    nearer = PacesInMemory()
    store = Sheltered(in_postgres.PacesInPostgres(url), in_postgres.TROUBLE, nearer, "the database", clock)
    with closing(store):
        plain_change(store, b"1")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(harm)  # type: ignore[arg-type]
        plain_change(store, b"2")
        nearer.change(A, lambda held: held if held == b"2" else b"lost")
        clock.time += AGAIN_SECONDS
        store.change(A, lambda held: b"3" if held in (b"1", b"2") else b"lost")
    assert kept(Settings(home=Path("none"), database_url=url)) == b"3"


@pytest.mark.parametrize(
    ("make", "url"),
    [
        (in_redis.PacesInRedis, "http://hidden@x"),
        (in_redis.PacesInRedis, "redis://:hidden@host:port"),
        (in_postgres.PacesInPostgres, "hidden"),
    ],
)
def test_an_address_that_is_none_is_a_usage_error(make: Callable[[str], object], url: str) -> None:
    with pytest.raises(UsageError, match="JIRAKB_") as raised:
        make(url)
    assert "hidden" not in str(raised.value) + raised.value.fix
