"""What is wrong, or may go wrong, with a connector? Findings from what the site answered. Pure: asks nothing itself.

`examine.py` does the asking.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any, Literal

from jirakb.errors import JirakbError, ProtocolError, RateLimitedError, SiteUnreachableError, UsageError
from jirakb.jira.auth import CredentialKind, Credentials, Door, expiry_of
from jirakb.jira.client.network import Network
from jirakb.jira.identity import Account
from jirakb.jira.projects import Seen
from jirakb.jira.site import Flavor, SiteFacts, zone_named

Severity = Literal["error", "warning", "info"]
NAMES: dict[Flavor, str] = {"cloud": "Jira Cloud", "dc": "Jira Data Center"}
_SKEW = timedelta(minutes=1)
_SOON = timedelta(days=14)
_CODES: dict[type[JirakbError], str] = {
    UsageError: "usage",
    SiteUnreachableError: "unreachable",
    RateLimitedError: "rate_limited",
    ProtocolError: "protocol",
}
_KINDS: dict[CredentialKind, str] = {
    "api_token": "An API token, at the site itself",
    "scoped_token": "An API token with scopes, through the gateway",
    "access_token": "An OAuth access token, through the gateway",
    "pat": "A personal access token",
    "password": "A user name and a password",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was noticed. An "error" keeps a sync from working; `exit_code` is what the sync would end with."""

    code: str
    severity: Severity
    message: str
    fix: str = ""
    exit_code: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a full read of the query costs: issues, calls, and seconds of fetching."""

    issues: int
    calls: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the doctor says; what could not be learned is None. `projects` are keys that the account sees (the first ones)."""

    flavor: Flavor | None
    account: str | None
    time_zone: str | None
    projects: tuple[str, ...]
    findings: tuple[Finding, ...]
    estimate: Estimate | None

    @property
    def ok(self) -> bool:
        """Whether a sync with these options would work."""
        return not self.exit_code

    @property
    def exit_code(self) -> int:
        """0, or the exit code of the first error."""
        return next((found.exit_code for found in self.findings if found.severity == "error"), 0)

    def to_json(self) -> dict[str, Any]:
        """As `jirakb doctor --json` prints it."""
        return {
            "ok": self.ok,
            "flavor": self.flavor,
            "account": self.account,
            "time_zone": self.time_zone,
            "projects": list(self.projects),
            "findings": [
                {"code": found.code, "severity": found.severity, "message": found.message, "fix": found.fix}
                for found in self.findings
            ],
            "estimate": asdict(self.estimate) if self.estimate else None,
        }


def trouble(error: JirakbError) -> Finding:
    """An error as a finding."""
    code = error.code or _CODES.get(type(error), "settings")
    return Finding(code, "error", error.message, error.fix, error.exit_code)


def way(network: Network) -> Iterator[Finding]:
    """What the settings change about the way to the site."""
    proxy = network.via()
    if proxy:
        yield Finding("proxy", "info", f"Calls go through the proxy {proxy.url.host}:{proxy.url.port} (JIRAKB_PROXY).")
    if network.ca_bundle:
        yield Finding(
            "ca_bundle", "info", f"The authorities in {network.ca_bundle} are trusted, too (JIRAKB_CA_BUNDLE)."
        )
    if network.client_cert:
        yield Finding("client_cert", "info", f"The site is shown the certificate in {network.client_cert}.")


def site(facts: SiteFacts, cloud_id: str) -> Finding:
    """Which Jira answered."""
    which = f"cloudId {cloud_id}" if cloud_id else f"version {facts.version or 'unknown'}"
    return Finding("site", "info", f"{NAMES[facts.flavor]} answers at {facts.browse_url} ({which}).")


def credentials(
    account: Account, door: Door, given: Credentials, *, wanted_gateway: bool, now: datetime
) -> Iterator[Finding]:
    """Who is signed in with what, and whether it was given in the way that costs no failed login."""
    kind = door.kind or "api_token"
    yield Finding("account", "info", f"{_KINDS[kind]}: signed in as {account.name or account.id}.")
    if kind == "scoped_token" and not wanted_gateway:
        yield Finding(
            "scoped_token",
            "warning",
            "The token has scopes: the site refuses it, the gateway takes it. Each run begins with a failed login.",
            "Give --scoped-token.",
        )
    if kind == "api_token" and wanted_gateway:
        yield Finding(
            "unscoped_token",
            "warning",
            "The token has no scopes: the gateway refuses it, the site takes it. Each run begins with a failed call.",
            "Leave --scoped-token out, or create a token with scopes.",
        )
    expiry = expiry_of(given.token) if kind == "access_token" else None
    if expiry and expiry - now < _SOON:
        yield Finding(
            "token_expires",
            "warning",
            f"The access token ends at {expiry:%Y-%m-%d %H:%M} UTC, and a run with it.",
            "Give a fresh token to each run; for runs by themselves an API token with scopes fits better.",
        )


