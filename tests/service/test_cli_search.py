from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("JIRAKB_CENSUS_HOURS", value) for value in ("nan", "inf", "-1", "1e300", "many")),
        *(("JIRAKB_BRAKE_SHARE", value) for value in ("7", "-0.1", "nan")),
        ("JIRAKB_CONNECTIONS", "0"), ("JIRAKB_DISK_RESERVE", "inf"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_meant_is_named(jirakb: Run, home: Home, name: str, value: str) -> None:
    ended = jirakb(replace(home, settings={name: value}), "search", "gasket")
    assert ended.code == 2
    assert f"Error: {name} must be a number " in ended.err
    assert repr(value) in ended.err


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


def test_a_query_in_the_language_is_known_by_its_beginning_or_by_the_flag(jirakb: Run, synced: Home) -> None:
    query = 'project = PUMP and status in (Done, "To Do") and updated >= -30d and about "worn gasket"'
    assert jirakb(synced, "search", query, "--json").json["hits"][0]["key"] == "PUMP-2"
    assert keys(jirakb(synced, "search", "status = done", "--json")) == {"PUMP-4"}
    assert keys(jirakb(synced, "search", "--query", "not status != done", "--json")) == {"PUMP-4"}
    assert keys(jirakb(synced, "search", "comment ~ gaskets and assignee = bob", "--json")) == {"PUMP-2"}
    assert keys(jirakb(synced, "search", "updated < -90d order by key", "--json")) == {"HALL-2"}


def test_a_query_that_cannot_be_read_shows_where(jirakb: Run, synced: Home) -> None:
    ended = jirakb(synced, "search", "--query", "status = (Done)", "--json")
    assert ended.code == 2
    assert "at character 10: expected a value" in ended.err
    assert "\n  status = (Done)\n           ^" in ended.err
    assert "at character 10" in ended.json["error"]["message"]
    assert jirakb(synced, "search", "status = (Done)").code == 0
    assert "currentUser() is nobody here" in jirakb(synced, "search", "assignee = currentUser()").err


@pytest.mark.parametrize("query", [query for query in HOSTILE if query.strip()], ids=range(len(HOSTILE) - 2))
def test_whatever_is_asked_in_the_language_is_answered_or_refused(jirakb: Run, synced: Home, query: str) -> None:
    assert jirakb(synced, "search", "--query", "--json", "--", query).code in (0, 2)


def test_pages_follow_each_other_by_their_cursor(jirakb: Run, synced: Home) -> None:
    seen: list[str] = []
    cursor: list[str] = []
    while True:
        found = jirakb(synced, "search", "pump", "--mode", "text", "--limit", "3", "--json", *cursor).json
        seen += [hit["key"] for hit in found["hits"]]
        if "next_cursor" not in found:
            break
        cursor = ["--cursor", found["next_cursor"]]
    assert sorted(seen) == [f"PUMP-{number}" for number in range(1, 9)]
    said = jirakb(synced, "search", "pump", "--mode", "text", "--limit", "3").err
    assert "--cursor" in said
    other = jirakb(synced, "search", "boiler", "--limit", "3", *cursor)
    assert other.code == 2
    assert "another search" in other.err


def test_order_and_facets_and_explanations_are_shown(jirakb: Run, synced: Home) -> None:
    found = jirakb(synced, "search", "", "--order", "key asc", "--facets", "--limit", "2", "--json").json
    assert [hit["key"] for hit in found["hits"]] == ["HALL-1", "HALL-2"]
    assert found["facets"]["project"] == [{"value": "PUMP", "count": 8}, {"value": "HALL", "count": 2}]
    assert set(found["facets"]) == {"project", "type", "status", "priority", "assignee", "labels", "components", "year"}
    assert jirakb(synced, "search", "pump", "--order", "colour").code == 2
    people = jirakb(synced, "search", "worn gasket", "--facets", "--explain", "--sections", "2").out
    assert "project: PUMP 8, HALL 2" in people
    assert "text_share 1.0" in people
    explained = jirakb(synced, "search", "worn gasket", "--explain", "--sections", "2", "--json").json["hits"][0]
    assert explained["explain"]["text"] > 0
    assert explained["sections"][0]["url"] == explained["section"]["url"]


def test_more_filters_admit_what_they_say(jirakb: Run, synced: Home) -> None:
    assert keys(jirakb(synced, "search", "", "--created-since", "-30d", "--project", "HALL", "--json")) == {"HALL-1"}
    assert keys(jirakb(synced, "search", "", "--reporter", "nobody", "--json")) == set()
    assert keys(jirakb(synced, "search", "", "--component", "nosuch", "--json")) == set()
    assert "--created-since" in jirakb(synced, "search", "", "--created-since", "x").err


def test_similar_takes_a_key_or_a_text_and_says_why(jirakb: Run, synced: Home) -> None:
    by_key = jirakb(synced, "similar", "pump-3", "--json").json
    assert "PUMP-3" not in {hit["key"] for hit in by_key["hits"]}
    assert set(by_key["hits"][0]) == HIT | {"why"}
    assert by_key["hits"][0]["why"]["fields"]["project"] == ["PUMP"]
    by_text = jirakb(synced, "similar", "The lamps in the hall flicker at night", "--json").json
    assert by_text["hits"][0]["key"] == "HALL-1"
    assert "flicker" in by_text["hits"][0]["why"]["words"]
    people = jirakb(synced, "similar", "PUMP-3", "--limit", "1", "--project", "PUMP").out
    assert "same project PUMP" in people


def test_a_context_prints_whole_sections_within_its_budget(jirakb: Run, synced: Home) -> None:
    told = jirakb(synced, "context", "The lamps flicker", "--tokens", "300", "--limit", "3", "--json").json
    assert told["tokens"] <= 300
    assert told["sources"][0]["key"] == "HALL-1"
    assert told["text"].startswith("[1] HALL-1: ")
    people = jirakb(synced, "context", "The lamps flicker", "--project", "PUMP", "--tokens", "300")
    assert "HALL-1" not in people.out
    assert "of 300 tokens" in people.err
    assert jirakb(synced, "context", "status = ", "--query").code == 2


def test_an_unknown_key_has_nothing_similar(jirakb: Run, synced: Home) -> None:
    ended = jirakb(synced, "similar", "PUMP-999", "--json")
    assert ended.code == 6
    assert "PUMP-999" in ended.json["error"]["message"]
    assert jirakb(synced, "similar", " ").code == 2
