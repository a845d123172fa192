"""What was asked of the site, and which of it a well-behaved client never does. Never changes an answer."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

_GRACE = 0.5
"""Seconds in which calls that were under way when a 429 was sent may still arrive, also on a busy machine."""
EVERYTHING = "*"
"""Stands for all endpoints: a quota that is used up concerns every call."""
_NO_WAIT = (0.0, 0.0)
_EARLY = 0.05
"""Seconds by which a clock may differ at the end of a wait."""
_REPETITIONS = 2
"""Times that a refused secret may be tried again: at another door, or to make sure."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One answered request. The endpoint is written like "GET issue/{key}/comment"."""

    endpoint: str
    status: int
    path: str


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that a client must not do."""

    kind: str
    endpoint: str
    detail: str


@dataclass
class Record:
    """Counts of requests and the list of violations; safe to use from several threads."""

    monotonic: Callable[[], float]
    after_captcha: int = 3
    requests: list[Seen] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    """How often each secret was sent that the site did not accept."""
    _refused_since: dict[str, float] = field(default_factory=dict)
    _late: Counter[str] = field(default_factory=Counter)
    _waits: dict[str, tuple[float, float]] = field(default_factory=dict)
    _locked_calls: int = 0
    _busiest: int = 0
    _busy: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arrive(self, endpoint: str) -> None:
        """Note that a request begins; checks that nobody asked for patience."""
        now = self.monotonic()
        with self._lock:
            self._busy += 1
            self._busiest = max(self._busiest, self._busy)
            for waits in (self._waits.get(endpoint, _NO_WAIT), self._waits.get(EVERYTHING, _NO_WAIT)):
                begin, end = waits
                if begin + _GRACE < now < end - _EARLY:
                    self._violate("retried too early", endpoint, f"{end - now:.2f} s before Retry-After had passed")

    def answer(
        self, endpoint: str, status: int, path: str, retry_after: float | None = None, *, concerns: str = ""
    ) -> None:
        """Note an answer; `retry_after` are the seconds that a 429 or 503 asked for, `concerns` the endpoint that must wait
        (by default the one that was asked)."""
        with self._lock:
            self._busy -= 1
            self.requests.append(Seen(endpoint, status, path))
            if retry_after is not None:
                now = self.monotonic()
                held = concerns or endpoint
                _, before = self._waits.get(held, _NO_WAIT)
                self._waits[held] = (now, max(before, now + retry_after))

    def lock_met(self, endpoint: str) -> None:
        """Note a call to an account that a CAPTCHA protects."""
        with self._lock:
            self._locked_calls += 1
            if self._locked_calls > self.after_captcha:
                self._violate("knocked on a locked account", endpoint, f"call {self._locked_calls} after the lock")

    def refuse(self, endpoint: str, secret: str, under_way: float = 0.0) -> None:
        """Note a secret that is not accepted; calls that began before its first refusal arrived are no fault.

        `under_way` are the seconds that a call may have been on its way.
        """
        now = self.monotonic()
        with self._lock:
            self.refused[secret] += 1
            since = self._refused_since.setdefault(secret, now)
            if now > since + under_way + _GRACE:
                self._late[secret] += 1
            if self._late[secret] > _REPETITIONS:
                self._violate("kept sending a refused secret", endpoint, f"{self.refused[secret]} times")

    def leak(self, endpoint: str) -> None:
        """Note that credentials reached the media host."""
        with self._lock:
            self._violate("credentials sent to the media host", endpoint, "an Authorization header followed a redirect")

    def _violate(self, kind: str, endpoint: str, detail: str) -> None:
        self.violations.append(Violation(kind, endpoint, detail))

    @property
    def total(self) -> int:
        """All requests answered."""
        return len(self.requests)

    @property
    def by_endpoint(self) -> dict[str, int]:
        """Requests by endpoint."""
        return dict(Counter(seen.endpoint for seen in list(self.requests)))

    @property
    def by_status(self) -> dict[int, int]:
        """Requests by status."""
        return dict(Counter(seen.status for seen in list(self.requests)))

    def clear(self) -> None:
        """Forget everything seen so far."""
        with self._lock:
            self.requests.clear()
            self.violations.clear()
            self._waits.clear()
            self.refused.clear()
            self._refused_since.clear()
            self._late.clear()
            self._locked_calls = self._busiest = 0

    def as_json(self) -> dict[str, object]:
        """What `/_sim/record` answers."""
        return {
            "total": self.total,
            "by_endpoint": self.by_endpoint,
            "by_status": {str(status): count for status, count in self.by_status.items()},
            "most_at_once": self._busiest,
            "refused_secrets": self.refused.total(),
            "violations": [{"kind": v.kind, "endpoint": v.endpoint, "detail": v.detail} for v in self.violations],
        }
