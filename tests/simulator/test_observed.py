"""Recorded answers of a real Cloud site to an anonymous caller, asked again of the simulated one."""

from __future__ import annotations

import json

import pytest

NAMES = [
    "approximate_count_get",
    "comment_body_not_a_document",
    "comments_max_results_not_a_number",
    "comments_order_unknown",
    "count_unbounded",
    "gateway_unknown_cloud_id",
    "gateway_unknown_path",
    "jql_and_or_expected",
    "jql_expecting_field",
    "jql_field_unknown",
    "jql_parenthesis_unclosed",
    "jql_quote_unclosed",
    "jql_unbounded",
    "jql_value_missing",
    "jql_value_unexpected",
    "jql_value_unknown",
    "mypermissions_no_keys",
    "mypermissions_unknown_key",
    "mypermissions_unknown_project",
    "project_search_order_unknown",
    "search_body_unknown_property",
    "search_body_wrong_type",
    "search_max_results_over",
    "search_max_results_zero",
    "search_page_token_invalid",
    "search_retired",
    "token_unreadable",
    "token_unsupported_grant",
    "unknown_issue",
    "unknown_path",
    "unknown_project",
    "user_search_no_query",
    "user_search_query_and_account",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_answer_is_given_again(name, shared, cloud):
    cloud.site.project("PUB", public=True)
    cloud.site.create("PUB", "public issue")
    recorded = json.loads((shared / "fixtures" / "cloud-observed" / f"{name}.json").read_text())
    asked, wanted = recorded["request"], recorded["response"]
    path, base = place(cloud, asked["url"])
    answer = cloud.ask(asked["method"], path, base=base, headers=type_of(asked), content=body_of(asked))
    assert answer.status_code == wanted["status"]
    assert answer.headers["Content-Type"].split(";")[0] == wanted["content_type"].split(";")[0]
    assert without_time(answer.json()) == without_time(wanted["body"])


def test_a_host_that_is_no_site_answers_as_recorded(shared, cloud):
    recorded = json.loads((shared / "fixtures" / "cloud-observed" / "site_unknown.json").read_text())
    host = recorded["request"]["url"].split("/")[2]
    answer = cloud.ask("GET", "myself", headers={"Host": host})
    assert answer.status_code == recorded["response"]["status"]
    assert answer.headers["Content-Type"].startswith(recorded["response"]["content_type"])
    assert answer.headers["Atl-Missing-Tcs"] == "true"
    assert "Atlassian Cloud Notifications - Page Unavailable" in answer.text


def test_every_answer_has_the_headers_of_a_site(shared, cloud):
    recorded = json.loads((shared / "fixtures" / "cloud-observed" / "_common_headers.json").read_text())
    assert set(recorded["headers"]) - {"Vary"} - {name.title() for name in cloud.get("myself").headers} == set()


def test_no_recorded_answer_is_left_out(shared):
    names = {path.stem for path in (shared / "fixtures" / "cloud-observed").glob("*.json")}
    assert names - set(NAMES) == {"_common_headers", "site_unknown"}


def place(client, url):
    """The path, and the host that stands for the recorded one."""
    for host in ("https://api.atlassian.com", "https://auth.atlassian.com"):
        if url.startswith(host):
            return url.removeprefix(host), client.running.gateway_url
    return url, client.running.base_url


def type_of(asked):
    return {"Content-Type": "application/json"} if asked["body"] is not None else {}


def body_of(asked):
    if asked["body"] is None:
        return None
    return asked["body"] if isinstance(asked["body"], str) else json.dumps(asked["body"])


def without_time(body):
    return {name: value for name, value in body.items() if name != "timestamp"}
