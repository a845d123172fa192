"""Search, documents and completion over HTTP, and what a key may read of them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.service.web.conftest import Web

from jirakb.service.web.shelf import Shelf
from jirakb.simulator.server import Running
from jirakb.simulator.site import Site


@pytest.fixture(scope="module")
def secretive() -> Site:
    """A site with an issue that has a comment for administrators."""
    site = Site("cloud")
    key = site.create("VALVE", "Valve leaks", description="Everybody sees the valve.")
    site.comment(key, "The zebraword is secret.", role="Administrators")
    return site


@pytest.fixture(scope="module")
def both(web: Web, running: Running, secretive: Site) -> dict[str, Any]:
    """Two connectors, each with a knowledge base of its own."""
    return {"pumps": web.synced(running), "valves": web.synced(web.house.serve(secretive))}


def found(web: Web, query: str, **more: Any) -> dict[str, Any]:
    answer = web.ask("POST", "/v1/search", {"query": query, **more})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_a_search_answers_with_the_commands_hits(web: Web, both: dict[str, Any]) -> None:
    told = found(web, "v7x", kb_id=both["pumps"]["kb_id"], facets=["project"], explain=True)
    hit = told["hits"][0]
    assert (hit["key"], hit["kind"], hit["kb_id"]) == ("HALL-4", "issue", both["pumps"]["kb_id"])
    assert "**v7x**" in hit["snippet"]
    assert hit["explain"]["text"] > 0
    assert told["facets"]["project"] == [{"value": "HALL", "count": 1}]
    assert "sections" not in hit


def test_without_a_knowledge_base_all_of_the_tenant_are_searched(web: Web, both: dict[str, Any]) -> None:
    told = found(web, "stops leaks", limit=50)
    assert {hit["kb_id"] for hit in told["hits"]} == {both["pumps"]["kb_id"], both["valves"]["kb_id"]}
    assert told["total"] == 21
    scores = [hit["score"] for hit in told["hits"]]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    "question",
    [
        {"query": "stops leaks"},
        {"query": ""},
        {"query": "created >= 2000-01-01 ORDER BY created", "language": "jql"},
        {"query": "", "order": "created asc"},
        {"query": "", "order": "project asc"},
    ],
    ids=["relevance", "newest", "ordered", "oldest", "by-project"],
)
def test_pages_over_several_knowledge_bases_show_each_issue_once(
    web: Web, both: dict[str, Any], question: dict[str, Any]
) -> None:
    whole = [hit["key"] for hit in found(web, limit=100, **question)["hits"]]
    paged: list[str] = []
    cursor = None
    while True:
        page = found(web, limit=4, **question, **({"cursor": cursor} if cursor else {}))
        paged += [hit["key"] for hit in page["hits"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(paged) == sorted(whole)
    assert len(whole) == 21


def test_an_order_that_several_cannot_share_is_refused(web: Web, both: dict[str, Any]) -> None:
    answer = web.ask("POST", "/v1/search", {"query": "", "order": "resolved"})
    assert answer.status_code == 422
    assert web.ask("POST", "/v1/search", {"query": "", "order": "resolved", "kb_id": both["pumps"]["kb_id"]}).is_success


@pytest.mark.parametrize("cursor", ["x", "e30", "bnVsbA", "éé"], ids=["text", "empty", "null", "letters"])
def test_a_cursor_that_is_none_is_refused(web: Web, both: dict[str, Any], cursor: str) -> None:
    answer = web.ask("POST", "/v1/search", {"query": "pump", "cursor": cursor})
    assert answer.status_code in (200, 422)
    assert cursor == "e30" or answer.status_code == 422


def test_a_key_reads_what_its_principals_admit(web: Web, both: dict[str, Any]) -> None:
    kb = both["valves"]["kb_id"]
    asked = {"query": "zebraword", "kb_id": kb, "mode": "text"}
    plain, full = web.key("search"), web.key("search", "t1", "*")
    assert web.ask("POST", "/v1/search", asked, key=plain).json()["total"] == 0
    assert web.ask("POST", "/v1/search", asked, key=full).json()["total"] == 1
    path = f"/v1/documents/VALVE-1?kb_id={kb}"
    assert "zebraword" not in web.ask("GET", path, key=plain).text
    assert "zebraword" in web.ask("GET", path, key=full).json()["markdown"]
    wish = {**asked, "principals": ["*"]}
    assert web.ask("POST", "/v1/search", wish, key=plain).status_code == 422


def test_a_document_is_found_wherever_it_is(web: Web, both: dict[str, Any]) -> None:
    told = web.ask("GET", "/v1/documents/VALVE-1").json()
    assert (told["key"], told["kb_id"], told["attachments"]) == ("VALVE-1", both["valves"]["kb_id"], [])
    assert told["markdown"].startswith("---\nkey: VALVE-1\n")
    assert web.ask("GET", "/v1/documents/NOPE-1").status_code == 404


def test_similar_issues_come_with_reasons(web: Web, both: dict[str, Any]) -> None:
    told = web.ask("POST", "/v1/similar", {"issue": "PUMP-1", "limit": 3}).json()
    assert len(told["hits"]) == 3
    assert "PUMP-1" not in [hit["key"] for hit in told["hits"]]
    assert told["hits"][0]["why"]["fields"]
    assert web.ask("POST", "/v1/similar", {"issue": "NOPE-1"}).status_code == 404
    text = web.ask("POST", "/v1/similar", {"issue": "the valve leaks"}).json()
    assert "VALVE-1" in [hit["key"] for hit in text["hits"]]


def test_a_context_fits_its_budget_and_names_its_sources(web: Web, both: dict[str, Any]) -> None:
    asked = {"query": "zebraword valve", "kb_id": both["valves"]["kb_id"], "budget_tokens": 500}
    told = web.ask("POST", "/v1/context", asked, key=web.key("search", "t1", "*")).json()
    assert "zebraword" in told["text"]
    assert told["tokens"] <= told["budget"] == 500
    assert (told["sources"][0]["number"], told["sources"][0]["key"]) == (1, "VALVE-1")
    assert "zebraword" not in web.ask("POST", "/v1/context", asked, key=web.key("search")).text
    several = web.ask("POST", "/v1/context", {"query": "valve"})
    assert (several.status_code, "kb_id" in several.text) == (422, True)


@pytest.mark.parametrize(
    ("prefix", "replaces", "wanted"),
    [
        ("sta", 3, {"status", "statusCategory"}),
        ("project ", 0, {"=", "!=", "in", "not in", "is", "is not"}),
        ("project = ", 0, {"PUMP", "HALL", "VALVE"}),
        ("project = pu", 2, {"PUMP"}),
        ("project in (PUMP, h", 1, {"HALL"}),
        ("created >= startOfD", 8, {"startOfDay()"}),
        ("project = PUMP a", 1, {"assignee", "attachment", "AND"}),
        ("assignee is ", 0, {"EMPTY"}),
    ],
    ids=["field", "operator", "value", "begun", "list", "function", "next", "empty"],
)
def test_a_query_is_completed(web: Web, both: dict[str, Any], prefix: str, replaces: int, wanted: set[str]) -> None:
    told = web.ask("GET", "/v1/complete", params={"prefix": prefix}).json()
    assert (told["replaces"], {item["text"] for item in told["items"]}) == (replaces, wanted)


def test_a_knowledge_base_that_goes_is_closed_and_not_found(web: Web, site: Site) -> None:
    connector = web.synced(web.house.serve(site))
    kb = connector["kb_id"]
    assert found(web, "pump", kb_id=kb)["total"] > 0
    run = web.ask("DELETE", f"/v1/kb/{kb}")
    assert run.status_code == 202
    assert web.ask("POST", "/v1/search", {"query": "pump", "kb_id": kb}).status_code == 404
    assert web.ask("GET", f"/v1/connector/{connector['id']}").status_code == 404


def test_only_a_few_knowledge_bases_stand_open(web: Web, both: dict[str, Any]) -> None:
    service = web.house.service
    shelf = Shelf(service.settings, most=1)
    entries = {entry.id: entry for entry in service.catalog.entries("t1")}
    with shelf.base(entries[both["pumps"]["kb_id"]]) as first, shelf.base(entries[both["valves"]["kb_id"]]) as second:
        assert (first.counts().issues, second.counts().issues) == (20, 1)
    with shelf.base(entries[both["valves"]["kb_id"]]) as again:
        assert again is second
    with shelf.base(entries[both["pumps"]["kb_id"]]) as anew:
        assert anew is not first
    shelf.close()


def test_a_knowledge_base_counts_for_each_key_what_it_may_read(web: Web) -> None:
    site = Site("cloud")
    open_, hidden = (site.create("VALVE", f"Valve {number}", description="It leaks.") for number in range(2))
    site.comment(open_, "The zebraword is secret.", role="Administrators")
    site.restrict(hidden, "Board")
    kb = web.synced(web.house.serve(site))["kb_id"]

    def counts(key: str | None = None) -> list[int]:
        told = web.ask("GET", f"/v1/kb/{kb}", key=key).json()
        (listed,) = [one for one in web.ask("GET", "/v1/kb", key=key).json()["items"] if one["id"] == kb]
        assert listed == told
        return [told[name] for name in ("issues", "documents", "passages")]

    assert counts(web.key("search", "t1", "*")) == [2, 2, 3]
    assert counts(web.key("search")) == [1, 1, 1]
