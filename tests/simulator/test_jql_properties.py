"""Whatever is typed, and whatever is combined: nothing crashes, and the answer is what plain logic says."""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from jirakb.simulator.jql import Context, JqlError, Project, Row, parse, plan

CONTEXT = Context(
    flavor="dc",
    now=datetime(2026, 3, 10, 12, 0, tzinfo=UTC),
    zone=UTC,
    site_zone=UTC,
    user="ann",
    projects={"A": Project("1", "A", "Ay"), "B": Project("2", "B", "Bee")},
)
MINUTE = 60_000
DAY_0 = 1_767_225_600_000  # 2026-01-01T00:00Z

Truth = Callable[[Row], bool | None]  # None: the field is EMPTY, so neither a comparison nor its opposite holds
Condition = tuple[str, Truth]

FRAGMENTS = [
    "project", "labels", "key", "id", "updated", "text", "summary", "cf", "[", "]", "10010", "(", ")", ",", "=", "!=", "~",
    "!~", "<", ">=", "in", "not", "is", "empty", "and", "or", "was", "changed", "by", "order by", "asc", "desc", "A", "-5d",
    "now()", "startOfDay(", "membersOf", '"', "'", "\\", "\\u00", "\n", "2026-01-01", "99999999999999999999", "limit", "{",
    "sprint", "due", "priority", "assignee", "A-1", "foo*", "\ud800", "\x00", "é", "&&", "|", "!",
]  # fmt: skip


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(FRAGMENTS), max_size=14).map(" ".join)))
@settings(max_examples=1500, deadline=None)
def test_any_text_is_a_query_or_a_jql_error(text: str) -> None:
    for flavor in ("cloud", "dc"):
        context = Context(
            flavor, CONTEXT.now, UTC, UTC, "ann", CONTEXT.projects, custom_fields={"x": "customfield_10010"}
        )
        rows = [Row(1, "A-1", "A"), Row(2, "B-1", "B", custom={"customfield_10010": "x"})]
        with contextlib.suppress(JqlError):
            plan(parse(text), context).select(rows)


def labels_truth(wanted: frozenset[str], positive: bool) -> Truth:
    return lambda row: None if not row.labels else (not wanted.isdisjoint(row.labels)) is positive


def label_clauses() -> st.SearchStrategy[Condition]:
    def build(wanted: frozenset[str], positive: bool, listed: bool) -> Condition:
        if listed or len(wanted) > 1:
            shown = ", ".join(f'"{label}"' for label in sorted(wanted))
            return f"labels {'in' if positive else 'not in'} ({shown})", labels_truth(wanted, positive)
        (label,) = wanted
        return f"labels {'=' if positive else '!='} {label}", labels_truth(wanted, positive)

    wanted = st.frozensets(st.sampled_from(["x", "y", "z"]), min_size=1)
    empty: list[Condition] = [
        ("labels is EMPTY", lambda row: not row.labels),
        ("labels is not null", lambda row: bool(row.labels)),
    ]
    return st.one_of(st.builds(build, wanted, st.booleans(), st.booleans()), st.sampled_from(empty))


def date_clauses() -> st.SearchStrategy[Condition]:
    def build(minute: int, comparison: str) -> Condition:
        at = DAY_0 + minute * MINUTE
        text = f'updated {comparison} "2026-01-01 00:{minute:02}"'
        truths: dict[str, Truth] = {
            "<": lambda row: row.updated < at,
            "<=": lambda row: row.updated <= at,
            ">": lambda row: row.updated > at,
            ">=": lambda row: row.updated >= at,
            "=": lambda row: row.updated // MINUTE == at // MINUTE,
            "!=": lambda row: row.updated // MINUTE != at // MINUTE,
        }
        return text, truths[comparison]

    return st.builds(build, st.integers(0, 5), st.sampled_from(["<", "<=", ">", ">=", "=", "!="]))


