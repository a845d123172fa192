"""What is similar, and why; and what of the hits a language model is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jirakb.documents import EVERYONE
from jirakb.errors import NotFoundError, UsageError
from jirakb.knowledge.index.filters import Filter
from jirakb.knowledge.search import Searcher

if TYPE_CHECKING:
    from conftest import Shelf

STAFF = frozenset({"site:x/role:Staff"})


@pytest.fixture(scope="module")
def pumps(shared_shelf: Shelf) -> Searcher:
    shelf = shared_shelf
    for number in range(10, 20):
        shelf.put(f"ABC-{number}", f"filler issue {number}", description="some words")
    shelf.put("ABC-1", "Pump leaks", description="The gasket of the manifold is worn out", former=("OLD-1",),
              fields={"components": ("Engine",), "type": "Bug", "labels": ("wet",), "reporter": "Ann"})  # fmt: skip
    shelf.put("ABC-2", "Leaking pump", ("the safe holds gold", STAFF), description="A gasket at the manifold gave in",
              fields={"components": ("Engine", "Body"), "type": "Bug"})  # fmt: skip
    shelf.put("XYZ-3", "Pump is loud", fields={"type": "Task"})
    shelf.put("XYZ-4", "Pump leaks at the gasket of the manifold", readers=STAFF)
    shelf.put("XYZ-5", "Hidden vault", description="the safe holds gold", readers=STAFF)
    shelf.embed()
    return shelf.searcher()


def test_the_most_similar_issues_come_first_and_never_the_issue_itself(pumps: Searcher) -> None:
    for key in ("ABC-1", " old-1 "):
        found = [hit.key for hit in pumps.similar(key, principals=EVERYONE).hits]
        assert found[0] == "ABC-2"
        assert "ABC-1" not in found
    assert [hit.key for hit in pumps.similar("ABC-1", principals=STAFF, limit=2).hits] in (
        ["XYZ-4", "ABC-2"], ["ABC-2", "XYZ-4"],
    )  # fmt: skip


def test_it_says_why_an_issue_is_similar(pumps: Searcher) -> None:
    why = pumps.similar("ABC-1", principals=EVERYONE).hits[0].to_json()["why"]
    assert {"gasket", "manifold"} <= set(why["words"])
    assert "worn" not in why["words"]
    assert why["fields"] == {"project": ["ABC"], "type": ["Bug"], "components": ["Engine"]}
    assert why["days_apart"] == 0
    assert "**gasket**" in why["passages"]["own"]
    assert "gave in" in why["passages"]["theirs"]
    assert 0 < why["passages"]["cosine"] <= 1


@pytest.mark.parametrize("mode", ["hybrid", "text", "vector"])
def test_the_text_of_a_new_issue_finds_similar_ones(pumps: Searcher, mode: str) -> None:
    result = pumps.similar("Gasket worn\nThe manifold leaks", principals=EVERYONE, mode=mode)  # type: ignore[arg-type]
    assert {hit.key for hit in result.hits[:2]} == {"ABC-1", "ABC-2"}
    why = result.hits[0].why
    assert why is not None
    assert why.fields == ()
    assert (why.passages is None) == (mode == "text")


def test_a_filter_holds_for_similar_issues_too(pumps: Searcher) -> None:
    result = pumps.similar("ABC-1", principals=EVERYONE, filter=Filter(projects=("xyz",)), mode="text")
    assert [hit.key for hit in result.hits] == ["XYZ-3"]


def test_an_issue_that_the_reader_may_not_see_is_like_one_that_is_not_there(pumps: Searcher) -> None:
    said = []
    for key in ("XYZ-5", "XYZ-999"):
        with pytest.raises(NotFoundError) as caught:
            pumps.similar(key, principals=EVERYONE)
        said.append(str(caught.value).replace(key, "KEY"))
    assert said[0] == said[1]
    assert pumps.similar("XYZ-5", principals=STAFF).hits[0].key == "ABC-2"


def test_restricted_text_neither_makes_similar_nor_is_told(pumps: Searcher) -> None:
    hits = pumps.similar("the safe holds gold", principals=EVERYONE).hits
    assert not {"XYZ-4", "XYZ-5"} & {hit.key for hit in hits}
    for hit in hits:
        assert hit.why is not None
        assert hit.why.passages is not None
        assert "gold" not in hit.snippet + hit.why.passages.theirs
        assert hit.why.words == ()
    why = pumps.similar("XYZ-5", principals=STAFF).hits[0].why
    assert why is not None
    assert "gold" in why.words


def test_a_text_without_words_is_refused(pumps: Searcher) -> None:
    with pytest.raises(UsageError):
        pumps.similar("  ", principals=None)
    for text in ("?!", "\ud800", "x" * 100_000, "the and of", "\x00", "ABC-1 ABC-2"):
        pumps.similar(text, principals=None)


def test_a_context_holds_whole_sections_with_their_sources(pumps: Searcher) -> None:
    found = pumps.context("worn gasket", budget_tokens=2_000, principals=EVERYONE)
    assert found.tokens <= 2_000
    assert found.text.startswith("[1] ABC-1: Pump leaks <https://x/browse/ABC-1>\n# ABC-1: Pump leaks")
    assert "The gasket of the manifold is worn out" in found.text
    assert [piece.number for piece in found.sources] == list(range(1, len(found.sources) + 1))
    assert all(piece.is_section and f"[{piece.number}] {piece.key}: " in found.text for piece in found.sources)
    assert len({piece.section for piece in found.sources}) == len(found.sources)
    assert found.to_json()["sources"][0]["url"] == "https://x/browse/ABC-1"
    assert "gold" not in pumps.context("safe gold", budget_tokens=100_000, principals=EVERYONE).text
    assert "gold" in pumps.context("safe gold", budget_tokens=100_000, principals=STAFF).text


def test_what_is_too_long_gives_way_to_the_comment_that_matched(shelf: Shelf) -> None:
    shelf.put("ABC-1", "Long", *[f"comment {n} " + "filler " * 100 for n in range(50)], "the flux capacitor broke")
    shelf.put("ABC-2", "flux", description="capacitor")
    found = shelf.searcher().context("flux capacitor", budget_tokens=200, principals=None)
    by_key = {piece.key: piece for piece in found.sources}
    assert found.tokens <= 200
    assert "the flux capacitor broke" in found.text
    assert "filler" not in found.text
    assert (by_key["ABC-1"].is_section, by_key["ABC-2"].is_section) == (False, True)
    assert (by_key["ABC-1"].heading, by_key["ABC-1"].url) == ("Comments", "https://x/browse/ABC-1?focusedCommentId=50")


@pytest.mark.parametrize("budget", [1, 10, 40, 100, 400])
def test_a_context_never_exceeds_its_budget_by_whatever_count(pumps: Searcher, budget: int) -> None:
    found = pumps.context("pump gasket", budget_tokens=budget, principals=None, count=lambda text: len(text.split()))
    assert len(found.text.split()) == found.tokens <= budget


def test_a_context_without_room_or_hits_is_empty(pumps: Searcher) -> None:
    assert pumps.context("pump", budget_tokens=1, principals=None).text == ""
    assert pumps.context("type = Nothing", budget_tokens=100, principals=None).to_json()["sources"] == []
    with pytest.raises(UsageError):
        pumps.context("pump", budget_tokens=0, principals=None)
