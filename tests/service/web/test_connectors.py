"""Connectors over HTTP: the specification's examples, and what becomes of a connector in its life."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import HTTPException
from tests.engine.house import FETCH, LOGIN, TENANT, made_site, wait_for
from tests.service.web.conftest import Web

from jirakb.control.samples import Figures, Samples
from jirakb.service.sampling import Sampler
from jirakb.service.web.models.paging import write_cursor
from jirakb.service.web.places import MOST_OF_A_TENANT, Places
from jirakb.simulator.server import Running
from jirakb.simulator.site import Site
from jirakb.simulator.switches import outage

FIRST: dict[str, Any] = {
    "name": "High Priority Bugs",
    "source": "jira",
    "config": {
        "base_url": "https://company.atlassian.net",
        "project_key": "BUGS",
        "jql_query": "priority = High AND issuetype = Bug AND status != Closed",
        "batch_size": 100,
        "include_comments": True,
        "include_attachments": False,
        "labels_to_skip": ["wontfix", "duplicate"],
        "timezone_offset": -5.0,
    },
    "credentials": {"jira_user_email": "automation@company.com", "jira_api_token": "your-api-token"},
}
SECOND: dict[str, Any] = {
    "name": "Enterprise Issue Sync",
    "source": "jira",
    "config": {
        "base_url": "https://enterprise.atlassian.net",
        "jql_query": "project IN (PROD, DEV, TEST) AND updated >= -30d",
        "batch_size": 500,
        "include_comments": False,
        "include_attachments": True,
        "attachment_size_limit": 52428800,
        "labels_to_skip": ["internal", "template"],
        "comment_email_blacklist": ["noreply@company.com"],
    },
}


@pytest.mark.parametrize(
    ("example", "state"), [(FIRST, "active"), (SECOND, "needs_credentials")], ids=["first", "second"]
)
def test_the_specifications_examples_are_accepted_as_they_stand(idle: Web, example: dict[str, Any], state: str) -> None:
    answer = idle.ask("POST", "/v1/connector/set", example)
    assert answer.status_code == 201
    told = answer.json()
    assert (told["name"], told["source"], told["state"]) == (example["name"], "jira", state)
    assert example["config"].items() <= told["config"].items()
    assert "credentials" not in told
    assert "your-api-token" not in answer.text
    assert idle.ask("GET", f"/v1/kb/{told['kb_id']}").json()["name"] == example["name"]


def test_a_connector_lives_from_creation_to_removal(web: Web, running: Running) -> None:
    connector = web.made(running)
    path = f"/v1/connector/{connector['id']}"
    assert connector["id"] in [one["id"] for one in web.ask("GET", "/v1/connector/list").json()["items"]]
    asked = web.ask("POST", f"{path}/sync")
    assert asked.status_code == 202
    run = web.ended(connector["id"], asked.json()["run_id"])
    assert (run["state"], run["kind"], run["counts"]["indexed"]) == ("complete", "full", 20)
    told = web.ask("GET", path).json()
    assert (told["counts"], told["last_run"]["id"]) == ({"issues": 20, "documents": 20, "omissions": 0}, run["id"])
    assert told["freshness"]["watermark"] is not None
    assert [one["id"] for one in web.ask("GET", f"{path}/logs").json()["items"]] == [run["id"]]
    assert web.ask("PUT", f"{path}/resume", {"resume": False}).status_code == 202
    assert web.ask("GET", path).json()["state"] == "paused"
    refused = web.ask("POST", f"{path}/sync")
    assert (refused.status_code, refused.json()["code"]) == (422, "settings")
    assert web.ask("PUT", f"{path}/resume", {"resume": True}).json() == {"run_id": None}
    rebuilt = web.ask("PUT", f"{path}/rebuild", {"kb_id": connector["kb_id"]}).json()["run_id"]
    assert web.ended(connector["id"], rebuilt)["state"] == "complete"
    removed = web.ask("POST", f"{path}/rm", {"documents": "delete"})
    assert removed.status_code == 202
    assert web.ask("GET", path).status_code == 404
    wait_for(lambda: web.ask("GET", f"/v1/kb/{connector['kb_id']}").json()["documents"] == 0)


def test_a_second_sync_is_a_conflict_that_names_the_run(idle: Web) -> None:
    identity = idle.ask("POST", "/v1/connector/set", FIRST).json()["id"]
    run = idle.ask("POST", f"/v1/connector/{identity}/sync").json()["run_id"]
    answer = idle.ask("POST", f"/v1/connector/{identity}/sync")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["run_id"], answer.json()["code"]) == (run, "run_under_way")


def test_a_name_that_is_taken_is_a_conflict(idle: Web) -> None:
    idle.ask("POST", "/v1/connector/set", FIRST)
    answer = idle.ask("POST", "/v1/connector/set", FIRST)
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")


def test_an_update_changes_what_it_names_and_nothing_else(idle: Web) -> None:
    before = idle.ask("POST", "/v1/connector/set", {**FIRST, "refresh_freq": 30, "prune_freq": 600}).json()
    answer = idle.ask("POST", "/v1/connector/set", {"id": before["id"], "refresh_freq": 60, "prune_freq": None})
    assert answer.status_code == 200
    after = answer.json()
    assert (after["refresh_freq"], after["prune_freq"]) == (60, None)
    same = ("name", "config", "kb_id", "has_credentials", "state")
    assert [after[name] for name in same] == [before[name] for name in same]


def test_saved_credentials_do_not_follow_to_another_site(idle: Web) -> None:
    before = idle.ask("POST", "/v1/connector/set", FIRST).json()
    moved = {**FIRST["config"], "base_url": "https://elsewhere.atlassian.net"}
    answer = idle.ask("POST", "/v1/connector/set", {"id": before["id"], "config": moved})
    assert answer.status_code == 422
    with_login = {"id": before["id"], "config": moved, "credentials": LOGIN}
    assert idle.ask("POST", "/v1/connector/set", with_login).status_code == 200


def test_without_credentials_a_connector_waits_for_them(idle: Web) -> None:
    made = idle.ask("POST", "/v1/connector/set", SECOND).json()
    refused = idle.ask("POST", f"/v1/connector/{made['id']}/sync")
    assert refused.status_code == 422
    given = idle.ask("POST", "/v1/connector/set", {"id": made["id"], "credentials": FIRST["credentials"]}).json()
    assert given["state"] == "active"


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({**FIRST, "colour": "red"}, "body.colour"),
        ({**FIRST, "config": {**FIRST["config"], "batchsize": 3}}, "body.config.batchsize"),
        ({**FIRST, "config": {**FIRST["config"], "fields": {"only": ["x"]}}}, "body.config.fields.only"),
        ({**FIRST, "config": {**FIRST["config"], "fields": {"include": [7]}}}, "body.config.fields.include.0"),
        ({**FIRST, "config": {**FIRST["config"], "include_history": "perhaps"}}, "body.config.include_history"),
        ({**FIRST, "credentials": {"token": "your-api-token"}}, "body.credentials.token"),
        ({**FIRST, "config": {**FIRST["config"], "batch_size": 0}}, "body.config.batch_size"),
        ({**FIRST, "config": {**FIRST["config"], "base_url": "https://a.ex\nample"}}, "body.config.base_url"),
        ({"name": "no site"}, "body"),
    ],
    ids=[
        "unknown",
        "unknown-option",
        "unknown-choice",
        "no-name",
        "no-truth",
        "unknown-credential",
        "bad-value",
        "line-break",
        "missing",
    ],
)
def test_what_is_wrong_with_a_body_is_named_without_repeating_it(idle: Web, body: dict[str, Any], place: str) -> None:
    answer = idle.ask("POST", "/v1/connector/set", body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["at"] == place
    assert "your-api-token" not in answer.text


@pytest.mark.parametrize(
    ("login", "words"),
    [
        ({"jira_password": "a-secret"}, "needs a jira_username"),
        ({"jira_password": "a-secret", "jira_username": " "}, "needs a jira_username"),
        ({"jira_password": "a-secret", "jira_user_email": "automation@company.com"}, "needs a jira_username"),
        ({"jira_username": "automation"}, "jira_password"),
        ({"jira_user_email": "automation@company.com", "jira_api_token": ""}, "jira_api_token"),
    ],
)
def test_credentials_that_can_sign_nobody_in_are_refused(idle: Web, login: dict[str, str], words: str) -> None:
    answer = idle.ask("POST", "/v1/connector/set", {**FIRST, "credentials": login})
    assert answer.status_code == 422
    wrong = answer.json()["errors"][0]
    assert wrong["at"] == "body.credentials"
    assert words in wrong["message"]
    assert "a-secret" not in answer.text


@pytest.mark.parametrize(
    ("login", "state"),
    [
        ({"jira_api_token": "a-secret"}, "active"),
        ({"jira_username": "automation", "jira_password": "a-secret"}, "active"),
        ({"jira_user_email": "", "jira_api_token": ""}, "needs_credentials"),
    ],
)
def test_each_form_of_credentials_is_accepted(idle: Web, login: dict[str, str], state: str) -> None:
    answer = idle.ask("POST", "/v1/connector/set", {**FIRST, "credentials": login})
    assert (answer.status_code, answer.json().get("state")) == (201, state)


def test_lists_come_in_pages(idle: Web) -> None:
    made = [idle.ask("POST", "/v1/connector/set", {**FIRST, "name": f"c{n}"}).json()["id"] for n in range(5)]
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = idle.ask("GET", f"/v1/connector/list?limit=2{cursor and f'&cursor={cursor}'}").json()
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert seen == made
    assert idle.ask("GET", "/v1/connector/list?cursor=nonsense").status_code == 422
    assert idle.ask("GET", "/v1/connector/list?colour=red").status_code == 422


def test_omissions_are_told_by_run_and_reason_with_links(web: Web) -> None:
    site = made_site(6)
    served = web.house.serve(site)
    broken = {issue.number for issue in site.issues.values() if issue.key in ("PUMP-1", "HALL-2")}
    site.switches.broken = broken
    connector = web.made(served)
    path = f"/v1/connector/{connector['id']}"
    run = web.ask("POST", f"{path}/sync").json()["run_id"]
    ended = web.ended(connector["id"], run)
    assert (ended["state"], ended["omissions_by_reason"]) == ("incomplete", {"failed bad_body": 2})
    first = web.ask("GET", f"{path}/runs/{run}/omissions?limit=1").json()
    second = web.ask("GET", f"{path}/runs/{run}/omissions?cursor={first['next_cursor']}").json()
    found = first["items"] + second["items"]
    assert second["next_cursor"] is None
    assert {(one["key"], one["class"], one["reason"], one["url"]) for one in found} == {
        (str(n), "failed", "bad_body", f"{served.base_url}/secure/ViewIssue.jspa?id={n}") for n in broken
    }
    assert web.ask("GET", f"{path}/omissions?reason=other").json()["items"] == []
    beyond = write_cursor("omissions", "9" * 40)
    assert web.ask("GET", f"{path}/omissions?cursor={beyond}").json()["items"] == []
    assert web.ask("GET", path).json()["counts"]["omissions"] == 2


def test_a_run_that_fails_or_is_paused_tells_what_it_asked_in_all_attempts(web: Web) -> None:
    site = made_site(400)
    served = web.house.serve(site)
    site.switches.faults = [outage(every=1)]
    connector = web.made(served)
    path = f"/v1/connector/{connector['id']}"
    failed = web.ended(connector["id"], web.ask("POST", f"{path}/sync").json()["run_id"])
    assert (failed["state"], failed["attempts"]) == ("failed", 3)
    assert failed["requests"]["total"] == sum(failed["requests"]["by_endpoint"].values()) == served.record.total > 2
    points = web.ask("GET", f"{path}/history").json()["items"]
    assert sum(point["requests"] for point in points) == served.record.total
    site.switches.faults, site.switches.latency = [], 0.5
    run = web.ask("POST", f"{path}/sync").json()["run_id"]
    wait_for(lambda: web.ask("GET", f"{path}/runs/{run}").json()["progress"]["stages"].get("fetch"))
    web.ask("PUT", f"{path}/resume", {"resume": False})
    wait_for(lambda: web.ask("GET", f"{path}/runs/{run}").json()["state"] == "paused")
    paused = web.ask("GET", f"{path}/runs/{run}").json()
    assert paused["requests"]["by_endpoint"][FETCH] >= 1
    web.ask("PUT", f"{path}/resume", {"resume": True})
    ended = web.ended(connector["id"], run)
    assert ended["state"] == "complete"
    assert ended["requests"]["by_endpoint"]["GET myself"] >= 2, "the calls of both attempts"


def test_the_history_tells_what_the_runs_come_to_in_each_step(web: Web, running: Running) -> None:
    connector = web.synced(running)
    path = f"/v1/connector/{connector['id']}/history"
    told = web.ask("GET", f"{path}?hours=1").json()
    assert (told["step"], len(told["items"])) == (60, 61)
    (point,) = [one for one in told["items"] if one["runs"]]
    assert (point["documents"], point["errors"], point["failed"]) == (20, 0, 0)
    assert point["requests"] > 0
    assert point["seconds"] > 0
    assert told["items"][0]["age"] is None, "nothing had been read yet"
    assert 0 <= told["items"][-1]["age"] < 60
    long = web.ask("GET", f"{path}?hours=720").json()
    assert (long["step"], sum(one["documents"] for one in long["items"])) == (21_600, 20)
    assert web.ask("GET", f"{path}?hours=100000").status_code == 422


def test_a_failed_run_and_a_backlog_stand_in_the_history(web: Web, site: Site, running: Running) -> None:
    connector = web.synced(running)
    tables = web.house.service.engine_db
    Samples(tables).add(datetime.now(UTC), {(TENANT, connector["kb_id"]): Figures(backlog=41)})
    Samples(tables).add(datetime.now(UTC), {("t2", connector["kb_id"]): Figures(backlog=99)})
    site.switches.faults = [outage(every=1)]
    try:
        run = web.ask("POST", f"/v1/connector/{connector['id']}/sync").json()["run_id"]
        assert web.ended(connector["id"], run)["state"] == "failed"
    finally:
        site.switches.faults = []
    points = web.ask("GET", f"/v1/connector/{connector['id']}/history?hours=1").json()["items"]
    assert sum(one["failed"] for one in points) == sum(one["errors"] for one in points) == 1
    assert max(one["backlog"] or 0 for one in points) == 41
    foreign = web.key("admin", "t2")
    assert web.ask("GET", f"/v1/connector/{connector['id']}/history", key=foreign).status_code == 404


def test_the_service_tells_its_past_and_only_the_searches_of_who_asks(web: Web, running: Running) -> None:
    web.synced(running)
    web.app.state.context.searches.take()
    other = web.key("sync", "t2")
    for key in (None, None, other):
        web.ask("POST", "/v1/search", {"query": "pump"}, key=key)
    Sampler(web.house.service, web.app.state.context.searches).take()

    def told(key: str | None) -> dict[str, Any]:
        items = web.ask("GET", "/v1/health/history?hours=1", key=key).json()["items"]
        return next(one for one in reversed(items) if one["memory"])

    mine, theirs = told(None), told(other)
    assert (mine["searches"], theirs["searches"]) == (2, 1)
    assert 0 < mine["search_seconds"] <= mine["search_slowest"]
    assert mine["memory"] == theirs["memory"] > 20e6
    assert web.ask("GET", "/v1/health/history", key=web.key("search")).status_code == 403


def test_chosen_fields_and_the_history_stand_in_the_documents(web: Web) -> None:
    site = made_site(4)
    for number, name in ((10100, "Customer"), (10101, "Root cause")):
        kind = "com.atlassian.jira.plugin.system.customfieldtypes:textfield"
        site.add_custom({"id": f"customfield_{number}", "name": name, "schema": {"type": "string", "custom": kind}})
    site.edit("PUMP-1", customfield_10100="Zephyrine Ltd", customfield_10101="dry bearing", status="In Progress")
    served = web.house.serve(site)
    connector = web.synced(served, fields={"include": ["customer"], "exclude": []}, include_history=True)
    assert connector["config"]["fields"] == {"include": ["customer"], "exclude": []}
    found = web.ask("GET", f"/v1/documents/PUMP-1?kb_id={connector['kb_id']}").json()
    assert found["metadata"]["fields"] == {"Customer": "Zephyrine Ltd"}
    assert "-> In Progress" in found["markdown"].partition("## History")[2]
    config = {**connector["config"], "fields": {"exclude": ["customer"]}, "include_history": False}
    web.ask("POST", "/v1/connector/set", {"id": connector["id"], "config": config})
    run = web.ask("POST", f"/v1/connector/{connector['id']}/sync").json()["run_id"]
    assert web.ended(connector["id"], run)["kind"] == "full"
    found = web.ask("GET", f"/v1/documents/PUMP-1?kb_id={connector['kb_id']}").json()
    assert found["metadata"]["fields"] == {"Root cause": "dry bearing"}
    assert "## History" not in found["markdown"]
    trial = {"config": {**config, "fields": {"include": ["Custommer"]}}, "credentials": LOGIN}
    told = web.ask("POST", "/v1/connector/test", trial).json()
    assert [one["code"] for one in told["findings"] if one["severity"] == "error"] == ["unknown_field"]
    assert web.ask("POST", "/v1/connector/preview", trial).json()["code"] == "unknown_field"


def test_a_configuration_is_tried_out_before_it_is_saved(web: Web, running: Running) -> None:
    body = {"config": {"base_url": running.base_url, "project_key": "PUMP"}, "credentials": LOGIN}
    told = web.ask("POST", "/v1/connector/test", body).json()
    assert (told["ok"], told["flavor"], told["estimate"]["issues"]) == (True, "cloud", 10)
    shown = web.ask("POST", "/v1/connector/preview", body).json()
    assert shown["issues"] == 10
    assert len(shown["documents"]) == 3
    assert all(one["markdown"].startswith("---\nkey: PUMP-") for one in shown["documents"])


def test_a_wrong_token_is_a_finding_of_the_test_and_an_error_of_the_preview(web: Web, running: Running) -> None:
    login = {**LOGIN, "jira_api_token": "wrong"}
    body = {"config": {"base_url": running.base_url, "project_key": "PUMP"}, "credentials": login}
    told = web.ask("POST", "/v1/connector/test", body).json()
    assert not told["ok"]
    answer = web.ask("POST", "/v1/connector/preview", body)
    assert answer.status_code == 422
    assert answer.json()["code"] in {one["code"] for one in told["findings"]}
    assert "wrong" not in {answer.json()["detail"]}


def test_few_configurations_are_tried_out_side_by_side(web: Web) -> None:
    site = made_site(3)
    served = web.house.serve(site)
    site.switches.latency = 0.5
    body = {"config": {"base_url": served.base_url, "project_key": "PUMP"}, "credentials": LOGIN}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: web.ask("POST", "/v1/connector/test", body), range(6)))
    refused = [one for one in answers if one.status_code == 429]
    assert [one.status_code for one in answers if one not in refused] == [200] * MOST_OF_A_TENANT
    assert {(one.json()["code"], one.headers["retry-after"]) for one in refused} == {("too_many_trials", "10")}
    assert web.ask("POST", "/v1/connector/preview", body).status_code == 200, "places are given back"


def test_one_tenant_does_not_take_the_places_of_all() -> None:
    places = Places(most_of_a_tenant=2, most=3)
    with places.taken("a"), places.taken("a"), places.taken("b"):
        for tenant, status in (("a", 429), ("c", 503)):
            with pytest.raises(HTTPException) as refused, places.taken(tenant):
                pass
            assert (refused.value.status_code, refused.value.headers) == (status, {"Retry-After": "10"})
    with places.taken("c"):
        pass
