"""Bodies of the simulated Cloud against Atlassian's own description of them."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest

from jirakb.simulator.routes_cloud import ROUTES


@pytest.fixture(scope="module")
def described(shared):
    return json.loads((shared / "fixtures" / "openapi" / "jira-cloud-v3.2025-12.json").read_text())


@pytest.fixture
def client(cloud):
    site = cloud.site
    site.add_custom({"id": "customfield_10010", "name": "Points", "schema": {"type": "number", "custom": "x:float"}})
    site.account("ann", email="ann@example.com", hide_email=False)
    key = site.create("SHOP", "x", description="*bold*", assignee="ann", components=["pump"], customfield_10010=3)
    other = site.create("SHOP", "y", parent=key, status="Done")
    site.link(key, other)
    site.comment(key, "hello [~ann]", role="Developers")
    site.log_work(key, "dug")
    site.attach(key, "a.txt", b"x")
    site.edit(key, status="Done", summary="x2", customfield_10010=None)
    site.label(key, "urgent")
    site.restrict(key, "Secret")
    return cloud


CALLS = [
    ("get", "serverInfo", "serverInfo", None),
    ("get", "myself", "myself", None),
    ("get", "field", "field", None),
    ("get", "project/search", "project/search?expand=lead", None),
    ("get", "project/{projectIdOrKey}", "project/SHOP", None),
    ("get", "search/jql", "search/jql?jql=project=SHOP&fields=*all", None),
    ("post", "search/jql", "search/jql", {"jql": "project = SHOP", "fields": ["*all"]}),
    ("post", "search/approximate-count", "search/approximate-count", {"jql": "project = SHOP"}),
    ("post", "issue/bulkfetch", "issue/bulkfetch", {"issueIdsOrKeys": ["SHOP-1", "SHOP-2"], "fields": ["*all"]}),
    ("get", "issue/{issueIdOrKey}", "issue/SHOP-1", None),
    ("get", "issue/{issueIdOrKey}/comment", "issue/SHOP-1/comment", None),
    ("get", "issue/{issueIdOrKey}/worklog", "issue/SHOP-1/worklog", None),
    ("get", "mypermissions", "mypermissions?permissions=BROWSE_PROJECTS", None),
    ("get", "status", "status", None),
    ("get", "priority", "priority", None),
    ("get", "resolution", "resolution", None),
    ("get", "issuetype", "issuetype", None),
    ("get", "project", "project", None),
    ("get", "project/{projectIdOrKey}/statuses", "project/SHOP/statuses", None),
    ("get", "user/search", "user/search?query=a", None),
    ("get", "issue/{issueIdOrKey}", "issue/SHOP-1?expand=changelog", None),
    ("get", "issue/{issueIdOrKey}/comment/{id}", "issue/SHOP-1/comment/{comment}", None),
    ("get", "issue/{issueIdOrKey}/changelog", "issue/SHOP-1/changelog", None),
    ("get", "attachment/{id}", "attachment/{attachment}", None),
    ("post", "changelog/bulkfetch", "changelog/bulkfetch", {"issueIdsOrKeys": ["SHOP-1", "SHOP-2"], "maxResults": 2}),
    ("post", "issue/bulkfetch", "issue/bulkfetch",
     {"issueIdsOrKeys": ["SHOP-1", "NO-1"], "fields": ["*all"], "expand": ["changelog"]}),
]  # fmt: skip
NOT_HELD_HERE = {
    ("GET", "search"): "gone",
    ("POST", "search"): "gone",
    ("GET", "search/approximate-count"): "refused",
    ("GET", "attachment/content/{key}"): "leads to the media host",
    ("POST", "issue/{key}/comment"): "held to it below",
    ("GET", "issue/{key}/remotelink"): "described as one link, where Jira gives a list of them",
}


def without_nulls(value):
    """Values of a change may be null, in Atlassian's own example, too; the description says they are texts."""
    if isinstance(value, list):
        return [without_nulls(member) for member in value]
    if not isinstance(value, dict):
        return value
    kept = value.items() if "fieldtype" not in value else [(k, v) for k, v in value.items() if v is not None]
    return {name: without_nulls(member) for name, member in kept}


@pytest.mark.parametrize(("method", "path", "asked", "body"), CALLS)
def test_a_body_is_as_described(client, described, method, path, asked, body):
    held = client.get("issue/SHOP-1").json()["fields"]
    ids = {"comment": held["comment"]["comments"][0]["id"], "attachment": held["attachment"][0]["id"]}
    answer = client.ask(method.upper(), asked.format(**ids), **({"json": body} if body else {}))
    assert answer.status_code == 200
    operation = described["paths"][f"/rest/api/3/{path}"][method]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    told = without_nulls(answer.json())
    if asked == "serverInfo":
        del told["defaultLocale"]  # a real site sends it, the description forgot it
    jsonschema.Draft7Validator({**schema, "components": described["components"]}).validate(told)


def test_a_new_comment_is_as_described(client, described):
    adf = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [{"type": "text", "text": "hi"}]}]}
    answer = client.post("issue/SHOP-1/comment", {"body": adf})
    assert answer.status_code == 201
    schema = {"$ref": "#/components/schemas/Comment", "components": described["components"]}
    jsonschema.Draft7Validator(schema).validate(answer.json())
    assert answer.json()["body"] == adf
    assert client.post("issue/SHOP-1/comment", {"body": "plain"}).status_code == 400


def test_every_endpoint_of_jira_that_is_served_is_held_to_its_description(described):
    """An endpoint that Atlassian does not describe in this file (another product's, or newer) cannot be held to it."""
    known = {(method.upper(), shape(path.removeprefix("/rest/api/3/")))
             for path, methods in described["paths"].items() for method in methods}  # fmt: skip
    served = {(route.method, shape(route.template)) for route in ROUTES} - {(m, shape(p)) for m, p in NOT_HELD_HERE}
    held = {(method.upper(), shape(path)) for method, path, _, _ in CALLS}
    assert (served & known) - held == set()


def shape(template):
    return re.sub(r"\{\w+\}", "{}", template)
