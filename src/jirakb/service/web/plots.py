"""How did it go over time? Runs and samples as the points of plots, one for each of at most so many equal steps. Reads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jirakb.control.runs import RunRecord
from jirakb.control.samples import Figures
from jirakb.service.web.models.connectors import HistoryPoint
from jirakb.service.web.models.health import ServicePoint

MOST_POINTS = 121
_STEPS = (60, 300, 900, 1800, 3600, 7200, 21_600)
"""Seconds; each is a whole number of the spans by which samples of so long ago are kept."""
_GOOD = frozenset({"complete", "incomplete"})


@dataclass(frozen=True, slots=True)
class Steps:
    """The equal steps from some hours ago until now, by the clock: the last one is not over."""

    now: datetime
    seconds: int
    count: int

    @classmethod
    def back(cls, hours: float, now: datetime) -> Steps:
        """So many hours, in the smallest steps that are not too many."""
        seconds = next((one for one in _STEPS if hours * 3600 / one < MOST_POINTS), _STEPS[-1])
        return cls(now, seconds, int(hours * 3600 // seconds) + 1)

    @property
    def since(self) -> datetime:
        """When the first one begins."""
        return datetime.fromtimestamp((int(self.now.timestamp()) // self.seconds - self.count + 1) * self.seconds, UTC)

    def begins(self) -> list[datetime]:
        """When each begins, oldest first."""
        first = self.since
        return [first + timedelta(seconds=number * self.seconds) for number in range(self.count)]

    def number(self, time: datetime) -> int:
        """Which of them a time is in."""
        return min(self.count - 1, max(0, int((time - self.since).total_seconds()) // self.seconds))


@dataclass
class _Runs:
    """What the runs come to that ended in one step."""

    runs: int = 0
    failed: int = 0
    documents: int = 0
    errors: int = 0
    seconds: float = 0.0
    requests: int = 0
    throttled: int = 0
    throttled_seconds: float = 0.0

    def take(self, run: RunRecord) -> None:
        """Take in one run, whatever became of it."""
        self.runs += 1
        self.failed += run.state == "failed"
        self.documents += run.result.get("counts", {}).get("indexed", 0)
        self.errors += int(run.result.get("failed", 0)) or int(run.state == "failed")
        self.requests += sum(run.progress.get("requests", {}).values())
        self.throttled += run.progress.get("throttled", 0)
        self.throttled_seconds += run.progress.get("throttled_seconds", 0.0)
        if run.finished:
            self.seconds += (run.finished - (run.started or run.requested)).total_seconds()


def connector_points(
    steps: Steps, runs: Iterable[RunRecord], good_before: datetime | None, held: Mapping[int, Figures]
) -> list[HistoryPoint]:
    """A connector's runs, and what its knowledge base held in each step; `good_before` is the last good run's end before."""
    ended = [run for run in runs if run.finished]
    sums = [_Runs() for _ in range(steps.count)]
    for run in ended:
        sums[steps.number(run.finished or steps.now)].take(run)
    good = sorted(run.finished for run in ended if run.finished and run.state in _GOOD)
    ages = list(_ages(steps, good, good_before))
    return [
        HistoryPoint(time=begin, age=ages[number], backlog=held.get(number, Figures()).backlog, **vars(sums[number]))
        for number, begin in enumerate(steps.begins())
    ]


def _ages(steps: Steps, good: Sequence[datetime], before: datetime | None) -> Iterator[float | None]:
    """How old what is known was at most within each step: since the good run that ended before."""
    last, at = before, 0
    for begin in steps.begins():
        end = min(begin + timedelta(seconds=steps.seconds), steps.now)
        oldest: float | None = None
        while at < len(good) and good[at] < end:
            oldest = max(oldest or 0.0, (good[at] - last).total_seconds()) if last else oldest
            last, at = good[at], at + 1
        still = (end - last).total_seconds() if last else None
        yield still if oldest is None else max(oldest, still or 0.0)


def service_points(steps: Steps, held: Mapping[int, Figures], seen: Mapping[int, Figures]) -> list[ServicePoint]:
    """What the service held in each step, and the searches of one tenant."""
    return [
        _service_point(begin, held.get(number, Figures()), seen.get(number, Figures()))
        for number, begin in enumerate(steps.begins())
    ]


def _service_point(begin: datetime, held: Figures, seen: Figures) -> ServicePoint:
    mean = (seen.search_seconds or 0.0) / seen.searches if seen.searches else None
    return ServicePoint(
        time=begin,
        memory=held.memory,
        searches=seen.searches or 0,
        search_seconds=mean,
        search_slowest=seen.search_slowest,
    )
