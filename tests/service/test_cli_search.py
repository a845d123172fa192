from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from tests.service.command import Ended, Home

Run = Callable[..., Ended]
HIT = {"key", "kind", "title", "url", "score", "snippet", "section", "fields"}
FIELDS = {
    *("project", "type", "status", "status_category", "priority", "assignee", "reporter"),
    *("labels", "created", "updated"),
}
HOSTILE = [
    "",
    " ",
    "word " * 20_000,
    '"',
    "'; DROP TABLE issue; --",
    '"unclosed (phrase AND OR NOT [} ~*:^',
    "the and of to",
    "a\x01b\x1b[31mc\u202e\ufeff",
    "ポンプ 🔧 öäü \ud83d".encode("utf-8", "replace").decode(),
    "key:PUMP-1 OR *:*",
    "PUMP-999999999999999999999999",
    "../../etc/passwd",
    "-1",
    "%s %n {0} ${x}",
]


def keys(ended: Ended) -> set[str]:
    assert ended.code == 0, ended.err
    return {hit["key"] for hit in ended.json["hits"]}


def test_hits_have_the_names_of_the_contract(jirakb: Run, synced: Home) -> None:
    found = jirakb(synced, "search", "gasket of the manifold", "--json").json
    assert set(found) == {"hits", "total", "took_ms", "vectors_ready"}
    hit = found["hits"][0]
    assert set(hit) == HIT
    assert set(hit["section"]) == {"id", "heading", "url"}
    assert set(hit["fields"]) == FIELDS
    assert (hit["key"], hit["kind"], hit["section"]["heading"]) == ("PUMP-2", "issue", "Comments")
    assert hit["url"] == f"{synced.running.base_url}/browse/PUMP-2"
    assert "focusedCommentId" in hit["section"]["url"]
    assert "**gasket**" in hit["snippet"]


@pytest.mark.parametrize("mode", ["hybrid", "text", "vector"])
def test_each_mode_finds_the_comment_and_each_issue_once(jirakb: Run, synced: Home, mode: str) -> None:
    found = jirakb(synced, "search", "worn gasket", "--mode", mode, "--json").json["hits"]
    assert found[0]["key"] == "PUMP-2"
    assert len({hit["key"] for hit in found}) == len(found)


def test_without_json_the_hits_are_for_people(jirakb: Run, synced: Home) -> None:
    ended = jirakb(synced, "search", "worn gasket", "--limit", "1")
    assert ended.out.startswith("PUMP-2  Pump 1 stops at night")
    assert "1 of" in ended.err


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--project", "HALL"], {"HALL-1", "HALL-2"}),
        (["--project", "hall", "--project", "PUMP", "--type", "Bug"], {"PUMP-1", "PUMP-3", "PUMP-5", "PUMP-7"}),
        (["--status", "Done"], {"PUMP-4"}),
        (["--priority", "Low"], {"PUMP-2", "PUMP-4", "PUMP-6", "PUMP-8"}),
        (["--assignee", "bob", "--status", "Done"], {"PUMP-4"}),
        (["--label", "noise"], {"PUMP-1"}),
        (["--label", "nosuch"], set()),
        (["--project", "HALL", "--updated-since", "-30d"], {"HALL-1"}),
        (["--project", "HALL", "--updated-since", "-200d"], {"HALL-1", "HALL-2"}),
    ],
)
def test_filters_admit_what_they_say(jirakb: Run, synced: Home, options: list[str], expected: set[str]) -> None:
    assert keys(jirakb(synced, "search", "", *options, "--json")) == expected


def test_updated_since_takes_a_day(jirakb: Run, synced: Home) -> None:
    day = (datetime.now(UTC) - timedelta(days=30)).strftime("%Y-%m-%d")
    assert keys(jirakb(synced, "search", "", "--project", "HALL", "--updated-since", day, "--json")) == {"HALL-1"}
    for wrong in ("yesterday", "2026-13-40", "-99999999999d", "-xd"):
        assert jirakb(synced, "search", "pump", "--updated-since", wrong).code == 2


def test_limit_and_total(jirakb: Run, synced: Home) -> None:
    found = jirakb(synced, "search", "stops at night", "--mode", "text", "--limit", "3", "--json").json
    assert (len(found["hits"]), found["total"]) == (3, 8)
    assert jirakb(synced, "search", "pump", "--limit", "0").code == 2


@pytest.mark.parametrize("query", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("mode", ["hybrid", "text"])
def test_whatever_is_asked_there_is_an_answer(jirakb: Run, synced: Home, query: str, mode: str) -> None:
    ended = jirakb(synced, "search", "--mode", mode, "--json", "--", query)
    assert ended.code == 0, ended.err
    assert ended.json["total"] >= len(ended.json["hits"])
    for_people = jirakb(synced, "search", "--mode", mode, "--", query)
    assert for_people.code == 0, for_people.err
    assert "\x1b[31m" not in for_people.out


def test_a_key_finds_its_issue_first(jirakb: Run, synced: Home) -> None:
    assert jirakb(synced, "search", "pump-7", "--json").json["hits"][0]["key"] == "PUMP-7"


def test_a_knowledge_base_that_is_not_there_is_said_to_be_so(jirakb: Run, synced: Home) -> None:
    ended = jirakb(synced, "search", "pump", "--kb", "nosuch")
    assert ended.code == 6
    assert "nosuch" in ended.err


def test_without_vectors_search_by_meaning_is_refused_and_hybrid_is_by_words(jirakb: Run, home: Home) -> None:
    jirakb(home, *home.sync_options())
    assert jirakb(home, "search", "pump", "--mode", "vector").code == 2
    assert keys(jirakb(home, "search", "worn gasket", "--json")) == {"PUMP-2"}
