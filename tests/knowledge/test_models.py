"""A knowledge base changes its model without a moment in which search by meaning is gone, and vectors never mix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.knowledge import model_server as faults
from tests.knowledge.conftest import Shelf
from tests.knowledge.model_server import KEY, ModelHouse, model_house

from jirakb.errors import UsageError
from jirakb.knowledge.backlog import embed_block
from jirakb.knowledge.embed import Embedder
from jirakb.knowledge.followers import Followers
from jirakb.knowledge.index import vectorfile
from jirakb.knowledge.models import Models, use_model
from jirakb.knowledge.search import Searcher
from jirakb.knowledge.search.result import SearchResult
from jirakb.progress import Stages
from jirakb.settings import Settings

TEXTS = ["login times out", "printer is jammed", "colours of the chart", "upload of pictures", "keyboard layout"]


@pytest.fixture
def house() -> Iterator[ModelHouse]:
    with model_house() as made:
        yield made


@pytest.fixture
def settings(house: ModelHouse, tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path, embeddings_url=f"{house.url}/v1", embeddings_model="words-a", embeddings_key=KEY,
        embeddings_seconds=5.0,
    )  # fmt: skip


@pytest.fixture
def filled(shelf: Shelf) -> Shelf:
    for number, text in enumerate(TEXTS, 1):
        shelf.put(f"ABC-{number}", text)
    return shelf


def change_to(shelf: Shelf, embedder: Embedder, *, blocks: int | None = None) -> None:
    """What a sync does with its model: say so, embed, bring the file up; or only so many passages of it."""
    with shelf.base.lease():
        use_model(shelf.base, embedder.identity)
        if blocks is not None:
            for _ in range(blocks):
                embed_block(shelf.base, embedder, limit=1)
            return
        with Followers(shelf.base, embedder, Stages(lambda: 0.0)) as followers:
            followers.catch_up_text()
            followers.catch_up_vectors()


def nearest(searcher: Searcher, query: str) -> tuple[str, SearchResult]:
    result = searcher.search(query, principals=None, mode="vector", limit=3)
    return result.hits[0].key, result


def made(settings: Settings) -> Embedder:
    embedder = Models(settings).named("openai")
    assert embedder is not None
    return embedder


def models_asked(house: ModelHouse) -> set[str]:
    return {call.body["model"] for call in house.calls}


def test_issues_are_found_by_the_vectors_of_a_server(filled: Shelf, house: ModelHouse, settings: Settings) -> None:
    change_to(filled, made(settings))
    searcher = Searcher(filled.base, models=Models(settings))
    for number, text in enumerate(TEXTS, 1):
        assert nearest(searcher, text)[0] == f"ABC-{number}"
    assert filled.base.meta("embedder") == "openai/words-a/48"
    assert vectorfile.dimensions_of(filled.base.reader()) == 48


def test_the_former_vectors_serve_by_their_own_model_until_the_new_ones_are_complete(
    filled: Shelf, house: ModelHouse, settings: Settings
) -> None:
    change_to(filled, made(settings))
    searcher = Searcher(filled.base, models=Models(settings))
    nearest(searcher, TEXTS[0])
    other = replace(settings, embeddings_model="words-b")
    change_to(filled, made(other), blocks=3)
    assert filled.base.counts().waiting == 2
    house.calls.clear()
    for number, text in enumerate(TEXTS, 1):
        key, result = nearest(searcher, text)
        assert key == f"ABC-{number}"
        assert result.vectors_ready == pytest.approx(3 / 5)
    assert models_asked(house) == {"words-a"}
    assert nearest(Searcher(filled.base, models=Models(other)), TEXTS[3])[0] == "ABC-4"
    change_to(filled, made(other))
    house.calls.clear()
    for number, text in enumerate(TEXTS, 1):
        assert nearest(searcher, text)[0] == f"ABC-{number}"
    assert models_asked(house) == {"words-b"}


def test_what_came_or_went_during_the_change_is_found_by_words_or_not_at_all(filled: Shelf, settings: Settings) -> None:
    change_to(filled, made(settings))
    searcher = Searcher(filled.base, models=Models(settings))
    change_to(filled, made(replace(settings, embeddings_model="words-b")), blocks=1)
    filled.remove("ABC-2")
    filled.put("ABC-9", "zeppelin moorings")
    found = {hit.key for hit in searcher.search("printer is jammed", principals=None).hits}
    assert "ABC-2" not in found
    assert "ABC-9" in {hit.key for hit in searcher.search("zeppelin", principals=None).hits}
    assert searcher.search("zeppelin", principals=None, mode="text").hits[0].key == "ABC-9"


def test_a_change_that_was_killed_after_the_last_vector_is_completed_by_a_search(
    filled: Shelf, house: ModelHouse, settings: Settings
) -> None:
    change_to(filled, made(settings))
    other = replace(settings, embeddings_model="words-b")
    change_to(filled, made(other), blocks=len(TEXTS))
    assert not filled.base.has_backlog()
    searcher = Searcher(filled.base, models=Models(other))
    house.calls.clear()
    assert nearest(searcher, TEXTS[1])[0] == "ABC-2"
    assert nearest(searcher, TEXTS[2])[0] == "ABC-3"
    assert models_asked(house) == {"words-b"}


def test_going_back_to_the_former_model_makes_none_of_its_vectors_again(
    filled: Shelf, house: ModelHouse, settings: Settings
) -> None:
    change_to(filled, made(settings))
    change_to(filled, made(replace(settings, embeddings_model="words-b")), blocks=2)
    filled.put("ABC-9", "zeppelin moorings")
    embedder = made(settings)
    house.calls.clear()
    change_to(filled, embedder)
    assert house.asked() == 1
    searcher = Searcher(filled.base, models=Models(settings))
    assert [nearest(searcher, text)[0] for text in TEXTS] == [f"ABC-{number}" for number in range(1, 6)]
    assert nearest(searcher, "zeppelin moorings")[0] == "ABC-9"


def test_a_third_model_leaves_the_first_ones_vectors_serving(
    filled: Shelf, house: ModelHouse, settings: Settings
) -> None:
    house.models.add("words-c")
    change_to(filled, made(settings))
    change_to(filled, made(replace(settings, embeddings_model="words-b")), blocks=3)
    change_to(filled, made(replace(settings, embeddings_model="words-c")), blocks=1)
    searcher = Searcher(filled.base, models=Models(settings))
    house.calls.clear()
    assert nearest(searcher, TEXTS[4])[0] == "ABC-5"
    assert models_asked(house) == {"words-a"}


def test_a_search_goes_by_words_and_says_so_when_the_server_does_not_answer(
    filled: Shelf, house: ModelHouse, settings: Settings
) -> None:
    change_to(filled, made(settings))
    house.always = faults.slow(30)
    searcher = Searcher(filled.base, models=Models(replace(settings, embeddings_seconds=0.3)))
    result = searcher.search("printer jammed", principals=None)
    assert result.hits[0].key == "ABC-2"
    assert any("by words alone" in note for note in result.notes)
    assert result.took_ms < 5_000
    quick = searcher.search("printer jammed", principals=None)
    assert quick.took_ms < 250
    assert quick.notes == result.notes or "just now" in quick.notes[0]


def test_without_a_server_in_the_settings_a_search_says_what_to_set(filled: Shelf, settings: Settings) -> None:
    change_to(filled, made(settings))
    searcher = Searcher(filled.base, models=Models(replace(settings, embeddings_url="")))
    result = searcher.search("printer jammed", principals=None)
    assert result.hits[0].key == "ABC-2"
    assert any("no server is named" in note for note in result.notes)
    with pytest.raises(UsageError, match="no server is named"):
        searcher.search("printer jammed", principals=None, mode="vector")


def test_a_server_that_fails_in_the_middle_loses_nothing(filled: Shelf, house: ModelHouse, settings: Settings) -> None:
    embedder = made(settings)
    house.always = faults.status(400)
    with pytest.raises(UsageError):
        change_to(filled, embedder)
    assert filled.base.counts().waiting == len(TEXTS)
    house.always = None
    change_to(filled, embedder)
    assert filled.base.counts().vectors_ready == 1.0


def test_the_usual_model_is_that_of_the_settings(settings: Settings, house: ModelHouse) -> None:
    assert Models(settings).usual == "openai"
    assert Models(replace(settings, embeddings_url="")).usual == "minilm"
    assert Models(settings).named("none") is None
    with pytest.raises(UsageError, match="name of a model"):
        Models(replace(settings, embeddings_model="")).named("openai")


def test_settings_are_read_and_keys_are_not_shown() -> None:
    read = Settings.read({
        "JIRAKB_EMBEDDINGS_URL": "https://m/v1", "JIRAKB_EMBEDDINGS_MODEL": "m", "JIRAKB_EMBEDDINGS_KEY": "secret-1",
        "JIRAKB_RERANK_URL": "https://r", "JIRAKB_RERANK_KEY": "secret-2", "JIRAKB_RERANK_TOP": "7",
    })  # fmt: skip
    assert (read.embeddings_url, read.embeddings_model, read.rerank_top) == ("https://m/v1", "m", 7)
    assert "secret" not in repr(read)
