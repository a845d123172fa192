"""Which issues a query finds, in which order, and what the site says about names that do not exist."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from jirakb.simulator.jql import Context, JqlError, Plan, Project, Row, Sprint, User, parse, plan

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def row(number: int, key: str, **values: object) -> Row:
    return Row(number=number, key=key, project=key.partition("-")[0], **values)  # type: ignore[arg-type]


ROWS = [
    row(1, "AB-1", labels=("Red", "blue"), status="Open", status_category="To Do", priority="High", assignee="ann",
        type="Bug", summary="Login times out", text=lambda: "Login times out\nafter the upgrade",
        comments=lambda: "seen again", custom={"customfield_10010": 3.0, "customfield_10011": ("x", "Y z")}),
    row(2, "AB-2", labels=(), status="Done", status_category="Done", priority="Low", assignee="bob", resolution="Fixed",
        type="Task", due="2026-03-10", summary="Upgrade the login page", text=lambda: "Upgrade the login page",
        fix_versions=("1.0",), sprints=("Sprint 1",), custom={"customfield_10010": 5.0}),
    row(3, "AB-10", labels=("green",), status="open", status_category="To Do", priority=None, assignee=None, type="Bug",
        due="2026-03-12", summary="Nothing", sprints=("Sprint 2",), text=lambda: "Nothing", parent="AB-1"),
    row(4, "CD-1", labels=("red",), status="Done", status_category="Done", priority="High", assignee="ann", type="Bug",
        resolution="Won't Fix", summary="Time-out", text=lambda: "Time-out", security="Staff", epic="AB-2"),
]  # fmt: skip
PROJECTS = {"AB": Project("10000", "AB", "Alpha Beta"), "CD": Project("10001", "CD", "Gamma")}


class Issues:
    """A site's index of issues, asked one key at a time."""

    def __init__(self, rows: Iterable[Row], moved: dict[str, int]) -> None:
        self.numbers = {row.key: row.number for row in rows} | moved
        self.keys = {row.number: row.key for row in rows}


ISSUES = Issues(ROWS, {"OLD-7": 4})
CLOUD = Context(
    flavor="cloud",
    now=NOW,
    zone=UTC,
    site_zone=ZoneInfo("America/New_York"),
    user="ann",
    projects=PROJECTS,
    statuses={"1": "Open", "3": "Done"},
    types={"1": "Bug", "2": "Task"},
    priorities={"2": "High", "4": "Low"},
    resolutions={"1": "Fixed", "2": "Won't Fix"},
    users={"ann": User("ann", "Ann Example", "ann@example.com"), "bob": User("bob", "Bob")},
    groups={"staff": frozenset({"ann", "bob"})},
    custom_fields={"Story Points": "customfield_10010", "Tags": "customfield_10011"},
    sprints=(Sprint("7", "Sprint 1", "closed"), Sprint("8", "Sprint 2", "active")),
    issue_numbers_by_key=ISSUES.numbers,
    issue_keys_by_number=ISSUES.keys,
)
DC = replace(CLOUD, flavor="dc")


def found(jql: str, context: Context = CLOUD) -> list[int]:
    return sorted(row.number for row in planned(jql, context).select(ROWS))


def ordered(jql: str, context: Context = CLOUD) -> list[int]:
    return [row.number for row in planned(jql, context).select(ROWS)]


def planned(jql: str, context: Context = CLOUD) -> Plan:
    return plan(parse(jql), context)


def refusals(jql: str, context: Context = CLOUD) -> list[str]:
    with pytest.raises(JqlError) as caught:
        planned(jql, context)
    return caught.value.messages


