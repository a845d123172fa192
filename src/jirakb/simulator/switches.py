"""How the site misbehaves: waits, refusals, broken answers, a lagging index, edits while somebody pages. Decides, never answers."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

FaultKind = Literal["status", "html", "reset", "truncate", "empty"]


@dataclass(slots=True)
class Fault:
    """Something that happens to every k-th call, or to a share of the calls, of some endpoints (none named: of all).

    `times` limits how often; `retry_after` is the header's text (None: no header). `kind`: "status" answers JSON, "html" a
    proxy's page, "empty" no body, "reset" closes the connection without an answer, "truncate" cuts the true answer short.
    """

    status: int = 503
    every: int = 0
    share: float = 0.0
    endpoints: tuple[str, ...] = ()
    times: int | None = None
    retry_after: str | None = None
    kind: FaultKind = "status"
    headers: dict[str, str] = field(default_factory=dict)
    seen: int = 0

    def strikes(self, endpoint: str, chance: random.Random) -> bool:
        """Count this call and say whether the fault happens to it."""
        if self.times == 0 or (self.endpoints and endpoint not in self.endpoints):
            return False
        self.seen += 1
        if not (self._is_turn() or (self.share and chance.random() < self.share)):
            return False
        if self.times is not None:
            self.times -= 1
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


@dataclass
class Switches:
    """All of the site's moods; the defaults are a healthy site that is strict about its protocol.

    Times are seconds. `latency` holds up every call. `index_lag`: search sees a change so much later, a fetch at once.
    `paging` says what a page token means while issues change: "offset" counts rows of the query run anew (issues can be
    skipped or seen twice), "snapshot" keeps the first page's result. `page_limit` makes search pages shorter still.
    `between_pages` is called after a search page that has a successor, `edit_every` makes a random edit after every k-th call.
    `bulk_missing`: whether a bulk fetch names the issues that it does not show (the official schema says no).
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
    comment_edit_bumps: bool = True
    search_cap: int = 1000
    basic_disabled: bool = False
    captcha_after: int | None = 3
    login_reason_on_success: bool = False
    unknown_bytes: Literal["made up", "missing"] = "made up"
    bulk_missing: Literal["errors", "omitted"] = "omitted"
    media_token_seconds: float = 600.0
    rate_limit: int = 70
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - repeatable on purpose

    def fault_for(self, endpoint: str) -> Fault | None:
        """The first fault that strikes this call."""
        return next((fault for fault in self.faults if fault.strikes(endpoint, self.chance)), None)
