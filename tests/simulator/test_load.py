"""What site files may hold."""

from __future__ import annotations

import gzip

import orjson
import pytest

from jirakb.simulator.site import Site

TIME = "2024-01-15T10:30:00.000+0000"
SITE = {
    "title": "Greenhouse",
    "timeZone": "Asia/Tokyo",
    "users": [{"name": "ann", "displayName": "Ann Example", "emailAddress": "ann@example.com", "groups": ["staff"]}],
    "projects": [{"id": "10000", "key": "SHOP", "name": "Shop", "projectTypeKey": "service_desk", "lead": "ann"}],
    "fields": [
        {"id": "customfield_10010", "name": "Points", "schema": {"type": "number"}},
        {"id": "customfield_10011", "name": "Buddy", "schema": {"type": "user", "custom": "x:userpicker"}},
        {"id": "customfield_10012", "name": "Notes", "schema": {"type": "string", "custom": "x:textarea"}},
    ],
    "levels": [{"id": "10100", "name": "Security team"}],
    "former_keys": {"OLD-1": "SHOP-2"},
}
ISSUES = [
    {
        "id": "10001",
        "key": "SHOP-1",
        "fields": {
            "summary": "one",
            "created": TIME,
            "updated": TIME,
            "reporter": "ann",
            "assignee": {"name": "bob", "displayName": "Bob Example", "active": False},
            "security": "10100",
            "customfield_10010": 3,
            "customfield_10011": "ann",
            "customfield_10012": "h1. Notes",
            "subtasks": ["SHOP-2"],
            "comment": [{"id": "7", "author": "ann", "body": "hi", "created": TIME, "jsdPublic": False}],
        },
    },
    {"id": "10002", "key": "SHOP-2", "former_keys": ["OLD-2"], "fields": {"summary": "two", "parent": "SHOP-1"}},
]


@pytest.fixture
def client(tmp_path, start, request):
    path = tmp_path / "site.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join(map(orjson.dumps, [{"site": SITE}, *ISSUES]))))
    return start(Site.load([path], request.param))


both = pytest.mark.parametrize("client", ["cloud", "dc"], indirect=True)


@both
def test_people_fields_levels_and_texts_are_read(client):
    fields = client.get("issue/SHOP-1").json()["fields"]
    assert fields["updated"] == "2024-01-15T19:30:00.000+0900"
    assert fields["reporter"]["displayName"] == "Ann Example"
    assert fields["assignee"]["active"] is False
    assert fields["security"]["name"] == "Security team"
    assert fields["customfield_10010"] == 3
    assert fields["customfield_10011"]["displayName"] == "Ann Example"
    assert (fields["customfield_10012"] == "h1. Notes") is not client.site.cloud
    assert fields["comment"]["comments"][0]["author"]["displayName"] == "Ann Example"


@both
def test_issues_named_by_key_alone_get_their_short_form(client):
    assert client.get("issue/SHOP-1").json()["fields"]["subtasks"][0]["fields"]["summary"] == "two"
    assert client.get("issue/SHOP-2").json()["fields"]["parent"]["id"] == "10001"
    assert client.found("parent = SHOP-1") == [10002]


@both
def test_former_keys_lead_to_their_issues(client):
    assert client.get("issue/OLD-1").json()["key"] == "SHOP-2"
    assert client.get("issue/old-2").json()["key"] == "SHOP-2"


@both
def test_new_issues_go_on_after_the_loaded_ones(client):
    assert client.site.create("SHOP", "three") == "SHOP-3"
    assert client.site.get("SHOP-3").number > 10002


@both
def test_custom_fields_and_levels_can_be_searched(client):
    assert client.found('"Points" = 3') == [10001]
    assert client.found("cf[10010] > 2") == [10001]
    assert client.found('level = "Security team"') == [10001]


def test_the_agent_never_lives_in_the_zone_of_the_site(tmp_path):
    path = tmp_path / "site.jsonl"
    path.write_bytes(orjson.dumps({"site": {"timeZone": "Europe/Amsterdam"}}))
    assert Site.load([path]).accounts.users["agent"].time_zone == "Australia/Adelaide"


def test_a_file_without_a_site_line_is_gathered_from_its_issues(tmp_path):
    path = tmp_path / "bare.jsonl"
    project = {"id": "12", "key": "AC", "name": "Inbox"}
    path.write_bytes(orjson.dumps({"id": "1", "key": "AC-1", "fields": {"summary": "x", "project": project}}))
    site = Site.load([path], "dc")
    assert site.projects["AC"].name == "Inbox"
    assert site.get("AC-1").row.project_id == "12"
