"""How far is a run, and is it asked to stop? A thread beside each run writes the one and reads the other. Decides nothing."""

from __future__ import annotations

import resource
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from sqlalchemy.exc import SQLAlchemyError

from jirakb.control.runs import RunRecord, RunRecords, Told
from jirakb.errors import JirakbError, RunStoppedError
from jirakb.progress import Stage
from jirakb.source import RequestCounts

LOOK_SECONDS = 0.3
WRITE_SECONDS = 0.6

Reason = Literal["", "pause", "cancel", "lost", "leave"]
"""Why a run is to stop; "leave" when its worker ends."""


class Stoppable(Protocol):
    """What a run reads from."""

    def stop(self) -> None:
        """Give up what is under way."""

    def requests(self) -> RequestCounts:
        """What was asked so far."""

    def waited(self) -> float:
        """The seconds for which calls were held back so far."""


@dataclass(slots=True)
class _Seen:
    """How far a stage is, and when it was first told of."""

    began: float
    first: int
    done: int
    total: int | None

    def rate(self, now: float) -> float:
        """Done per second since the first word."""
        return (self.done - self.first) / (now - self.began) if now > self.began else 0.0


@dataclass
class Progress:
    """The stages of a run as its watcher shows them. Used from several threads."""

    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stages: dict[Stage, _Seen] = field(default_factory=dict)

    def show(self, stage: Stage, done: int, total: int | None) -> None:
        """A stage is so far; one that is less far than before has begun anew."""
        with self._lock:
            seen = self._stages.get(stage)
            if seen is None or done < seen.done:
                seen = self._stages[stage] = _Seen(self.clock(), done, done, total)
            seen.done, seen.total = done, total

    def to_json(self) -> dict[str, Any]:
        """As a run shows it: rates per second; `seconds_left` of the slowest stage whose end is known."""
        with self._lock:
            now = self.clock()
            stages = {
                stage: {"done": seen.done, "total": seen.total, "rate": round(seen.rate(now), 1)}
                for stage, seen in self._stages.items()
            }
            left = [_left(seen, now) for seen in self._stages.values()]
        known = [seconds for seconds in left if seconds is not None]
        return {"stages": stages, "seconds_left": round(max(known)) if known else None}


def _left(seen: _Seen, now: float) -> float | None:
    rate = seen.rate(now)
    return (seen.total - seen.done) / rate if seen.total is not None and rate > 0 else None


class Attention:
    """The watcher of one run, for as long as a `with` block lasts."""

    def __init__(self, runs: RunRecords, run: RunRecord, worker: str) -> None:
        self._runs = runs
        self._run = run.id
        self._worker = worker
        self._before = run.progress  # of the attempts before this one: their calls count too
        self._progress = Progress()
        self._source: Stoppable | None = None
        self._stopped = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._written: dict[str, Any] = {}
        self._thread = threading.Thread(target=copy_context().run, args=(self._look,), name="attention", daemon=True)
        self.reason: Reason = ""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def goes_on(self) -> bool:
        """Whether nobody has asked the run to stop."""
        return not self._stopped.is_set()

    def watch(self, stage: Stage, done: int, total: int | None) -> None:
        """A stage is so far; raises RunStoppedError where the run is to stop."""
        self._progress.show(stage, done, total)
        if self._stopped.is_set():
            raise RunStoppedError("The run was stopped.", fix="Resume it: what was committed stays.")

    def read_from(self, source: Stoppable) -> None:
        """This is what is stopped with the run, and what counts its calls."""
        with self._lock:
            self._source = source
            if self._stopped.is_set():
                source.stop()

    def stop(self, reason: Reason) -> None:
        """The run is to stop; the first reason stays."""
        with self._lock:
            self.reason = self.reason or reason
            self._stopped.set()
            if self._source:
                self._source.stop()

    def write(self) -> None:
        """Write down how far the run came; raises DatabaseUnavailableError."""
        self._tell()

    def _look(self) -> None:
        written = 0.0
        while not self._ended.wait(LOOK_SECONDS):
            due = time.monotonic() - written >= WRITE_SECONDS
            try:
                told = self._tell() if due else self._runs.stop_asked(self._run, self._worker)
            except (
                JirakbError,
                SQLAlchemyError,
            ):  # the work itself does not need the database; this thread looks again
                continue
            written = time.monotonic() if due else written
            if told and self.goes_on():
                self.stop(told)

    def _tell(self) -> Told:
        progress = self._progress.to_json() | self._calls() | {"memory": _peak_memory()}
        if progress == self._written:
            return self._runs.stop_asked(self._run, self._worker)
        told = self._runs.tell(self._run, progress, worker=self._worker)
        self._written = progress
        return told

    def _calls(self) -> dict[str, Any]:
        """What the site was asked, and how often and how long it said "wait", in all attempts of the run."""
        source, before = self._source, self._before
        requests, waited = (source.requests(), source.waited()) if source else (RequestCounts(), 0.0)
        return {
            "requests": dict(Counter(before.get("requests", {})) + Counter(requests.by_endpoint)),
            "throttled": before.get("throttled", 0) + requests.throttled,
            "throttled_seconds": round(before.get("throttled_seconds", 0.0) + waited, 1),
        }


def _peak_memory() -> int:
    """The most bytes that this process ever held, in whole megabytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return peak >> 20 << 20