@pytest.mark.parametrize(("jql", "numbers"), [
    ("project = AB", [1, 2, 3]), ("project = 'ab'", [1, 2, 3]), ("project = 10001", [4]), ("project = gamma", [4]),
    ("project != AB", [4]), ("project in (AB, CD)", [1, 2, 3, 4]), ("NOT project = AB", [4]),
    ("status = open", [1, 3]), ("STATUS IN (3)", [2, 4]), ("status was Open", [1, 3]),
    ("statusCategory = new", [1, 3]), ("statusCategory != Done", [1, 3]),
    ("issuetype = Bug AND type != Task", [1, 3, 4]),
    ("priority = high", [1, 4]), ("priority > Low", [1, 4]), ("priority <= Low", [2]), ("priority is EMPTY", [3]),
    ("resolution = Unresolved", [1, 3]), ("resolution is not null", [2, 4]), ("resolution = \"Won't Fix\"", [4]),
    ("assignee = currentUser()", [1, 4]), ("assignee in membersOf(staff)", [1, 2, 4]),
    ("assignee in (currentUser(), bob)", [1, 2, 4]), ("assignee = 'ANN@example.com'", [1, 4]),
    ("assignee = 'ann example'", [1, 4]), ("assignee != ann", [2]), ("assignee not in (bob)", [1, 4]),
    ("assignee in (bob, EMPTY)", [2, 3]), ("assignee = EMPTY", [3]), ("assignee != EMPTY", [1, 2, 4]),
    ("level = Staff", [4]), ("parent = AB-1", [3]), ("'Epic Link' = ab-2", [4]), ("fixVersion = 1.0", [2]),
    ("sprint in openSprints()", [3]), ("sprint = 'Sprint 1'", [2]), ("sprint not in closedSprints()", [3]),
    ("sprint = 7", [2]), ("due = 2026-03-10", [2]), ("due <= 1d", [2]), ("due > '2026/03/10'", [3]),
])  # fmt: skip
def test_a_field_is_compared_by_name_id_or_function(jql: str, numbers: list[int]) -> None:
    assert found(jql) == numbers


@pytest.mark.parametrize(("jql", "numbers"), [
    ("labels = RED", [1, 4]), ("labels != red", [3]), ("labels not in (red, green)", []),
    ("NOT labels in (red, green)", []), ("labels is EMPTY OR labels not in (red)", [2, 3]),
    ("NOT (labels = red)", [3]), ("NOT labels is EMPTY", [1, 3, 4]), ("NOT NOT labels = red", [1, 4]),
    ("NOT (labels = red OR status = Open)", []), ("NOT (labels = red AND status = Open)", [2, 3, 4]),
    ("labels in (green, EMPTY)", [2, 3]), ("description !~ x", []), ("NOT description ~ x", []),
])  # fmt: skip
def test_a_negative_comparison_drops_issues_whose_field_is_empty(jql: str, numbers: list[int]) -> None:
    assert found(jql) == numbers


@pytest.mark.parametrize(("jql", "numbers"), [
    ("summary ~ login", [1, 2]), ("summary ~ 'LOGIN page'", [2]), ("summary ~ 'page login'", [2]),
    (r'summary ~ "\"page login\""', []), (r'summary ~ "\"login page\""', [2]), ("text ~ 'upgr*'", [1, 2]),
    ("text ~ upgr", []), ("text ~ time-out", [4]), ("text ~ 'out OR nothing'", [1, 3, 4]),
    ("text ~ 'login -page'", [1]), ("summary !~ login", [3, 4]), ("NOT text ~ login", [3, 4]),
    ("comment ~ again", [1]), ("comment !~ x", [1]), ("description is EMPTY", [1, 2, 3, 4]), ("text ~ 'l?gin'", [1, 2]),
    ("summary ~ '...'", []),
])  # fmt: skip
def test_a_text_query_wants_all_words_phrases_and_prefixes(jql: str, numbers: list[int]) -> None:
    assert found(jql) == numbers


@pytest.mark.parametrize(("jql", "numbers"), [
    ("cf[10010] = 3", [1]), ("'story points' > 3", [2]), ("cf[10010] <= 5", [1, 2]), ("cf[10010] is EMPTY", [3, 4]),
    ("cf[10010] != 3", [2]), ("Tags = 'y Z'", [1]), ("Tags in (x, EMPTY)", [1, 2, 3, 4]), ("Tags ~ z", [1]),
    ("NOT Tags = q", [1]),
])  # fmt: skip
def test_a_custom_field_is_found_by_name_or_number(jql: str, numbers: list[int]) -> None:
    assert found(jql) == numbers


@pytest.mark.parametrize(("jql", "numbers"), [
    ("key = ab-2", [2]), ("issuekey in (AB-1, cd-1)", [1, 4]), ("id = 3", [3]), ("id in (1, 2)", [1, 2]),
    ("id in (1, 99)", [1]), ("key in (AB-99)", []), ("key not in (AB-1, XX-5)", [2, 3, 4]), ("issue = OLD-7", [4]),
    ("key > AB-1", [2, 3]), ("key >= AB-2 AND key < AB-10", [2]), ("NOT key <= AB-2", [3]), ("id > 1", [2, 3]),
])  # fmt: skip
def test_issues_are_named_by_key_or_id(jql: str, numbers: list[int]) -> None:
    assert found(jql) == numbers


