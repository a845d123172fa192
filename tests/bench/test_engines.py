"""The comparison of engines builds what it says, asks the product, and tells which engines are not there."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from bench.rivals import FtsAndSqliteVec, Passages, fused
from bench.synthetic import GROUPS, GivenVectors, Invention, group_of

from bench import engines, synthetic
from jirakb.knowledge.search import Searcher
from jirakb.knowledge.store import KnowledgeBase


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    with closing(synthetic.build(tmp_path_factory.mktemp("base") / "kb", 1_000, Invention())) as base:
        yield base


def test_every_passage_has_a_vector_and_a_third_of_the_issues_is_for_one_group(base: KnowledgeBase) -> None:
    counts = base.counts()
    assert counts.passages >= 1_000
    assert counts.vectors_ready == 1.0
    assert {group_of(number) for number in range(1, 200)} == set(range(GROUPS + 1))
    given = GivenVectors()
    text, vector = Invention().question(1)
    given.give(text, vector)
    searcher = Searcher(base, given)
    open_only = searcher.search(text, principals=frozenset(), limit=50)
    everything = searcher.search(text, principals=None, limit=50)
    assert 0 < open_only.total < everything.total
    assert all(group_of(hit.number) == 0 for hit in open_only.hits)


def test_one_seed_gives_the_same_words_and_vectors(base: KnowledgeBase) -> None:
    assert Invention(3).words(5, 20) == Invention(3).words(5, 20) != Invention(4).words(5, 20)
    assert np.array_equal(Invention(3).vectors(9, 4), Invention(3).vectors(9, 4))
    assert engines.recall(base, [Invention().question(number) for number in range(3)]) >= 0.99


def test_a_further_process_tells_its_memory_and_first_search(base: KnowledgeBase) -> None:
    facts = engines.another_process(base.folder)
    assert facts["process_private_mb"] > facts["process_private_mb_before_opening"] > 0
    assert facts["first_search_of_a_process_ms"] > 0


def test_an_engine_that_is_not_installed_is_not_run() -> None:
    missing = [name for name, module, _ in engines.RIVALS if importlib.util.find_spec(module) is None]
    assert [row[:2] for row in engines._not_run(1_000)] == [(name, "not run") for name in missing]
    assert len(list(engines._not_run(10**6))) == len(engines.RIVALS)


def test_two_rankings_become_one_by_their_places() -> None:
    assert fused([1, 1, 2, 3], [4, 2]) == [2, 1, 4, 3]


@pytest.mark.skipif(importlib.util.find_spec("sqlite_vec") is None, reason="needs the extra `compare`")
def test_sqlite_finds_among_what_the_reader_may_see(base: KnowledgeBase, tmp_path: Path) -> None:
    passages = Passages.of(base)
    rival = FtsAndSqliteVec(tmp_path / "rival", passages)
    text, vector = Invention().question(2)
    found = rival.search(text, vector, synthetic.PROJECTS[0], [0, 1])
    assert found
    assert all(group_of(issue) in (0, 1) and issue % 4 == 0 for issue in found)
    assert rival.recall(vector, passages) > 0.8


def test_new_passages_are_seen_by_another_process_and_here(base: KnowledgeBase) -> None:
    given = GivenVectors()
    given.give("anything", Invention().question(1)[1])
    searcher = Searcher(base, given)
    searcher.search("anything", principals=None)
    facts = engines.upsert(base, searcher, given)
    assert 0 < facts["upsert_visible_to_another_process_ms"] < 60_000
    assert facts["upsert_then_visible_here_ms"] > 0
