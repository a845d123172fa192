"""Which workers have died? Those whose beat has not changed for so long, by this process's own clock: the clocks of other
hosts may be wrong, and any clock may be set. Reads no table."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime


class Pulse:
    """What one worker has seen of the others. `patience` are the seconds after which a silent one is dead."""

    def __init__(self, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._seen: dict[str, tuple[datetime | None, float]] = {}
        self._looked = clock()

    def silent(self, names: Collection[str], beats: Mapping[str, datetime]) -> set[str]:
        """Those of the names whose beat, or lack of one, was the same at every look for as long as the patience lasts.

        Who has not looked for a while begins anew: what kept it from looking may have kept the others from beating.
        """
        now = self._clock()
        if now - self._looked > self._patience / 2:
            self.forget()
        self._looked = now
        self._seen = {name: self._since(name, beats.get(name), now) for name in names}
        return {name for name, (_, since) in self._seen.items() if now - since >= self._patience}

    def forget(self) -> None:
        """Begin anew: nobody could beat."""
        self._seen = {}

    def _since(self, name: str, beat: datetime | None, now: float) -> tuple[datetime | None, float]:
        known = self._seen.get(name)
        return known if known and known[0] == beat else (beat, now)
