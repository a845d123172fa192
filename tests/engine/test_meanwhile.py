"""What is asked while something else is under way: pauses, other credentials, removals and rebuilds that cross a run."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from tests.engine.house import FETCH, LOGIN, TENANT, House, made_site, wait_for

from jirakb.control.connectors import SavedConnector
from jirakb.engine.desk import Desk
from jirakb.errors import NotFoundError
from jirakb.simulator.server import Running

REFUSED = {**LOGIN, "jira_api_token": "wrong"}


@pytest.fixture
def running(working: House) -> Running:
    return working.serve(made_site(250))


@pytest.fixture
def connector(working: House, running: Running) -> SavedConnector:
    return working.connector(running)


def test_a_run_asked_for_in_the_moment_of_a_pause_waits_for_the_resume(
    working: House, running: Running, connector: SavedConnector
) -> None:
    """As when the schedule has read the connector just before it is paused."""
    service = working.service
    service.desk.pause(TENANT, connector.id)
    run = service.runs.request(TENANT, connector.kb, "sync", datetime.now(UTC), connector=connector.id)
    wait_for(lambda: working.run(run).state == "paused")
    assert running.record.total == 0
    resumed = service.desk.resume(TENANT, connector.id)
    assert resumed is not None
    assert (resumed.id, working.ended(run).state) == (run.id, "complete")


def test_credentials_given_while_the_old_ones_are_being_refused_are_tried_at_once(
    working: House, running: Running
) -> None:
    connector = working.connector(running, login=REFUSED)
    running.site.switches.latency = 0.6
    run = working.service.desk.sync(TENANT, connector.id)
    wait_for(lambda: running.record.total)
    working.service.connectors.change(TENANT, connector.id, credentials=LOGIN)
    running.site.switches.latency = 0.0
    ended = working.ended(run)
    assert (ended.state, ended.failures, working.state(connector)) == ("complete", 0, "active")


def test_a_rebuild_of_what_is_kept_says_nothing_about_the_credentials(
    working: House, connector: SavedConnector
) -> None:
    working.sync(connector)
    working.service.connectors.set_state(TENANT, connector.id, "needs_attention", "The site refuses the account.")
    assert working.ended(working.service.desk.rebuild(TENANT, connector.id)).state == "complete"
    assert working.state(connector) == "needs_attention"
    assert working.ended(working.service.desk.rebuild(TENANT, connector.id, from_="jira")).state == "complete"
    assert working.state(connector) == "active"


def test_a_pause_stops_a_rebuild_from_jira_too(working: House, running: Running, connector: SavedConnector) -> None:
    working.sync(connector)
    running.record.clear()
    running.site.switches.latency = 0.4
    run = working.service.desk.rebuild(TENANT, connector.id, from_="jira")
    wait_for(lambda: running.record.by_endpoint.get(FETCH))
    paused = working.service.desk.pause(TENANT, connector.id)
    assert paused is not None
    assert paused.id == run.id
    assert wait_for(lambda: working.run(run).state == "paused") < 2.0
    running.site.switches.latency = 0.0
    working.service.desk.resume(TENANT, connector.id)
    assert working.ended(run).state == "complete"


def test_what_a_worker_has_erased_already_can_still_be_removed(working: House, connector: SavedConnector) -> None:
    service = working.service
    desk = Desk(
        service.connectors, service.runs, service.catalog, lambda: service.connectors.erase(TENANT, connector.id)
    )  # fmt: skip
    assert desk.remove(TENANT, connector.id).kind == "delete"


def test_a_run_for_a_connector_that_has_just_been_erased_is_not_found(
    working: House, connector: SavedConnector
) -> None:
    service = working.service
    service.connectors.erase(TENANT, connector.id)
    with pytest.raises(NotFoundError):
        service.runs.request(TENANT, connector.kb, "sync", datetime.now(UTC), connector=connector.id)


def test_a_connector_that_cannot_be_planned_keeps_no_other_from_its_schedule(working: House, running: Running) -> None:
    beyond_the_calendar = 5_000_000_000
    working.connector(running, refresh_minutes=beyond_the_calendar)
    other = working.connector(running, refresh_minutes=60)
    wait_for(lambda: working.service.runs.page(TENANT, other.id), 10)


def test_a_run_that_waits_for_a_connection_stops_within_two_seconds_too(working: House) -> None:
    """Both connections to the site are held by another run's calls, which take long."""
    slow = working.serve(made_site(900))
    held, waits = working.connector(slow), working.connector(slow)
    slow.site.switches.latency = 0.3
    first = working.service.desk.sync(TENANT, held.id)
    wait_for(lambda: slow.record.by_endpoint.get(FETCH))
    slow.site.switches.latency = 6.0
    time.sleep(1.0)  # what is under way is answered, and the next two calls hold the connections
    second = working.service.desk.sync(TENANT, waits.id)
    wait_for(lambda: working.run(second).state == "running")
    calls = slow.record.total
    working.service.desk.pause(TENANT, waits.id)
    assert wait_for(lambda: working.run(second).state == "paused") < 2.0
    assert slow.record.total == calls
    working.service.desk.pause(TENANT, held.id)
    assert wait_for(lambda: working.run(first).state == "paused") < 2.0
