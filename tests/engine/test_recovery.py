"""What an earlier process, or an earlier version, left behind is done: by this worker, and not for ever if it kills."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.engine.house import QUICK, TENANT, House, house, made_site, wait_for

from jirakb.control.runs import RunRecord
from jirakb.engine.durable import DEATHS
from jirakb.engine.worker import Rhythm
from jirakb.errors import DatabaseUnavailableError
from jirakb.service.metrics import metrics_text
from jirakb.simulator.switches import outage

NEVER = 1e6


def in_the_queue(home: Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Read or change the tables of the queue, while nobody works."""
    with closing(sqlite3.connect(home / "work.sqlite")) as queue, queue:
        return queue.execute(statement, values).fetchall()


def left_by(made: House, run: RunRecord, worker: str, version: str, begun: int = 1) -> None:
    """As if that worker had died in the middle of the run, so many times begun."""
    with made.service.engine_db.begin() as connection:
        connection.execute(
            text("UPDATE run SET state = 'running', finished = NULL, worker = :worker WHERE id = :run"),
            {"run": run.id, "worker": worker},
        )
    in_the_queue(
        made.settings.home,
        "UPDATE workflow_status SET status = 'PENDING', executor_id = ?, application_version = ?, recovery_attempts = ?,"
        " completed_at = NULL WHERE workflow_uuid = ?",
        *(worker, version, begun, f"{run.id}.0"),
    )


@pytest.mark.parametrize("version", ["1", "0"], ids=["same version", "older version"])
def test_what_a_dead_worker_of_any_version_had_begun_is_gone_on_with(closed: House, version: str) -> None:
    running = closed.serve(made_site(30))
    closed.service.worker.start()
    run = closed.sync(closed.connector(running))
    closed.service.worker.stop()
    left_by(closed, run, "older-1", version)
    running.site.create("PUMP", "Another")
    closed.service.worker.start()
    ended = closed.ended(run, 20)
    assert (ended.state, ended.attempts, ended.worker) == ("complete", 1, "local-1")
    assert ended.result["counts"]["indexed"] == 1


def test_what_another_version_had_queued_is_done(tmp_path: Path) -> None:
    rhythm = Rhythm(beat=0.3, round=0.2, dead=2.0, again=NEVER, budget=QUICK.budget)
    with house(tmp_path / "home", rhythm=rhythm) as made:
        running = made.serve(made_site(30))
        running.site.switches.faults = [outage(every=1)]
        connector = made.connector(running)
        made.service.worker.start()
        run = made.service.desk.sync(TENANT, connector.id)
        wait_for(lambda: made.run(run).failures == 1)
        made.service.worker.stop()
        running.site.switches.faults = []
        in_the_queue(made.settings.home, "UPDATE workflow_status SET application_version = '0'")
        made.service.worker.start()
        assert made.ended(run, 20).state == "complete"


def test_a_run_that_was_under_way_when_the_queue_was_lost_is_gone_on_with(closed: House) -> None:
    """As after a restore from a copy that was made during the run."""
    running = closed.serve(made_site(30))
    run = closed.service.desk.sync(TENANT, closed.connector(running).id)
    closed.service.runs.take(run.id, "local-1", datetime.now(UTC), 0)
    closed.service.worker.start()
    ended = closed.ended(run, 20)
    assert (ended.state, ended.attempts) == ("complete", 1)


def test_a_run_that_each_worker_dies_of_ends_and_its_connector_waits_for_somebody(closed: House) -> None:
    running = closed.serve(made_site(30))
    connector = closed.connector(running)
    closed.service.worker.start()
    run = closed.sync(connector)
    closed.service.worker.stop()
    left_by(closed, run, "local-1", "1", DEATHS + 1)
    calls = running.record.total
    closed.service.worker.start()
    ended = closed.ended(run, 20)
    assert ended.error is not None
    assert (ended.state, ended.error["error"]) == ("failed", "WorkerDied")
    assert (closed.state(connector), running.record.total) == ("needs_attention", calls)
    told = metrics_text(closed.service).decode()
    assert f'jirakb_connectors{{state="needs_attention",tenant="{TENANT}"}} 1.0' in told
    assert f'jirakb_runs_ended_last_day{{connector="{connector.id}",state="failed",tenant="{TENANT}"}} 1.0' in told
    assert closed.sync(connector).state == "complete"


def test_old_runs_and_what_the_queue_remembers_of_them_go(tmp_path: Path) -> None:
    rhythm = Rhythm(beat=0.3, round=0.2, clean=0.3, budget=QUICK.budget)
    with house(tmp_path / "home", rhythm=rhythm, keep_runs_days=0) as made:
        connector = made.connector(made.serve(made_site(5)))
        made.service.worker.start()
        runs = [made.sync(connector) for _ in range(7)]
        wait_for(lambda: len(made.service.runs.page(TENANT, connector.id)) == 5, 10)
        assert {run.id for run in made.service.runs.page(TENANT, connector.id)} == {run.id for run in runs[2:]}
        wait_for(lambda: in_the_queue(made.settings.home, "SELECT * FROM workflow_status") == [], 10)
        assert in_the_queue(made.settings.home, "SELECT * FROM workflow_input") == []


def test_a_worker_that_cannot_begin_can_be_started_later(closed: House) -> None:
    """The queue's file is in the way: a folder of its name."""
    obstacle = closed.settings.home / "work.sqlite"
    obstacle.mkdir()
    with pytest.raises(DatabaseUnavailableError):
        closed.service.worker.start()
    obstacle.rmdir()
    closed.service.worker.start()
    assert closed.service.worker.identity == "local-1"