def other_clauses() -> st.SearchStrategy[Condition]:
    def issues(numbers: frozenset[int], positive: bool) -> Condition:
        shown = ", ".join(map(str, sorted(numbers)))
        return f"id {'in' if positive else 'not in'} ({shown})", lambda row: (row.number in numbers) is positive

    def project(key: str, positive: bool) -> Condition:
        return f"project {'=' if positive else '!='} {key}", lambda row: (row.project == key.upper()) is positive

    def assignee(user: str, positive: bool) -> Condition:
        truth: Truth = lambda row: None if row.assignee is None else (row.assignee == user) is positive  # noqa: E731
        return f"assignee {'=' if positive else '!='} {user}", truth

    return st.one_of(
        st.builds(issues, st.frozensets(st.integers(1, 6), min_size=1), st.booleans()),
        st.builds(project, st.sampled_from(["A", "b"]), st.booleans()),
        st.builds(assignee, st.sampled_from(["ann", "bob"]), st.booleans()),
    )


def negation(part: Condition) -> Condition:
    def truth(row: Row) -> bool | None:
        held = part[1](row)
        return None if held is None else not held

    return f"NOT ({part[0]})", truth


def conjunction(parts: list[Condition]) -> Condition:
    def truth(row: Row) -> bool | None:
        held = [part[1](row) for part in parts]
        return False if False in held else (None if None in held else True)

    return "(" + " AND ".join(part[0] for part in parts) + ")", truth


def disjunction(parts: list[Condition]) -> Condition:
    def truth(row: Row) -> bool | None:
        held = [part[1](row) for part in parts]
        return True if True in held else (None if None in held else False)

    return "(" + " or ".join(part[0] for part in parts) + ")", truth


def extended(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(inner, min_size=2, max_size=4)
    return st.one_of(st.builds(negation, inner), st.builds(conjunction, several), st.builds(disjunction, several))


CONDITIONS = st.recursive(st.one_of(label_clauses(), date_clauses(), other_clauses()), extended, max_leaves=12)
ROWS = st.lists(
    st.builds(
        Row,
        number=st.integers(1, 6),
        key=st.just("A-1"),
        project=st.sampled_from(["A", "B"]),
        labels=st.lists(st.sampled_from(["x", "y", "z"]), unique=True, max_size=2).map(tuple),
        assignee=st.sampled_from(["ann", "bob", None]),
        updated=st.integers(DAY_0 - MINUTE, DAY_0 + 6 * MINUTE) | st.integers(-1, 6).map(lambda m: DAY_0 + m * MINUTE),
    ),
    min_size=3,
    max_size=8,
)


@given(CONDITIONS, ROWS)
@settings(max_examples=500, deadline=None)
def test_a_combined_condition_finds_what_three_valued_logic_says(condition: Condition, rows: list[Row]) -> None:
    text, truth = condition
    chosen = plan(parse(text), CONTEXT)
    expected = [row for row in rows if truth(row) is True]
    assert [row for row in rows if chosen.matches(row)] == expected
    numbers = chosen.numbers()
    assert numbers is None or {row.number for row in expected} <= numbers


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20))
@settings(max_examples=300, deadline=None)
def test_a_quoted_and_escaped_label_finds_exactly_itself(label: str) -> None:
    quoted = label.replace("\\", "\\\\").replace('"', '\\"')
    chosen = plan(parse(f'labels = "{quoted}"'), CONTEXT)
    assert chosen.matches(Row(1, "A-1", "A", labels=(label,)))
    assert not chosen.matches(Row(2, "A-2", "A", labels=(label + "x",)))


@given(
    st.lists(st.sampled_from(["updated", "key", "assignee", "labels", "project"]), min_size=1, max_size=3, unique=True),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["ann", "bob", None])), max_size=8),
)
@settings(max_examples=200, deadline=None)
def test_descending_order_is_ascending_order_backwards(
    fields: list[str], first: bool, values: list[tuple[int, str]]
) -> None:
    rows = [
        Row(number, f"A-{number}", "A", updated=updated, assignee=assignee)
        for number, (updated, assignee) in enumerate(values, start=1)
    ]
    fields = [*fields, "Rank"]
    ascending = plan(parse("ORDER BY " + ", ".join(f"{name} ASC" for name in fields)), CONTEXT).select(rows)
    descending = plan(parse("ORDER BY " + ", ".join(f"{name} DESC" for name in fields)), CONTEXT).select(rows)
    assert ascending == descending[::-1]
