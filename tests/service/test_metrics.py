"""What the figures say of a service: those that are read from the tables are the same whichever process is asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.engine.house import FETCH, TENANT, House, house, made_site
from tests.servers import fresh_database, postgres_folder, postgres_server

from jirakb.engine.open import open_service
from jirakb.service.metrics import Metrics, metrics_text
from jirakb.simulator.switches import outage, throttle

Labels = tuple[str, ...]
SECRET = "sim-token"
OF = ("tenant", "connector")


class Told:
    """The samples of a text."""

    def __init__(self, text: bytes) -> None:
        families = text_string_to_metric_families(text.decode())
        self._samples = [sample for family in families for sample in family.samples]

    def of(self, name: str, *labels: str) -> dict[Labels, float]:
        """The values of a figure by those of its labels; all of them are to be named."""
        mine = [sample for sample in self._samples if sample.name in (name, f"jirakb_{name}")]
        assert all(sample.labels.keys() == set(labels) for sample in mine)
        return {tuple(sample.labels[label] for label in labels): sample.value for sample in mine}

    def one(self, name: str) -> float:
        """A figure of the whole."""
        return self.of(name)[()]


@pytest.fixture(scope="module")
def working(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("metrics") / "home") as made:
        made.service.worker.start()
        yield made


@pytest.fixture(scope="module")
def synced(working: House) -> tuple[Told, str, str]:
    """Figures after a sync of 220 issues, of which one is broken and one call was put off by a second, and a failed one; told
    by a process that did none of it."""
    site = made_site(220)
    site.switches.broken = {sorted(site.issues)[5]}
    site.switches.faults = [throttle(every=2, endpoints=(FETCH,), times=1, retry_after="1")]
    running = working.serve(site)
    connector = working.connector(running)
    assert working.sync(connector).state == "incomplete"
    site.switches.faults = [outage(every=1)]
    assert working.sync(connector).state == "failed"
    other = open_service(working.settings)
    try:
        told = Told(metrics_text(other))
    finally:
        other.close()
    return told, connector.id, connector.kb


def test_the_specifications_five_are_told(synced: tuple[Told, str, str]) -> None:
    told, connector, _ = synced
    mine = (TENANT, connector)
    assert 1.0 < told.of("sync_duration_seconds", *OF, "kind")[(*mine, "full")] < 60
    assert told.of("error_ratio", *OF)[mine] == pytest.approx(2 / (220 + 2))
    assert 20e6 < told.of("sync_memory_bytes", *OF)[mine] < 4e9
    calls = told.of("api_calls_last_day", *OF, "endpoint")
    assert calls[(*mine, FETCH)] >= 4
    assert {labels[:2] for labels in calls} == {mine}
    assert told.of("documents_per_hour", *OF)[mine] == pytest.approx(
        219 / told.of("sync_duration_seconds", *OF, "kind")[(*mine, "full")] * 3600
    )


def test_freshness_waits_and_omissions_are_told(synced: tuple[Told, str, str]) -> None:
    told, connector, kb = synced
    mine = (TENANT, connector)
    assert told.one("freshness_seconds") == told.of("connector_freshness_seconds", *OF)[mine]
    assert told.of("omissions", *OF, "class", "reason") == {(*mine, "failed", "bad_body"): 1}
    assert told.of("backlog_passages", "tenant", "kb") == {(TENANT, kb): 0}
    assert 1.0 <= told.of("throttled_seconds_last_day", *OF)[mine] < 3.0
    assert told.of("runs_ended_last_day", *OF, "state") == {(*mine, "incomplete"): 1, (*mine, "failed"): 1}
    assert told.one("workers") == 1
    assert told.one("database_up") == 1
    assert told.of("connectors", "tenant", "state") == {(TENANT, "active"): 1}
    assert told.one("process_resident_memory_bytes") > 20e6


def test_no_name_address_or_secret_is_told(working: House, synced: tuple[Told, str, str]) -> None:
    text = metrics_text(working.service).decode()
    for hidden in ("127.0.0.1", SECRET, "agent@example.com", "PUMP", str(working.settings.home)):
        assert hidden not in text


def test_a_paused_connector_does_not_make_the_service_stale(working: House, synced: tuple[Told, str, str]) -> None:
    """Its own figure goes on; the service's is that of the connectors that work."""
    _, connector, _ = synced
    later = Metrics(working.service, lambda: datetime.now(UTC) + timedelta(hours=30))
    told = Told(later.text())
    assert told.one("freshness_seconds") > 29 * 3600
    assert told.of("api_calls_last_day", *OF, "endpoint") == {}, "these are of the last day"
    working.service.desk.pause(TENANT, connector)
    told = Told(later.text())
    assert told.of("freshness_seconds") == {}
    assert told.of("connector_freshness_seconds", *OF)[(TENANT, connector)] > 29 * 3600


def test_a_damaged_knowledge_base_is_counted_and_hides_no_other(working: House, synced: tuple[Told, str, str]) -> None:
    running = working.serve(made_site(3))
    good, bad = working.connector(running), working.connector(running)
    assert [working.sync(one).state for one in (good, bad)] == ["complete", "complete"]
    for file in working.folder(bad).glob("kb.sqlite*"):
        file.write_bytes(b"no database" * 100)
    told = Told(metrics_text(working.service))
    assert told.one("kb_unreadable") == 1
    assert (TENANT, good.id) in told.of("connector_freshness_seconds", *OF)


def test_searches_are_counted_by_the_process_that_answers_them(working: House) -> None:
    metrics = Metrics(working.service)
    metrics.searched(0.03)
    metrics.searched(7.0, "similar")
    told = Told(metrics.text()).of("search_seconds_bucket", "route", "le")
    assert (told["search", "0.02"], told["search", "0.04"], told["similar", "5.0"], told["similar", "10.0"]) == (
        0,
        1,
        0,
        1,
    )


def test_a_database_that_is_gone_is_said(tmp_path: Path) -> None:
    with (
        postgres_folder() as folder,
        postgres_server(folder) as server,
        house(tmp_path / "home", fresh_database(server)) as made,
    ):
        assert Told(metrics_text(made.service)).one("database_up") == 1
        server.cleanup()
        told = Told(metrics_text(made.service))
    assert told.one("database_up") == 0
    assert told.of("workers") == {}
