"""Keys, connectors, runs and workers on both databases: what one tenant has, no other sees."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from jirakb.control.catalog import Catalog
from jirakb.control.config import ConnectorConfig
from jirakb.control.connectors import Connectors, SavedConnector
from jirakb.control.database import open_database
from jirakb.control.keys import Keys
from jirakb.control.runs import RunRecords
from jirakb.control.vault import open_vault
from jirakb.control.workers import Workers
from jirakb.errors import DatabaseUnavailableError, NotFoundError, RunUnderWayError, SecretsError, UsageError
from jirakb.settings import Settings

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CREDENTIALS = {"jira_user_email": "agent@quillmoss.example", "jira_api_token": "ATATT-plum"}
CONFIG = ConnectorConfig(base_url="https://Quillmoss.example/", project_key="PUMP")


@pytest.fixture
def connectors(engine: Engine, tmp_path: Path) -> Connectors:
    return Connectors(engine, open_vault(Settings(tmp_path)))


@pytest.fixture
def saved(connectors: Connectors) -> SavedConnector:
    return connectors.create("local", "KB", "Pumps", CONFIG, credentials=CREDENTIALS, refresh_minutes=10)


# Keys


def test_a_key_is_checked_by_its_text_and_kept_as_a_digest(engine: Engine) -> None:
    key, secret = Keys(engine).create("local", "search", principals=("site:S/role:Dev",))
    assert Keys(engine).check(secret, NOW) == key
    assert key.principals == ("site:S/role:Dev",)
    assert Keys(engine).check(secret + "x", NOW) is None
    with engine.connect() as connection:
        assert secret not in str(connection.execute(text("SELECT * FROM api_key")).all())


@pytest.mark.parametrize("name", ["n\x1b[31m", "n\x9b31m", "two\nlines", "x" * 201])
def test_a_keys_name_is_one_short_line(engine: Engine, name: str) -> None:
    with pytest.raises(UsageError, match="control character"):
        Keys(engine).create("local", "search", name=name)


def test_an_expired_or_revoked_key_is_refused(engine: Engine) -> None:
    keys = Keys(engine)
    short, secret = keys.create("local", "admin", expires=NOW + MINUTE)
    assert keys.check(secret, NOW)
    assert keys.check(secret, NOW + MINUTE) is None
    keys.revoke("local", short.id)
    assert keys.check(secret, NOW) is None
    assert not keys.has_admin()


def test_a_scope_includes_the_lesser_ones(engine: Engine) -> None:
    admin, _ = Keys(engine).create("local", "admin")
    search, _ = Keys(engine).create("local", "search")
    assert admin.allows("sync")
    assert admin.allows("search")
    assert not search.allows("sync")
    with pytest.raises(UsageError):
        Keys(engine).create("local", "root")  # type: ignore[arg-type]


def test_another_tenants_key_is_not_found(engine: Engine) -> None:
    key, _ = Keys(engine).create("one", "admin")
    assert Keys(engine).page("two") == []
    with pytest.raises(NotFoundError):
        Keys(engine).revoke("two", key.id)


# Connectors


def test_a_connector_keeps_its_configuration_and_seals_its_credentials(
    engine: Engine, connectors: Connectors, saved: SavedConnector
) -> None:
    assert connectors.get("local", saved.id) == saved
    assert (saved.state, saved.site, saved.config) == ("active", "https://quillmoss.example:443", CONFIG)
    assert connectors.credentials("local", saved.id) == CREDENTIALS
    with engine.connect() as connection:
        assert "plum" not in str(connection.execute(text("SELECT * FROM connector")).all())


def test_credentials_of_another_row_do_not_open(engine: Engine, connectors: Connectors, saved: SavedConnector) -> None:
    other = connectors.create("local", "KB", "Other", CONFIG, credentials=CREDENTIALS)
    with engine.begin() as connection:
        stolen = "(SELECT credentials FROM connector WHERE id = :saved)"
        swap = text(f"UPDATE connector SET credentials = {stolen} WHERE id = :other")
        connection.execute(swap, {"saved": saved.id, "other": other.id})
    with pytest.raises(SecretsError):
        connectors.credentials("local", other.id)


def test_a_connector_without_credentials_waits_for_them(connectors: Connectors) -> None:
    waiting = connectors.create("local", "KB", "Pumps", CONFIG)
    assert waiting.state == "needs_credentials"
    assert connectors.credentials("local", waiting.id) == {}
    assert connectors.change("local", waiting.id, credentials=CREDENTIALS).state == "active"


def test_another_tenants_connector_is_not_found(connectors: Connectors, saved: SavedConnector) -> None:
    assert connectors.page("other") == []
    for touch in (connectors.get, connectors.mark_removed):
        with pytest.raises(NotFoundError):
            touch("other", saved.id)
    with pytest.raises(NotFoundError):
        connectors.set_state("other", saved.id, "paused")


def test_a_removed_connector_is_not_found_and_loses_its_credentials(
    connectors: Connectors, saved: SavedConnector
) -> None:
    connectors.mark_removed("local", saved.id)
    with pytest.raises(NotFoundError):
        connectors.get("local", saved.id)
    assert connectors.get("local", saved.id, removed=True).removed
    assert connectors.credentials("local", saved.id) == {}
    assert connectors.due(datetime.now(UTC) + MINUTE) == []


def test_a_due_connector_is_planned_by_one_of_two_who_see_it(connectors: Connectors, saved: SavedConnector) -> None:
    [due] = connectors.due(datetime.now(UTC) + MINUTE)
    assert connectors.plan(due, next_sync=NOW + MINUTE, next_census=None)
    assert not connectors.plan(due, next_sync=NOW + MINUTE, next_census=None)
    assert connectors.get("local", saved.id).next_sync == NOW + MINUTE


def test_a_connector_without_schedule_is_never_due(connectors: Connectors) -> None:
    connectors.create("local", "KB", "By hand", CONFIG, credentials=CREDENTIALS)
    assert connectors.due(datetime.now(UTC) + 1000 * MINUTE) == []


# Runs


def test_a_connector_has_one_unfinished_run_of_a_lane(engine: Engine, saved: SavedConnector) -> None:
    runs = RunRecords(engine)
    first = runs.request("local", "KB", "sync", NOW, connector=saved.id)
    with pytest.raises(RunUnderWayError) as busy:
        runs.request("local", "KB", "census", NOW, connector=saved.id)
    assert busy.value.key == first.id
    assert runs.request("local", "KB", "rebuild", NOW, connector=saved.id).state == "queued"
    runs.finish(first.id, "complete", NOW, result={"counts": {"indexed": 3}})
    again = runs.request("local", "KB", "census", NOW + MINUTE, connector=saved.id)
    assert runs.page("local", saved.id)[0].id == again.id


def test_of_many_requests_at_once_one_is_taken(engine: Engine, saved: SavedConnector) -> None:
    def request(_: int) -> bool:
        try:
            RunRecords(engine).request("local", "KB", "sync", NOW, connector=saved.id)
        except RunUnderWayError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(request, range(16))) == 1


def test_a_running_run_learns_what_it_is_asked(engine: Engine, saved: SavedConnector) -> None:
    runs = RunRecords(engine)
    queued = runs.request("local", "KB", "sync", NOW, connector=saved.id)
    taken = runs.take(queued.id, "worker-1", NOW)
    assert (taken.state, taken.attempts, taken.started) == ("running", 1, NOW)
    assert runs.tell(queued.id, {"stage": "fetch"}) == ""
    runs.ask(queued.id, "pause")
    assert runs.tell(queued.id, {"stage": "fetch", "done": 5}, kind="full") == "pause"
    assert runs.enter(queued.id, "paused")
    paused = runs.get("local", queued.id)
    assert (paused.state, paused.stop, paused.kind, paused.progress["done"]) == ("paused", "", "full", 5)


def test_the_past_is_forgotten_except_the_last_five(engine: Engine, saved: SavedConnector) -> None:
    runs = RunRecords(engine)
    for day in range(8):
        began = NOW + timedelta(days=day)
        run = runs.request("local", "KB", "sync", began, connector=saved.id)
        runs.finish(run.id, "complete", began)
    assert len(runs.forget(NOW + timedelta(days=30))) == 3
    assert len(runs.page("local", saved.id)) == 5


def test_runs_go_with_their_connector(engine: Engine, connectors: Connectors, saved: SavedConnector) -> None:
    run = RunRecords(engine).request("local", "KB", "sync", NOW, connector=saved.id)
    connectors.erase("local", saved.id)
    with pytest.raises(NotFoundError):
        RunRecords(engine).get("local", run.id)


# Workers


def test_a_silent_worker_is_taken_over_by_one_of_the_others(engine: Engine) -> None:
    workers = Workers(engine)
    workers.beat("dead", NOW)
    workers.beat("well", NOW + MINUTE)
    assert workers.alive(NOW + MINUTE, MINUTE / 2) == {"well"}
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: workers.take_over(NOW + MINUTE, MINUTE / 2), range(4)))
    assert sorted(map(tuple, taken)) == [(), (), (), ("dead",)]


# The database


def test_many_may_open_a_new_database_at_once(engine: Engine, tmp_path: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        opened = list(pool.map(lambda _: Catalog(tmp_path / "fresh"), range(6)))
    assert [catalog.entries() for catalog in opened] == [[]] * 6
    for catalog in opened:
        catalog.close()


def test_a_database_out_of_reach_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailableError) as gone:
        open_database(tmp_path, "postgresql://jirakb:plum@127.0.0.1:1/none")
    assert "plum" not in gone.value.message
    assert "127.0.0.1" in gone.value.message


@pytest.mark.parametrize("url", ["mysql://localhost/x", "not a url", "sqlite:///x"])
def test_only_postgresql_may_take_the_place_of_sqlite(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError):
        open_database(tmp_path, url)
