"""Clocks that are wrong or are set: no living worker is taken for dead, and no schedule is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from tests.engine.house import LOGIN, TENANT, House

from jirakb.control.config import ConnectorConfig
from jirakb.control.connectors import SavedConnector
from jirakb.engine.pulse import Pulse
from jirakb.engine.schedule import due

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
PATIENCE = 12.0


@dataclass
class Seconds:
    """A clock that the test sets."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def pulse(seconds: Seconds) -> Pulse:
    return Pulse(PATIENCE, seconds)


def watch(pulse: Pulse, seconds: Seconds, beats: list[datetime | None]) -> list[set[str]]:
    """What the pulse says to each beat of another worker, two seconds apart."""
    said = []
    for beat in beats:
        seconds.now += 2.0
        said.append(pulse.silent({"other"}, {"other": beat} if beat else {}))
    return said


@pytest.mark.parametrize(
    "wrong", [timedelta(0), timedelta(hours=-1), timedelta(days=400)], ids=["right", "slow", "fast"]
)
def test_who_beats_is_alive_whatever_its_clock_says(pulse: Pulse, seconds: Seconds, wrong: timedelta) -> None:
    beats: list[datetime | None] = [NOW + wrong + timedelta(seconds=2 * n) for n in range(30)]
    assert watch(pulse, seconds, beats) == [set()] * 30


def test_a_clock_that_is_put_back_kills_nobody(pulse: Pulse, seconds: Seconds) -> None:
    beats: list[datetime | None] = [NOW + timedelta(seconds=2 * n) - timedelta(hours=n // 10) for n in range(30)]
    assert watch(pulse, seconds, beats) == [set()] * 30


@pytest.mark.parametrize("beat", [NOW, None], ids=["silent", "unknown"])
def test_who_does_not_beat_is_dead_after_the_patience(pulse: Pulse, seconds: Seconds, beat: datetime | None) -> None:
    assert watch(pulse, seconds, [beat] * 9) == [set()] * 6 + [{"other"}] * 3


def test_who_was_kept_from_looking_takes_nobody_for_dead(pulse: Pulse, seconds: Seconds) -> None:
    """As after the process was stopped for a minute, or the database was gone."""
    watch(pulse, seconds, [NOW] * 3)
    seconds.now += 60.0
    assert watch(pulse, seconds, [NOW] * 9) == [set()] * 6 + [{"other"}] * 3


@pytest.fixture
def connector(closed: House) -> SavedConnector:
    config = ConnectorConfig(base_url="https://jira.example.com", project_key="*")
    return closed.service.connectors.create(
        TENANT, "kb", "one", config, credentials=LOGIN, refresh_minutes=15, prune_minutes=1440
    )  # fmt: skip


def test_a_schedule_that_was_planned_by_a_clock_in_the_future_goes_on_when_it_is_put_back(
    closed: House, connector: SavedConnector
) -> None:
    connectors, ahead = closed.service.connectors, timedelta(days=365)
    now = connector.created + timedelta(minutes=1)
    planned = due(connector, now + ahead)
    assert planned is not None
    connectors.plan(connector, next_sync=planned.next_sync, next_census=planned.next_census)
    (found,) = connectors.due(now)
    again = due(found, now)
    assert again is not None
    assert again.next_sync is not None
    assert again.next_census is not None
    assert now < again.next_sync <= now + timedelta(minutes=16)
    assert now < again.next_census <= now + timedelta(minutes=1440 * 1.04)
    connectors.plan(found, next_sync=again.next_sync, next_census=again.next_census)
    assert connectors.due(now) == []


def test_a_connector_that_was_made_by_a_clock_in_the_future_is_due_when_it_is_put_back(
    closed: House, connector: SavedConnector
) -> None:
    now = connector.created - timedelta(days=365)
    (found,) = closed.service.connectors.due(now)
    planned = due(found, now)
    assert planned is not None
    assert planned.next_sync is not None
    assert now < planned.next_sync <= now + timedelta(minutes=16)


def test_what_is_planned_for_later_is_not_due(closed: House, connector: SavedConnector) -> None:
    now = connector.created + timedelta(minutes=1)
    planned = due(connector, now)
    assert planned is not None
    closed.service.connectors.plan(connector, next_sync=planned.next_sync, next_census=planned.next_census)
    assert closed.service.connectors.due(now) == []
    assert due(closed.service.connectors.get(TENANT, connector.id), now) is None
