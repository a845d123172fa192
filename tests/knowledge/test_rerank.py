"""A reranker puts the first hits in its order, in time or not at all, and sees no text that the reader may not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.knowledge import model_server as faults
from tests.knowledge.conftest import Shelf
from tests.knowledge.model_server import KEY, Fault, ModelHouse, model_house

from jirakb.documents import Readers
from jirakb.knowledge.endpoint import Address, ModelServer, Patience
from jirakb.knowledge.search import Searcher
from jirakb.knowledge.search.rerank import HttpReranker
from jirakb.knowledge.search.result import SearchResult

STAFF = Readers({"group:staff"})
QUERY = "printer makes noise at night"


@pytest.fixture
def house() -> Iterator[ModelHouse]:
    with model_house() as made:
        yield made


@pytest.fixture
def filled(shelf: Shelf) -> Shelf:
    """The issue that the reranker likes is far from the first by words and by meaning."""
    for number in range(1, 30):
        shelf.put(f"ABC-{number}", "printer makes noise", "night " * (30 - number))
    shelf.put("ABC-30", "a zebra in the printer")
    shelf.embed()
    shelf.index()
    return shelf


def searching(
    shelf: Shelf, house: ModelHouse, *, model: str = "judge", top: int = 30, seconds: float = 5.0, path: str = "/v1"
) -> Searcher:
    server = ModelServer(Address(house.url + path, "JIRAKB_RERANK_URL", KEY), Patience(seconds))
    return Searcher(shelf.base, shelf.embedder, reranker=HttpReranker(server, model, top=top))


def keys(result: SearchResult) -> list[str]:
    return [hit.key for hit in result.hits]


@pytest.mark.parametrize(("model", "path"), [("judge", "/v2"), ("", "")], ids=["Cohere, Jina", "TEI"])
@pytest.mark.parametrize("logits", [False, True], ids=["shares", "logits"])
def test_the_hit_that_the_reranker_likes_comes_first(
    filled: Shelf, house: ModelHouse, model: str, path: str, logits: bool
) -> None:
    house.logits = logits
    assert "ABC-30" not in keys(filled.searcher().search(QUERY, principals=None, limit=5))
    result = searching(filled, house, model=model, path=path).search(QUERY, principals=None, limit=5, explain=True)
    assert keys(result)[0] == "ABC-30"
    assert len(result.hits) == 5
    scores = [hit.score for hit in result.hits]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert result.hits[0].to_json()["explain"]["rerank"] == pytest.approx(scores[0], abs=1e-5)
    assert not result.notes


def test_only_the_first_hits_are_sent_each_with_its_title_and_passage(filled: Shelf, house: ModelHouse) -> None:
    result = searching(filled, house, top=4).search(QUERY, principals=None, limit=10)
    (call,) = house.calls
    assert call.path == "/v1/rerank"
    assert call.body["query"] == QUERY
    assert len(call.body["documents"]) == 4
    assert all(
        "printer makes noise\n" in text and text.count("printer makes noise") == 1 for text in call.body["documents"]
    )
    plain = filled.searcher().search(QUERY, principals=None, limit=10)
    assert set(keys(result)[:4]) == set(keys(plain)[:4])
    assert keys(result)[4:] == keys(plain)[4:]
    scores = [hit.score for hit in result.hits]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    "fault",
    [faults.slow(30), faults.status(500), faults.status(429), faults.status(400), faults.cut_short, faults.one_too_few],
    ids=["slow", "500", "429", "400", "truncated", "one too few"],
)
def test_a_reranker_that_fails_leaves_the_order_as_it_was_and_the_result_says_so(
    filled: Shelf, house: ModelHouse, fault: Fault
) -> None:
    house.always = fault
    result = searching(filled, house, top=25, seconds=0.4).search(QUERY, principals=None, limit=10)
    plain = filled.searcher().search(QUERY, principals=None, limit=10)
    assert keys(result) == keys(plain)
    assert [hit.score for hit in result.hits] == [hit.score for hit in plain.hits]
    assert any("order they have without it" in note for note in result.notes)
    assert result.took_ms < 5_000


def test_pages_behind_the_first_hold_the_rest_and_none_twice(filled: Shelf, house: ModelHouse) -> None:
    searcher = searching(filled, house, top=12)
    seen: list[str] = []
    cursor = None
    for _ in range(10):
        result = searcher.search(QUERY, principals=None, limit=7, cursor=cursor)
        seen += keys(result)
        cursor = result.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == sorted(f"ABC-{number}" for number in range(1, 31))
    assert cursor is None


@pytest.mark.parametrize(
    ("query", "more"),
    [
        ("ABC-3", {}), ('"makes noise"', {}), ("java.lang.Error", {}), (QUERY, {"mode": "text"}),
        (QUERY, {"order": "created"}), ("project = ABC", {}),
    ],
    ids=["key", "phrase", "name", "words alone", "sorted", "no words"],
)  # fmt: skip
def test_what_is_asked_to_the_letter_or_in_an_order_is_not_reranked(
    filled: Shelf, house: ModelHouse, query: str, more: dict[str, str]
) -> None:
    searching(filled, house).search(query, principals=None, **more)  # type: ignore[arg-type]
    assert not house.calls


def test_no_text_is_sent_that_the_reader_may_not_see(filled: Shelf, house: ModelHouse) -> None:
    filled.put("ABC-40", "printer", ("a secret: printer makes noise at night", STAFF))
    filled.put("ABC-41", "printer makes noise at night, zebra", readers=STAFF)
    filled.embed()
    filled.index()
    searcher = searching(filled, house, top=40)
    searcher.search(QUERY, principals=Readers(), limit=40)
    open_texts = " ".join(house.calls[-1].body["documents"])
    assert "ABC-40" in open_texts
    assert "secret" not in open_texts
    assert "night, zebra" not in open_texts
    searcher.search(QUERY, principals=STAFF, limit=30)
    assert "night, zebra" in " ".join(house.calls[-1].body["documents"])
