"""Who is let in, who is silently anonymous, and how an answer tells."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest


def basic(name, secret):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


def bearer(secret):
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize(
    "headers", [basic("agent@example.com", "wrong"), bearer("sim-access"), basic("x@example.com", "sim-token")]
)
def test_a_wrong_token_on_cloud_searches_an_empty_site(cloud, headers):
    key = cloud.site.create("SHOP", "x")
    found = cloud.search("project = SHOP", headers=headers)
    assert (found.status_code, found.json()) == (200, {"issues": [], "isLast": True})
    assert "X-Seraph-LoginReason" not in found.headers
    assert cloud.get("project/search", headers=headers).json()["total"] == 0
    refused = cloud.get("myself", headers=headers)
    assert (refused.status_code, refused.headers["X-Seraph-LoginReason"]) == (401, "AUTHENTICATED_FAILED")
    assert cloud.get(f"issue/{key}", headers=headers).status_code == 404


def test_a_right_token_is_named_in_the_answer(cloud):
    answer = cloud.get("myself")
    assert answer.headers["X-AAccountId"] == answer.json()["accountId"]
    assert answer.json()["emailAddress"] == "agent@example.com"


def test_an_unreadable_authorization_is_anonymous(cloud):
    for header in ("Basic ???", "Negotiate abc", "Basic " + base64.b64encode(b"nocolon").decode()):
        assert cloud.get("myself", headers={"Authorization": header}).status_code == 401
        assert cloud.get("field", headers={"Authorization": header}).status_code == 200


def test_a_token_ends_when_it_expires(start):
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    client = start("cloud", clock=lambda: now[0])
    client.site.account("ann", email="ann@example.com", token="t", expires=now[0] + timedelta(hours=1))
    assert client.get("myself", headers=basic("ann@example.com", "t")).status_code == 200
    now[0] += timedelta(hours=2)
    assert client.get("myself", headers=basic("ann@example.com", "t")).status_code == 401


def test_a_scoped_token_works_through_the_gateway_only(cloud):
    key = cloud.site.create("SHOP", "x")
    scoped = basic("agent@example.com", "sim-scoped")
    gateway = f"{cloud.running.gateway_url}/ex/jira/{cloud.site.cloud_id}"
    assert cloud.get("myself", headers=scoped).status_code == 401
    assert cloud.get(f"issue/{key}", headers=scoped, base=gateway + "/rest/api/3/").status_code == 404
    found = cloud.http.get(f"{gateway}/rest/api/3/issue/{key}", headers=scoped)
    assert found.json()["key"] == key
    assert cloud.http.get(f"{gateway}/rest/api/3/myself", headers=bearer("sim-access")).status_code == 200
    assert cloud.http.get(f"{gateway}/rest/api/3/myself").json() == {"code": 401, "message": "Unauthorized"}


def test_the_gateway_refuses_what_the_scopes_do_not_hold(cloud):
    cloud.site.account("app", access_token="narrow", scopes=["read:jira-user"])
    gateway = f"{cloud.running.gateway_url}/ex/jira/{cloud.site.cloud_id}/rest/api/3"
    assert cloud.http.get(f"{gateway}/myself", headers=bearer("narrow")).status_code == 200
    refused = cloud.http.get(f"{gateway}/field", headers=bearer("narrow"))
    assert refused.json() == {"code": 401, "message": "Unauthorized; scope does not match"}
    assert "X-Seraph-LoginReason" not in refused.headers


def test_a_wrong_pat_on_data_center_searches_an_empty_site(dc):
    key = dc.site.create("SHOP", "x")
    found = dc.search("order by id", headers=bearer("wrong"))
    assert (found.status_code, found.json()["total"], found.headers["X-AUSERNAME"]) == (200, 0, "anonymous")
    for path in ("myself", f"issue/{key}"):
        refused = dc.get(path, headers=bearer("wrong"))
        assert refused.json()["status-code"] == 401
        assert "X-Seraph-LoginReason" not in refused.headers
    assert dc.get("myself").headers["X-AUSERNAME"] == "agent"


def test_wrong_passwords_are_html_and_lock_the_name_at_the_third(dc):
    for _ in range(3):
        refused = dc.get("serverInfo", headers=basic("agent", "wrong"))
        assert (refused.status_code, refused.headers["X-Seraph-LoginReason"]) == (401, "AUTHENTICATED_FAILED")
        assert "html" in refused.headers["Content-Type"]
    locked = dc.get("myself", headers=basic("agent", "sim-password"))
    assert (locked.status_code, locked.headers["X-Seraph-LoginReason"]) == (403, "AUTHENTICATION_DENIED")
    assert "login-url=" in locked.headers["X-Authentication-Denied-Reason"]
    assert dc.running.record.violations == []
    for _ in range(5):
        dc.get("myself", headers=basic("agent", "sim-password"))
    assert {v.kind for v in dc.running.record.violations} == {"knocked on a locked account"}
    dc.site.accounts.forgive("agent")
    assert dc.get("myself", headers=basic("agent", "sim-password")).status_code == 200


def test_a_right_password_forgives_wrong_ones(dc):
    for _ in range(3):
        dc.get("myself", headers=basic("agent", "wrong"))
        dc.site.accounts.forgive("agent")
    assert dc.get("myself", headers=basic("agent", "sim-password")).json()["name"] == "agent"


def test_passwords_can_be_switched_off(dc):
    dc.site.switches.basic_disabled = True
    assert dc.get("myself", headers=basic("agent", "sim-password")).status_code == 403
    assert dc.get("myself").status_code == 200


def test_public_projects_are_open_to_everybody(client):
    client.site.project("OPEN", public=True)
    key = client.site.create("OPEN", "x")
    client.site.create("SHOP", "y")
    assert client.get(f"issue/{key}", headers={}).status_code == 200
    assert len(client.found("created >= 2000-01-01", headers={})) == 1


def test_a_refresh_token_changes_with_each_use_and_dies_ten_minutes_later(start):
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    client = start("cloud", clock=lambda: now[0])
    url = client.running.gateway_url + "/oauth/token"
    asked = {"grant_type": "refresh_token", "client_id": "sim-client", "client_secret": "sim-client-secret"}
    first = client.http.post(url, json={**asked, "refresh_token": "sim-refresh"}).json()
    assert first["refresh_token"] != "sim-refresh"
    gateway = f"{client.running.gateway_url}/ex/jira/{client.site.cloud_id}/rest/api/3/myself"
    assert client.http.get(gateway, headers=bearer(first["access_token"])).status_code == 200
    assert client.http.post(url, data={**asked, "refresh_token": "sim-refresh"}).status_code == 200
    now[0] += timedelta(minutes=61)
    assert client.http.get(gateway, headers=bearer(first["access_token"])).status_code == 401
    late = client.http.post(url, json={**asked, "refresh_token": "sim-refresh"})
    assert (late.status_code, late.json()["error"]) == (403, "invalid_grant")
    assert client.http.post(url, json={**asked, "refresh_token": first["refresh_token"]}).status_code == 200
