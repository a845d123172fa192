"""What was asked of the site, and which of it a well-behaved client never does. Never changes an answer."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

_GRACE = 0.25
"""Seconds in which calls that were under way when a 429 was sent may still arrive."""
_EARLY = 0.05
"""Seconds by which a clock may differ at the end of a wait."""


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
            begin, end = self._waits.get(endpoint, (0.0, 0.0))
            if begin + _GRACE < now < end - _EARLY:
                self._violate("retried too early", endpoint, f"{end - now:.2f} s before Retry-After had passed")

    def answer(self, endpoint: str, status: int, path: str, retry_after: float | None = None) -> None:
        """Note an answer; `retry_after` are the seconds that a 429 or 503 asked for."""
        with self._lock:
            self._busy -= 1
            self.requests.append(Seen(endpoint, status, path))
            if retry_after is not None:
                now = self.monotonic()
                self._waits[endpoint] = (now, now + retry_after)

    def lock_met(self, endpoint: str) -> None:
        """Note a call to an account that a CAPTCHA protects."""
        with self._lock:
            self._locked_calls += 1
            if self._locked_calls > self.after_captcha:
                self._violate("knocked on a locked account", endpoint, f"call {self._locked_calls} after the lock")

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
            self._locked_calls = self._busiest = 0

    def as_json(self) -> dict[str, object]:
        """What `/_sim/record` answers."""
        return {
            "total": self.total,
            "by_endpoint": self.by_endpoint,
            "by_status": {str(status): count for status, count in self.by_status.items()},
            "most_at_once": self._busiest,
            "violations": [{"kind": v.kind, "endpoint": v.endpoint, "detail": v.detail} for v in self.violations],
        }