def test_a_range_of_ids_follows_the_key_unless_told_otherwise() -> None:
    assert found("id > 2") == [3]
    assert found("id > 2", replace(CLOUD, id_follows_key=False)) == [3, 4]
    assert ordered("project is not EMPTY ORDER BY id ASC", replace(CLOUD, id_follows_key=False)) == [1, 2, 3, 4]


def test_a_plan_names_the_only_issues_that_can_match() -> None:
    assert planned("id in (1, 2, 99) AND project = AB").numbers() == {1, 2}
    assert planned("key = AB-1 OR id = 4").numbers() == {1, 4}
    assert planned("key in (AB-1, AB-2) AND (id in (2, 3) AND status = Done)").numbers() == {2}
    assert planned("NOT (key != AB-1)").numbers() == {1}
    for jql in ("project = AB", "id = 1 OR project = AB", "key != AB-1", "NOT id in (1)", "id > 1"):
        assert planned(jql).numbers() is None


def test_data_center_refuses_dead_issues_in_a_list_and_cloud_only_alone() -> None:
    assert refusals("key = AB-99") == ["An issue with key 'AB-99' does not exist for field 'key'."]
    assert refusals("id > 99") == ["A value with ID '99' does not exist for the field 'id'."]
    assert refusals("issuekey in (AB-1, AB-99)", DC) == [
        "An issue with key 'AB-99' does not exist for field 'issuekey'."
    ]
    assert refusals("id in (1, 98, 99)", DC) == [
        "A value with ID '98' does not exist for the field 'id'.",
        "A value with ID '99' does not exist for the field 'id'.",
    ]
    assert refusals("key = nonsense") == ["The issue key 'nonsense' for field 'key' is invalid."]
    assert refusals("key > OLD-7") == ["Operator '>' cannot be applied to moved issue key 'OLD-7'."]


def test_an_unvalidated_query_of_data_center_warns_and_finds_the_rest() -> None:
    lenient = plan(parse("id in (1, 99) OR project = NOPE"), DC, validate=False)
    assert [row.number for row in lenient.select(ROWS)] == [1]
    assert lenient.warnings == (
        "A value with ID '99' does not exist for the field 'id'.",
        "The value 'NOPE' does not exist for the field 'project'.",
    )


@pytest.mark.parametrize(("jql", "message"), [
    ("colour = red", "Field 'colour' does not exist or you do not have permission to view it."),
    ("cf[9] = red", "Field 'cf[9]' does not exist or you do not have permission to view it."),
    ("project in (AB, DEAD)", "The value 'DEAD' does not exist for the field 'project'."),
    ("project = 77", "A value with ID '77' does not exist for the field 'project'."),
    ("status = Zzqq", "The value 'Zzqq' does not exist for the field 'status'."),
    ("assignee = nobody", "The value 'nobody' does not exist for the field 'assignee'."),
    ("text = x", "The operator '=' is not supported by the 'text' field."),
    ("text !~ x", "The operator '!~' is not supported by the 'text' field."),
    ("NOT labels > x", "The operator '>' is not supported by the 'labels' field."),
    ("status changed", "The operator 'changed' is not supported by the 'status' field."),
    ("text ~ AND", "Error in JQL Query: Expecting either a value"),
    ("text ~ 'AND'", "Unable to parse the text 'AND' for field 'text'."),
    ("text ~ ''", "The field 'text' does not support searching for an empty string."),
    ("summary ~ 'bad +'", "Unable to parse the text 'bad +' for field 'summary'."),
    ("summary ~ '*x'", ("The text query '*x' for field 'summary' is not valid: the '*' and '?' are not allowed as first "
     "character in wildcard query.")),
    ("comment ~ EMPTY", "The field 'comment' does not support searching for EMPTY values."),
    ("key in (EMPTY)", "The field 'key' does not support searching for EMPTY values."),
    ("updated > now(1)", "Function 'now' expected '0' arguments but received '1'."),
    ("updated > startOfDay(1, 2)", "Function 'startOfDay' expected between '0' and '1' arguments but received '2'."),
    ("updated > startOfDay(invalid)", ("Duration for function 'startOfDay' should have the format (+/-)n(yMwdm), e.g -1M "
     "for 1 month earlier.")),
    ("key in updatedBy(ann)", "Unable to find JQL function 'updatedBy()'."),
    ("key in (issueHistory())", "Unable to find JQL function 'issueHistory()'."),
    ("status = currentUser()", "A value provided by the function 'currentUser' is invalid for the field 'status'."),
    ("updated = 'dd'", ("Date value 'dd' for field 'updated' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', "
     "'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'.")),
    ("labels in red", "Operator 'in' does not support the non-list value '\"red\"' for field 'labels'."),
    ("assignee in currentUser()", "Operator 'in' does not support the non-list value 'currentUser()' for field 'assignee'."),
    ("assignee = membersOf(staff)", "Operator '=' does not support the list value 'membersOf(staff)' for field 'assignee'."),
    ("labels is red", "Operator 'is' does not support searching for non-empty values for field 'labels'."),
    ("updated > EMPTY", "Operator '>' does not support the empty value representation 'EMPTY' for field 'updated'."),
    ("project = AB ORDER BY bogus", "Not able to sort using field 'bogus'."),
    ("project = AB ORDER BY text", "Not able to sort using field 'text'."),
])  # fmt: skip
def test_a_query_about_what_does_not_exist_is_refused_in_jiras_words(jql: str, message: str) -> None:
    assert any(found.startswith(message) for found in refusals(jql))


