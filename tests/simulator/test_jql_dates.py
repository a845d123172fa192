"""Which moments dates in queries mean, in the caller's zone and through changes of the clocks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from jirakb.simulator.jql import Context, JqlError, Row, parse, plan

NEW_YORK = ZoneInfo("America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 11, 14, 30, 20, 500_000, tzinfo=UTC)
CONTEXT = Context(flavor="cloud", now=NOW, zone=UTC, site_zone=NEW_YORK, user="ann")


def finds(jql: str, moment: datetime, context: Context = CONTEXT) -> bool:
    at = round(moment.timestamp() * 1000)
    return bool(plan(parse(jql), context).select([Row(1, "A-1", "A", created=at, updated=at, resolved=at)]))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_a_minute_begins_with_its_first_millisecond_and_ends_nowhere_else() -> None:
    start = utc(2026, 1, 1, 10, 5)
    before, inside = start - timedelta(milliseconds=1), start + timedelta(seconds=59, milliseconds=999)
    assert finds('updated >= "2026-01-01 10:05"', start)
    assert not finds('updated >= "2026-01-01 10:05"', before)
    assert finds('updated <= "2026/01/01 10:05"', start)
    assert not finds('updated <= "2026/01/01 10:05"', inside)
    assert finds('updated > "2026-01-01 10:05"', inside)
    assert finds('updated < "2026-01-01 10:05"', before)


def test_equality_means_the_whole_minute_or_day_that_is_written() -> None:
    assert finds('updated = "2026-01-01 10:05"', utc(2026, 1, 1, 10, 5, 59))
    assert not finds('updated = "2026-01-01 10:05"', utc(2026, 1, 1, 10, 6))
    assert finds("updated = 2026-01-01", utc(2026, 1, 1, 23, 59))
    assert finds('updated in ("2026-01-01", "2026-01-03")', utc(2026, 1, 3))
    assert finds("updated != 2026-01-01", utc(2026, 1, 2))


def test_a_literal_is_read_in_the_callers_zone_and_not_the_sites() -> None:
    berlin = replace(CONTEXT, zone=BERLIN)
    assert finds('updated >= "2026-01-01 10:05"', utc(2026, 1, 1, 9, 5), berlin)
    assert not finds('updated >= "2026-01-01 10:05"', utc(2026, 1, 1, 9, 4, 59), berlin)
    assert finds("created = 2026-07-01", utc(2026, 6, 30, 22), berlin)


def test_an_unquoted_number_is_epoch_milliseconds_to_the_millisecond() -> None:
    moment = utc(2025, 1, 1)
    assert finds("updated >= 1735689600000", moment)
    assert finds("updated = 1735689600000", moment)
    assert not finds("updated > 1735689600000", moment)


def test_a_time_that_comes_twice_means_the_later_one() -> None:
    context = replace(CONTEXT, zone=NEW_YORK)
    assert not finds('updated >= "2026-11-01 01:30"', utc(2026, 11, 1, 5, 30), context)
    assert finds('updated >= "2026-11-01 01:30"', utc(2026, 11, 1, 6, 30), context)
    assert finds('updated >= "2026-11-01 00:59"', utc(2026, 11, 1, 4, 59), context)


def test_a_time_that_the_clocks_skip_is_no_date() -> None:
    with pytest.raises(JqlError, match="Date value '2026-03-08 02:30' for field 'updated' is invalid"):
        finds('updated >= "2026-03-08 02:30"', NOW, replace(CONTEXT, zone=NEW_YORK))


def test_a_day_whose_midnight_is_skipped_still_begins() -> None:
    cairo = replace(CONTEXT, zone=ZoneInfo("Africa/Cairo"))
    assert finds("updated >= 2026-04-24", utc(2026, 4, 23, 22), cairo)
    assert not finds("updated >= 2026-04-24", utc(2026, 4, 23, 21, 59), cairo)


@pytest.mark.parametrize(("period", "span"), [
    ("-5d", timedelta(days=-5)), ("-90m", timedelta(minutes=-90)), ("1h", timedelta(hours=1)),
    ("4w 2d", timedelta(weeks=4, days=2)), ("-1w2h", timedelta(weeks=-1, hours=-2)), ("+2d", timedelta(days=2)),
    ("30", timedelta(minutes=30)),
])  # fmt: skip
def test_a_period_counts_from_now_to_the_millisecond(period: str, span: timedelta) -> None:
    assert finds(f'updated >= "{period}"', NOW + span)
    assert not finds(f'updated >= "{period}"', NOW + span - timedelta(milliseconds=1))


def test_a_period_equals_the_whole_unit_it_falls_into() -> None:
    assert finds("updated = -1d", utc(2026, 3, 10))
    assert finds("updated = -1h", utc(2026, 3, 11, 13, 59))
    assert not finds("updated = -1h", utc(2026, 3, 11, 14))


@pytest.mark.parametrize("text", [
    "yesterday", "2026-13-01", "2026-02-30", "26-01-01", "2026-01-01 10:05:30", "2026-01-01T10:05", "2026-01/01",
    "2026-01-01 25:00", "-1M", "-1y", "", "5 days", "99999-01-01",
])  # fmt: skip
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(JqlError) as caught:
        finds(f'updated >= "{text}"', NOW)
    assert caught.value.messages[0].startswith(f"Date value '{text}' for field 'updated' is invalid. Valid formats")


@pytest.mark.parametrize(("function", "moment"), [
    ("now()", NOW),
    ("startOfDay()", utc(2026, 3, 11)), ("startOfDay(-1d)", utc(2026, 3, 10)), ("startOfDay('+2')", utc(2026, 3, 13)),
    ("startOfDay(-2h)", utc(2026, 3, 10, 22)), ("startOfWeek()", utc(2026, 3, 8)), ("startOfWeek(1)", utc(2026, 3, 15)),
    ("startOfMonth()", utc(2026, 3, 1)), ("startOfMonth(14d)", utc(2026, 3, 15)), ("startOfMonth(-1)", utc(2026, 2, 1)),
    ("startOfYear(-1y)", utc(2025, 1, 1)), ("startOfYear(-2M)", utc(2026, 1, 1)),
    ("endOfDay()", utc(2026, 3, 11, 23, 59, 59, 999_000)), ("endOfMonth(-1)", utc(2026, 2, 28, 23, 59, 59, 999_000)),
    ("endOfWeek()", utc(2026, 3, 14, 23, 59, 59, 999_000)), ("endOfYear()", utc(2026, 12, 31, 23, 59, 59, 999_000)),
    ("ENDOFMONTH(15d)", utc(2026, 4, 15, 23, 59, 59, 999_000)),
])  # fmt: skip
def test_calendar_functions_give_edges_of_the_callers_periods(function: str, moment: datetime) -> None:
    assert finds(f"updated >= {function}", moment)
    assert not finds(f"updated >= {function}", moment - timedelta(milliseconds=1))


def test_calendar_functions_use_the_callers_zone() -> None:
    assert finds("updated = startOfDay()", utc(2026, 3, 10, 23), replace(CONTEXT, zone=BERLIN))
    assert finds("updated = startOfDay(-4d)", utc(2026, 3, 7, 5), replace(CONTEXT, zone=NEW_YORK))


def test_an_absurd_period_finds_nothing_and_does_not_crash() -> None:
    assert not finds("updated >= 999999999w", NOW)
    assert not finds("updated >= startOfYear(99999y)", NOW)
    assert not finds("due > 999999999w", NOW)
