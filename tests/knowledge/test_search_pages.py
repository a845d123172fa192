"""Pages, orders, facets, several places of one issue, and what scores are made of."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from jirakb.documents import EVERYONE
from jirakb.errors import UsageError
from jirakb.knowledge.index.filters import Filter
from jirakb.knowledge.search import Searcher
from jirakb.knowledge.search.result import SearchResult

if TYPE_CHECKING:
    from conftest import Shelf

STAFF = frozenset({"site:x/role:Staff"})


def pages(searcher: Searcher, query: str, limit: int = 3, **more: Any) -> list[SearchResult]:
    """All pages of a search."""
    more = {"principals": None, **more}
    found = [searcher.search(query, limit=limit, **more)]
    while found[-1].next_cursor:
        found.append(searcher.search(query, limit=limit, cursor=found[-1].next_cursor, **more))
    return found


def keys(results: list[SearchResult]) -> list[str]:
    return [hit.key for result in results for hit in result.hits]


@pytest.fixture
def ten(shelf: Shelf) -> Searcher:
    for number in range(1, 11):
        shelf.put(f"ABC-{number}", "login " * (number % 4 + 1) + "page " * (number % 3), fields={
            "status": "Open" if number % 2 else "Done", "labels": ("red", "green")[: number % 3],
        })  # fmt: skip
    shelf.embed()
    return shelf.searcher()


@pytest.mark.parametrize("order", ["", "created", "updated", "updated asc", "status, key"])
@pytest.mark.parametrize("mode", ["hybrid", "text", "vector"])
def test_pages_together_are_the_whole_answer(ten: Searcher, mode: str, order: str) -> None:
    whole = ten.search("login", principals=None, mode=mode, order=order, limit=100)  # type: ignore[arg-type]
    found = pages(ten, "login", mode=mode, order=order)
    assert keys(found) == [hit.key for hit in whole.hits]
    assert len(found) == 4
    assert {result.total for result in found} == {10}
    assert whole.next_cursor is None


def test_pages_of_a_list_without_words_go_on_from_newest_to_oldest(ten: Searcher) -> None:
    assert keys(pages(ten, "")) == [f"ABC-{number}" for number in range(10, 0, -1)]
    assert keys(pages(ten, "status = Open", limit=2)) == [f"ABC-{number}" for number in (9, 7, 5, 3, 1)]


@pytest.mark.parametrize("order", ["", "updated", "updated asc", "key"])
def test_what_is_stored_while_one_pages_neither_repeats_nor_hides_what_was_there(
    shelf: Shelf, ten: Searcher, order: str
) -> None:
    found = [ten.search("login", principals=None, limit=3, order=order)]
    number = 100
    while found[-1].next_cursor:
        for _ in range(2):  # each is better, newer and older than anything before
            shelf.put(f"ABC-{number}", "login login login login")
            shelf.put(f"AAA-{number + 1}", "login login", fields={"updated": shelf.epoch})
            number += 2
        if len(found) < 4:
            shelf.remove(f"ABC-{11 - len(found)}")
        shelf.embed()
        found.append(ten.search("login", principals=None, limit=3, order=order, cursor=found[-1].next_cursor))
        if number > 140:
            break
    shown = keys(found)
    assert len(set(shown)) == len(shown)
    old = [key for key in shown if int(key.partition("-")[2]) <= 10]
    if order != "":
        assert {f"ABC-{number}" for number in range(1, 8)} <= set(old)


def test_a_named_issue_stands_on_the_first_page_alone(shelf: Shelf) -> None:
    for number in range(1, 9):
        shelf.put(f"ABC-{number}", f"like ABC-3 {number}")
    found = pages(shelf.searcher(), "ABC-3")
    assert keys(found)[0] == "ABC-3"
    assert sorted(keys(found)) == [f"ABC-{number}" for number in range(1, 9)]


def test_a_cursor_is_good_for_its_own_search_only(ten: Searcher) -> None:
    cursor = ten.search("login", principals=None, limit=3).next_cursor
    assert cursor is not None
    assert ten.search(" login ", principals=None, limit=5, cursor=cursor).hits
    other: list[dict[str, Any]] = [
        {"query": "page"}, {"principals": EVERYONE}, {"principals": STAFF}, {"filter": Filter(statuses=("Open",))},
        {"mode": "text"}, {"order": "created"},
    ]  # fmt: skip
    for change in other:
        asked: dict[str, Any] = {"query": "login", "principals": None, **change}
        with pytest.raises(UsageError, match="another search"):
            ten.search(cursor=cursor, **asked)


def test_a_cursor_of_another_knowledge_base_is_refused(ten: Searcher, second_shelf: Shelf) -> None:
    second_shelf.put("ABC-1", "login")
    cursor = ten.search("login", principals=None, limit=3).next_cursor
    with pytest.raises(UsageError, match="another search"):
        second_shelf.searcher().search("login", principals=None, cursor=cursor)


def test_what_is_no_cursor_is_refused(ten: Searcher) -> None:
    cursor = ten.search("login", principals=None, limit=3).next_cursor
    assert cursor is not None
    broken = [cursor[:-3], cursor[:8], cursor[:20] + ("A" if cursor[20] != "A" else "B") + cursor[21:], "x", "é", "A" * 300_000,
              "\ud800", "=", cursor + cursor, "AAAA" * 20]  # fmt: skip
    for text in broken:
        with pytest.raises(UsageError, match=r"no cursor|another search"):
            ten.search("login", principals=None, cursor=text)


@pytest.mark.parametrize(
    "payload",
    [
        [1, [1 << 63], []], [1, [-5], []], [1, ["x"], []], [1, [], [1]], [1, [], [None, 1 << 63]], [1, [], [1, 2, 3]],
        [1, [], [[], 1]], ["x", [], []], {}, 7, [1, [0.5], []], [1, [1] * 20_000, []],
    ],
    ids=range(12),
)  # fmt: skip
@pytest.mark.parametrize("order", ["", "updated"])
def test_a_cursor_that_was_made_up_is_refused(ten: Searcher, order: str, payload: object) -> None:
    cursor = ten.search("login", principals=None, limit=3, order=order).next_cursor
    assert cursor is not None
    bound = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[:8]
    packed = zlib.compress(json.dumps(payload).encode())
    digest = hashlib.blake2b(packed, key=bound, digest_size=8).digest()
    forged = base64.urlsafe_b64encode(bound + digest + packed).decode()
    with pytest.raises(UsageError, match="no cursor"):
        ten.search("login", principals=None, limit=3, order=order, cursor=forged)


def test_facets_count_what_matches_and_nothing_else(shelf: Shelf) -> None:
    shelf.put(
        "ABC-1", "login", fields={"type": "Bug", "labels": ("red", "blue"), "priority": "High", "assignee": "Ann"}
    )
    shelf.put("ABC-2", "login", fields={"type": "bug", "labels": ("red",), "components": ("Engine",)})
    shelf.put(
        "XYZ-3", "login", fields={"type": "Task", "created": None}, attachments=[("a.txt", "login"), ("b.txt", "login")]
    )
    shelf.put(
        "XYZ-4", "login", readers=STAFF, fields={"type": "Secret", "labels": ("hidden",), "components": ("Vault",)}
    )
    shelf.put("XYZ-5", "other", ("login", STAFF), fields={"type": "Rare"})
    searcher = shelf.searcher()

    def counted(**more: Any) -> dict[str, dict[str, int]]:
        result = searcher.search("login", mode="text", facets=True, limit=1, **more)
        return {name: {e["value"]: e["count"] for e in values} for name, values in result.to_json()["facets"].items()}

    assert counted(principals=EVERYONE) == {
        "project": {"ABC": 2, "XYZ": 1}, "type": {"Bug": 1, "bug": 1, "Task": 1}, "status": {"": 3},
        "priority": {"High": 1, "": 2}, "assignee": {"Ann": 1, "": 2}, "labels": {"red": 2, "blue": 1, "": 1},
        "components": {"Engine": 1, "": 2}, "year": {"2024": 2, "": 1},
    }  # fmt: skip
    assert counted(principals=STAFF)["type"] == {"Bug": 1, "bug": 1, "Task": 1, "Secret": 1, "Rare": 1}
    assert counted(principals=None, filter=Filter(types=("BUG",)))["labels"] == {"red": 2, "blue": 1}
    some = searcher.search("login", principals=None, facets=["year", "type"])
    assert list(some.facets) == ["type", "year"]
    with pytest.raises(UsageError, match="no facet 'colour'"):
        searcher.search("login", principals=None, facets=["colour"])
    assert "facets" not in searcher.search("login", principals=None).to_json()


def test_several_places_of_an_issue_are_shown_with_their_links(shelf: Shelf) -> None:
    shelf.put(
        "ABC-1", "Crash", "the pump leaks oil", "nothing here", ("oil pump secret", STAFF),
        description="pump and oil " + "and so on " * 100, attachments=[("manual.pdf", "an oil pump in a manual")],
    )  # fmt: skip
    shelf.embed()
    searcher = shelf.searcher()
    (hit,) = searcher.search("oil pump", principals=EVERYONE, mode="text", sections_per_issue=9).hits
    shown = [match.section.url for match in hit.sections]
    assert hit.section == hit.sections[0].section
    assert len(set(shown)) == len(shown)
    assert "https://x/browse/ABC-1?focusedCommentId=0" in shown
    assert not any("focusedCommentId=2" in url for url in shown)
    assert all("**" in match.snippet for match in hit.sections[:2])
    assert hit.to_json()["sections"][0].keys() == {"id", "heading", "url", "kind", "snippet"}
    (hit,) = searcher.search("oil pump secret", principals=STAFF, sections_per_issue=2).hits
    assert len(hit.sections) == 2
    for wrong in (0, 51):
        with pytest.raises(UsageError):
            searcher.search("oil", principals=None, sections_per_issue=wrong)


@pytest.mark.parametrize("mode", ["hybrid", "text", "vector"])
def test_a_score_is_explained(ten: Searcher, mode: str) -> None:
    for order in ("", "updated"):
        first, *_ = ten.search("login page", principals=None, mode=mode, explain=True, order=order).hits  # type: ignore[arg-type]
        parts = first.explanation
        assert parts is not None
        assert (parts.text is None, parts.vector is None) == (mode == "vector", mode == "text")
        assert parts.fused == pytest.approx(first.score, abs=1e-6)
        assert set(first.to_json()["explain"]["words"]) <= {"login", "page"}
    named, *_ = ten.search("ABC-3", principals=None, explain=True).hits
    assert named.explanation is not None
    assert named.explanation.is_named
    assert "explain" not in ten.search("login", principals=None).hits[0].to_json()


def in_year(year: int) -> datetime:
    return datetime(year, 3, 1, tzinfo=UTC)


def test_a_facet_tells_what_else_could_be_chosen(shelf: Shelf) -> None:
    shelf.put("ABC-1", "login fails", fields={"type": "Bug", "labels": ("red", "blue"), "created": in_year(2024)})
    shelf.put("ABC-2", "login slow", fields={"type": "Task", "labels": ("red",), "created": in_year(2025)})
    shelf.put("XYZ-3", "login again", fields={"type": "Bug", "labels": ("green",), "created": in_year(2026)})
    shelf.put("XYZ-4", "printer", fields={"type": "Story", "created": in_year(2026)})
    searcher = shelf.searcher()

    def counted(query: str, wanted: Filter, **more: Any) -> dict[str, dict[str, int]]:
        result = searcher.search(query, principals=None, mode="text", facets=True, filter=wanted, **more)
        return {name: {one.value: one.count for one in values} for name, values in result.facets.items()}

    bugs = counted("login", Filter(types=("bug",)))
    assert bugs["type"] == {"Bug": 2, "Task": 1}, "of all that hold the word, whatever their type"
    assert bugs["project"] == {"ABC": 1, "XYZ": 1}, "of bugs alone"
    both = counted("login", Filter(types=("bug",), labels=("red",)))
    assert both["type"] == {"Bug": 1, "Task": 1}
    assert both["labels"] == {"red": 1, "blue": 1, "green": 1}
    assert both["project"] == {"ABC": 1}
    assert counted("", Filter(types=("story",)))["type"] == {"Bug": 2, "Story": 1, "Task": 1}
    assert counted("login", Filter(types=("bug",)), order="updated") == bugs
    asked = searcher.search("type = Bug", language="jql", principals=None, facets=True)
    assert [one.value for one in asked.facets["type"]] == ["Bug"], "a query is what it says"


def test_several_years_are_these_years(shelf: Shelf) -> None:
    for number, year in enumerate((2023, 2024, 2025, 2026), 1):
        shelf.put(f"ABC-{number}", "login", fields={"created": in_year(year)})
    searcher = shelf.searcher()
    found = searcher.search("login", principals=None, mode="text", filter=Filter(years=("2023", "2025")), facets=True)
    assert {hit.key for hit in found.hits} == {"ABC-1", "ABC-3"}
    assert {one.value: one.count for one in found.facets["year"]} == {str(year): 1 for year in range(2023, 2027)}
    assert searcher.search("login", principals=None, filter=Filter(years=("",))).total == 0
    with pytest.raises(UsageError, match="no year"):
        searcher.search("login", principals=None, filter=Filter(years=("24",)))