def test_every_fault_of_a_query_is_told() -> None:
    assert len(refusals("colour = red AND project = NOPE OR status = Zzqq ORDER BY bogus")) == 4


def test_an_unknown_user_is_only_a_warning_on_data_center() -> None:
    assert planned("assignee = nobody", DC).warnings == ("The value 'nobody' does not exist for the field 'assignee'.",)
    assert found("assignee = nobody", DC) == []


def test_an_anonymous_caller_of_cloud_gets_nothing_instead_of_faults() -> None:
    anonymous = replace(CLOUD, user=None, projects={})
    for jql in (
        "colour = red",
        'status = "Zzqq"',
        "project = AB",
        "colour = red OR status = Open",
        "project = AB ORDER BY bogus",
        "updated > nonsense",
    ):
        assert found(jql, anonymous) == []
        assert planned(jql, anonymous).numbers() == frozenset()
    assert refusals("project = AB", replace(anonymous, flavor="dc")) == [
        "The value 'AB' does not exist for the field 'project'."
    ]


def test_cloud_takes_bare_words_for_a_text_search_and_data_center_does_not() -> None:
    assert found("login page") == [2]
    assert found("Nothing") == [3]
    assert found("this is not jql") == []
    assert refusals("login page", DC)[0].startswith("Error in the JQL Query: Expecting operator but got 'page'.")
    assert refusals("this is not jql", DC) == ["Field 'this' does not exist or you do not have permission to view it."]
    assert refusals("colour is EMPTY") == ["Field 'colour' does not exist or you do not have permission to view it."]
    assert parse("login page").bounded


def test_results_stand_newest_first_and_as_ordered() -> None:
    assert ordered("project in (AB, CD)") == [4, 3, 2, 1]
    assert ordered("ORDER BY key ASC") == [1, 2, 3, 4]
    assert ordered("ORDER BY project DESC, key") == [4, 1, 2, 3]
    assert ordered("ORDER BY due ASC") == [2, 3, 4, 1]
    assert ordered("ORDER BY due DESC") == [4, 1, 3, 2]
    assert ordered("ORDER BY priority") == [3, 4, 1, 2]
    assert ordered("ORDER BY priority ASC, key ASC") == [2, 1, 4, 3]
    assert ordered("ORDER BY status, assignee DESC, summary") == [3, 1, 2, 4]
    assert ordered("ORDER BY cf[10010] ASC, labels, Rank") == [1, 2, 3, 4]


def test_cloud_orders_by_seven_fields_at_most() -> None:
    eight = "project = AB ORDER BY " + ", ".join(["key"] * 8)
    assert refusals(eight) == ["JQL can be ordered by at most 7 fields."]
    assert ordered(eight, DC) == [1, 2, 3]
    assert ordered(eight.removesuffix(", key")) == [1, 2, 3]


def test_a_query_as_deep_as_allowed_is_answered() -> None:
    deep = 99
    assert found("(id = 1 OR NOT " * deep + "(id = 2)" + ")" * deep) == [1, 3, 4]


def test_archived_issues_show_only_when_asked_for() -> None:
    rows = [*ROWS, row(9, "AB-9", archived=True)]
    assert len(planned("project = AB").select(rows)) == 3
    assert len(plan(parse("project = AB"), replace(CLOUD, include_archived=True)).select(rows)) == 4


def test_a_site_without_an_index_is_searched_by_what_rows_hold() -> None:
    bare = replace(CLOUD, issue_numbers_by_key=None, issue_keys_by_number=None, statuses=None, users=None)
    assert found("key in (ab-1, XX-9) OR id = 4", bare) == [1, 4]
    assert found("id > 2 AND status = Nowhere OR key > AB-2", bare) == [3]
    assert planned("key = AB-1", bare).numbers() is None
