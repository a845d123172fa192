"""The relevance benchmark asks the product with real objects, and keeps what it made, shown on invented issues."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from bench.duplicates import Duplicates, Query, both_ways

from bench import prepared, relevance
from jirakb.knowledge.embed import MiniLM, Vectors

SUMMARIES = {
    "APP-1": "Login page hangs after an expired session",
    "APP-2": "Expired session: login page hangs",
    "APP-3": "Export to spreadsheet loses the last column",
    "APP-4": "Spreadsheet export drops last column",
    "APP-5": "Dark theme has unreadable links",
}


def silent(_: str) -> None:
    """Nobody listens."""


class Counting(MiniLM):
    """The model, and how many texts it was given."""

    embedded = 0

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.embedded += len(texts)
        return super().embed(texts)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    with gzip.open(folder / "titanium.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(issue(number, key)) + "\n" for number, key in enumerate(SUMMARIES, 1))
    (folder / "qrels_dev.tsv").write_text("APP-1\tAPP-2\nAPP-4\tAPP-3\n", encoding="utf-8")
    queries = [
        {"key": key, "summary": SUMMARIES[key], "text": f"{SUMMARIES[key]}\nEvery time."} for key in ("APP-1", "APP-4")
    ]
    (folder / "queries_dev.jsonl").write_text("".join(json.dumps(query) + "\n" for query in queries), encoding="utf-8")
    return folder / "titanium.jsonl.gz"


def issue(number: int, key: str) -> dict[str, Any]:
    fields = {
        "summary": SUMMARIES[key],
        "description": f"Seen {number} times.",
        "updated": "2020-01-01T00:00:00.000+0000",
    }
    return {"id": str(number), "key": key, "fields": fields}


def test_known_duplicates_are_found_by_every_mode(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JIRAKB_BENCH_CACHE", str(tmp_path / "cache"))
    table = relevance.run(corpus)
    assert [row[:3] for row in table.rows] == [(mode, 2, 1.0) for mode in ("hybrid", "text", "vector", "similar")]
    table.publish(tmp_path / "results")
    assert (tmp_path / "results" / "relevance.png").exists()
    assert "5 issues" in capsys.readouterr().out


def test_a_corpus_without_queries_is_not_run(tmp_path: Path) -> None:
    assert "not run" in relevance.run(tmp_path / "titanium.jsonl.gz").title
    assert "not run" in relevance.run(None).title


def test_what_was_prepared_is_used_again(corpus: Path, tmp_path: Path) -> None:
    duplicates, model = Duplicates(corpus.parent), Counting()
    for _ in range(2):
        with closing(prepared.prepared(duplicates, model, tmp_path / "cache", silent)) as base:
            counts = base.counts()
    assert (counts.issues, counts.waiting) == (5, 0)
    assert model.embedded == counts.passages


def test_a_knowledge_base_made_anew_takes_over_the_vectors_of_unchanged_passages(corpus: Path, tmp_path: Path) -> None:
    duplicates, model, cache = Duplicates(corpus.parent), Counting(), tmp_path / "cache"
    with closing(prepared.prepared(duplicates, model, cache, silent)) as base:
        passages, made = base.counts().passages, base.folder
    shutil.move(made, cache / "duplicates-of-an-earlier-day")
    with closing(prepared.prepared(duplicates, model, cache, silent)) as base:
        assert base.counts().vectors_ready == 1.0
    assert model.embedded == passages
    assert [path.name for path in cache.iterdir()] == [made.name]


def test_duplicates_of_one_another_are_one_cluster_and_their_spread_is_told() -> None:
    pairs = {"A-1": frozenset({"A-2"}), "A-2": frozenset({"A-3"}), "A-5": frozenset({"A-6"})}
    queries = [Query(key, "", "", relevant) for key, relevant in pairs.items()]
    clusters = list(relevance.clusters_of(queries, both_ways(pairs)))
    assert [[query.key for query in cluster] for cluster in clusters] == [["A-1", "A-2"], ["A-5"]]
    assert relevance.spread(clusters, {"A-1": ["A-2"], "A-2": ["A-3"], "A-5": ["A-6"]}) == ("1.000 - 1.000",) * 2
    assert relevance.spread(clusters, {"A-5": ["A-6"]}) == ("0.000 - 1.000",) * 2
