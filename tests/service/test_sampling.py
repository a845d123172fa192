"""What the service measures of itself, and what the plots of the past are made of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.engine.house import TENANT, House, house, made_site, wait_for

from jirakb.control.samples import Figures, Samples
from jirakb.service.sampling import Sampler, Searches
from jirakb.service.web.plots import MOST_POINTS, Steps, service_points

NOW = datetime(2026, 11, 23, 12, 7, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def working(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("sampling") / "home") as made:
        made.service.worker.start()
        yield made


def test_memory_searches_and_backlogs_are_kept_from_the_start_on(working: House) -> None:
    connector = working.connector(working.serve(made_site(20)), embeddings="minilm")
    working.sync(connector)
    searches = Searches()
    searches.note(TENANT, 0.25)
    searches.note(TENANT, 0.75)
    samples, began = Samples(working.service.engine_db), datetime.now(UTC) - HOUR

    def kept(tenant: str, kb: str) -> list[Figures]:
        return list(samples.steps(tenant, kb, began, 7200, datetime.now(UTC)).values())

    with Sampler(working.service, searches, every=60.0):
        wait_for(lambda: kept(TENANT, connector.kb))
    assert 20e6 < (kept("", "")[0].memory or 0) < 4e9
    assert kept(TENANT, "") == [Figures(searches=2, search_seconds=1.0, search_slowest=0.75)]
    assert kept(TENANT, connector.kb)[0].backlog == working.count(connector, "backlog")
    assert searches.take() == {}


def test_a_process_that_only_answers_leaves_the_backlogs_to_the_workers(working: House) -> None:
    began = datetime.now(UTC)
    far = began + timedelta(days=3)
    Sampler(working.service, works=False, clock=lambda: far).take()
    samples = Samples(working.service.engine_db)
    assert samples.steps("", "", far - HOUR, 60, far)
    bases = [one.kb for one in working.service.connectors.page(TENANT)]
    assert [kb for kb in bases if samples.steps(TENANT, kb, far - HOUR, 60, far)] == []


@pytest.mark.parametrize(("hours", "step", "count"), [(1, 60, 61), (24, 900, 97), (720, 21_600, 121), (0.01, 60, 1)])
def test_the_past_is_told_in_equal_steps_that_are_not_too_many(hours: float, step: int, count: int) -> None:
    steps = Steps.back(hours, NOW)
    begins = steps.begins()
    assert (steps.seconds, len(begins)) == (step, count)
    assert count <= MOST_POINTS
    assert begins[-1] <= NOW < begins[-1] + timedelta(seconds=step)
    assert steps.number(NOW) == count - 1
    assert steps.number(begins[0]) == 0


def test_a_point_tells_the_mean_of_its_searches() -> None:
    steps = Steps.back(24, NOW)
    seen = {10: Figures(searches=4, search_seconds=0.8, search_slowest=0.5)}
    point = service_points(steps, {10: Figures(memory=5)}, seen)[10]
    assert (point.memory, point.searches, point.search_seconds, point.search_slowest) == (5, 4, 0.2, 0.5)
    assert service_points(steps, {}, {})[10].search_seconds is None
