"""When may the next call to a site be sent? Holds back one endpoint or everything, for all threads of the process.

Knows nothing of HTTP: who reads the answers says how long to hold what.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from jirakb.errors import SiteError


@dataclass(frozen=True)
class Timing:
    """The clocks, the sleep and the dice of a connector: passed in, so that a test needs no waiting."""

    monotonic: Callable[[], float] = time.monotonic
    """Seconds that never run backwards."""
    now: Callable[[], float] = time.time
    """Epoch seconds."""
    sleep: Callable[[float], None] = time.sleep
    """Waits so many seconds; may raise to interrupt the work."""
    chance: Callable[[], float] = random.random
    """A number from 0 up to 1, for jitter."""


class Stop:
    """Ends all waiting, once and for good."""

    def __init__(self) -> None:
        self._set = threading.Event()

    def set(self) -> None:
        """From now on nothing waits."""
        self._set.set()

    def check(self) -> None:
        """Raises SiteError when it is over."""
        if self._set.is_set():
            raise SiteError("The reading of the site was stopped.", fix="Run again: what was committed stays.")

    def sleep(self, seconds: float) -> None:
        """Waits so many seconds; raises SiteError as soon as it is over."""
        self._set.wait(seconds)
        self.check()


class Pacer:
    """One site's pace: who calls the site asks for a turn first, and reports what the site said about waiting."""

    def __init__(self, connections: int = 8, timing: Timing | None = None) -> None:
        self._timing = timing or Timing()
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(connections)
        self._everything_until = 0.0
        self._until: dict[str, float] = {}

    @contextmanager
    def turn(self, endpoint: str, sleep: Callable[[float], None] | None = None) -> Iterator[None]:
        """Waits until this endpoint may be called and one of the connections is free; holds the connection meanwhile.

        `sleep` is how the caller waits, where it has its own way of being interrupted.
        """
        self._take_slot(endpoint, sleep or self._timing.sleep)
        try:
            yield
        finally:
            self._slots.release()

    def hold(self, seconds: float, endpoint: str | None = None) -> None:
        """No call to `endpoint` (None: to anything) is sent before `seconds` have passed.

        Up to a tenth is added by chance: several processes that were told the same wait should not return as one.
        """
        until = self._timing.monotonic() + seconds * (1 + 0.1 * self._timing.chance())
        with self._lock:
            if endpoint is None:
                self._everything_until = max(self._everything_until, until)
            else:
                self._until[endpoint] = max(self._until.get(endpoint, 0.0), until)

    def due_in(self, endpoint: str) -> float:
        """Seconds until this endpoint may be called; 0 when it may be called now."""
        with self._lock:
            until = max(self._everything_until, self._until.get(endpoint, 0.0))
        return max(0.0, until - self._timing.monotonic())

    def _take_slot(self, endpoint: str, sleep: Callable[[float], None]) -> None:
        """Never sleeps with a slot in hand: calls to other endpoints go on while this one is held back."""
        while True:
            while wait := self.due_in(endpoint):
                sleep(wait)
            self._slots.acquire()
            if not self.due_in(endpoint):
                return
            self._slots.release()


@dataclass(frozen=True)
class Pacers:
    """The pacers of a process, one per site, so that all its connectors to a site wait together."""

    connections: int = 8
    timing: Timing = field(default_factory=Timing)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _by_site: dict[str, Pacer] = field(default_factory=dict, repr=False)

    def of(self, base_url: str) -> Pacer:
        """The one pacer of the site at this normalised base URL."""
        with self._lock:
            return self._by_site.setdefault(base_url, Pacer(self.connections, self.timing))
