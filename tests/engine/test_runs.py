"""What is asked of a connector is done: syncs, pauses, censuses, rebuilds and removals, by a worker in this process."""

from __future__ import annotations

from contextlib import closing

import pytest
from tests.engine.house import FETCH, LOGIN, TENANT, House, made_site, wait_for

from jirakb.control.connectors import SavedConnector
from jirakb.errors import NotFoundError, RunUnderWayError, SettingsError
from jirakb.knowledge.kept import Kept
from jirakb.knowledge.runs import Runs
from jirakb.knowledge.store import KnowledgeBase
from jirakb.simulator.server import Running
from jirakb.simulator.switches import throttle


@pytest.fixture
def running(working: House) -> Running:
    return working.serve(made_site(250))


@pytest.fixture
def connector(working: House, running: Running) -> SavedConnector:
    return working.connector(running)


def site_keys(running: Running) -> list[str]:
    return sorted(issue.key for issue in running.site.issues.values())


def test_a_sync_makes_the_index_the_same_as_the_site(
    working: House, running: Running, connector: SavedConnector
) -> None:
    ended = working.sync(connector)
    assert (ended.state, ended.kind, ended.error) == ("complete", "full", None)
    assert ended.result["counts"]["indexed"] == 250
    assert ended.progress["stages"]["fetch"] | {"rate": 0} == {"done": 250, "total": 250, "rate": 0}
    assert working.keys(connector) == site_keys(running)
    running.site.create("PUMP", "Another")
    assert working.sync(connector).kind == "incremental"
    assert working.keys(connector) == site_keys(running)


