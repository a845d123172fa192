"""How many calls does the site let through? Token buckets, one for each endpoint or each user, and the headers that tell of them.

Cloud limits each endpoint and method, and says so only when it refuses (or when little is left); Data Center has one
bucket per user and tells its state with every answer. Never looks at a call's contents.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from jirakb.simulator.messages import Answer

_NOT_TOLD = frozenset({"GET serverInfo"})
_NEAR = 0.2


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is left at a moment (seconds of the site's monotonic clock)."""

    tokens: float
    at: float


@dataclass(slots=True)
class Limit:
    """`per_second` tokens come in, `capacity` at most lie there, each call takes one.

    `per` says who shares a bucket. `tells`: every answer names the state (Data Center). `warns`: an answer says when less
    than a fifth is left. `retry_after`: whether a refusal says how long to wait. The counts are of this limit's calls.
    """

    per_second: float
    capacity: float
    endpoints: tuple[str, ...] = ()
    per: Literal["endpoint", "user"] = "endpoint"
    reason: str | None = "jira-burst-based"
    retry_after: bool = True
    tells: bool = False
    warns: bool = False
    admitted: int = 0
    refused: int = 0
    first: float | None = None
    last: float | None = None
    buckets: dict[str, Bucket] = field(default_factory=dict)

    def take(self, endpoint: str, user: str, now: float) -> Answer | None:
        """Take a token for a call; the refusal when there is none."""
        if not self._concerns(endpoint, user):
            return None
        left = self._left(endpoint, user, now)
        if left < 1:
            self.refused += 1
            return self._refusal(left)
        self.buckets[self._key(endpoint, user)] = Bucket(left - 1, now)
        self.admitted += 1
        self.first = now if self.first is None else self.first
        self.last = now
        return None

    def told(self, endpoint: str, user: str, now: float) -> dict[str, str]:
        """The headers of an answer that was let through."""
        if not self._concerns(endpoint, user):
            return {}
        left = self._left(endpoint, user, now)
        headers = self._state(left) | {"Retry-After": "0"} if self.tells and endpoint not in _NOT_TOLD else {}
        return headers | ({"X-RateLimit-NearLimit": "true"} if self.warns and left < _NEAR * self.capacity else {})

    def as_json(self) -> dict[str, object]:
        """What `/_sim/record` tells of it."""
        seconds = (self.last or 0.0) - (self.first or 0.0)
        return {"admitted": self.admitted, "refused": self.refused, "seconds": seconds}

    def _concerns(self, endpoint: str, user: str) -> bool:
        return bool(user) and (not self.endpoints or endpoint in self.endpoints)

    def _key(self, endpoint: str, user: str) -> str:
        return endpoint if self.per == "endpoint" else user

    def _left(self, endpoint: str, user: str, now: float) -> float:
        bucket = self.buckets.get(self._key(endpoint, user), Bucket(self.capacity, now))
        return min(self.capacity, bucket.tokens + (now - bucket.at) * self.per_second)

    def _state(self, left: float) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": f"{self.capacity:.0f}",
            "X-RateLimit-Remaining": str(int(left)),
            "X-RateLimit-FillRate": f"{self.per_second:g}",
            "X-RateLimit-Interval-Seconds": "1",
        }

    def _refusal(self, left: float) -> Answer:
        headers = self._state(left) if self.tells else {"X-RateLimit-Remaining": "0"}
        if self.reason:
            headers["RateLimit-Reason"] = self.reason
        if self.retry_after:
            headers["Retry-After"] = str(max(1, math.ceil((1 - left) / self.per_second)))
        return Answer(429, b'{"message":"Rate limit exceeded."}', headers=headers)


def burst(per_second: float, capacity: float | None = None, endpoints: tuple[str, ...] = ()) -> Limit:
    """Cloud's limit of each endpoint and method; by default as many at once as in a second."""
    return Limit(per_second, per_second if capacity is None else capacity, endpoints)


def user_bucket(capacity: float = 70, per_second: float = 5) -> Limit:
    """Data Center's limit of each user, told with every answer."""
    return Limit(per_second, capacity, per="user", reason=None, tells=True)


def admit(limits: Iterable[Limit], endpoint: str, user: str, now: float) -> Answer | None:
    """The refusal of the first limit that a call meets; None lets it through."""
    return next((refusal for limit in limits if (refusal := limit.take(endpoint, user, now))), None)


def with_limits(answer: Answer, limits: Iterable[Limit], endpoint: str, user: str, now: float) -> Answer:
    """An answer that was let through, with what the limits tell."""
    headers = dict(answer.headers)
    for limit in limits:
        headers |= limit.told(endpoint, user, now)
    return replace(answer, headers=headers)
