"""The duplicates benchmark gives no hints and counts as it says, shown on invented issues."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from bench.duplicates import Duplicates, Query, Scores, both_ways, mask, read_pairs, recall, reciprocal_rank, score

QUERY = Query("APP-1", "", "", frozenset({"APP-2", "APP-3"}))


def link(key: str, direction: str = "outwardIssue") -> dict[str, Any]:
    return {"id": "1", "type": {"name": "Duplicate"}, direction: {"key": key, "fields": {"summary": f"About {key}"}}}


def issue(key: str, *, description: str = "", links: tuple[dict[str, Any], ...] = (), **more: Any) -> dict[str, Any]:
    return {"id": "1", "key": key, "fields": {"description": description, "issuelinks": list(links), **more}}


@pytest.fixture
def duplicates(tmp_path: Path) -> Duplicates:
    """APP-1 is a duplicate of APP-2; APP-3 is a bystander."""
    issues = [
        issue("APP-1", description="As in APP-2 and APP-3.", links=(link("APP-2"), link("APP-3"))),
        issue("APP-2", links=(link("APP-1", "inwardIssue"),), parent={"key": "APP-1"}),
        issue(
            "APP-3",
            description="See APP-1, https://jira.test/browse/app-1?x, not APP-12 or APP-2.",
            comment={"comments": [{"body": "APP-1!", "author": {"key": "APP-1"}}], "total": 1},
            links=(link("APP-1"),),
        ),
    ]
    with gzip.open(tmp_path / "titanium.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(each) + "\n" for each in issues)
    (tmp_path / "qrels_dev.tsv").write_text("APP-1\tAPP-2\n", encoding="utf-8")
    queries = [
        {"key": key, "summary": "Like APP-2", "text": "Like APP-2\nUTF-8 in app-7."} for key in ("APP-1", "APP-3")
    ]
    (tmp_path / "queries_dev.jsonl").write_text("\n".join(map(json.dumps, queries)) + "\n", encoding="utf-8")
    return Duplicates(tmp_path)


def fields(duplicates: Duplicates, key: str) -> dict[str, Any]:
    (found,) = (each["fields"] for each in duplicates.issues() if each["key"] == key)
    assert isinstance(found, dict)
    return found


def test_every_issue_keeps_its_key_and_its_place(duplicates: Duplicates) -> None:
    assert [each["key"] for each in duplicates.issues()] == ["APP-1", "APP-2", "APP-3"]


def test_links_between_the_members_of_a_pair_are_gone_from_both(duplicates: Duplicates) -> None:
    assert [each["outwardIssue"]["key"] for each in fields(duplicates, "APP-1")["issuelinks"]] == ["APP-3"]
    assert fields(duplicates, "APP-2")["issuelinks"] == []


def test_a_parent_that_is_the_partner_is_gone(duplicates: Duplicates) -> None:
    assert fields(duplicates, "APP-2")["parent"] is None


def test_links_of_bystanders_stay(duplicates: Duplicates) -> None:
    (kept,) = fields(duplicates, "APP-3")["issuelinks"]
    assert kept["outwardIssue"] == {"key": "APP-1", "fields": {"summary": "About [issue]"}}


def test_the_querys_key_is_masked_in_every_text_of_every_issue(duplicates: Duplicates) -> None:
    found = fields(duplicates, "APP-3")
    assert found["description"] == "See [issue], https://jira.test/browse/[issue]?x, not APP-12 or APP-2."
    assert found["comment"]["comments"] == [{"body": "[issue]!", "author": {"key": "APP-1"}}]


def test_the_querys_issue_does_not_name_its_partner(duplicates: Duplicates) -> None:
    assert fields(duplicates, "APP-1")["description"] == "As in [issue] and APP-3."


def test_a_query_names_no_issue_and_knows_its_duplicates(duplicates: Duplicates) -> None:
    (query,) = duplicates.queries()
    assert query == Query("APP-1", "Like [issue]", "Like [issue]\nUTF-8 in [issue].", frozenset({"APP-2"}))


def test_pairs_of_one_query_are_gathered_and_can_be_read_from_either_side() -> None:
    pairs = read_pairs(["A-1\tB-1", "A-1\tB-2\n", "", "A-2\tB-1"])
    assert pairs == {"A-1": {"B-1", "B-2"}, "A-2": {"B-1"}}
    assert both_ways(pairs)["B-1"] == {"A-1", "A-2"}


@pytest.mark.parametrize("text", ["XAPP-1", "APP-11", "9APP-1", "APP1", "APP-"])
def test_what_only_resembles_a_hidden_key_stays(text: str) -> None:
    assert mask(text, {"APP-1"}) == text


@pytest.mark.parametrize(("depth", "expected"), [(1, 0.0), (2, 0.5), (4, 1.0)])
def test_recall_is_the_share_of_the_relevant_issues_found(depth: int, expected: float) -> None:
    assert recall(["X-1", "APP-3", "X-2", "APP-2"], QUERY.relevant, depth) == expected


def test_the_reciprocal_rank_is_that_of_the_first_relevant_issue_within_the_depth() -> None:
    ranking = ["X-1", "X-2", "APP-2", "APP-3"]
    assert reciprocal_rank(ranking, QUERY.relevant, 10) == pytest.approx(1 / 3)
    assert reciprocal_rank(ranking, QUERY.relevant, 2) == 0


def test_the_querys_own_issue_and_repetitions_take_no_place() -> None:
    scores = score([QUERY], {"APP-1": ["APP-1", "APP-2", "APP-2", "APP-3"]})
    assert scores == Scores(1, recall_1=0.5, recall_5=1.0, recall_10=1.0, mrr_10=1.0)


def test_a_query_without_an_answer_counts_as_zero() -> None:
    other = Query("APP-9", "", "", frozenset({"APP-2"}))
    scores = score([QUERY, other], {"APP-1": ["APP-2", "APP-3"]})
    assert scores == Scores(2, recall_1=0.25, recall_5=0.5, recall_10=0.5, mrr_10=0.5)
    assert str(scores) == "R@1 0.250 R@5 0.500 R@10 0.500 MRR@10 0.500 (2 queries)"


def test_no_queries_score_nothing() -> None:
    assert score([], {}) == Scores(0, 0.0, 0.0, 0.0, 0.0)


def test_the_real_pairs_have_queries_and_leave_no_trace() -> None:
    real = Duplicates.shared()
    if real is None:
        pytest.skip("the shared data is not there")
    queries = {query.key: query for query in real.queries()}
    assert len(queries) == 348
    assert all(query.relevant for query in queries.values())
    assert not any(key in query.text for key, query in queries.items())
