"""Sites that are down or say "wait", full disks, databases that are gone, faults of ours: each has a clear end, and passes."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import text
from tests.engine.house import TENANT, House, made_site, wait_for

from jirakb.engine.outcome import TRIES, of_error
from jirakb.errors import DatabaseUnavailableError, DiskFullError, SiteUnreachableError
from jirakb.simulator.switches import outage, throttle


def test_a_site_that_is_down_fails_the_run_after_some_tries_and_not_its_schedule(working: House) -> None:
    running = working.serve(made_site(20))
    running.site.switches.faults = [outage(every=1)]
    connector = working.connector(running, refresh_minutes=60)
    wait_for(lambda: working.service.runs.page(TENANT, connector.id))
    (run,) = working.service.runs.page(TENANT, connector.id)
    wait_for(lambda: working.run(run).failures == 1)
    assert working.run(run).error is not None, "what went wrong can be seen between two tries"
    ended = working.ended(run)
    assert (ended.state, ended.failures, working.state(connector)) == ("failed", TRIES - 1, "active")
    assert ended.error is not None
    assert ended.error["error"] == "SiteUnreachableError"
    planned = working.service.connectors.get(TENANT, connector.id).next_sync
    assert planned is not None
    assert planned > ended.requested
    running.site.switches.faults = []
    assert working.sync(connector).state == "complete"


def test_healthy_sites_are_not_delayed_by_one_that_says_wait_and_one_that_is_down(working: House) -> None:
    healthy, waiting, down = (working.serve(made_site(120)) for _ in range(3))
    waiting.site.switches.faults = [throttle(every=1, retry_after="60")]
    down.site.switches.faults = [outage(every=1)]
    ill = [working.connector(running, kb=f"ill {number}") for number in range(3) for running in (waiting, down)]
    asked = [working.service.desk.sync(TENANT, connector.id) for connector in ill]
    wait_for(lambda: 429 in waiting.record.by_status and down.record.total)
    well = [working.connector(healthy, kb=f"well {number}") for number in range(2)]
    ended = [working.ended(working.service.desk.sync(TENANT, connector.id), 15) for connector in well]
    assert [(run.state, run.attempts) for run in ended] == [("complete", 1), ("complete", 1)]
    at_waiting = [working.run(run).state for run in asked[::2]]
    assert sorted(at_waiting) == ["queued", "running", "running"], "no more runs of a site than its limit"
    assert waiting.record.total < 10
    for connector in ill:
        working.service.desk.remove(TENANT, connector.id)


def test_while_the_control_database_is_locked_the_sync_goes_on_and_ends_well_afterwards(working: House) -> None:
    running = working.serve(made_site(800))
    connector = working.connector(running)
    running.site.switches.latency = 0.2
    run = working.service.desk.sync(TENANT, connector.id)
    wait_for(lambda: working.count(connector, "issue"))
    holder = sqlite3.connect(working.settings.home / "control.sqlite", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    wait_for(lambda: working.count(connector, "issue") == 800)
    holder.execute("COMMIT")
    holder.close()
    assert working.ended(run).state == "complete"


def test_a_fault_of_ours_ends_the_run_and_not_the_worker(working: House) -> None:
    running = working.serve(made_site(20))
    connector = working.connector(running)
    with working.service.engine_db.begin() as connection:
        connection.execute(text("UPDATE connector SET config = '{}' WHERE id = :id"), {"id": connector.id})
    run = working.service.runs.request(TENANT, connector.kb, "sync", connector.created, connector=connector.id)
    working.service.worker.tell()
    ended = working.ended(run)
    assert ended.error is not None
    assert (ended.state, ended.error["error"]) == ("failed", "InternalError")
    with working.service.engine_db.begin() as connection:
        connection.execute(
            text("UPDATE connector SET config = :config WHERE id = :id"),
            {"id": connector.id, "config": connector.config.model_dump_json()},
        )
    assert working.sync(connector).state == "complete"


@pytest.mark.parametrize(
    ("error", "then", "connector"),
    [
        (SiteUnreachableError("down"), "again", None),
        (DiskFullError("full"), "end", None),
        (DatabaseUnavailableError("gone"), "end", None),
    ],
    ids=["site", "disk", "database"],
)
def test_what_becomes_of_a_run_follows_from_its_error(error: Exception, then: str, connector: None) -> None:
    outcome = of_error(error, 0)  # type: ignore[arg-type]
    assert (outcome.then, outcome.connector) == (then, connector)
    assert of_error(error, TRIES - 1).then == "end"  # type: ignore[arg-type]
