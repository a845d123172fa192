"""Which question is put to Jira."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jirakb.errors import ConnectorValidationError, UsageError
from jirakb.jira.jql import Query, minute, quote, split_order_by, windows

BERLIN = ZoneInfo("Europe/Berlin")
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"])


def test_unlabelled_issues_are_kept_when_labels_are_skipped() -> None:
    query = Query.of(["ABC"], None, ["wontfix", "dup"])
    assert query.where() == 'project = "ABC" AND (labels IS EMPTY OR labels NOT IN ("wontfix", "dup"))'


def test_several_projects_are_alternatives_and_combine_with_jql() -> None:
    query = Query.of(["ABC", "DEF"], "status = Open OR priority = High", ())
    assert query.where() == 'project in ("ABC", "DEF") AND (status = Open OR priority = High)'


def test_a_trailing_order_by_is_split_off() -> None:
    query = Query.of(["ABC"], "status = Open ORDER  BY rank desc", ())
    assert query.where() == 'project = "ABC" AND (status = Open)'
    assert query.all().endswith(" ORDER BY created ASC, key ASC")


@pytest.mark.parametrize(
    "jql",
    ['summary ~ "order by x"', "summary ~ 'a \\' order by x'", "(summary ~ x)", "reorder = 1", "cf.order by"],
)
def test_an_order_by_inside_a_text_is_no_order(jql: str) -> None:
    assert split_order_by(jql) == (jql, "")


@pytest.mark.parametrize("jql", ["a = 1) OR (b = 2", "(a = 1", 'a = "x', "a = 'x", 'a = "x\\'])
def test_jql_that_would_leave_its_parentheses_is_refused(jql: str) -> None:
    with pytest.raises(ConnectorValidationError):
        Query.of(["ABC"], jql, ())


@given(st.text(alphabet="ab\"'\\() \norderby", max_size=40))
def test_what_is_accepted_as_jql_stays_in_its_parentheses(jql: str) -> None:
    try:
        where, _ = split_order_by(jql)
    except ConnectorValidationError:
        return
    assert split_order_by(f"({where}) AND x")[0] == f"({where}) AND x"


@pytest.mark.parametrize("jql", [None, "", "  ", "ORDER BY created"])
def test_a_query_without_restriction_is_refused(jql: str | None) -> None:
    with pytest.raises(UsageError):
        Query.of([], jql, ["wontfix"])


def test_the_star_reads_everything_yet_restricts_for_cloud() -> None:
    assert Query.of(["*"], None, ()).where() == 'created >= "1970-01-01"'
    assert Query.of(["*"], "status = Open", ()).where() == "(status = Open)"


def test_quotes_and_backslashes_in_names_are_escaped() -> None:
    assert quote('a"b\\c\n') == '"a\\"b\\\\c\\n"'


def test_the_same_set_of_issues_has_the_same_name() -> None:
    one = Query.of(["b", "A", "A"], "status = Open order by key", ["y", "x"])
    other = Query.of(["a", "B"], " status = Open ", ["x", "y"])
    assert one.name == other.name
    assert one.name != Query.of(["a"], "status = Open", ["x", "y"]).name


def test_minutes_are_written_as_the_accounts_clock_shows_them() -> None:
    moment = datetime(2026, 1, 1, 10, 5, 59, tzinfo=UTC)
    assert minute(moment, timezone(timedelta(hours=-8))) == '"2026-01-01 02:05"'
    assert minute(moment, BERLIN) == '"2026-01-01 11:05"'


def test_a_window_begins_at_the_minute_and_ends_exactly() -> None:
    since = datetime(2026, 1, 1, 10, 5, 59, tzinfo=UTC)
    whole, ragged = windows(since, datetime(2026, 1, 1, 12, 0, 1, tzinfo=UTC), BERLIN)
    assert (whole.start.second, whole.stop, whole.ragged) == (0, datetime(2026, 1, 1, 12, 0, tzinfo=UTC), False)
    assert (ragged.start, ragged.stop) == (whole.stop, datetime(2026, 1, 1, 12, 1, tzinfo=UTC))
    assert ragged.ragged


def test_a_window_near_a_clock_change_begins_an_hour_earlier() -> None:
    change = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
    (window,) = windows(change + timedelta(minutes=30), None, BERLIN)
    assert window.start == change - timedelta(minutes=30)


def _shown(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def _readings(literal: str, zone: ZoneInfo) -> list[datetime]:
    """What a site may take a literal for: the first or second of an ambiguous hour, either side of a missing one."""
    naive = datetime.strptime(literal.strip('"'), "%Y-%m-%d %H:%M")
    return [naive.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]


@given(MOMENTS, st.integers(1, 20_000), ZONES)
def test_windows_leave_no_gap_however_a_site_reads_its_clock(since: datetime, minutes: int, name: str) -> None:
    zone = ZoneInfo(name)
    until = since + timedelta(minutes=minutes, seconds=30)
    found = windows(since, until, zone)
    assert max(_readings(minute(found[0].start, zone), zone)) <= since
    assert min(_readings(minute(found[-1].stop or until, zone), zone)) >= until
    assert [window.start for window in found[1:]] == [window.stop for window in found[:-1]]
    for window in found[:-1]:
        assert max(_readings(minute(window.stop or until, zone), zone)) <= until
