"""Which Jira is it, and at which address."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jirakb.errors import UsageError
from jirakb.jira.site import fixed_zone, normalise_url, read_facts


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("HTTPS://Jira.Example.COM:443/", "https://jira.example.com"),
        ("https://host/Jira/", "https://host/Jira"),
        ("example.atlassian.net", "https://example.atlassian.net"),
        ("http://127.0.0.1:8080/jira", "http://127.0.0.1:8080/jira"),
        ("http://LOCALHOST:80", "http://localhost"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_an_address_has_one_spelling(given: str, normal: str) -> None:
    assert normalise_url(given) == normal
    assert normalise_url(normal) == normal


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://",
        "ftp://host",
        "https://user:secret@host",
        "https://host?x=1",
        "https://host:99999",
        "https://a b",
        "https://a..b",
        f"https://{'a' * 64}.example",
        "https://１２７.0.0.2",
        "https://☃.example",
    ],
)
def test_what_is_no_site_is_refused_without_showing_it(address: str) -> None:
    with pytest.raises(UsageError) as raised:
        normalise_url(address)
    assert "secret" not in str(raised.value)


def test_plain_http_needs_permission() -> None:
    with pytest.raises(UsageError):
        normalise_url("http://jira.example.com")
    assert normalise_url("http://jira.example.com:8080", ("JIRA.example.com",)) == "http://jira.example.com:8080"


@pytest.mark.parametrize("said", ["Server", "DataCenter", "", None])
def test_anything_but_cloud_is_a_data_center(said: str | None) -> None:
    assert read_facts({"deploymentType": said}, "https://x.atlassian.net").flavor == "dc"


def test_cloud_is_known_by_its_answer_and_browsed_where_it_says() -> None:
    info = {"deploymentType": "Cloud", "baseUrl": "https://x.atlassian.net", "displayUrl": "https://help.example.com"}
    facts = read_facts(info, "https://help.example.com")
    assert (facts.flavor, facts.browse_url) == ("cloud", "https://help.example.com")


def test_the_sites_zone_is_read_from_its_clock_when_it_names_none() -> None:
    facts = read_facts({"serverTime": "2026-09-04T16:07:42.487-0700"}, "https://x")
    assert facts.zone is not None
    assert facts.zone.utcoffset(None) == timedelta(hours=-7)


def test_a_zone_beyond_the_day_line_is_refused() -> None:
    assert fixed_zone(5.5).utcoffset(None) == timedelta(hours=5, minutes=30)
    with pytest.raises(UsageError):
        fixed_zone(15)