def clock(site_time: datetime | None, now: datetime) -> Iterator[Finding]:
    """Whether this machine and the site agree about the time."""
    skew = site_time - now if site_time else timedelta()
    if abs(skew) > _SKEW:
        way = "behind" if skew > timedelta() else "ahead of"
        yield Finding(
            "clock_skew",
            "warning",
            f"This machine's clock is {_span(abs(skew))} {way} the site's.",
            "Set the clock (NTP). A sync goes by the site's clock, but certificates and --start-ts do not.",
        )


def time_zones(account: Account, facts: SiteFacts, used: str, offset: float | None, now: datetime) -> Iterator[Finding]:
    """Whether the times in queries mean what they should: JQL reads them in the account's zone."""
    own = zone_named(account.zone_name)
    zone = own or facts.zone
    if own is None:
        yield Finding(
            "time_zone_unknown",
            "warning",
            f"The account's profile names no known time zone; the site's is taken: {used}.",
            "Set the time zone in the account's Jira profile, or give --timezone-offset.",
        )
    if offset is not None and zone:
        yield from _offset(used, zone, offset, now)
    elif own and facts.zone and _hours(own, now) != _hours(facts.zone, now):
        said = f"The account's time zone is {used}, the site's {facts.zone_name or facts.zone}"
        yield Finding("time_zones", "info", f"{said}; queries are asked in the account's.")


def _offset(used: str, zone: tzinfo, offset: float, now: datetime) -> Iterator[Finding]:
    hours = _hours(zone, now)
    if hours != offset:
        yield Finding(
            "timezone_offset",
            "warning",
            f"--timezone-offset {offset:g} is not the account's time zone: {used} is UTC{hours:+g} now.",
            "Leave --timezone-offset out, unless the profile is wrong: changes would be looked for at the wrong hours.",
        )


def order_by(clause: str) -> Iterator[Finding]:
    """A query's order means nothing to a sync."""
    if clause:
        yield Finding(
            "order_by",
            "info",
            f"The order of the JQL ({clause}) is left out: issues are read in the order of their creation.",
        )


def projects(seen: dict[str, Seen], site: str) -> Iterator[Finding]:
    """The projects that were asked for, and how the site shows them."""
    none_left = bool(seen) and not any(found.key for found in seen.values())
    for key, found in seen.items():
        if not found.key:
            yield Finding(
                "project_missing",
                "error" if none_left else "warning",
                f"{site} shows this account no project {key}.",
                "Check the project's key, and that the account may browse it (Browse Projects).",
                2 if none_left else 0,
            )
        elif found.archived:
            yield Finding(
                "project_archived",
                "warning",
                f"The project {key} is archived: searches find none of its issues.",
                "Leave it out, or have it restored.",
            )
        elif found.key.upper() != key.upper():
            yield Finding(
                "project_renamed", "info", f"The project {key} is called {found.key} now.", "Use the new key."
            )


def visible(keys: tuple[str, ...], total: int) -> Finding:
    """How many projects the account sees."""
    if not total:
        return Finding(
            "no_projects",
            "error",
            "The account sees no project.",
            "Give the account Browse Projects on what is to be read (or take an account that has it).",
            2,
        )
    shown = ", ".join(keys[:10]) + (", ..." if total > 10 else "")
    return Finding("projects", "info", f"The account sees {total} project{'s' if total > 1 else ''}: {shown}.")


def size(estimate: Estimate) -> Finding:
    """What the query finds and costs."""
    if not estimate.issues:
        return Finding(
            "empty",
            "warning",
            "The query finds no issue.",
            "Check the JQL, the projects, and what the account may see (security levels, Browse Projects).",
        )
    return Finding(
        "estimate",
        "info",
        f"About {estimate.issues:,} issues: {estimate.calls:,} calls, {_span(timedelta(seconds=estimate.seconds))} of fetching.",
    )


def estimate(
    flavor: Flavor, issues: int, *, list_seconds: float, fetch_seconds: float, connections: int, rate: float | None
) -> Estimate:
    """The cost of a full read, from the times of one listing call and of one call for a hundred bodies (or for all).

    `rate` is what the site allows in the long run (calls a second), where it says so.
    """
    listing = math.ceil(issues / (5000 if flavor == "cloud" else 990))
    bodies = math.ceil(issues / 100)
    seconds = listing * list_seconds + math.ceil(bodies / connections) * fetch_seconds
    calls = _OPENING[flavor] + max(listing, 1) + bodies
    return Estimate(issues, calls, round(max(seconds, calls / rate if rate else 0.0), 1))


_OPENING: dict[Flavor, int] = {"cloud": 4, "dc": 3}
"""Calls before the first listing: which Jira, who asks, which fields."""


def slow(seconds: float) -> Finding:
    """Not everything was asked."""
    return Finding(
        "slow",
        "warning",
        f"The site took more than {seconds:.0f} seconds for the questions so far; the rest was left out.",
        "Run the doctor again when the site is less busy.",
    )


def _hours(zone: tzinfo, now: datetime) -> float:
    offset = now.astimezone(zone).utcoffset() or timedelta()
    return offset.total_seconds() / 3600


def _span(length: timedelta) -> str:
    """In the unit that says most."""
    seconds = length.total_seconds()
    for name, unit in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} seconds" if seconds >= 2 else f"{seconds:.1f} seconds"
