"""The benchmark of searching measures what it says, shown on invented issues."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from bench.searching import Case, Remembered, first_search, measured, restricted, scan_recall

from bench import prepared
from jirakb.knowledge.embed import MiniLM
from jirakb.knowledge.search import Searcher
from jirakb.knowledge.store import KnowledgeBase

ISSUES = [
    {
        "id": str(number),
        "key": f"APP-{number}",
        "fields": {
            "summary": f"Valve {number} whistles at night",
            "description": f"It whistled {number} times, then it was quiet.",
            "updated": "2020-01-01T00:00:00.000+0000",
        },
    }
    for number in range(1, 31)
]


@pytest.fixture(scope="module")
def model() -> MiniLM:
    return MiniLM()


@pytest.fixture(scope="module")
def base(model: MiniLM, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    with closing(KnowledgeBase.open(tmp_path_factory.mktemp("base"), create=True)) as base:
        base.use_embedder(model.identity)
        prepared.store(base, ISSUES)
        prepared.embed(base, model, print)
        yield base


def test_every_case_gets_a_row_of_its_own() -> None:
    asked: list[str] = []
    rows = measured([Case("one", asked.append, ["a", "b"]), Case("two", asked.append, ["c"], clients=2)], rounds=2)
    assert [row[0] for row in rows] == ["one", "two"]
    assert (asked.count("a"), asked.count("c")) == (3, 3)


def test_in_the_restricted_copy_a_reader_sees_their_groups_issues(base: KnowledgeBase) -> None:
    def total(*principals: str) -> int:
        return searcher.search("whistles", principals=frozenset(principals), mode="text", limit=50).total

    with closing(restricted(base)) as copy:
        searcher = Searcher(copy)
        groups = [f"group:{number}" for number in range(20)]
        assert (total(), total(*groups)) == (20, 30)
        assert sum(total(group) - 20 for group in groups) == 10


def test_remembered_vectors_are_the_models(model: MiniLM) -> None:
    remembered = Remembered(model, ["a valve", "a pump"])
    assert (remembered.embed(["a pump"]) == model.embed(["a valve", "a pump"])[1]).all()


def test_the_rounded_scan_of_a_small_base_finds_what_exact_numbers_find(base: KnowledgeBase, model: MiniLM) -> None:
    assert min(scan_recall(base, model, ["valve 7 whistles", "quiet"]).values()) > 0.7


def test_opening_and_the_first_search_are_timed(base: KnowledgeBase, model: MiniLM) -> None:
    times = first_search(Path(base.folder), model, "valve")
    assert times["open_ms"] > 0
    assert times["first_search_ms"] > 0
