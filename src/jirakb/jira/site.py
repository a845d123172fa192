"""Which Jira is it? Normalises a base URL and reads what a site says of itself. Sends nothing itself.

A site is known by its answers, never by its host name: Cloud has custom domains, Data Center context paths.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Literal
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx2

from jirakb.errors import UsageError
from jirakb.jira.document.lenient import line, mapping

Flavor = Literal["cloud", "dc"]
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What serverInfo says: the flavor, the address that people browse, and the site's own zone (None: not said)."""

    flavor: Flavor
    browse_url: str
    zone: tzinfo | None
    zone_name: str
    version: str


def normalise_url(base_url: str, allowed_sites: tuple[str, ...] = ()) -> str:
    """The site's address with scheme and host in lower case, without default port and trailing slash; its path is kept.

    Without a scheme https is meant. Raises UsageError for what cannot be a site, and for plain http to a host that is
    neither loopback nor in `allowed_sites`: it would carry the credentials in the clear.
    """
    parts = _split(base_url.strip())
    netloc = _netloc(parts)
    if parts.scheme == "http" and not is_loopback(parts.hostname or "") and not _allowed(parts, allowed_sites):
        raise UsageError(
            f"{parts.scheme}://{netloc} would be called without encryption.",
            fix=f"Use https, or add {parts.hostname} to JIRAKB_ALLOWED_SITES.",
        )
    return f"{parts.scheme}://{netloc}{parts.path.rstrip('/')}"


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_jira(server_info: object) -> bool:
    """Whether this is the answer of a Jira at all: other services, too, answer JSON to any path."""
    return not mapping(server_info).keys().isdisjoint({"deploymentType", "versionNumbers", "version"})


def read_facts(server_info: object, base_url: str) -> SiteFacts:
    """The facts in the answer of serverInfo; `base_url` is the normalised address that was asked."""
    info = mapping(server_info)
    flavor: Flavor = "cloud" if line(info.get("deploymentType")).lower() == "cloud" else "dc"
    zone_name = _zone_name(info)
    zone = zone_named(zone_name) or _offset_of(line(info.get("serverTime")))
    return SiteFacts(flavor, _browse_url(info, flavor, base_url), zone, zone_name, line(info.get("version")))


def zone_named(name: str) -> tzinfo | None:
    """The time zone of an IANA name; None when there is none of that name."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def fixed_zone(hours: float) -> tzinfo:
    """The zone so many hours ahead of UTC (-5, 5.5); raises UsageError outside -14 to 14."""
    if not -14 <= hours <= 14:
        raise UsageError(
            f"A time zone cannot be {hours} hours from UTC.", fix="Give timezone_offset in hours, -14 to 14."
        )
    return timezone(timedelta(hours=hours))


def _split(address: str) -> SplitResult:
    if "://" not in address:
        address = "https://" + address
    try:
        parts = urlsplit(address)
        port_is_valid = parts.port != 0
    except ValueError:
        port_is_valid = False
    if not port_is_valid or parts.scheme not in _DEFAULT_PORTS or not _is_host(parts.hostname):
        raise UsageError("The base URL is no web address.", fix="Give it like https://example.atlassian.net.")
    if parts.username is not None or parts.query or parts.fragment:
        raise UsageError(
            "The base URL may hold neither credentials nor a query.", fix="Give only the address of the site."
        )
    return parts


def _is_host(host: str | None) -> bool:
    """Whether it can be called and looked up: it has a form of plain letters, with no part that is empty or too long."""
    try:
        httpx2.URL(scheme="https", host=host or "").raw_host.decode().encode("idna")
    except (httpx2.InvalidURL, UnicodeError):
        return False
    return bool(host) and not any(letter.isspace() or letter in '\\<>"' for letter in host or "")


def _netloc(parts: SplitResult) -> str:
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    if parts.port in (None, _DEFAULT_PORTS[parts.scheme]):
        return shown
    return f"{shown}:{parts.port}"


def _allowed(parts: SplitResult, allowed_sites: tuple[str, ...]) -> bool:
    names = {site.lower().split("://")[-1].rstrip("/") for site in allowed_sites}
    return bool(names & {parts.hostname or "", _netloc(parts)}) or any(_holds(name, parts.hostname) for name in names)


def _holds(network: str, host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "") in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _browse_url(info: Mapping[str, object], flavor: Flavor, base_url: str) -> str:
    """Cloud's own word for its address; a Data Center's base URL is often misconfigured, so the asked one holds there."""
    if flavor == "dc":
        return base_url
    for key in ("displayUrl", "baseUrl"):
        said = line(info.get(key)).rstrip("/")
        if said.startswith(("https://", "http://")):
            return said
    return base_url


def _zone_name(info: Mapping[str, object]) -> str:
    said = info.get("serverTimeZone")
    return line(mapping(said).get("timeZoneId")) or line(said)


def _offset_of(server_time: str) -> tzinfo | None:
    try:
        offset = datetime.fromisoformat(server_time).utcoffset()
    except ValueError:
        return None
    return UTC if not offset else timezone(offset)
