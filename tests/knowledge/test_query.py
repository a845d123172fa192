"""What the query language says, and where it says that something is wrong. Nothing is looked up here."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from jirakb.errors import UsageError
from jirakb.knowledge.index.columns import Sort
from jirakb.knowledge.index.conditions import Among, Between, Every, Holding, Not
from jirakb.knowledge.query import read
from jirakb.knowledge.query.dates import read_moment
from jirakb.knowledge.query.plan import read_sorts
from jirakb.knowledge.store import milliseconds

NOW = datetime(2026, 3, 18, 15, 30, 20, tzinfo=UTC)  # a Wednesday


def complaint(query: str) -> str:
    with pytest.raises(UsageError) as caught:
        read(query, "jql", NOW)
    return caught.value.message


@pytest.mark.parametrize(
    ("query", "character", "what"),
    [
        ("status", 7, "expected an operator"),
        ("status = ", 9, "expected a value, but the query ends"),
        ("status = Open and", 18, "expected a field"),
        ("status in Open", 11, "expected a list in parentheses"),
        ("status in (Open", 16, "expected a comma or a closing parenthesis"),
        ("(status = Open", 15, "closing parenthesis"),
        ("status = Open)", 14, "expected AND, OR, ORDER BY or the end"),
        ("status = In Progress", 10, "is a word of the language"),
        ("status = Open Done", 15, "expected AND, OR"),
        ('status = "Open', 10, "never closed"),
        ("colour = red", 1, "there is no field 'colour'"),
        ("status ~ Open", 8, "status cannot be compared by ~"),
        ("summary = Open", 9, "summary cannot be compared by ="),
        ("priority > High", 10, "cannot be compared by >"),
        ("status was Open", 8, "the past of an issue"),
        ("assignee = currentUser()", 12, "currentUser() is nobody here"),
        ("assignee in (membersOf(staff))", 14, "membersOf()"),
        ("created > someDay()", 11, "there is no function someDay()"),
        ("created > startOfDay(soon)", 22, "this shift cannot be read"),
        ("created > now(1)", 15, "now() takes no argument"),
        ("created > 2026-02-30", 11, "expected a date"),
        ("updated < 2026-13-01", 11, "expected a date"),
        ("updated < -99999999d", 11, "expected a date"),
        ("updated < 12", 11, "expected a date"),
        ("created is Open", 12, "expected EMPTY behind IS"),
        ("key > 12", 7, "expected a key such as ABC-12"),
        ("text ~ '!!'", 8, "no word to look for"),
        ("text ~ 'wo*rd'", 8, "* may only stand at the end of a word"),
        ("about x or status = Open", 7, "ABOUT ranks"),
        ("not about x", 11, "ABOUT ranks"),
        ("status = Open order created", 21, "expected BY behind ORDER"),
        ("status = Open order by labels", 24, "cannot be ordered by this"),
        ("status = \\", 10, "nothing follows this backslash"),
        ("a = 1 = 2", 7, "expected AND, OR"),
    ],
)
def test_a_mistake_is_shown_at_its_character(query: str, character: int, what: str) -> None:
    message = complaint(query)
    assert f"at character {character}:" in message
    assert what in message
    _, piece, mark = message.split("\n")
    assert piece.strip() == query.strip() or piece[2:] == query
    assert mark.index("^") - 2 == character - 1


def test_a_mistake_far_inside_is_shown_with_what_stands_around_it() -> None:
    query = "status = Open and " * 50 + "status ! Open" + " and status = Open" * 50
    message, piece, mark = complaint(query).split("\n")
    assert f"at character {query.index('! Open') + 1}" in message
    assert piece[mark.index("^")] == "!"
    assert len(piece) < 150


def test_control_characters_of_a_query_do_not_reach_the_message() -> None:
    assert "\x1b" not in complaint("status = \x1b[31mred \x00 = x")


DEEP = "(" * 10_000 + "status = Open" + ")" * 10_000
WIDE = " or ".join(f"status = s{n}" for n in range(4_000))


@pytest.mark.parametrize(
    "query",
    [
        DEEP, "not " * 20_001 + "status = Open", "!" * 99_000 + "status = Open", WIDE, "a = " * 20_000, "((" * 40_000,
        "status in (" + ",".join("x" * 3 for _ in range(24_000)) + ")", "text ~ '" + "*" * 90_000 + "'",
        "text ~ '" + '*"' * 45_000 + "'", "text ~ '" + "a* " * 30_000 + "'", "'" * 99_999, "\\" * 99_999, "x" * 200_000,
        '"' + "\\" * 99_000, "status = '" + "\\u" * 40_000 + "'", "text ~ '" + "word " * 19_000 + "'", "\ud800 = \udfff",
        " ".join("text ~ a and" for _ in range(200)) + " text ~ b", "created > -" + "9" * 9_000 + "d", "\x00" * 1_000,
        "order by " + ",".join("created" for _ in range(9_000)), "key in (" + ",".join(["A-" + "9" * 40] * 900) + ")",
    ],
    ids=range(22),
)  # fmt: skip
@pytest.mark.parametrize("language", ["jql", "auto"])
def test_a_query_of_any_shape_is_read_or_refused_at_once(query: str, language: str) -> None:
    started = time.process_time()
    said = ""
    try:
        read(query, language, NOW)  # type: ignore[arg-type]
    except UsageError as error:
        said = error.message
    assert len(said) < 2_000
    assert not said or language == "jql"
    assert time.process_time() - started < 1.0


def test_parentheses_that_stand_too_deep_are_refused_clearly() -> None:
    assert "deep within each other" in complaint(DEEP)
    assert read("(" * 50 + "status = Open" + ")" * 50, "jql", NOW).condition


@pytest.mark.parametrize(
    "query",
    [
        "login times out", "", "project plan for the status", "status of the union", "is it empty", "project ABC",
        "status = open tickets for me", "type in the name", "colour = red", "not status = Open", "(status = Open)",
        "about login", "summary", "created > yesterday", "assignee = currentUser()", "status = 'Open",
        "the status = Open", "order by created", "status=", "text ~", "error = 5",
    ],
)  # fmt: skip
def test_what_is_no_readable_query_is_plain_text(query: str) -> None:
    plan = read(query, "auto", NOW)
    assert (plan.words, plan.is_query) == (query, False)


@pytest.mark.parametrize(
    "query",
    [
        "status = Open", "STATUS=Open", '"issue type" in (Bug)', "project not in (A,B)", "assignee is not empty",
        "text ~ 'x'", "created >= -30d order by key", "project is empty",
    ],
)  # fmt: skip
def test_a_field_and_an_operator_make_a_query_that_can_be_read(query: str) -> None:
    assert read(query, "auto", NOW).is_query
    assert not read(query, "text", NOW).is_query


def test_a_query_that_could_not_be_read_says_so_beside_the_answer() -> None:
    (note,) = read("assignee = currentUser()", "auto", NOW).notes
    assert note.startswith("Searched as plain words.")
    assert "currentUser() is nobody here" in note
    assert read("login times out", "auto", NOW).notes == ()


def test_words_to_rank_by_are_those_of_about_or_else_of_texts_that_must_hold() -> None:
    plan = read('project = X and (text ~ "cookie jar*") and not text ~ "x" and summary ~ "a"', "jql", NOW)
    assert plan.words == "cookie a"
    assert read('text ~ "cookie" and (about "login times" and about "out")', "jql", NOW).words == "login times out"
    assert isinstance(plan.condition, Every)
    assert plan.condition.conditions[1] == Holding("text", "cookie", ("jar",))


def test_not_goes_to_the_operators_and_drops_what_has_no_value() -> None:
    one = read("not (status = Open or created < -1d)", "jql", NOW).condition
    other = read("status != Open and created >= -1d", "jql", NOW).condition
    at = milliseconds(NOW - timedelta(days=1))
    without_open = Every((Not(Among("status", frozenset({"open", ""}))),))
    assert one == Every((Every((without_open, Between("created", at))),))
    assert other == Every((without_open, Between("created", at)))


@pytest.mark.parametrize(
    ("text", "at", "length"),
    [
        ("2026-01-31", "2026-01-31 00:00:00", timedelta(days=1)),
        ("2026/1/3", "2026-01-03 00:00:00", timedelta(days=1)),
        ("2026-01-31 14:05", "2026-01-31 14:05:00", timedelta(minutes=1)),
        ("-30d", "2026-02-16 15:30:20", timedelta(minutes=1)),
        ("1w 2d", "2026-03-27 15:30:20", timedelta(minutes=1)),
        ("-4h30m", "2026-03-18 11:00:20", timedelta(minutes=1)),
        ("1735689600000", "2025-01-01 00:00:00", timedelta(milliseconds=1)),
    ],
)
def test_dates_are_read_in_utc(text: str, at: str, length: timedelta) -> None:
    moment = read_moment(text, NOW)
    assert moment is not None
    assert moment.at.strftime("%Y-%m-%d %H:%M:%S") == at
    assert moment.stop - moment.at == length


@pytest.mark.parametrize(
    ("call", "at"),
    [
        ("now()", "2026-03-18 15:30:20.000"),
        ("startOfDay()", "2026-03-18 00:00:00.000"),
        ("endOfDay(-1)", "2026-03-17 23:59:59.999"),
        ("startOfWeek()", "2026-03-15 00:00:00.000"),
        ("endOfWeek()", "2026-03-21 23:59:59.999"),
        ("startOfMonth(-1)", "2026-02-01 00:00:00.000"),
        ("endOfMonth(-1)", "2026-02-28 23:59:59.999"),
        ("endOfMonth()", "2026-03-31 23:59:59.999"),
        ("STARTOFYEAR(1)", "2027-01-01 00:00:00.000"),
        ('endOfYear("-1y")', "2025-12-31 23:59:59.999"),
        ("startOfMonth(14d)", "2026-03-15 00:00:00.000"),
        ('startOfDay("+9h")', "2026-03-18 09:00:00.000"),
        ("startOfMonth(-15)", "2024-12-01 00:00:00.000"),
    ],
)
def test_functions_yield_the_edges_of_calendar_periods(call: str, at: str) -> None:
    plan = read(f"created >= {call}", "jql", NOW)
    moment = milliseconds(datetime.strptime(at, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC))
    assert plan.condition == Every((Between("created", moment),))


def test_an_order_names_columns_and_ends() -> None:
    assert read_sorts("created, key desc, status") == (
        Sort("created", descending=True), Sort("project", descending=True), Sort("key_number", descending=True), Sort("status"),
    )  # fmt: skip
    assert read_sorts("updated asc") == (Sort("updated"),)
    assert read_sorts("relevance") == read_sorts("") == ()
    for wrong in ("colour", "created down", "created,", "relevance, created", ",", "labels", "created; drop"):
        with pytest.raises(UsageError) as raised:
            read_sorts(wrong)
        assert raised.value.message == f"The order {wrong!r} cannot be read."
        assert "relevance" in raised.value.fix
        assert "created" in raised.value.fix
        assert "--query" not in raised.value.fix
