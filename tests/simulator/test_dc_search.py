"""Data Center's search and its other ways of answering."""

from __future__ import annotations

import pytest


@pytest.fixture
def ten(dc):
    for number in range(10):
        dc.site.create("SHOP", f"issue {number}")
    return dc


def test_search_counts_exactly_and_pages_by_offset(ten):
    body = ten.search("order by id asc", params={"startAt": 8, "maxResults": 5}).json()
    assert (body["startAt"], body["maxResults"], body["total"]) == (8, 5, 10)
    assert [issue["key"] for issue in body["issues"]] == ["SHOP-9", "SHOP-10"]


def test_the_page_size_is_clamped_and_echoed(ten):
    ten.site.switches.search_cap = 3
    body = ten.post("search", {"jql": "", "maxResults": 5000}).json()
    assert (body["maxResults"], len(body["issues"])) == (3, 3)


def test_no_results_asked_tell_the_total_alone(ten):
    body = ten.search("project = SHOP", params={"maxResults": 0}).json()
    assert (body["total"], body["issues"]) == (10, [])


def test_fields_are_the_navigable_ones_by_default(ten):
    found = ten.search("project = SHOP").json()["issues"][0]["fields"]
    assert "summary" in found
    assert "comment" not in found
    assert "attachment" not in found
    assert "comment" in ten.search("project = SHOP", params={"fields": "*all"}).json()["issues"][0]["fields"]
    assert "summary" not in ten.search("project = SHOP", params={"fields": "-summary"}).json()["issues"][0]["fields"]


def test_without_validation_a_wrong_value_is_a_warning(ten):
    refused = ten.search("project = NOPE")
    assert refused.status_code == 400
    body = ten.search("project = NOPE", params={"validateQuery": "false"}).json()
    assert body["total"] == 0
    assert body["warningMessages"]


def test_all_comments_come_when_no_size_is_asked(dc):
    key = dc.site.create("SHOP", "x")
    for number in range(120):
        dc.site.comment(key, f"comment {number}")
    body = dc.get(f"issue/{key}/comment").json()
    assert (len(body["comments"]), body["maxResults"]) == (120, 1_048_576)
    assert len(dc.get(f"issue/{key}/comment", params={"maxResults": 50}).json()["comments"]) == 50


def test_the_internal_mark_is_a_property_that_must_be_expanded(dc):
    key = dc.site.create("SHOP", "x")
    dc.site.comment(key, "internal", public=False)
    assert "properties" not in dc.get(f"issue/{key}/comment").json()["comments"][0]
    marked = dc.get(f"issue/{key}/comment", params={"expand": "properties"}).json()["comments"][0]
    assert marked["properties"] == [{"key": "sd.public.comment", "value": {"internal": True}}]


def test_projects_are_a_bare_list(dc):
    dc.site.project("SHOP")
    assert [project["key"] for project in dc.get("project").json()] == ["SHOP"]
    assert dc.get("project/search").status_code == 404


def test_it_calls_itself_server_and_has_no_third_version(dc):
    assert dc.get("serverInfo", headers={}).json()["deploymentType"] == "Server"
    assert dc.get("/rest/api/3/serverInfo").status_code == 404
    assert dc.get("/rest/api/latest/serverInfo").status_code == 200


def test_it_may_live_under_a_context_path(start):
    client = start("dc", base_path="/jira")
    key = client.site.create("SHOP", "x")
    assert client.running.base_url.endswith("/jira")
    assert client.get(f"issue/{key}").json()["self"].startswith(client.running.base_url)
    outside = client.running.base_url.removesuffix("/jira")
    assert client.get(f"/rest/api/2/issue/{key}", base=outside).status_code == 404


def test_answers_to_signed_in_callers_carry_limits_that_ask_for_no_wait(ten):
    headers = ten.search("project = SHOP").headers
    assert (headers["Retry-After"], headers["X-RateLimit-Limit"]) == ("0", "70")
    assert "Retry-After" not in ten.get("serverInfo").headers


def test_all_permissions_come_whatever_is_asked(dc):
    assert len(dc.get("mypermissions", params={"permissions": "BROWSE_PROJECTS"}).json()["permissions"]) > 5
