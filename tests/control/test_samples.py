"""What was measured is kept by the minute and by the half hour, however many processes measure, and not for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, func, select

from jirakb.control.samples import Figures, Samples
from jirakb.control.tables import sample

NOW = datetime(2026, 11, 23, 12, 0, 40, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SERVICE = ("", "")


def test_what_is_measured_within_a_minute_is_one_sample(engine: Engine) -> None:
    samples = Samples(engine)
    samples.add(NOW, {SERVICE: Figures(memory=200, searches=2, search_seconds=0.5, search_slowest=0.4)})
    samples.add(
        NOW + timedelta(seconds=10),
        {SERVICE: Figures(memory=150, searches=1, search_seconds=0.75, search_slowest=0.75)},
    )
    samples.add(NOW + MINUTE, {SERVICE: Figures(memory=180)})
    noon = NOW.replace(second=0)
    together = Figures(memory=200, searches=3, search_seconds=1.25, search_slowest=0.75)
    by_minute = samples.steps("", "", noon - MINUTE, 60, NOW + MINUTE)
    assert by_minute == {1: together, 2: Figures(memory=180)}
    assert samples.steps("", "", noon - MINUTE, 300, NOW + MINUTE) == {0: together}, "a step of several minutes is one"
    month = samples.steps("", "", noon - 30 * DAY, 1800, NOW + MINUTE)
    assert month == {30 * 48: together}, "a figure that was not measured again stays"


def test_each_tenant_and_knowledge_base_has_its_own(engine: Engine) -> None:
    samples = Samples(engine)
    samples.add(
        NOW, {("one", "A"): Figures(backlog=7), ("two", "A"): Figures(backlog=9), ("one", ""): Figures(searches=1)}
    )

    def kept(tenant: str, kb: str) -> list[Figures]:
        return list(samples.steps(tenant, kb, NOW - HOUR, 60, NOW).values())

    assert kept("one", "A") == [Figures(backlog=7)]
    assert kept("one", "") == [Figures(searches=1)]
    assert kept("three", "A") == []


def test_a_day_is_kept_by_the_minute_and_a_month_by_the_half_hour(engine: Engine) -> None:
    samples = Samples(engine)
    for back in (32 * DAY, 30 * DAY, 2 * DAY, timedelta(hours=26), 23 * HOUR, MINUTE):
        samples.add(NOW - back, {SERVICE: Figures(memory=1)})
    samples.forget(NOW)
    assert len(samples.steps("", "", NOW - DAY, 60, NOW)) == 2
    assert len(samples.steps("", "", NOW - 30 * DAY - HOUR, 1800, NOW)) == 5
    with engine.connect() as connection:
        kept = connection.execute(select(sample.c.span, func.count()).group_by(sample.c.span)).all()
    assert {(row[0], row[1]) for row in kept} == {(60, 2), (1800, 5)}
