"""A damaged knowledge base under a running service: it is named, and hides no other."""

from __future__ import annotations

from typing import Any

import pytest
from tests.service.web.conftest import Web

from jirakb.simulator.server import Running


@pytest.fixture(scope="module")
def whole(web: Web, running: Running) -> dict[str, Any]:
    return web.synced(running)


@pytest.fixture(scope="module")
def damaged(web: Web, running: Running) -> dict[str, Any]:
    """A connector whose knowledge base stands open when its pages are overwritten."""
    connector = web.synced(running)
    kb = connector["kb_id"]
    assert web.ask("POST", "/v1/search", {"query": "", "kb_id": kb}).status_code == 200
    for file in (web.house.service.settings.home / "kb" / kb).glob("kb.sqlite*"):
        with file.open("r+b") as pages:  # the same file, as a failing disk leaves it
            pages.write(b"no database" * (file.stat().st_size // 11 + 1))
    return connector


def test_the_lists_name_it_beside_the_others(web: Web, whole: dict[str, Any], damaged: dict[str, Any]) -> None:
    connectors = {one["id"]: one for one in web.ask("GET", "/v1/connector/list").json()["items"]}
    assert (connectors[whole["id"]]["counts"]["issues"], connectors[whole["id"]]["why"]) == (20, "")
    assert connectors[damaged["id"]]["counts"]["issues"] == 0
    assert "is damaged" in connectors[damaged["id"]]["why"]
    assert f"restore the folder kb/{damaged['kb_id']}" in connectors[damaged["id"]]["why"]
    bases = {one["id"]: one for one in web.ask("GET", "/v1/kb").json()["items"]}
    assert (bases[whole["kb_id"]]["issues"], bases[whole["kb_id"]]["error"]) == (20, None)
    assert (bases[damaged["kb_id"]]["issues"], "is damaged" in bases[damaged["kb_id"]]["error"]) == (0, True)
    assert "is damaged" in web.ask("GET", f"/v1/connector/{damaged['id']}").json()["why"]


def test_what_asks_all_answers_from_the_others(web: Web, whole: dict[str, Any], damaged: dict[str, Any]) -> None:
    for path, body in (("search", {"query": "stops", "limit": 50}), ("similar", {"issue": "HALL-4"})):
        answer = web.ask("POST", f"/v1/{path}", body)
        assert answer.status_code == 200, answer.text
        assert {hit["kb_id"] for hit in answer.json()["hits"]} == {whole["kb_id"]}
        assert any("is damaged" in note and "not searched" in note for note in answer.json()["notes"])
    completed = web.ask("GET", "/v1/complete", params={"prefix": "project = "}).json()
    assert "HALL" in [item["text"] for item in completed["items"]]
    assert web.ask("GET", "/v1/documents/HALL-4").json()["kb_id"] == whole["kb_id"]


def test_asked_for_itself_it_says_what_is_wrong(web: Web, damaged: dict[str, Any]) -> None:
    kb = damaged["kb_id"]
    answers = [
        web.ask("GET", f"/v1/kb/{kb}"),
        web.ask("POST", "/v1/search", {"query": "stops", "kb_id": kb}),
        web.ask("POST", "/v1/similar", {"issue": "HALL-4", "kb_id": kb}),
        web.ask("GET", "/v1/documents/HALL-4", params={"kb_id": kb}),
        web.ask("GET", f"/v1/connector/{damaged['id']}/omissions"),
    ]
    for answer in answers:
        problem = answer.json()
        assert (answer.status_code, problem.get("code")) == (500, "corrupt_store"), answer.text
        assert "is damaged" in problem["detail"]
        assert f"kb/{kb}" in problem["fix"]
        assert str(web.house.service.settings.home) not in answer.text
