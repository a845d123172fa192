"""How the site misbehaves: waits, refusals, broken answers, a lagging index, edits while somebody pages. Decides, never answers."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from jirakb.simulator.limits import Limit

FaultKind = Literal[
    "status", "html", "empty", "reset", "truncate", "break", "stall", "garble", "slow", "notice", "anonymous"
]  # fmt: skip
_BY_ACCOUNT = frozenset({"GET serverInfo", "GET _edge/tenant_info", "GET myself"})
"""Endpoints that never answer a caller whom they do not know with an empty success."""


@dataclass(slots=True)
class Fault:
    """Something that happens to every k-th call, or to a share of the calls, of some endpoints (none named: of all).

    `times` limits how often; `retry_after` is the header's text (None: no header; "in 3": the date in three seconds).
    `kind`: "status" answers JSON, "html" a proxy's page, "empty" no body, "reset" closes the connection without an answer,
    "truncate" ends the true answer early, "break" resets the connection in the middle of it, "stall" waits there for `seconds`, "garble" sends half of its JSON
    as if that were all, "slow" holds it up for `seconds`, "notice" only adds the headers, "anonymous" takes the caller for nobody.
    """

    status: int = 503
    every: int = 0
    share: float = 0.0
    endpoints: tuple[str, ...] = ()
    times: int | None = None
    retry_after: str | None = None
    kind: FaultKind = "status"
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    seen: int = 0
    struck: int = 0

    def strikes(self, endpoint: str, chance: random.Random) -> bool:
        """Count this call and say whether the fault happens to it."""
        if self.times == 0 or (self.endpoints and endpoint not in self.endpoints):
            return False
        if self.kind == "anonymous" and endpoint in _BY_ACCOUNT:
            return False
        self.seen += 1
        if not (self._is_turn() or (self.share and chance.random() < self.share)):
            return False
        if self.times is not None:
            self.times -= 1
        self.struck += 1
        return True

    def _is_turn(self) -> bool:
        return bool(self.every) and self.seen % self.every == 0


def throttle(
    *,
    every: int = 0,
    share: float = 0.0,
    endpoints: tuple[str, ...] = (),
    times: int | None = None,
    retry_after: str | None = "1",
    reason: str = "jira-burst-based",
) -> Fault:
    """A 429, by default with `Retry-After: 1`."""
    headers = {"RateLimit-Reason": reason, "X-RateLimit-Remaining": "0"}
    return Fault(429, every, share, endpoints, times, retry_after, headers=headers)


def outage(
    *, every: int = 0, share: float = 0.0, endpoints: tuple[str, ...] = (), times: int | None = None, status: int = 503
) -> Fault:
    """A 5xx with a proxy's HTML page and no Retry-After."""
    return Fault(status, every, share, endpoints, times, kind="html")


REASONS = (
    "jira-burst-based",
    "jira-quota-global-based",
    "jira-quota-tenant-based",
    "jira-per-issue-on-write",
)
"""Why Cloud refuses a call with 429."""
ABSURD = "9223372036854775807"
"""What some sites say in Retry-After."""


def every_fault(share: float = 0.05) -> list[Fault]:
    """Each kind of trouble, each for that share of the calls, and variants of them for a share together.

    The first that strikes a call shows, so that the later ones are a little rarer.
    """
    faults = [throttle(share=share, reason=reason) for reason in REASONS]
    faults += [throttle(share=share, retry_after=said, reason=REASONS[1]) for said in ("in 1", ABSURD)]
    faults += [Fault(503, share=share, retry_after="1"), Fault(500, share=share), Fault(502, share=share, kind="html")]
    kinds: tuple[FaultKind, ...] = ("garble", "break", "anonymous")
    faults += [Fault(share=share, kind=kind) for kind in kinds]
    faults.append(Fault(share=share, kind="slow", seconds=0.2))
    faults.append(Fault(share=share, kind="notice", retry_after="0", headers={"X-RateLimit-NearLimit": "true"}))
    return faults + _variants(share / 8)


def _variants(share: float) -> list[Fault]:
    faults = [throttle(share=share, retry_after=said) for said in (None, "0")]
    faults += [Fault(503, share=share, retry_after=ABSURD), Fault(504, share=share, kind="empty")]
    faults += [Fault(200, share=share, kind="html"), Fault(200, share=share, kind="empty")]
    return [*faults, Fault(share=share, kind="truncate"), Fault(share=share, kind="reset")]


@dataclass
class Switches:
    """All of the site's moods; the defaults are a healthy site that is strict about its protocol.

    Times are seconds. `latency` holds up every call. `index_lag`: search sees a change so much later, a fetch at once.
    `paging` says what a page token means while issues change: "offset" counts rows of the query run anew (issues can be
    skipped or seen twice), "snapshot" keeps the first page's result. `page_limit` makes search pages shorter still.
    `between_pages` is called after a search page that has a successor, `edit_every` makes a random edit after every k-th call.
    `bulk_missing`: whether a bulk fetch names the issues that it does not show (the official schema says no).
    `login_reason_on_captcha`: whether a locked account is told in both of its headers, or in X-Authentication-Denied-Reason only.
    `serves_strangers`: whether serverInfo answers callers who are not signed in (else 401).
    `broken`: issues whose whole body the site fails to make, alone or among others (500), though it lists them.
    `inline_attachment_cap`: a body among others holds a page of that many attachments instead of all; alone it holds all.
    `inline_changelog_cap`: on Cloud, a body among others that expands its change log holds that many newest entries.
    `former_project_keys`: whether JQL knows a renamed project by its former key, too (nobody has measured it).
    `limits` refuse calls above a rate. `short_pages` is the share of search pages that hold half of what they could; `flicker`
    the share of searches in which issues that changed within the last minute are missing once more.
    `inline_comment_cap`: an issue's body holds only that many newest comments. `captcha_after` wrong passwords lock a name.
    """

    seed: int = 0
    latency: float = 0.0
    faults: list[Fault] = field(default_factory=list)
    index_lag: float = 0.0
    paging: Literal["offset", "snapshot"] = "offset"
    page_limit: int | None = None
    between_pages: Callable[[], None] | None = None
    edit_every: int = 0
    inline_comment_cap: int | None = None
    inline_worklog_cap: int = 20
    inline_attachment_cap: int | None = None
    inline_changelog_cap: int = 40
    former_project_keys: bool = True
    comment_edit_bumps: bool = True
    search_cap: int = 1000
    basic_disabled: bool = False
    captcha_after: int | None = 3
    login_reason_on_success: bool = False
    login_reason_on_captcha: bool = True
    serves_strangers: bool = True
    unknown_bytes: Literal["made up", "missing"] = "made up"
    bulk_missing: Literal["errors", "omitted"] = "omitted"
    media_token_seconds: float = 600.0
    rate_limit: int = 70
    limits: list[Limit] = field(default_factory=list)
    short_pages: float = 0.0
    flicker: float = 0.0
    broken: set[int] = field(default_factory=set)
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - repeatable on purpose

    def fault_for(self, endpoint: str) -> Fault | None:
        """The first fault that strikes this call."""
        return next((fault for fault in self.faults if fault.strikes(endpoint, self.chance)), None)

    def shortens(self, size: int) -> int:
        """The size of a search page that could hold `size` rows."""
        return max(1, size // 2) if self.short_pages and self.chance.random() < self.short_pages else size

    def flickers(self) -> bool:
        """Whether a search loses sight of what has just changed."""
        return bool(self.flicker) and self.chance.random() < self.flicker
