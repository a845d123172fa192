"""Has somebody tried too many wrong keys? Counts failures by client address, in bounded memory. Checks no key."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

ALLOWED = 20
SECONDS = 60.0
_ADDRESSES = 10_000


class Failures:
    """The failures of the last minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds until this address may try again; 0 when it may now."""
        with self._lock:
            times = self._recent(address)
            return times[0] + SECONDS - self._clock() if times and len(times) >= ALLOWED else 0.0

    def note(self, address: str) -> None:
        """It failed once more."""
        with self._lock:
            times = self._recent(address)
            if times is None:
                times = self._seen.setdefault(address, deque(maxlen=ALLOWED))
            times.append(self._clock())
            self._seen.move_to_end(address)
            if len(self._seen) > _ADDRESSES:
                self._seen.popitem(last=False)

    def _recent(self, address: str) -> deque[float] | None:
        times = self._seen.get(address)
        while times and times[0] <= self._clock() - SECONDS:
            times.popleft()
        return times
