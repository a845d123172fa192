"""Schedules: a week in simulated time, by the rules alone, and some hours of it through the control tables."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.engine.house import LOGIN, TENANT, House

from jirakb.control.config import ConnectorConfig
from jirakb.engine.desk import schedule_run
from jirakb.engine.schedule import JITTER, Due, due
from jirakb.errors import RunUnderWayError

MADE = datetime(2026, 11, 23, 10, tzinfo=UTC)
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Plan:
    """A connector as its schedule sees it."""

    id: str
    refresh_minutes: int | None = 15
    prune_minutes: int | None = None
    next_sync: datetime | None = MADE
    next_census: datetime | None = None
    created: datetime = MADE

    def after(self, planned: Due) -> Plan:
        return replace(self, next_sync=planned.next_sync, next_census=planned.next_census)


@dataclass
class Site:
    """Edits at random times, and up to which edit the index has come."""

    edits: list[datetime]
    read_up_to: datetime = MADE

    def missed(self, now: datetime, longest: timedelta) -> list[datetime]:
        return [edit for edit in self.edits if self.read_up_to < edit < now - longest]


def week(
    plan: Plan, chance: random.Random, *, longest_minutes: int, failing: float = 0.0
) -> list[tuple[datetime, str]]:
    """The starts of a week's runs, looked for every minute or so; runs take their time, and some fail."""
    starts: list[tuple[datetime, str]] = []
    site = Site(sorted(MADE + WEEK * chance.random() for _ in range(2000)))
    now, ends, begun, fails = MADE, None, MADE, False
    patience = timedelta(minutes=(plan.refresh_minutes or 0) * (1 + JITTER) + 3 * longest_minutes + 1)
    while now < MADE + WEEK:
        if ends and now >= ends:
            site.read_up_to = site.read_up_to if fails else begun
            ends = None
        planned = due(plan, now)
        if planned and ends is None:  # while a run is under way, nothing is planned anew
            plan, begun, fails = plan.after(planned), now, chance.random() < failing
            starts.append((now, planned.kind))
            ends = now + timedelta(minutes=chance.uniform(0.1, longest_minutes))
        if not failing:
            assert site.missed(now, patience) == []
        now += timedelta(seconds=chance.uniform(30, 60))
    return starts


@pytest.mark.parametrize("minutes", [15, 1440])
def test_in_a_week_no_run_is_left_out_and_nothing_drifts(minutes: int) -> None:
    starts = week(Plan("a", minutes), random.Random(1), longest_minutes=5)
    assert len(starts) == WEEK // timedelta(minutes=minutes)
    for place, (start, kind) in enumerate(starts):
        nominal = MADE + timedelta(minutes=minutes) * place
        assert nominal <= start <= nominal + timedelta(minutes=minutes * JITTER, seconds=61)
        assert kind == "sync"


def test_a_run_that_takes_longer_than_its_period_is_followed_by_one_and_not_by_those_it_missed() -> None:
    starts = [start for start, _ in week(Plan("a", 15), random.Random(2), longest_minutes=50)]
    assert len(starts) < WEEK // timedelta(minutes=15)
    assert all(later - sooner >= timedelta(minutes=0.1) for sooner, later in itertools.pairwise(starts))
    late = [start for start in starts if (start - MADE) % timedelta(minutes=15) > timedelta(minutes=2)]
    assert late, "what was due meanwhile is caught up at once"


def test_failing_runs_never_stop_the_schedule() -> None:
    starts = week(Plan("a", 15), random.Random(3), longest_minutes=5, failing=0.7)
    assert len(starts) == WEEK // timedelta(minutes=15)


def test_a_census_takes_the_place_of_the_sync_that_is_due_with_it() -> None:
    plan = Plan("a", 60, 1440, MADE, MADE)
    kinds = [kind for _, kind in week(plan, random.Random(4), longest_minutes=5)]
    assert kinds.count("census") == 7
    assert 7 * 24 <= len(kinds) <= 7 * 24 + 7


def test_connectors_that_were_made_together_do_not_all_start_together() -> None:
    seconds = set()
    for number in range(50):
        planned = due(Plan(f"connector {number}", 60), MADE)
        assert planned is not None
        assert planned.next_sync is not None
        seconds.add(int((planned.next_sync - MADE).total_seconds()))
    assert len(seconds) > 40
    assert max(seconds) <= 3600 * (1 + JITTER)


def test_after_a_long_standstill_one_run_catches_up() -> None:
    plan, now = Plan("a", 15), MADE + timedelta(days=3, minutes=1)
    planned = due(plan, now)
    assert planned is not None
    assert due(plan.after(planned), now) is None
    assert planned.next_sync is not None
    assert now < planned.next_sync <= now + timedelta(minutes=16)


def test_through_the_control_tables_no_connector_ever_has_two_runs(closed: House) -> None:
    """Two rounds look at the same moment, as those of two workers do."""
    service, chance = closed.service, random.Random(5)
    config = ConnectorConfig(base_url="https://jira.example.com", project_key="*")
    for name in "abc":
        service.connectors.create(
            TENANT, "kb", name, config, credentials=LOGIN, refresh_minutes=10, prune_minutes=60
        )  # fmt: skip
    now = datetime.now(UTC)
    started = 0
    for _ in range(60):
        now += timedelta(minutes=1)
        looked = [service.connectors.due(now) for _ in range(2)]
        for saved in [one for seen in looked for one in seen]:
            planned = due(saved, now)
            assert planned is not None
            if schedule_run(service.runs, saved, planned.kind, now):
                service.connectors.plan(saved, next_sync=planned.next_sync, next_census=planned.next_census)
                started += 1
        for run in service.runs.all_unfinished():
            if chance.random() < 0.5:
                service.runs.finish(run.id, "failed" if chance.random() < 0.3 else "complete", now)
    assert 3 * 6 <= started <= 3 * 8
    saved = service.connectors.page(TENANT)[0]
    service.runs.request(TENANT, "kb", "embed", now)
    if service.runs.unfinished(saved.id) is None:
        service.runs.request(TENANT, "kb", "sync", now, connector=saved.id)
    with pytest.raises(RunUnderWayError):
        service.runs.request(TENANT, "kb", "census", now, connector=saved.id)
