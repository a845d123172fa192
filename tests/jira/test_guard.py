"""Which addresses a service calls: the checked one and no other, whatever names, redirects and proxies say."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.jira.conftest import TOKENS
from tests.jira.tls import Authority, Proxy, tls_front

from jirakb.errors import ConnectorValidationError, SiteUnreachableError, UsageError
from jirakb.jira.connector import JiraConnector
from jirakb.jira.doctor import Subject, diagnose
from jirakb.jira.guard import NOT_ALLOWED, Guard, Resolve
from jirakb.jira.guard import resolve as ask_the_system
from jirakb.jira.pacing import Timing
from jirakb.settings import Settings
from jirakb.simulator.site import Site

HOST = "jira.example.com"


def guard(*allowed: str, finds: Resolve = ask_the_system) -> Guard:
    return Guard.of(Settings(home=Path("none"), allowed_sites=allowed), finds)


def at(*addresses: str) -> Resolve:
    return lambda host, port: list(addresses)


def is_called(judge: Guard, host: str = HOST, port: int = 443) -> bool:
    try:
        return bool(judge.addresses(host, port))
    except ConnectorValidationError as refused:
        return not (refused.code == NOT_ALLOWED and refused.fix)


PUBLIC = ("93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822")
PRIVATE = (
    "127.0.0.1",
    "127.8.8.8",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "198.18.0.1",
    "240.0.0.1",
    "::1",
    "fd12:3456::1",
    "::ffff:10.1.2.3",
    "::10.1.2.3",
    "64:ff9b::a01:203",
    "64:ff9b:1::a01:203",
    "2002:a01:203::1",
    "2001:0:a01:203::1",
    "2606:2800:220:1:0:5efe:a01:203",
)
NEVER = (
    "169.254.169.254",
    "169.254.0.1",
    "0.0.0.0",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "::ffff:169.254.169.254",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "2001:0:5db8:d822:0:0:5601:5601",
    "fd12:3456::5efe:a9fe:a9fe",
    "2606:2800:220:1:200:5efe:a9fe:a9fe",
)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_called(address: str) -> None:
    assert is_called(guard(finds=at(address)))


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_called_only_where_the_operator_names_it(address: str) -> None:
    assert not is_called(guard(finds=at(address)))
    assert is_called(guard(HOST, finds=at(address)))
    assert not is_called(guard("other.example.com", "10.9.0.0/16", "fd99::/16", finds=at(address)))


@pytest.mark.parametrize("address", NEVER)
def test_what_tells_machines_their_secrets_is_never_called(address: str) -> None:
    assert not is_called(guard(HOST, "0.0.0.0/0", "::/0", address.partition("%")[0], finds=at(address)))


@pytest.mark.parametrize(
    ("entry", "host", "port", "admitted"),
    [
        ("10.1.0.0/16", HOST, 443, True),
        ("10.1.2.3", HOST, 443, True),
        ("10.2.0.0/16", HOST, 443, False),
        ("10.1.2.3:8443", HOST, 8443, True),
        ("10.1.2.3:8443", HOST, 443, False),
        ("jira.example.com:8443", HOST, 8443, True),
        ("jira.example.com:8443", HOST, 443, False),
        ("https://Jira.Example.com/", "JIRA.example.com.", 443, True),
        ("example.com", HOST, 443, False),
        ("ira.example.com", HOST, 443, False),
    ],
)
def test_a_host_or_network_is_admitted_as_it_is_named(entry: str, host: str, port: int, admitted: bool) -> None:
    assert is_called(guard(entry, finds=at("10.1.2.3")), host, port) is admitted


@pytest.mark.parametrize("entry", ["10.0.0.0/33", "a b/c", "user@host", "host:port"])
def test_an_entry_that_is_neither_host_nor_network_is_refused(entry: str) -> None:
    with pytest.raises(UsageError, match="JIRAKB_ALLOWED_SITES"):
        guard(entry)


@pytest.mark.parametrize("others", [("10.1.2.3", "93.184.216.34"), ("93.184.216.34", "10.1.2.3")])
def test_every_address_of_a_name_counts(others: tuple[str, ...]) -> None:
    assert not is_called(guard(finds=at(*others)))


@pytest.mark.parametrize(
    "host", ["localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "::1", "::ffff:7f00:1"]
)
def test_odd_writings_of_this_machine_are_seen_through(host: str) -> None:
    assert not is_called(guard(), host)


def test_the_operators_own_gateway_is_called_at_its_port_alone() -> None:
    own = Guard.of(Settings(home=Path("none"), gateway_url="http://127.0.0.1:4000"))
    assert is_called(own, "127.0.0.1", 4000)
    assert not is_called(own, "127.0.0.1", 4001)


# With real connections


class Names:
    """A name's addresses, another list each time; how often it was asked."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int) -> tuple[str, ...]:
        self.asked += 1
        if host != HOST:
            return tuple(ask_the_system(host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@pytest.fixture
def site(serving: Callable[[Any], Any]) -> Any:
    site = Site("dc")
    site.create("ABC", "Issue", number=101)
    return serving(site)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def front(site: Any, authority: Authority) -> Iterator[str]:
    """The site by https, under a host name that only the test knows."""
    with tls_front(site.running.base_url, authority.certificate("server", address=HOST)) as url:
        yield url.replace("127.0.0.1", HOST)


def identify(url: str, settings: Settings, judge: Guard | None) -> str:
    with closing(JiraConnector(url, "ABC", credentials=TOKENS["dc"], settings=settings, guard=judge)) as connector:
        return connector.identify().account


def test_a_service_reads_no_site_of_its_own_machine_unless_it_is_named(site: Any) -> None:
    url, settings = site.running.base_url, replace(site.settings, gateway_url="https://api.atlassian.com")
    with pytest.raises(ConnectorValidationError, match="private network") as raised:
        identify(url, settings, Guard.of(settings))
    assert raised.value.code == NOT_ALLOWED
    assert "JIRAKB_ALLOWED_SITES" in raised.value.fix
    assert site.running.record.total == 0
    assert identify(url, settings, Guard.of(replace(settings, allowed_sites=("127.0.0.0/8",)))) == "agent"
    assert identify(url, settings, None) == "agent", "the command line is the operator's own"


def test_the_checked_address_is_connected_to_and_the_certificate_is_of_the_name(
    site: Any, front: str, authority: Authority
) -> None:
    """The name is asked for once for each connection: a second answer could be another one."""
    settings = replace(site.settings, ca_bundle=str(authority.bundle), connections=1)
    names = Names(("127.0.0.1",), ("10.0.0.1",))
    assert identify(front, settings, guard("127.0.0.1", finds=names)) == "agent"
    assert names.asked == 1
    with pytest.raises(SiteUnreachableError, match="another address"):
        identify(front.replace(HOST, "127.0.0.1"), settings, guard("127.0.0.1"))


def test_a_name_that_is_bound_anew_is_judged_anew(site: Any, front: str, authority: Authority) -> None:
    settings = replace(site.settings, ca_bundle=str(authority.bundle))
    judge = guard("127.0.0.1", finds=Names(("127.0.0.1",), ("169.254.169.254",)))
    assert identify(front, settings, judge) == "agent"
    with pytest.raises(ConnectorValidationError, match="never called"):
        identify(front, settings, judge)


def test_the_next_address_is_tried_where_one_does_not_answer(site: Any, front: str, authority: Authority) -> None:
    settings = replace(site.settings, ca_bundle=str(authority.bundle))
    judge = guard("127.0.0.0/8", finds=at("127.77.0.1", "127.0.0.1"))
    assert identify(front, settings, judge) == "agent"


def test_a_name_without_an_address_is_an_unknown_host(site: Any) -> None:
    def knows_none(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    subject = Subject("https://nowhere.example.com", TOKENS["dc"], ("ABC",))
    found = diagnose(subject, site.settings, guard=guard(finds=knows_none))
    assert [finding.code for finding in found.findings if finding.severity == "error"] == ["unknown_host"]


def test_the_doctor_of_a_service_asks_no_private_site(site: Any) -> None:
    subject = Subject(site.running.base_url, TOKENS["dc"], ("ABC",))
    found = diagnose(subject, site.settings, guard=guard())
    assert [finding.code for finding in found.findings if finding.severity == "error"] == [NOT_ALLOWED]
    assert site.running.record.total == 0


def test_a_redirect_of_a_file_leads_to_no_private_address(serving: Callable[[Any], Any]) -> None:
    """The media host of a simulated site stands on another port of this machine than the site."""
    site = Site("cloud")
    site.create("ABC", "Issue", number=101)
    site.attach("ABC-1", "a.log", "the pump whistles", mime="text/plain")
    served = serving(site)
    place = urlsplit(served.running.base_url).netloc
    for allowed, reasons in ((place, ["bad_redirect"]), ("127.0.0.1", [])):
        judge = Guard.of(replace(served.settings, allowed_sites=(allowed,)))
        connector = served.connector(include_attachments=True, guard=judge, timing=Timing(sleep=lambda seconds: None))
        rendered = connector.render(connector.fetch([101]).issues[0])
        assert [omission.reason for omission in rendered.omissions] == reasons


def test_a_proxy_may_be_private_and_is_asked_for_the_checked_address(
    site: Any, front: str, authority: Authority
) -> None:
    with Proxy("me:secret").serving() as proxy:
        settings = replace(site.settings, ca_bundle=str(authority.bundle), proxy=proxy.url("me:secret"))
        port = urlsplit(front).port
        with pytest.raises(ConnectorValidationError, match="private network"):
            identify(front, settings, guard(finds=at("127.0.0.1")))
        assert proxy.targets == []
        assert identify(front, settings, guard(f"127.0.0.1:{port}", finds=at("127.0.0.1"))) == "agent"
        assert set(proxy.targets) == {f"127.0.0.1:{port}"}
        with pytest.raises(SiteUnreachableError, match="proxy refuses"):
            identify(front, replace(settings, proxy=proxy.url("me:wrong")), guard(HOST, finds=at("127.0.0.1")))


def test_the_environments_proxy_is_asked_for_the_checked_address_too(
    site: Any, front: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(site.settings, ca_bundle=str(authority.bundle))
    with Proxy().serving() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url())
        with pytest.raises(ConnectorValidationError, match="private network"):
            identify(front, settings, guard(finds=at("127.0.0.1")))
        assert proxy.targets == []
        assert identify(front, settings, guard(HOST, finds=at("127.0.0.1"))) == "agent"
        assert set(proxy.targets) == {f"127.0.0.1:{urlsplit(front).port}"}
        monkeypatch.setenv("NO_PROXY", HOST)
        proxy.targets.clear()
        assert identify(front, settings, guard(HOST, finds=at("127.0.0.1"))) == "agent"
        assert proxy.targets == []


def test_a_connection_with_a_client_certificate_is_guarded_too(site: Any, authority: Authority) -> None:
    with tls_front(
        site.running.base_url, authority.certificate("server", address=HOST), asks_for=authority.bundle
    ) as url:
        settings = replace(
            site.settings, ca_bundle=str(authority.bundle), client_cert=str(authority.certificate("client"))
        )
        named = url.replace("127.0.0.1", HOST)
        with pytest.raises(ConnectorValidationError, match="private network"):
            identify(named, settings, guard(finds=at("127.0.0.1")))
        assert identify(named, settings, guard(HOST, finds=at("127.0.0.1"))) == "agent"


def test_plain_http_is_accepted_for_a_network_that_is_named(site: Any) -> None:
    with pytest.raises(UsageError, match="without encryption"):
        JiraConnector("http://10.1.2.3", "ABC", settings=site.settings)
    named = replace(site.settings, allowed_sites=("10.1.0.0/16",))
    JiraConnector("http://10.1.2.3", "ABC", settings=named).close()
