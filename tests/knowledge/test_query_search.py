"""What a query in the language finds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from jirakb.documents import EVERYONE
from jirakb.errors import UsageError
from jirakb.knowledge.index.filters import Filter
from jirakb.knowledge.search import Searcher

if TYPE_CHECKING:
    from conftest import Shelf

STAFF = frozenset({"site:x/role:Staff"})


def keys(searcher: Searcher, query: str, **more: Any) -> list[str]:
    """What is found, newest first where nothing ranks."""
    more = {"principals": None, "language": "jql", "limit": 100, **more}
    return [hit.key for hit in searcher.search(query, **more).hits]


@pytest.fixture(scope="module")
def asked(shared_shelf: Shelf) -> Searcher:
    """Six issues; ABC-N was updated N hours after the shelf's epoch."""
    day = timedelta(days=1)
    shared_shelf.put("ABC-1", "Login times out", description="The cookie is stale", fields={
        "type": "Bug", "status": "Open", "status_category": "new", "assignee": "Ann Lee", "labels": ("Red", "b"),
        "components": ("User Interface",), "versions": ("1.2",), "project_name": "Alphabet",
    })  # fmt: skip
    shared_shelf.put("ABC-2", "Printer on fire", "Call the cookie monster", fields={
        "type": "Task", "status": "In Progress", "status_category": "indeterminate", "assignee": "Bob", "priority": "High",
        "created": shared_shelf.epoch + 10 * day, "resolution": "Fixed", "project_name": "Alphabet",
    })  # fmt: skip
    shared_shelf.put("ABC-3", "Login page is slow", fields={"type": "Bug", "status": "Done", "status_category": "done"})
    shared_shelf.put(
        "XYZ-4", "Lamp flickers", ("the secret cookie", STAFF), former=("OLD-9",), fields={"status": "Open"}
    )
    shared_shelf.put("XYZ-5", "Boiler hums", attachments=[("boiler.txt", "pressure gauge")], fields={"status": "Open"})
    shared_shelf.put("XYZ-10", "Door squeaks", readers=STAFF, fields={"status": "Open", "created": None})
    shared_shelf.embed()
    return Searcher(shared_shelf.base, shared_shelf.embedder, clock=lambda: datetime(2024, 1, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("project = abc", "3 2 1"),
        ("project = Alphabet", "2 1"),
        ('project in (XYZ, "alphabet")', "10 5 4 2 1"),
        ("project != ABC", "10 5 4"),
        ('status in (Open, "In Progress")', "10 5 4 2 1"),
        ("type = bug and status != Done", "1"),
        ("statusCategory = 'To Do'", "1"),
        ("statusCategory != done", "2 1"),
        ("assignee = 'ann lee'", "1"),
        ("assignee != 'ann lee'", "2"),
        ("not assignee = 'ann lee'", "2"),
        ("assignee not in (Bob, EMPTY)", "1"),
        ("assignee is EMPTY", "10 5 4 3"),
        ("assignee in (EMPTY, Bob)", "10 5 4 3 2"),
        ("assignee is not empty", "2 1"),
        ("labels = RED", "1"),
        ("labels != red", ""),
        ("labels is empty and project = ABC", "3 2"),
        ("component = 'user interface' and fixVersion in (1.2, 1.3)", "1"),
        ("resolution = Unresolved", "10 5 4 3 1"),
        ("resolution = fixed", "2"),
        ("created >= 2024-01-11", "2"),
        ("created = 2024-01-01", "5 4 3 1"),
        ("created != 2024-01-01", "2"),
        ("created is empty", "10"),
        ("created < -5d", "5 4 3 1"),
        ("updated < '2024-01-01 02:00'", "1"),
        ("updated <= '2024-01-01 02:00'", "2 1"),
        ("updated > startOfYear(3h) or key = abc-1", "10 5 4 1"),
        ("key = OLD-9", "4"),
        ("key in (ABC-1, old-9, NONE-7)", "4 1"),
        ("id = 5", "5"),
        ("key != ABC-1 and project = ABC", "3 2"),
        ("key > XYZ-4", "10 5"),
        ("key >= ABC-2 and key < ABC-3", "2"),
        ("text ~ cookie", "4 2 1"),
        ("text ~ 'login cookie'", "1"),
        ("text !~ cookie", "10 5 3"),
        ("summary ~ login", "3 1"),
        ("summary ~ 'log*'", "3 1"),
        ("summary ~ cookie", ""),
        ("description ~ COOKIES", "1"),
        ("description !~ cookie", ""),
        ("description is empty", "10 5 4 3 2"),
        ("comment ~ cookie", "4 2"),
        ("comment is not empty", "4 2"),
        ("attachment ~ gauge", "5"),
        ("attachments is not empty", "5"),
        ("attachment ~ boiler and text ~ pressure", "5"),
        ("(type = Bug or type = Task) and not (status = Done)", "2 1"),
        ("type = Bug && status = Open || key = XYZ-5", "5 1"),
        ("! status = Open and status is not empty", "3 2"),
        ("", "10 5 4 3 2 1"),
    ],
)
def test_a_query_finds_what_it_says(asked: Searcher, query: str, found: str) -> None:
    got = [key.partition("-")[2] for key in keys(asked, query)]
    if "~" in query:  # these are ranked
        got.sort(key=int, reverse=True)
    assert got == found.split()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status = Open order by key asc", "1 4 5 10"),
        ("status = Open order by created, key", "1 4 5 10"),
        ("order by created desc, key desc", "2 5 4 3 1 10"),
        ("order by created asc, key desc", "5 4 3 1 2 10"),
        ("order by project desc, key asc", "4 5 10 1 2 3"),
        ("project = ABC order by assignee", "1 2 3"),
        ("project = ABC order by assignee desc", "2 1 3"),
        ("text ~ cookie order by updated asc", "1 2 4"),
    ],
)
def test_an_order_is_kept_and_what_has_no_value_comes_last(asked: Searcher, query: str, found: str) -> None:
    assert [key.partition("-")[2] for key in keys(asked, query)] == found.split()


