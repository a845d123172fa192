"""How far is a run, and how long did each stage take? Kept by the flow, shown by whoever watches. Never prints."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

Stage = Literal["list", "fetch", "render", "index", "embed", "prune"]

REPORTED: tuple[Stage, ...] = ("list", "fetch", "render", "index", "embed")

Watch = Callable[[Stage, int, int | None], None]
"""Called with a stage, how many issues (for embed: passages) it has done, and how many there are, where that is known."""


GoOn = Callable[[], bool]
"""Asked again and again whether the run goes on; when it says no, the run ends with RunStoppedError."""


def unhindered() -> bool:
    """Nobody stops it."""
    return True


def unwatched(stage: Stage, done: int, total: int | None) -> None:
    """Nobody watches."""


class Stages:
    """Wall-clock seconds of each stage, from its first start to its last end; stages overlap. Used from several threads."""

    def __init__(self, clock: Callable[[], float], watch: Watch = unwatched, began: float | None = None) -> None:
        self._clock = clock
        self._watch = watch
        self._lock = threading.Lock()
        self._first: dict[Stage, float] = {}
        self._last: dict[Stage, float] = {}
        self._began = clock() if began is None else began

    @contextmanager
    def doing(self, stage: Stage) -> Iterator[None]:
        """The block belongs to this stage."""
        with self._lock:
            self._first.setdefault(stage, self._clock())
        try:
            yield
        finally:
            with self._lock:
                self._last[stage] = self._clock()

    def show(self, stage: Stage, done: int, total: int | None = None) -> None:
        """Tell whoever watches how far a stage is."""
        self._watch(stage, done, total)

    def seconds(self) -> dict[str, float]:
        """Seconds of the whole, and by stage; 0.0 for a stage that had nothing to do."""
        with self._lock:
            spans: dict[str, float] = {"total": self._clock() - self._began}
            spans |= {stage: self._last.get(stage, 0.0) - self._first.get(stage, 0.0) for stage in REPORTED}
            return {name: round(max(0.0, seconds), 3) for name, seconds in spans.items()}