def test_a_paused_sync_stops_within_two_seconds_and_goes_on_where_it_was(
    working: House, running: Running, connector: SavedConnector
) -> None:
    desk, run = working.service.desk, None
    running.site.switches.faults = [throttle(every=2, endpoints=(FETCH,), retry_after="60")]
    run = desk.sync(TENANT, connector.id)
    wait_for(lambda: working.count(connector, "issue") == 100 and 429 in running.record.by_status)
    desk.pause(TENANT, connector.id)
    assert wait_for(lambda: working.run(run).state == "paused") < 2.0
    assert working.state(connector) == "paused"
    before = running.record.total
    with pytest.raises(SettingsError, match="paused"):
        desk.sync(TENANT, connector.id)
    running.site.switches.faults = []
    working.forget_paces()  # else the minute that the site asked for is waited out
    assert running.record.total == before
    running.record.clear()
    left = len(site_keys(running)) - working.count(connector, "issue")
    assert left > 0
    resumed = desk.resume(TENANT, connector.id)
    assert resumed is not None
    assert resumed.id == run.id
    ended = working.ended(run)
    assert (ended.state, ended.attempts, working.state(connector)) == ("complete", 2, "active")
    assert running.record.by_endpoint[FETCH] == -(-left // 100)
    assert working.keys(connector) == site_keys(running)


def test_a_sync_that_embeds_is_paused_within_two_seconds_too(working: House) -> None:
    running = working.serve(made_site(900))
    connector = working.connector(running, embeddings="minilm")
    run = working.service.desk.sync(TENANT, connector.id)
    wait_for(lambda: working.count(connector, "vector") > 0)
    working.service.desk.pause(TENANT, connector.id)
    assert wait_for(lambda: working.run(run).state == "paused") < 2.5
    assert 0 < working.count(connector, "vector") < 900


def test_while_a_sync_is_under_way_a_second_is_refused_with_its_id(
    working: House, running: Running, connector: SavedConnector
) -> None:
    running.site.switches.latency = 0.5
    run = working.service.desk.sync(TENANT, connector.id)
    with pytest.raises(RunUnderWayError) as refused:
        working.service.desk.sync(TENANT, connector.id)
    assert refused.value.key == run.id
    running.site.switches.latency = 0.0
    assert working.ended(run).state == "complete"


def test_refused_credentials_are_told_once_and_not_tried_again(working: House, running: Running) -> None:
    connector = working.connector(running, login={**LOGIN, "jira_api_token": "wrong"}, refresh_minutes=1)
    wait_for(lambda: working.state(connector) == "needs_attention")
    wait_for(
        lambda: working.service.runs.page(TENANT, connector.id)[0].error is not None
    )  # written down after the state
    (ended,) = working.service.runs.page(TENANT, connector.id)
    assert ended.error is not None
    assert (ended.state, ended.error["error"]) == ("failed", "InsufficientPermissionsError")
    due = working.service.connectors.due(ended.requested.replace(year=2100))
    assert connector.id not in [saved.id for saved in due]
    assert "wrong" not in str(ended)
    working.service.connectors.change(TENANT, connector.id, credentials=LOGIN)
    assert working.sync(connector).state == "complete"


def test_a_census_that_would_delete_much_stops_and_is_confirmed(
    working: House, running: Running, connector: SavedConnector
) -> None:
    working.sync(connector)
    for number in list(running.site.issues)[:80]:
        running.site.delete(running.site.issues[number].key)
    stopped = working.sync(connector, census=True)
    assert (stopped.state, working.state(connector)) == ("stopped", "needs_attention")
    assert working.count(connector, "issue") == 250
    confirmed = working.sync(connector, confirm_deletions=True)
    assert (confirmed.state, working.state(connector)) == ("complete", "active")
    assert working.keys(connector) == site_keys(running)


def test_a_rebuild_asks_the_site_nothing_and_waits_behind_a_sync(
    working: House, running: Running, connector: SavedConnector
) -> None:
    running.site.switches.latency = 0.15
    desk = working.service.desk
    sync, rebuild = desk.sync(TENANT, connector.id), None
    wait_for(lambda: working.count(connector, "issue") > 0)
    rebuild = desk.rebuild(TENANT, connector.id)
    assert working.ended(sync).state == "complete"
    calls = running.record.total
    ended = working.ended(rebuild)
    assert (ended.state, ended.result["counts"]["indexed"], running.record.total) == ("complete", 250, calls)
    again = working.ended(desk.rebuild(TENANT, connector.id, from_="jira"))
    assert (again.state, again.result["kind"], again.result["counts"]["fetched"]) == ("complete", "full", 250)


@pytest.mark.parametrize(("documents", "left"), [("delete", 0), ("keep", 250)])
def test_a_removed_connector_is_not_found_and_its_documents_go_unless_they_are_kept(
    working: House, running: Running, connector: SavedConnector, documents: str, left: int
) -> None:
    working.sync(connector)
    working.service.desk.remove(TENANT, connector.id, documents)  # type: ignore[arg-type]
    with pytest.raises(NotFoundError):
        working.service.connectors.get(TENANT, connector.id)
    wait_for(lambda: working.is_idle(connector))
    with pytest.raises(NotFoundError):
        working.service.connectors.get(TENANT, connector.id, removed=True)
    assert working.count(connector, "issue") == working.count(connector, "document") == left


def test_a_document_goes_with_its_last_connector_only(working: House, running: Running) -> None:
    pumps = working.connector(running, kb="both", project_key="PUMP")
    everything = working.connector(running, kb="both")
    assert [working.sync(one).state for one in (pumps, everything)] == ["complete", "complete"]
    working.service.desk.remove(TENANT, everything.id)
    wait_for(lambda: working.is_idle(everything))
    assert {key.split("-")[0] for key in working.keys(pumps)} == {"PUMP"}


def test_removing_while_a_sync_runs_cancels_it(working: House, running: Running, connector: SavedConnector) -> None:
    running.site.switches.latency = 0.4
    working.service.desk.sync(TENANT, connector.id)
    wait_for(lambda: running.record.total > 2)
    working.service.desk.remove(TENANT, connector.id)
    assert wait_for(lambda: working.is_idle(connector)) < 6.0
    assert working.count(connector, "issue") == 0


def test_a_removed_knowledge_base_goes_with_its_connectors(
    working: House, running: Running, connector: SavedConnector
) -> None:
    working.sync(connector)
    ended = working.ended(working.service.desk.remove_kb(TENANT, connector.kb))
    assert ended.state == "complete"
    assert not working.folder(connector).exists()
    with pytest.raises(NotFoundError):
        working.service.connectors.get(TENANT, connector.id, removed=True)
    with pytest.raises(NotFoundError):
        working.service.desk.remove_kb(TENANT, connector.kb)


def test_when_the_query_changes_what_only_the_former_one_read_goes(working: House, running: Running) -> None:
    connector = working.connector(running, project_key="PUMP")
    working.sync(connector)
    config = connector.config.model_copy(update={"project_key": "HALL"})
    working.service.connectors.change(TENANT, connector.id, config=config)
    assert working.sync(connector).state == "complete"
    assert {key.split("-")[0] for key in working.keys(connector)} == {"HALL"}


def test_waiting_passages_get_their_vectors(working: House) -> None:
    running = working.serve(made_site(30))
    connector = working.connector(running, embeddings="minilm")
    working.sync(connector)
    ended = working.ended(working.service.desk.embed(TENANT, connector.kb))
    assert (ended.state, ended.result["counts"]["embedded"]) == ("complete", 0)


def test_another_tenants_connector_and_knowledge_base_are_not_found(working: House, connector: SavedConnector) -> None:
    desk = working.service.desk
    for ask in (desk.sync, desk.pause, desk.resume, desk.rebuild, desk.remove):
        with pytest.raises(NotFoundError):
            ask("t2", connector.id)  # type: ignore[operator]
    for ask in (desk.remove_kb, desk.embed):
        with pytest.raises(NotFoundError):
            ask("t2", connector.kb)


def test_runs_that_follow_each_other_remember_the_sites_fields(working: House) -> None:
    site = made_site(4)
    running = working.serve(site)
    connectors = [working.connector(running), working.connector(running, project_key="PUMP")]
    for connector in connectors:
        assert working.sync(connector).state == "complete"
    assert running.record.by_endpoint["GET field"] == 2, "a first reading is a full one"
    site.add_custom({"id": "customfield_10100", "name": "Customer", "schema": {"type": "string"}})
    site.edit("PUMP-1", customfield_10100="Zephyrine")
    for connector in (*connectors, *connectors):
        assert working.sync(connector).kind == "incremental"
    assert running.record.by_endpoint["GET field"] == 3, "the new field was met once"
    with closing(KnowledgeBase.open(working.folder(connectors[1]))) as base:
        assert "customfield_10100" in Kept(base).rendering_facts(Runs(base).connectors()[0].id)