@pytest.mark.parametrize("mode", ["hybrid", "text", "vector"])
def test_about_ranks_what_the_conditions_admit(asked: Searcher, mode: str) -> None:
    found = keys(asked, 'project = ABC and updated >= -30d and about "login times out"', mode=mode)
    assert found[0] == "ABC-1"
    assert set(found) <= {"ABC-1", "ABC-2", "ABC-3"}
    assert found == keys(asked, "login times out", mode=mode, language="text", filter=Filter(projects=("ABC",)))


def test_a_query_and_a_filter_hold_both(asked: Searcher) -> None:
    assert keys(asked, "status = Open", filter=Filter(projects=("ABC",), components=("user interface",))) == ["ABC-1"]
    assert keys(asked, "type = Bug", filter=Filter(created_before=datetime(2023, 1, 1, tzinfo=UTC))) == []


def test_text_is_looked_for_only_where_the_reader_may_read(asked: Searcher) -> None:
    for query in ("comment ~ secret", "text ~ cookie and text ~ secret", "comment is not empty and project = XYZ"):
        assert keys(asked, query, principals=EVERYONE) == []
        assert keys(asked, query, principals=STAFF) == ["XYZ-4"]
    assert keys(asked, "comment is empty and project = XYZ", principals=EVERYONE) == ["XYZ-5", "XYZ-4"]
    assert keys(asked, "key in (XYZ-10, XYZ-5)", principals=EVERYONE) == ["XYZ-5"]
    assert keys(asked, "text !~ secret and project = XYZ", principals=EVERYONE) == ["XYZ-5", "XYZ-4"]


