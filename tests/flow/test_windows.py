"""Windows of time and the rows of a listing: many changes in one minute, and rows that name no issue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import httpx2
import pytest
from tests.flow.life import Life, Setting
from tests.flow.mirror import stored_keys
from tests.flow.world import CREDENTIALS, World

from jirakb.errors import UsageError
from jirakb.jira.connector import JiraConnector
from jirakb.simulator.state import Flavor
from jirakb.sync import Wish

MINUTE = 788  # issues that once shared a minute on a real site


@pytest.mark.parametrize("flavor", ["cloud", "dc"])
def test_however_many_issues_change_in_one_minute_each_arrives_once(flavor: Flavor) -> None:
    with Life(Setting(flavor, page=100, zone="America/St_Johns")) as life:
        life.synced()
        life.wait(3600)
        minute = life.clock.now().replace(second=0, microsecond=0)
        life.site.clock = lambda: minute
        numbers = [life.site.get(life.site.create("PUMP", f"Pump {n}")).number for n in range(MINUTE)]
        life.site.clock = life.clock.now
        credentials = CREDENTIALS[flavor]
        with closing(
            JiraConnector(life.running.base_url, projects=("*",), credentials=credentials, settings=life.settings)
        ) as connector:
            report, again = (life.sync_with(connector, Wish(query=connector.query)) for _ in range(2))
        assert (report.kind, report.counts.indexed, report.counts.fetched) == ("incremental", MINUTE, MINUTE)
        assert (again.counts.indexed, again.counts.fetched) == (0, 0)
        assert set(numbers) <= stored_keys(life.opened()).keys()


class OddRows(httpx2.BaseTransport):
    """The network, but for search results: there one issue has an id that is no number."""

    def __init__(self, number: int) -> None:
        self._wire = httpx2.HTTPTransport()
        self._odd = f'"id":"{number}"'.encode()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = self._wire.handle_request(request)
        if "search" not in request.url.path:
            return answer
        headers = {
            name: value for name, value in answer.headers.items() if name not in ("content-encoding", "content-length")
        }
        body = answer.read().replace(self._odd, b'"id":"none of them"')
        return httpx2.Response(answer.status_code, headers=headers, content=iter([body]))

    def close(self) -> None:
        self._wire.close()


@pytest.fixture
def odd(world: World) -> Iterator[OddRows]:
    yield (rows := OddRows(world.site.get("PUMP-7").number))
    rows.close()


def test_a_row_of_a_listing_that_names_no_issue_costs_one_omission(world: World, odd: OddRows) -> None:
    report = world.sync(connector={"transport": odd})
    (omission,) = report.omissions
    assert (omission.key, omission.kind, omission.cls, omission.reason) == ("PUMP-7", "issue", "failed", "bad_id")
    assert (report.state, report.counts.listed, report.counts.indexed, report.counts.omitted) == (
        "incomplete",
        12,
        11,
        1,
    )
    assert world.indexed() == world.site_keys() - {"PUMP-7"}


def test_it_is_told_until_a_complete_listing_names_it(world: World, odd: OddRows) -> None:
    world.sync(connector={"transport": odd})
    assert world.sync(prune="never").failed <= 1
    report = world.sync(prune="always")
    assert (report.state, report.omissions) == ("complete", ())
    assert world.indexed() == world.site_keys()


def test_an_issue_that_was_stored_does_not_go_when_its_row_cannot_be_read(world: World, odd: OddRows) -> None:
    world.sync()
    report = world.sync(prune="always", connector={"transport": odd})
    assert report.counts.deleted == 0
    assert world.indexed() == world.site_keys()


@pytest.mark.parametrize("until", [3.0, 5.0])
def test_a_window_without_a_moment_is_refused(until: float) -> None:
    start, end = (datetime.fromtimestamp(seconds, UTC) for seconds in (5.0, until))
    with pytest.raises(UsageError, match="no moment"):
        Wish(query="", since=start, until=end)
