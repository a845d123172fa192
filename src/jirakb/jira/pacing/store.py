"""Where is what all share of a site kept: its pace, and the list of its fields? As one small text each, changed by one caller
at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol


class PaceStore(Protocol):
    """What the pacers of several threads, processes or machines have in common."""

    def change(self, site: str, work: Callable[[bytes], bytes]) -> None:
        """Put in place of what is kept of a site what `work` makes of it (b"" at first), as one step.

        `work` has no effects and may be called again when somebody else was faster; nothing is written when it changes
        nothing. Never raises on account of the store: pacing less well is better than not reading.
        """

    def close(self) -> None:
        """Let go of files and connections."""


class PacesInMemory:
    """For the pacers of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, bytes] = {}

    def change(self, site: str, work: Callable[[bytes], bytes]) -> None:
        """One after the other."""
        with self._lock:
            self._held[site] = work(self._held.get(site, b""))

    def close(self) -> None:
        """Nothing is open."""
