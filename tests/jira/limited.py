"""A site that limits its callers, and workers that call it as a pace lets them, on a clock of their own: no waiting, no thread."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from jirakb.jira.client.answers import Throttled, judge
from jirakb.jira.client.limits import allowance
from jirakb.jira.pacing.site import EVERYTHING, SitePace
from jirakb.jira.pacing.turns import Turn
from jirakb.simulator.limits import Limit
from jirakb.simulator.messages import Answer

ENDPOINT = "POST issue/bulkfetch"
START = 1_760_000_000.0


@dataclass
class Workers:
    """So many workers that send calls and wait as they are told, until `calls` were let through."""

    limit: Limit
    count: int = 10
    seconds_of_call: float = 0.1
    pace: SitePace = field(default_factory=SitePace)
    now: float = 0.0
    refusals: list[float] = field(default_factory=list)
    admitted: list[float] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    _queue: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: int = 0

    def read(self, calls: int) -> None:
        for _ in range(self.count):
            self._later(0.001 * self.chance.random(), self._try)
        wanted = len(self.admitted) + calls
        while len(self.admitted) < wanted:
            self.now, _, work = heapq.heappop(self._queue)
            work()
        self._queue.clear()

    def rate(self) -> float:
        return len(self.admitted) / (self.admitted[-1] - self.admitted[0])

    def share(self) -> float:
        """Of the calls that the limit would have let through."""
        seconds = self.admitted[-1] - self.admitted[0]
        return len(self.admitted) / (self.limit.capacity + self.limit.per_second * seconds)

    def _later(self, seconds: float, work: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._queue, (self.now + seconds, self._order, work))

    def _try(self) -> None:
        wait = self.pace.wait(ENDPOINT, START + self.now)
        if wait:
            self._later(wait + 0.002 * self.chance.random(), self._try)
            return
        self.pace, turn = self.pace.take(ENDPOINT, START + self.now)
        self._later(self.seconds_of_call * (0.3 + 0.2 * self.chance.random()), lambda: self._arrive(turn))

    def _arrive(self, turn: Turn) -> None:
        refusal = self.limit.take(ENDPOINT, "user", self.now)
        if refusal is None:
            self.admitted.append(self.now)
        told = refusal or Answer(200, b"{}", headers=self.limit.told(ENDPOINT, "user", self.now))
        self._later(self.seconds_of_call * 0.5, lambda: self._hear(turn, told))

    def _hear(self, turn: Turn, told: Answer) -> None:
        now = START + self.now
        headers = {name.lower(): value for name, value in told.headers.items()}
        said = judge(ENDPOINT, "https://x", told.status, headers, told.plain(), frozenset(), now)
        self.pace = self.pace.tell(turn, allowance(headers), self.count - 1, now)
        if isinstance(said, Throttled):
            self.refusals.append(self.now)
            self._wait(turn, said, now)
        self._later(0, self._try)

    def _wait(self, turn: Turn, said: Throttled, now: float) -> None:
        scope = EVERYTHING if said.everything else ENDPOINT
        between = self.pace.seconds_between(ENDPOINT, now)
        wait = said.wait or (max(0.5, 2 * between) if between else 2.0)
        until = now + wait * (1 + 0.1 * self.chance.random())
        self.pace = self.pace.hold(scope, until, now).refuse(turn, scope, until - now, now)
