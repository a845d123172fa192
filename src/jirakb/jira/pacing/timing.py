"""What do waiting parts wait by? The clocks and the sleep that they are given, and what ends all waiting at once."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from jirakb.errors import SiteError


@dataclass(frozen=True)
class Timing:
    """The clocks, the sleep and the dice of a connector: passed in, so that a test needs no waiting."""

    monotonic: Callable[[], float] = time.monotonic
    """Seconds that never run backwards."""
    now: Callable[[], float] = time.time
    """Epoch seconds: the clock that processes have in common."""
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
