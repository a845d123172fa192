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
        NOW + timedelta(seconds=10), {SERVICE: Figures(memory=150, searches=1, search_seconds=0.7, search_slowest=0.7)}
    )
    samples.add(NOW + MINUTE, {SERVICE: Figures(memory=180)})
    first, second = samples.since("", "", NOW - HOUR, NOW + MINUTE)
    assert first.time == NOW.replace(second=0)
    assert first.figures == Figures(memory=200, searches=3, search_seconds=1.2, search_slowest=0.7)
    assert second.figures == Figures(memory=180)
    (half_hour,) = samples.since("", "", NOW - 30 * DAY, NOW + MINUTE)
    assert half_hour.figures == first.figures, "a figure that was not measured again stays"


def test_each_tenant_and_knowledge_base_has_its_own(engine: Engine) -> None:
    samples = Samples(engine)
    samples.add(
        NOW, {("one", "A"): Figures(backlog=7), ("two", "A"): Figures(backlog=9), ("one", ""): Figures(searches=1)}
    )
    assert [one.figures.backlog for one in samples.since("one", "A", NOW - HOUR, NOW)] == [7]
    assert [one.figures for one in samples.since("one", "", NOW - HOUR, NOW)] == [Figures(searches=1)]
    assert samples.since("three", "A", NOW - HOUR, NOW) == []


def test_a_day_is_kept_by_the_minute_and_a_month_by_the_half_hour(engine: Engine) -> None:
    samples = Samples(engine)
    for back in (32 * DAY, 30 * DAY, 2 * DAY, timedelta(hours=26), 23 * HOUR, MINUTE):
        samples.add(NOW - back, {SERVICE: Figures(memory=1)})
    samples.forget(NOW)
    assert [NOW - one.time > HOUR for one in samples.since("", "", NOW - DAY, NOW)] == [True, False]
    assert len(samples.since("", "", NOW - 30 * DAY - HOUR, NOW)) == 5
    with engine.connect() as connection:
        kept = connection.execute(select(sample.c.span, func.count()).group_by(sample.c.span)).all()
    assert {(row[0], row[1]) for row in kept} == {(60, 2), (1800, 5)}
