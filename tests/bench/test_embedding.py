"""The benchmark of embedding compares the same passages, and takes its issues from the whole corpus."""

from __future__ import annotations

import json
from pathlib import Path

from bench.embedding import both, some_issues

from jirakb.knowledge.embed import MiniLM
from jirakb.service.demo import simulated_site


def test_issues_are_taken_evenly_from_the_whole_corpus(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"id": number}) + "\n" for number in range(10)), encoding="utf-8")
    chosen = some_issues(corpus, tmp_path, 4).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in chosen] == [0, 2, 4, 6]


def test_the_embedder_alone_is_given_the_passages_that_the_sync_stored(tmp_path: Path) -> None:
    site_file = tmp_path / "site.jsonl"
    fields = {
        "summary": "Valve whistles",
        "updated": "2020-01-01T00:00:00.000+0000",
        "project": {"key": "APP", "id": "1", "name": "App"},
    }
    issues = [{"id": str(number), "key": f"APP-{number}", "fields": fields} for number in (1, 2, 3)]
    site_file.write_text("".join(json.dumps(issue) + "\n" for issue in issues), encoding="utf-8")
    with simulated_site("cloud", "--site", str(site_file)) as site:
        alone, flow = both(site, tmp_path / "kb", MiniLM())
    assert alone.passages == flow.passages == 3
    assert flow.wall > 0
    assert flow.cpu > 0
