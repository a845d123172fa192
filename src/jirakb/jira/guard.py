"""Which addresses may a service call on behalf of its users? Public ones, and private ones that the operator has named.

A name is judged by every address that it has, and the caller connects to what was judged: asking again could bring another
answer. Addresses from which machines of a cloud learn their secrets are never called, whatever is allowed. Connects to
nothing itself; `client/guarded.py` does.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Self
from urllib.parse import urlsplit

from jirakb.errors import ConnectorValidationError, UsageError
from jirakb.settings import Settings

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
NOT_ALLOWED = "address_not_allowed"
"""Of the error that a refused address raises."""


def resolve(host: str, port: int) -> list[str]:
    """The addresses that the system knows for a name, each once, in its order; raises OSError when it knows none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class Permit:
    """One entry of what is allowed: a name or a network, at one port or at all (None)."""

    name: str = ""
    network: IPv4Network | IPv6Network | None = None
    port: int | None = None

    @classmethod
    def parse(cls, entry: str) -> Self:
        """From `host`, `host:port`, `10.0.0.0/8` or a web address; raises UsageError for what is none of these."""
        bare = entry.strip().rpartition("://")[2]
        network = _network(bare)
        if network is not None:
            return cls(network=network)
        try:
            parts = urlsplit(f"//{bare}")
            host, port = parts.hostname or "", parts.port
        except ValueError:
            host, port, parts = "", None, urlsplit("")
        if not host or parts.path.strip("/") or parts.username is not None:
            raise UsageError(
                f"JIRAKB_ALLOWED_SITES holds {entry!r}, which is neither a host nor a network.",
                fix="Name hosts (jira.example.com, 10.1.2.3:8443) or networks (10.1.0.0/16), separated by commas.",
            )
        return cls(_plain(host), _network(host), port)

    def names(self, host: str, port: int) -> bool:
        """Whether it is this very host."""
        return self.network is None and self.name == _plain(host) and self.port in (None, port)

    def holds(self, address: Address, port: int) -> bool:
        """Whether it is a network with this address."""
        network = self.network
        return network is not None and network.version == address.version and address in network and self._is_at(port)

    def _is_at(self, port: int) -> bool:
        return self.port in (None, port)


@dataclass(frozen=True, slots=True)
class Guard:
    """What may be called. `resolve` finds a name's addresses."""

    permits: tuple[Permit, ...] = ()
    resolve: Resolve = resolve

    @classmethod
    def of(cls, settings: Settings, resolve: Resolve = resolve) -> Self:
        """What the operator allows, and the operator's own gateway hosts; raises UsageError for an unreadable entry."""
        own = (settings.gateway_url, settings.auth_url)
        return cls(tuple(map(Permit.parse, (*settings.allowed_sites, *map(_with_port, own)))), resolve)

    def addresses(self, host: str, port: int) -> list[str]:
        """The addresses to connect to for a name, all of them checked.

        Raises ConnectorValidationError when one of them may not be called, OSError when there are none.
        """
        found = list(self.resolve(host, port))
        if not found:
            raise OSError(f"No address associated with {host}")
        is_named = self.names(host, port)
        for text in found:
            self._check(host, port, text, is_named=is_named)
        return found

    def names(self, host: str, port: int) -> bool:
        """Whether the operator has named this host."""
        return any(permit.names(host, port) for permit in self.permits)

    def _check(self, host: str, port: int, text: str, *, is_named: bool) -> None:
        address = _without_wrapping(ipaddress.ip_address(text))
        meant = (address, *_within(address))
        if any(map(_is_never_called, meant)):
            raise _refused(host, "an address of the machine's own surroundings, which is never called", _NEVER_FIX)
        private = [one for one in meant if not one.is_global]
        if not is_named and not all(any(p.holds(one, port) for p in self.permits) for one in private):
            raise _refused(host, "a private network", f"Add {_plain(host)} or its network to JIRAKB_ALLOWED_SITES.")


_NEVER_FIX = "Use the address of a Jira site."
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "169.254.0.0/16",  # link-local, with the metadata of most clouds
        "100.100.100.200/32",  # Alibaba Cloud's metadata
        "168.63.129.16/32",  # Azure's wire server, a public address
        "192.0.0.192/32",  # Oracle Cloud's metadata
        "224.0.0.0/4",
        "255.255.255.255/32",
        "::/128",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
        "fd00:ec2::/32",  # Amazon's metadata, name server and clock
        "fd20:ce::/32",  # Google Cloud's metadata
    )
)
_NAT64 = tuple(IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48"))
"""https://www.rfc-editor.org/rfc/rfc6052, https://www.rfc-editor.org/rfc/rfc8215"""
_COMPATIBLE = IPv6Network("::/96")
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""The upper half of such an interface's number: https://www.rfc-editor.org/rfc/rfc5214"""


def _is_never_called(address: Address) -> bool:
    return any(network.version == address.version and address in network for network in _NEVER)


def _without_wrapping(address: Address) -> Address:
    """The IPv4 address that the system itself connects to for a mapped one; others stay."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _within(address: Address) -> Iterator[Address]:
    """The IPv4 addresses that something on the way may make of an IPv6 address."""
    if not isinstance(address, IPv6Address):
        return
    number = int(address)
    if any(address in network for network in _NAT64) or (address in _COMPATIBLE and number > 1):
        yield IPv4Address(number & 0xFFFF_FFFF)
    if address.sixtofour:
        yield address.sixtofour
    if address.teredo:
        yield from address.teredo
    if (number >> 32) & 0xFFFF_FFFF in _ISATAP:
        yield IPv4Address(number & 0xFFFF_FFFF)


def _refused(host: str, what: str, fix: str) -> ConnectorValidationError:
    return ConnectorValidationError(f"{host} is in {what}: it is not called.", fix=fix, code=NOT_ALLOWED)


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None


def _plain(host: str) -> str:
    return host.lower().rstrip(".")


def _with_port(address: str) -> str:
    """The host and port of a web address: of the operator's own hosts no other port is meant."""
    parts = urlsplit(address)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or (80 if parts.scheme == 'http' else 443)}"
