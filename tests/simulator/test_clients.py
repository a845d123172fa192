"""Other people's Jira clients read the simulated site."""

from __future__ import annotations

import pytest

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def filled(client):
    site = client.site
    key = site.create("SHOP", "The pump stops", description="h3. Steps", labels=["night"])
    site.create("SHOP", "Another")
    site.comment(key, "Seen again")
    site.attach(key, "a.txt", b"bytes", mime="text/plain")
    return client


@pytest.fixture
def pycontribs(filled):
    jira = pytest.importorskip("jira")
    secret = {"basic_auth": ("agent@example.com", "sim-token")} if filled.site.cloud else {"token_auth": "sim-pat"}
    made = jira.JIRA(filled.running.base_url, max_retries=0, **secret)
    yield made
    made.close()


def test_pycontribs_jira_reads_it(pycontribs):
    found = pycontribs.search_issues("project = SHOP order by key asc", fields="*all")
    assert [issue.key for issue in found] == ["SHOP-1", "SHOP-2"]
    assert [project.key for project in pycontribs.projects()] == ["SHOP"]
    issue = pycontribs.issue("SHOP-1")
    assert issue.fields.summary == "The pump stops"
    assert issue.fields.labels == ["night"]
    assert [comment.body for comment in pycontribs.comments("SHOP-1")] == ["Seen again"]
    assert issue.fields.attachment[0].get() == b"bytes"
    assert pycontribs.myself()["displayName"] == "Sync Agent"


def test_atlassian_python_api_reads_it(filled):
    atlassian = pytest.importorskip("atlassian")
    secret = {"username": "agent@example.com", "password": "sim-token"} if filled.site.cloud else {"token": "sim-pat"}
    jira = atlassian.Jira(filled.running.base_url, cloud=filled.site.cloud, **secret)
    search = jira.enhanced_jql if filled.site.cloud else jira.jql
    assert [issue["key"] for issue in search("project = SHOP order by key asc")["issues"]] == ["SHOP-1", "SHOP-2"]
    assert jira.issue("SHOP-1")["fields"]["summary"] == "The pump stops"
    assert jira.issue_get_comments("SHOP-1")["total"] == 1
    assert [project["key"] for project in jira.projects()] == ["SHOP"]
    jira.close()
