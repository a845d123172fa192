"""What a search answers, in the contract's shape."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from jirakb.documents import EVERYONE
from jirakb.errors import UsageError
from jirakb.knowledge.index.filters import Filter
from jirakb.knowledge.search import Searcher
from jirakb.knowledge.search.result import SearchResult

if TYPE_CHECKING:
    from conftest import Shelf

STAFF = frozenset({"site:x/role:Staff"})
LEGAL = frozenset({"site:x/group:legal"})


def keys(result: SearchResult) -> list[str]:
    return [hit.key for hit in result.hits]


def test_a_hit_has_the_shape_of_the_contract(shelf: Shelf) -> None:
    shelf.put(
        "ABC-12",
        "Login hangs",
        "- Someone (2024-01-01T00:00:00Z):\n  The session cookie was refused.",
        fields={"type": "Bug", "status": "Done", "status_category": "done", "labels": ("a",)},
    )
    result = shelf.searcher().search("refused cookies", principals=None, mode="text").to_json()
    (hit,) = result["hits"]
    assert result["total"] == 1
    assert set(result) == {"hits", "total", "took_ms", "vectors_ready"}
    assert re.search(r"The session \*\*cookie\*\* was \*\*refused\*\*", hit["snippet"])
    assert hit["section"]["heading"] == "Comments"
    assert hit["section"]["url"] == "https://x/browse/ABC-12?focusedCommentId=0"
    assert hit["section"]["id"]
    assert {name: hit[name] for name in ("key", "kind", "title", "url", "score")} == {
        "key": "ABC-12",
        "kind": "issue",
        "title": "Login hangs",
        "url": "https://x/browse/ABC-12",
        "score": 1.0,
    }
    assert hit["fields"] == {
        "project": "ABC", "type": "Bug", "status": "Done", "status_category": "done", "priority": "", "assignee": "",
        "reporter": "", "labels": ["a"], "created": "2024-01-01T00:00:00Z", "updated": "2024-01-01T12:00:00Z",
    }  # fmt: skip


def test_hybrid_joins_words_and_meaning_and_says_how_complete_the_vectors_are(shelf: Shelf) -> None:
    shelf.put("ABC-1", "Login hangs")
    shelf.put("ABC-2", "Printer on fire")
    shelf.embed()
    shelf.put("ABC-3", "Logins hanging")
    searcher = shelf.searcher()
    result = searcher.search("login hangs", principals=None)
    assert keys(result)[:2] == ["ABC-1", "ABC-3"]  # the second by its words alone: it has no vector yet
    assert result.total == 3
    assert result.vectors_ready == pytest.approx(2 / 3)
    shelf.embed()
    assert searcher.search("login", principals=None).vectors_ready == 1.0


def test_a_key_has_its_issue_first_also_an_old_one_in_small_letters(shelf: Shelf) -> None:
    shelf.put("NEW-7", "Printer on fire", former=("OLD-3",))
    shelf.put("ABC-2", "See OLD-3 and NEW-7, NEW-7, NEW-7", "NEW-7 again")
    shelf.embed()
    for mode in ("hybrid", "text", "vector"):
        for query in ("NEW-7", " old-3 "):
            result = shelf.searcher().search(query, principals=None, mode=mode)  # type: ignore[arg-type]
            assert keys(result)[0] == "NEW-7"
            assert result.hits[0].score == 1.0
            assert len(set(keys(result))) == len(keys(result)) <= result.total


def test_a_key_that_the_reader_may_not_see_is_like_no_key(shelf: Shelf) -> None:
    shelf.put("ABC-1", "Secret", readers=STAFF)
    shelf.embed()
    searcher = shelf.searcher()
    assert searcher.search("ABC-1", principals=EVERYONE).total == 0
    assert keys(searcher.search("ABC-1", principals=STAFF | LEGAL)) == ["ABC-1"]
    assert searcher.search("ABC-1", principals=STAFF, filter=Filter(projects=("XYZ",))).total == 0


def test_an_empty_query_lists_the_newest(shelf: Shelf) -> None:
    for number in (3, 1, 2):
        shelf.put(f"ABC-{number}", f"Issue {number}", attachments=[("a.txt", "text")])
    result = shelf.searcher().search("  ", principals=None, limit=2, filter=Filter(projects=("abc",)))
    assert (keys(result), result.total) == (["ABC-3", "ABC-2"], 3)


def test_every_filter_holds_whatever_the_case(shelf: Shelf) -> None:
    everything = {
        "type": "Bug", "status": "In Progress", "priority": "High", "assignee": "Ann Éa", "labels": ("Red", "b"),
    }  # fmt: skip
    shelf.put("ABC-1", "login", fields=everything)
    shelf.put("XYZ-2", "login")
    shelf.embed()
    searcher = shelf.searcher()
    for wanted in (
        Filter(projects=("abc", "nope")),
        Filter(types=("BUG",)),
        Filter(statuses=("in progress",)),
        Filter(priorities=("high",)),
        Filter(assignees=("ANN ÉA",)),
        Filter(labels=("red",)),
        Filter(labels=("c", "B"), types=("bug",)),
    ):
        for mode in ("hybrid", "text", "vector"):
            result = searcher.search("login", principals=None, filter=wanted, mode=mode)  # type: ignore[arg-type]
            assert (keys(result), result.total) == (["ABC-1"], 1)
        assert keys(searcher.search("", principals=None, filter=wanted)) == ["ABC-1"]
    assert searcher.search("login", principals=None, filter=Filter(labels=("red",), types=("Task",))).total == 0


def test_updated_since_includes_its_moment(shelf: Shelf) -> None:
    shelf.put("ABC-1", "login")
    shelf.put("ABC-2", "login")
    shelf.embed()
    for mode in ("hybrid", "text", "vector"):
        for hours, expected in ((1, 2), (2, 1), (3, 0)):
            wanted = Filter(updated_since=shelf.epoch + timedelta(hours=hours))
            result = shelf.searcher().search("login", principals=None, filter=wanted, mode=mode)  # type: ignore[arg-type]
            assert result.total == expected


def test_identifiers_are_found_whole_and_in_parts(shelf: Shelf) -> None:
    texts = {
        1: "at TiUIWindowProxy.open",
        2: "java.lang.NullPointerException was thrown",
        3: "set max_retry_count to 3",
        4: "same as OTHER-123, see there",
        5: "ログイン画面が固まる",
        6: "le café brûlé",
    }
    for number, text in texts.items():
        shelf.put(f"ABC-{number}", "", text)
    searcher = shelf.searcher()
    for query, number in {
        "TiUIWindowProxy": 1, "window": 1, "java.lang.NullPointerException": 2, "nullpointerexception": 2,
        "pointer": 2, "max_retry_count": 3, "retry": 3, "other-123": 4, "画面": 5, "cafe": 6, "BRÛLÉ": 6,
    }.items():  # fmt: skip
        assert keys(searcher.search(query, principals=None, mode="text")) == [f"ABC-{number}"], query


@pytest.mark.parametrize(
    "query",
    [
        '"', "a AND", "+-&&||!(){}[]^~*?:\\/", "field:value", "\x00", "title:[a TO", "\ud83d"[:0] + "😀", "'; DROP TABLE",
        "?" * 1000, "a" * 100_000, " ".join(f"word{n}" for n in range(15_000)), "a.b" * 30_000, "aB" * 50_000,
    ],
)  # fmt: skip
def test_a_query_is_plain_text_whatever_it_holds(shelf: Shelf, query: str) -> None:
    shelf.put("ABC-1", "field value word77")
    shelf.embed()
    searcher = shelf.searcher()
    searcher.search("warm", principals=None)
    for mode in ("hybrid", "text", "vector"):
        began = time.process_time()
        searcher.search(query, principals=None, mode=mode)  # type: ignore[arg-type]
        assert time.process_time() - began < 2, "seconds of work for one query"


def test_a_long_query_is_searched_by_its_rarest_words(shelf: Shelf) -> None:
    for number in range(1, 9):
        shelf.put(f"ABC-{number}", " ".join(f"common{n}" for n in range(100)) + f" rare{number}")
    query = " ".join(f"common{n}" for n in range(100)) + " rare5"
    result = shelf.searcher().search(query, principals=None, mode="text")
    assert keys(result)[0] == "ABC-5"


def test_an_attachment_counts_as_its_issue(shelf: Shelf) -> None:
    shelf.put("ABC-1", "Crash", attachments=[(f"log{n}.txt", f"segfault at {n}") for n in range(30)])
    shelf.put("ABC-2", "segfault")
    shelf.embed()
    for mode in ("text", "hybrid", "vector"):
        result = shelf.searcher().search("segfault at 7", principals=None, mode=mode)  # type: ignore[arg-type]
        assert sorted(keys(result)) == ["ABC-1", "ABC-2"]
        assert result.total == 2
        hit = next(hit for hit in result.hits if hit.key == "ABC-1")
        assert (hit.kind, hit.title, hit.section.url) == ("attachment", "Crash", "https://x/attachment/1/7")


def test_restricted_text_stays_with_its_readers(shelf: Shelf) -> None:
    shelf.put("ABC-1", "Login", "open words", ("merger plan", STAFF), ("lawsuit", LEGAL), ("both", STAFF | LEGAL))
    shelf.put("ABC-2", "merger", readers=LEGAL)
    shelf.embed()
    searcher = shelf.searcher()

    def found(query: str, principals: frozenset[str] | None) -> tuple[list[str], int]:
        result = searcher.search(query, principals=principals, mode="text")
        return sorted(keys(result)), result.total

    assert found("merger", EVERYONE) == ([], 0)
    assert found("merger", STAFF) == (["ABC-1"], 1)
    assert found("merger", LEGAL) == (["ABC-2"], 1)
    assert found("merger", None) == (["ABC-1", "ABC-2"], 2)
    assert found("both", STAFF) == ([], 0)
    assert found("both", STAFF | LEGAL) == (["ABC-1"], 1)
    assert "merger" in searcher.search("merger", principals=STAFF, mode="text").hits[0].snippet
    for query in ("merger plan lawsuit both login", "Login", ""):
        shown = str(searcher.search(query, principals=EVERYONE).to_json())
        assert "ABC-2" not in shown
        assert not re.search("merger|plan|lawsuit|both", shown)


def test_scores_do_not_tell_of_text_that_the_reader_may_not_see(shelf: Shelf, second_shelf: Shelf) -> None:
    for number in range(1, 8):
        title = "alpha beta" if number % 2 else "alpha gamma gamma"
        shelf.put(f"ABC-{number}", title)
        second_shelf.put(f"ABC-{number}", title, ("beta beta gamma " * number, STAFF))
    second_shelf.put("ABC-8", "beta", readers=LEGAL)
    answers = []
    for one in (shelf, second_shelf):
        one.embed()
        for mode in ("text", "vector", "hybrid"):
            result = one.searcher().search("alpha beta", principals=EVERYONE, mode=mode)  # type: ignore[arg-type]
            answers.append((result.total, [(hit.key, hit.score, hit.snippet) for hit in result.hits]))
    assert answers[:3] == answers[3:]


def test_a_word_that_is_rare_for_the_reader_counts_as_rare_in_restricted_text(shelf: Shelf) -> None:
    for number in range(1, 40):
        shelf.put(f"ABC-{number}", "printer")
    shelf.put("ABC-50", "other", ("zeppelin", STAFF))
    result = shelf.searcher().search("printer zeppelin", principals=STAFF, mode="text")
    assert keys(result)[0] == "ABC-50"


def test_vector_search_without_vectors_says_so(shelf: Shelf) -> None:
    shelf.put("ABC-1", "login")
    with pytest.raises(UsageError):
        shelf.searcher().search("login", principals=None, mode="vector")
    searcher = Searcher(shelf.base)
    assert keys(searcher.search("login", principals=None)) == ["ABC-1"]


def test_vectors_of_another_model_are_not_compared(shelf: Shelf) -> None:
    shelf.put("ABC-1", "login")
    shelf.embed()
    searcher = shelf.searcher()
    assert keys(searcher.search("login", principals=None, mode="vector")) == ["ABC-1"]
    shelf.use_model("words-2")
    assert keys(searcher.search("login", principals=None, mode="vector")) == ["ABC-1"]  # by the former ones
    with pytest.raises(UsageError):
        shelf.searcher().search("login", principals=None, mode="vector")
    shelf.embed()
    assert keys(shelf.searcher().search("login", principals=None, mode="vector")) == ["ABC-1"]


def test_the_snippet_shows_the_comment_of_a_long_issue_that_matches(shelf: Shelf) -> None:
    comments = [f"- A (2024-01-01T00:00:00Z):\n  filler {n} " + "lorem ipsum dolor " * 60 for n in range(300)]
    comments[250] = "- A (2024-01-01T00:00:00Z):\n  the **flux** capacitors of the car"
    shelf.put("ABC-1", "Long", *comments)
    (hit,) = shelf.searcher().search("flux capacitor", principals=None, mode="text").hits
    assert "**flux** **capacitors**" in hit.snippet
    assert hit.section.url.endswith("focusedCommentId=250")


def test_threads_share_a_searcher_while_the_knowledge_base_changes(shelf: Shelf) -> None:
    shelf.put("ABC-1", "login")
    shelf.embed()
    searcher = shelf.searcher()
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(searcher.search, "login", principals=None) for _ in range(60)]
        for number in range(2, 12):
            shelf.put(f"ABC-{number}", "login again")
            shelf.embed()
        assert all(answer.result().total >= 1 for answer in asked)
    assert searcher.search("login", principals=None).total == 11
