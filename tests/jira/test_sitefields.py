"""A site's list of fields is remembered by all workers, and never at the cost of a field."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.servers import fresh_database

from jirakb.errors import UsageError
from jirakb.jira.connector import JiraConnector
from jirakb.jira.document.fields import FieldCatalog
from jirakb.jira.pacing import PacesInMemory
from jirakb.jira.pacing.shared import open_pacers
from jirakb.jira.sitefields import FieldMemory
from jirakb.settings import Settings
from jirakb.simulator.server import Running, serve
from jirakb.simulator.site import Site

LOGIN = {"jira_user_email": "agent@example.com", "jira_api_token": "sim-token"}
FIELDS = "GET field"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
TEXT = {"type": "string", "custom": "com.atlassian.jira.plugin.system.customfieldtypes:textfield"}
Worker = Callable[..., JiraConnector]


@pytest.fixture
def running() -> Iterator[Running]:
    site = Site("cloud")
    site.create("PUMP", "Pump stops")
    site.add_custom({"id": "customfield_10100", "name": "Customer", "schema": TEXT})
    site.edit("PUMP-1", customfield_10100="Zephyrine Ltd")
    with serve(site) as served:
        yield served


@pytest.fixture(params=["file", "postgres", "valkey"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Of the workers of one service, by what they share."""
    if request.param == "valkey":
        server = request.getfixturevalue("valkey")
        with closing(server.client()) as client:
            client.flushall()
        return Settings(home=tmp_path, redis_url=f"redis://127.0.0.1:{server.port}/0")
    url = fresh_database(request.getfixturevalue("postgres")) if request.param == "postgres" else ""
    return Settings(home=tmp_path, database_url=url)


@pytest.fixture
def clock() -> list[float]:
    return [1_000_000.0]


@pytest.fixture
def worker(settings: Settings, running: Running, clock: list[float]) -> Iterator[Worker]:
    """A connector of another worker, with connections of its own to what they share, each time."""
    with ExitStack() as stack:

        def made(**options: Any) -> JiraConnector:
            pacers = open_pacers(settings)
            stack.callback(pacers.close)
            memory = FieldMemory(pacers.store, 900, lambda: clock[0])
            given = {"credentials": LOGIN, "settings": settings, "pacers": pacers, "field_memory": memory, **options}
            connector = JiraConnector(running.base_url, "PUMP", **given)
            stack.callback(connector.close)
            connector.identify()
            return connector

        yield made


def fields(connector: JiraConnector) -> dict[str, str]:
    """Those of the one issue's document."""
    (ref,) = next(iter(connector.list_updated(LONG_AGO))).refs
    (raw,) = connector.fetch([ref.number]).issues
    found: dict[str, str] = dict(connector.render(raw).documents[0].metadata.get("fields", {}))
    return found


def asked(running: Running) -> int:
    return running.record.by_endpoint[FIELDS]


def test_one_worker_asks_for_all_and_their_documents_are_the_same(running: Running, worker: Worker) -> None:
    assert [fields(worker()) for _ in range(3)] == [{"Customer": "Zephyrine Ltd"}] * 3
    assert asked(running) == 1
    assert running.record.by_endpoint["GET myself"] == 3, "who asks is never remembered"


def test_a_field_that_is_newer_than_the_list_is_not_lost(running: Running, worker: Worker) -> None:
    fields(worker())
    running.site.add_custom({"id": "customfield_10101", "name": "Root cause", "schema": TEXT})
    running.site.edit("PUMP-1", customfield_10101="dry bearing")
    expected = {"Customer": "Zephyrine Ltd", "Root cause": "dry bearing"}
    second = worker()
    assert fields(second) == expected
    assert "Root cause" in second.rendering_facts()
    assert fields(worker()) == expected
    assert asked(running) == 2, "the newer list is remembered in its place"


def test_a_choice_that_names_a_new_field_is_not_refused(running: Running, worker: Worker) -> None:
    worker()
    running.site.add_custom({"id": "customfield_10101", "name": "Root cause", "schema": TEXT})
    worker(fields={"include": ["Root cause"]})
    with pytest.raises(UsageError, match="Custommer"):
        worker(fields={"include": ["Custommer"]})


def test_a_full_reading_asks_anew(running: Running, worker: Worker) -> None:
    worker()
    running.site.add_custom({"id": "customfield_10100", "name": "Client", "schema": TEXT})
    reader = worker()
    assert list(reader.list_all())
    assert fields(reader) == {"Client": "Zephyrine Ltd"}
    assert asked(running) == 2


def test_a_list_is_remembered_for_a_while_and_for_one_account(
    running: Running, worker: Worker, clock: list[float]
) -> None:
    worker()
    clock[0] += 899
    worker()
    assert asked(running) == 1
    running.site.account("ann", email="ann@example.com", token="hers")
    worker(credentials={"jira_user_email": "ann@example.com", "jira_api_token": "hers"})
    assert asked(running) == 2
    clock[0] += 2
    worker()
    assert asked(running) == 3
    clock[0] -= 3600  # of a clock that was ahead
    worker()
    assert asked(running) == 4


def test_what_cannot_be_read_is_as_good_as_nothing() -> None:
    store = PacesInMemory()
    memory = FieldMemory(store, 900, lambda: 0.0)
    catalog = FieldCatalog.parse([{"id": "customfield_1", "name": "A", "schema": TEXT}])
    memory.keep("https://a", "me", catalog)
    assert memory.read("https://a", "me") == catalog
    assert memory.read("https://a", "you") is memory.read("https://b", "me") is None
    store.change("fields https://a me", lambda held: held[:-9] or b"x")
    assert memory.read("https://a", "me") is None
