"""What the verbs of a site do, as a client sees it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jirakb.simulator.site import Site


def fields(client, key, **params):
    return client.get(f"issue/{key}", params=params).json()["fields"]


def test_a_created_issue_can_be_fetched_and_found(client):
    key = client.site.create("SHOP", "The pump stops", description="h3. Steps", labels=["night"], priority="High")
    body = client.get(f"issue/{key}").json()
    assert body["key"] == "SHOP-1"
    assert body["fields"]["summary"] == "The pump stops"
    assert body["fields"]["priority"]["name"] == "High"
    assert body["fields"]["project"]["key"] == "SHOP"
    assert client.found("project = SHOP and labels = night") == [int(body["id"])]


def test_rich_text_is_adf_in_v3_and_wiki_markup_in_v2(cloud):
    key = cloud.site.create("SHOP", "x", description="h3. Steps")
    assert fields(cloud, key)["description"]["type"] == "doc"
    assert cloud.get(f"/rest/api/2/issue/{key}").json()["fields"]["description"] == "h3. Steps"


def test_a_text_given_in_both_forms_is_served_as_given(cloud):
    document = {"type": "doc", "version": 1, "content": [{"type": "rule"}]}
    key = cloud.site.create("SHOP", "x", description={"wiki": "----", "adf": document})
    assert fields(cloud, key)["description"] == document
    assert cloud.get(f"/rest/api/2/issue/{key}").json()["fields"]["description"] == "----"


def test_mentions_carry_account_ids_on_cloud_and_logins_on_data_center(client):
    user = client.site.account("ann")
    key = client.site.create("SHOP", "x", description="ask [~ann]")
    text = client.get(f"/rest/api/2/issue/{key}").json()["fields"]["description"]
    assert text == ("ask [~accountid:" + user.account_id + "]" if client.site.cloud else "ask [~ann]")


def test_times_are_written_in_the_zone_of_the_site(start):
    client = start("cloud", clock=lambda: datetime(2016, 3, 16, 8, 22, 37, 356000, tzinfo=UTC))
    key = client.site.create("SHOP", "x")
    answer = client.get(f"issue/{key}")
    assert answer.json()["fields"]["updated"] == "2016-03-16T04:22:37.356-0400"
    assert answer.headers["Date"] == "Wed, 16 Mar 2016 08:22:37 GMT"
    assert client.get("myself").json()["timeZone"] != str(client.site.zone)


@pytest.mark.parametrize(
    ("verb", "args"),
    [
        ("edit", {"summary": "new"}),
        ("comment", {"body": "hello"}),
        ("label", {}),
        ("restrict", {"level": "Secret"}),
        ("log_work", {"comment": "done"}),
        ("attach", {"filename": "a.txt", "data": "bytes"}),
        ("move", {"project": "NEXT"}),
    ],
)
def test_every_change_moves_updated(verb, args):
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    site = Site(clock=lambda: now[0])
    key = site.create("SHOP", "x")
    now[0] += timedelta(minutes=5)
    getattr(site, verb)(key, **args)
    assert site.get("SHOP-1").row.updated - site.get("SHOP-1").row.created == 300_000


def test_a_moved_issue_keeps_its_id_and_answers_to_its_old_key(client):
    old = client.site.create("SHOP", "x")
    number = client.get(f"issue/{old}").json()["id"]
    new = client.site.move(old, "NEXT")
    body = client.get(f"issue/{old}").json()
    assert (body["key"], body["id"]) == (new, number)
    assert client.found(f"key = {old}") == [int(number)]


def test_a_deleted_issue_is_gone_without_a_trace(client):
    key = client.site.create("SHOP", "x")
    client.site.create("SHOP", "y")
    client.site.delete(key)
    assert client.get(f"issue/{key}").status_code == 404
    assert len(client.found("project = SHOP")) == 1


def test_comments_can_be_edited_and_deleted(client):
    key = client.site.create("SHOP", "x")
    first, second = client.site.comment(key, "one"), client.site.comment(key, "two")
    client.site.edit_comment(key, first, "changed")
    client.site.delete_comment(key, second)
    held = client.get(f"/rest/api/2/issue/{key}/comment").json()["comments"]
    assert [comment["body"] for comment in held] == ["changed"]


def test_an_archived_project_leaves_the_search_but_can_be_fetched(client):
    key = client.site.create("SHOP", "x")
    client.site.create("OPEN", "y")
    client.site.archive("SHOP")
    assert len(client.found("summary ~ x or summary ~ y")) == 1
    assert client.get(f"issue/{key}").status_code == 200


def test_a_lost_project_is_an_unknown_value_in_jql_and_missing_elsewhere(client):
    key = client.site.create("SHOP", "x")
    client.site.lose("SHOP")
    assert client.get(f"issue/{key}").status_code == (404 if client.site.cloud else 403)
    assert client.get("project/SHOP").status_code == 404
    refused = client.search("project = SHOP")
    assert refused.status_code == 400
    assert refused.json()["errorMessages"] == ["The value 'SHOP' does not exist for the field 'project'."]
    client.site.allow(project="SHOP")
    assert len(client.found("project = SHOP")) == 1


def test_restricted_text_is_for_those_it_is_restricted_to(client):
    secrets = {"email": "ann@example.com", "token": "ann-token", "pat": "ann-pat"}
    client.site.account("ann", **secrets, roles={"SHOP": ["Developers"]})
    key = client.site.create("SHOP", "x")
    client.site.comment(key, "for all")
    client.site.comment(key, "for developers", role="Developers")
    client.site.comment(key, "for staff", group="staff")
    client.site.comment(key, "internal", public=False)
    assert totals(client, key) == (4, 2)
    client.site.restrict(key, "Secret")
    assert client.get(f"issue/{key}", headers=ann(client)).status_code == (404 if client.site.cloud else 403)
    client.site.allow("ann", level="Secret")
    assert fields(client, key)["security"]["name"] == "Secret"
    assert totals(client, key) == (4, 2)


def test_the_agent_can_lose_a_level_a_role_and_a_group(client):
    key = client.site.create("SHOP", "x")
    client.site.comment(key, "for developers", role="Developers")
    client.site.comment(key, "for staff", group="staff")
    client.site.lose(role=("SHOP", "Developers"))
    assert client.get(f"issue/{key}/comment").json()["total"] == 1
    client.site.lose(group="staff")
    assert client.get(f"issue/{key}/comment").json()["total"] == 0
    client.site.restrict(key, "Secret")
    assert client.get(f"issue/{key}").status_code != 200
    client.site.allow(level="Secret")
    assert client.get(f"issue/{key}").status_code == 200


def ann(client):
    import base64

    basic = base64.b64encode(b"ann@example.com:ann-token").decode()
    return {"Authorization": f"Basic {basic}" if client.site.cloud else "Bearer ann-pat"}


def totals(client, key):
    mine = client.get(f"issue/{key}/comment").json()["total"]
    return mine, client.get(f"issue/{key}", headers=ann(client)).json()["fields"]["comment"]["total"]


def test_addresses_are_hidden_on_cloud_and_shown_on_data_center(client):
    client.site.account("ann", email="ann@example.com")
    key = client.site.create("SHOP", "x", assignee="ann")
    assert ("emailAddress" in fields(client, key)["assignee"]) is not client.site.cloud


def test_search_sees_a_change_only_after_the_lag_but_a_fetch_at_once(start):
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    client = start("cloud", clock=lambda: now[0])
    key = client.site.create("SHOP", "old")
    client.site.switches.index_lag = 30
    client.site.edit(key, summary="new")
    assert client.found("summary ~ new") == []
    assert fields(client, key)["summary"] == "new"
    assert len(client.found("summary ~ new", params={"reconcileIssues": client.site.get(key).number})) == 1
    now[0] += timedelta(seconds=31)
    assert len(client.found("summary ~ new")) == 1


def test_sprints_are_objects_on_cloud_and_java_text_on_data_center(client):
    described = {
        "id": "customfield_10020",
        "name": "Sprint",
        "schema": {"custom": "com.pyxis.greenhopper.jira:gh-sprint"},
    }
    client.site.add_custom(described)
    key = client.site.create("SHOP", "x", customfield_10020=[{"id": 7, "name": "Sprint 7", "state": "active"}])
    held = fields(client, key)["customfield_10020"][0]
    assert held["name"] == "Sprint 7" if client.site.cloud else "state=ACTIVE,name=Sprint 7" in held


def test_a_random_edit_repeats_with_its_seed():
    def story(seed):
        site = Site()
        site.switches.chance.seed(seed)
        for number in range(5):
            site.create("SHOP", f"x{number}")
        return [site.random_edit() for _ in range(10)]

    assert story(1) == story(1) != story(2)


def test_an_unknown_issue_is_the_callers_mistake():
    with pytest.raises(KeyError, match="SHOP-9"):
        Site().touch("SHOP-9")