def test_metadata_of_an_issue_can_be_asked_for(shelf: Shelf) -> None:
    for number, facts in enumerate(
        (
            {"creator": "Ann", "parent": "ABC-9", "sprint": "[Sprint 1, Sprint 2", "resolved": "2024-02-03T10:00:00Z"},
            {"creator": "Bob", "epic": "OLD-9", "project_category": "Tools", "security": "Staff only"},
            {},
        ),
        1,
    ):
        document = shelf.document(f"ABC-{number}", f"Issue {number}")
        document.metadata.update(facts)
        shelf.put_document(document)
    shelf.put("ABC-9", "Epic", former=("OLD-9",))
    searcher = shelf.searcher()
    for query, expected in {
        "creator = ann": ["ABC-1"], "creator is empty": ["ABC-9", "ABC-3"], "parent = abc-9": ["ABC-1"],
        "parent = OLD-9": ["ABC-1"], "parent is not empty": ["ABC-1"], '"epic link" = ABC-9': ["ABC-2"],
        "epic != ABC-9": [], "sprint = 'sprint 2'": ["ABC-1"], "sprint = '[sprint 1'": ["ABC-1"],
        "category = tools": ["ABC-2"], "level = 'staff only'": ["ABC-2"], "resolved >= 2024-02-03": ["ABC-1"],
        "resolved = 2024-02-03": ["ABC-1"], "resolved is empty": ["ABC-9", "ABC-3", "ABC-2"],
    }.items():  # fmt: skip
        assert keys(searcher, query) == expected, query


def test_conditions_follow_what_changes(shelf: Shelf) -> None:
    shelf.put("ABC-1", "One", fields={"labels": ("red",), "status": "Open"})
    shelf.put("ABC-2", "Two", fields={"labels": ("red", "blue"), "status": "Open"})
    searcher = shelf.searcher()
    query = "labels = red and status = Open and summary ~ 'one two*' or labels is empty"
    assert keys(searcher, "labels = red order by key") == ["ABC-1", "ABC-2"]
    assert keys(searcher, query) == []
    shelf.put("ABC-1", "One", fields={"labels": ("green",), "status": "Done"})
    shelf.put("ABC-3", "Three", fields={"labels": ("red",), "status": "Open"})
    shelf.remove("ABC-2")
    assert keys(searcher, "labels = red order by key") == ["ABC-3"]
    assert keys(searcher, "labels = green and status = done") == ["ABC-1"]
    assert keys(searcher, "status = open") == ["ABC-3"]
    assert keys(searcher, "text ~ two") == []


def test_a_query_that_cannot_be_read_is_refused_or_searched_as_words(asked: Searcher) -> None:
    with pytest.raises(UsageError, match="at character 10"):
        asked.search("status = (", principals=None, language="jql")
    result = asked.search("login = (", principals=None)
    assert {"ABC-1", "ABC-3"} <= {hit.key for hit in result.hits}
    assert asked.search("status = (", principals=None).notes


@pytest.mark.parametrize(
    "query",
    [
        "", " ", "the and of to", "text ~ 'the and of'", "'; DROP TABLE issue; --", 'a:b AND "c OR NEAR(d)', "\x00\x01\x1b[31m",
        "\ud800 lone \udfff", "status = '\ud800'", "text ~ '\ud83d x'", "key = '\udfff-1'", "x" * 100_000, "wörd " * 20_000,
        "key = ABC-99999999999999999999999999", "id = 99999999999999999999999", "created > 999999999999999",
        " or ".join(f"creator = a{n}" for n in range(1_000)), "text ~ '" + " ".join(f"w{n}" for n in range(9_000)) + "'",
        "project = ABC and about '" + "word " * 15_000 + "'", "status in (" + ",".join(f"s{n}" for n in range(9_000)) + ")",
        "created >= 0001-01-01", "created <= 9999-12-31", "created = endOfYear(90000)",
    ],
    ids=range(23),
)  # fmt: skip
@pytest.mark.parametrize("language", ["auto", "jql"])
def test_a_query_of_any_shape_is_answered_or_refused(asked: Searcher, query: str, language: str) -> None:
    try:
        result = asked.search(query, principals=None, language=language, facets=True)  # type: ignore[arg-type]
    except UsageError:
        assert language == "jql"
    else:
        assert result.total >= len(result.hits)
        assert result.took_ms < 5_000
