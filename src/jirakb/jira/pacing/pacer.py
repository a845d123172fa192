"""Who lets a call out? Waits until the site's pace admits it and a connection is free, and passes on what the site answered.

Knows nothing of HTTP: who reads the answers says what they tell.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from jirakb.jira.pacing.site import EVERYTHING, SitePace, read, write
from jirakb.jira.pacing.sqlite import PacesInFile
from jirakb.jira.pacing.store import PacesInMemory, PaceStore
from jirakb.jira.pacing.timing import Timing
from jirakb.jira.pacing.turns import Allowance, Turn

T = TypeVar("T")
_SHORTEST_PAUSE = 0.5
_CALLS_OF_PAUSE = 2
_LOOK_SECONDS = 0.25


class Pacer:
    """One site's pace: who calls the site asks for a turn first, and reports what the site said about waiting."""

    def __init__(
        self, connections: int = 8, timing: Timing | None = None, store: PaceStore | None = None, site: str = ""
    ) -> None:
        self._timing = timing or Timing()
        self._store = store or PacesInMemory()
        self._site = site
        self._slots = threading.BoundedSemaphore(connections)
        self._lock = threading.Lock()
        self._under_way = 0

    @contextmanager
    def turn(self, endpoint: str, sleep: Callable[[float], None] | None = None) -> Iterator[Turn]:
        """Waits until this endpoint may be called and one of the connections is free; holds the connection meanwhile.

        `sleep` is how the caller waits, where it has its own way of being interrupted.
        """
        turn = self._take(endpoint, sleep or self._timing.sleep)
        self._count(1)
        try:
            yield turn
        finally:
            self._count(-1)
            self._slots.release()

    def hold(self, seconds: float, endpoint: str | None = None) -> None:
        """No call to `endpoint` (None: to anything) is sent before `seconds` have passed."""
        now, until = self._until(seconds)
        self._change(lambda pace: (pace.hold(endpoint or EVERYTHING, until, now), None))

    def refuse(self, turn: Turn, seconds: float, *, everything: bool, learn: bool) -> None:
        """This call was refused: holds its endpoint, or everything, for so long; `learn`: since it came too soon after others."""
        now, until = self._until(seconds)
        scope = EVERYTHING if everything else turn.endpoint

        def refused(pace: SitePace) -> tuple[SitePace, None]:
            held = pace.hold(scope, until, now)
            return (held.refuse(turn, scope, until - now, now) if learn else held), None

        self._change(refused)

    def tell(self, turn: Turn, said: Allowance) -> None:
        """The answer to this call tells of limits."""
        if said.says_nothing:
            return
        now, under_way = self._timing.now(), self._under_way
        self._change(lambda pace: (pace.tell(turn, said, under_way, now), None))

    def due_in(self, endpoint: str) -> float:
        """Seconds until this endpoint may be called; 0 when it may be called now."""
        now = self._timing.now()
        return self._change(lambda pace: (pace, pace.wait(endpoint, now)))

    def fitting_pause(self, endpoint: str) -> float | None:
        """Seconds to wait after a refusal that named none, where the limit of the endpoint is known."""
        now = self._timing.now()
        between = self._change(lambda pace: (pace, pace.seconds_between(endpoint, now)))
        return None if between is None else max(_SHORTEST_PAUSE, _CALLS_OF_PAUSE * between)

    def _take(self, endpoint: str, sleep: Callable[[float], None]) -> Turn:
        """Never sleeps with a slot in hand: calls to other endpoints go on while this one is held back."""
        while True:
            while wait := self.due_in(endpoint):
                sleep(wait)
            while not self._slots.acquire(timeout=_LOOK_SECONDS):
                sleep(0.0)  # others may hold theirs for long, and the caller may be told to stop
            turn = self._try_take(endpoint)
            if turn is not None:
                return turn
            self._slots.release()

    def _try_take(self, endpoint: str) -> Turn | None:
        now = self._timing.now()

        def take(pace: SitePace) -> tuple[SitePace, Turn | None]:
            return (pace, None) if pace.wait(endpoint, now) else pace.take(endpoint, now)

        return self._change(take)

    def _until(self, seconds: float) -> tuple[float, float]:
        """Now, and the end of a wait. Up to a tenth is added by chance: who was told the same wait should not return as one."""
        now = self._timing.now()
        return now, now + seconds * (1 + 0.1 * self._timing.chance())

    def _count(self, more: int) -> None:
        with self._lock:
            self._under_way += more

    def _change(self, work: Callable[[SitePace], tuple[SitePace, T]]) -> T:
        found: list[T] = []

        def change(text: bytes) -> bytes:
            before = read(text)
            after, result = work(before)
            found.append(result)
            return text if after is before else write(after)

        self._store.change(self._site, change)
        return found[-1]


@dataclass(frozen=True)
class Pacers:
    """The pacers of a process, one per site, so that all its connectors to a site wait together."""

    connections: int = 8
    timing: Timing = field(default_factory=Timing)
    store: PaceStore = field(default_factory=PacesInMemory)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _by_site: dict[str, Pacer] = field(default_factory=dict, repr=False)

    @classmethod
    def kept_in(cls, home: Path, connections: int, timing: Timing) -> Pacers:
        """Pacers that share what they learn with the other processes of a home."""
        return cls(connections, timing, PacesInFile(home))

    def of(self, base_url: str) -> Pacer:
        """The one pacer of the site at this normalised base URL."""
        with self._lock:
            known = self._by_site.get(base_url)
            if known is None:
                known = self._by_site[base_url] = Pacer(self.connections, self.timing, self.store, base_url)
            return known

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()
