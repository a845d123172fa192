"""The way to a site: certificates that are always verified, private authorities, client certificates, proxies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.jira.conftest import TOKENS
from tests.jira.tls import Authority, Proxy, tls_front

from jirakb.errors import SiteUnreachableError, UsageError
from jirakb.jira.client.network import Network
from jirakb.jira.client.sender import open_http
from jirakb.jira.connector import JiraConnector
from jirakb.jira.doctor import Subject, diagnose
from jirakb.settings import Settings
from jirakb.simulator.site import Site


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def site(serving: Callable[[Any], Any]) -> Any:
    site = Site("dc")
    site.create("ABC", "Issue", number=101)
    return serving(site)


@pytest.fixture
def front(site: Any) -> Iterator[Callable[..., str]]:
    with ExitStack() as closing:
        yield lambda certificate, **more: closing.enter_context(tls_front(site.running.base_url, certificate, **more))


def identify(url: str, settings: Settings) -> str:
    connector = JiraConnector(url, "ABC", credentials=TOKENS["dc"], settings=settings)
    try:
        return connector.identify().account
    finally:
        connector.close()


def told(url: str, settings: Settings) -> list[tuple[str, str]]:
    found = diagnose(Subject(url, TOKENS["dc"], ("ABC",)), settings).findings
    return [(finding.code, finding.message) for finding in found if finding.severity == "error"]


def test_an_unknown_authority_is_refused_at_once_and_nothing_is_sent(
    site: Any, front: Callable[..., str], authority: Authority
) -> None:
    url = front(authority.certificate("server"))
    with pytest.raises(SiteUnreachableError, match="issuing authority is unknown") as raised:
        identify(url, site.settings)
    assert "JIRAKB_CA_BUNDLE" in raised.value.fix
    assert [code for code, _ in told(url, site.settings)] == ["certificate"]
    assert site.running.record.total == 0


def test_the_authority_of_a_bundle_is_trusted(site: Any, front: Callable[..., str], authority: Authority) -> None:
    settings = replace(site.settings, ca_bundle=str(authority.bundle))
    assert identify(front(authority.certificate("server")), settings) == "agent"


def test_a_bundle_does_not_make_other_authorities_trusted(
    site: Any, front: Callable[..., str], authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path, "Another")
    settings = replace(site.settings, ca_bundle=str(other.bundle))
    with pytest.raises(SiteUnreachableError, match="not trusted"):
        identify(front(authority.certificate("server")), settings)


@pytest.mark.parametrize(
    ("flaw", "says"),
    [({"ends": datetime.now(UTC) - timedelta(hours=1)}, "expired"), ({"address": "127.0.0.9"}, "another address")],
    ids=["expired", "other-host"],
)
def test_what_is_wrong_with_a_certificate_is_said(
    site: Any, front: Callable[..., str], authority: Authority, flaw: dict[str, Any], says: str
) -> None:
    settings = replace(site.settings, ca_bundle=str(authority.bundle))
    ((code, message),) = told(front(authority.certificate("server", **flaw)), settings)
    assert code == "certificate"
    assert says in message


def test_a_site_that_asks_for_a_client_certificate_gets_it(
    site: Any, front: Callable[..., str], authority: Authority
) -> None:
    url = front(authority.certificate("server"), asks_for=authority.bundle)
    settings = replace(site.settings, ca_bundle=str(authority.bundle))
    with pytest.raises(SiteUnreachableError) as raised:
        identify(url, settings)
    assert "JIRAKB_CLIENT_CERT" in raised.value.fix
    assert identify(url, replace(settings, client_cert=str(authority.certificate("client")))) == "agent"


def test_the_client_certificate_is_shown_to_the_site_alone(
    site: Any, front: Callable[..., str], authority: Authority
) -> None:
    """A media host that asks for one gets none."""
    elsewhere = front(authority.certificate("media"), asks_for=authority.bundle)
    own = front(authority.certificate("server"))
    settings = replace(site.settings, ca_bundle=str(authority.bundle), client_cert=str(authority.certificate("client")))
    with open_http((own, site.running.gateway_url), 2, None, Network.of(settings)) as http:
        assert http.get(f"{own}/rest/api/2/serverInfo").status_code == 200
        with pytest.raises(httpx2.TransportError):
            http.get(f"{elsewhere}/rest/api/2/serverInfo")
    assert site.running.record.total == 1


def test_plain_http_where_tls_is_expected_is_said(site: Any) -> None:
    ((code, _),) = told(site.running.base_url.replace("http:", "https:"), site.settings)
    assert code == "no_tls"


def test_all_calls_go_through_the_proxy(site: Any, front: Callable[..., str], authority: Authority) -> None:
    url = front(authority.certificate("server"))
    with Proxy().serving() as proxy:
        settings = replace(site.settings, ca_bundle=str(authority.bundle), proxy=proxy.url())
        assert identify(url, settings) == "agent"
        found = diagnose(Subject(url, TOKENS["dc"], ("ABC",)), settings)
    assert set(proxy.targets) == {url.removeprefix("https://")}
    assert [finding.code for finding in found.findings][:2] == ["proxy", "ca_bundle"]


def test_a_client_certificate_goes_through_the_proxy_too(
    site: Any, front: Callable[..., str], authority: Authority
) -> None:
    url = front(authority.certificate("server"), asks_for=authority.bundle)
    with Proxy("me:secret").serving() as proxy:
        settings = replace(
            site.settings,
            ca_bundle=str(authority.bundle),
            client_cert=str(authority.certificate("client")),
            proxy=proxy.url("me:secret"),
        )
        assert identify(url, settings) == "agent"
    assert proxy.targets


def test_a_proxy_that_wants_a_password_is_named_without_it(
    site: Any, front: Callable[..., str], authority: Authority
) -> None:
    url = front(authority.certificate("server"))
    with Proxy("me:secret").serving() as proxy:
        settings = replace(site.settings, ca_bundle=str(authority.bundle), proxy=proxy.url("me:wrong"))
        ((code, message),) = told(url, settings)
        assert len(proxy.targets) == 1
        assert identify(url, replace(settings, proxy=proxy.url("me:secret"))) == "agent"
    assert code == "proxy"
    assert "wrong" not in message
    assert "wrong" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ca_bundle", "missing.pem"),
        ("ca_bundle", "text.txt"),
        ("client_cert", "missing.pem"),
        ("client_cert", "text.txt"),
        ("client_cert", "locked.pem"),
        ("proxy", "secret"),
        ("proxy", "socks5://secret@127.0.0.1:1"),
    ],
)
def test_a_setting_that_cannot_be_used_is_a_usage_error(
    site: Any, authority: Authority, tmp_path: Path, name: str, value: str
) -> None:
    (tmp_path / "text.txt").write_text("no certificate")
    authority.certificate("locked", password=b"1234")
    given = value if name == "proxy" else str(tmp_path / value)
    settings = replace(site.settings, **{name: given})
    with pytest.raises(UsageError, match=f"JIRAKB_{name.upper()}") as raised:
        identify(site.running.base_url, settings)
    assert "secret" not in str(raised.value) + raised.value.fix
    assert [code for code, _ in told(site.running.base_url, settings)] == ["usage"]


def test_the_way_to_a_site_stands_in_the_environment() -> None:
    given = {"JIRAKB_CA_BUNDLE": "a.pem", "JIRAKB_CLIENT_CERT": "b.pem", "JIRAKB_PROXY": "http://p:1"}
    settings = Settings.read(given)
    assert (settings.ca_bundle, settings.client_cert, settings.proxy) == ("a.pem", "b.pem", "http://p:1")
