"""Who does the work? A process with a name, a heartbeat and a queue; it takes over what a dead one left.

Three things go on beside the runs: the beat says that this worker lives; the round starts what is due, hands waiting runs
to the queue and looks after the dead; and each run has its watcher. The control tables say where a run stands, so that
anything the queue forgot is handed to it again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from structlog.contextvars import bound_contextvars

from jirakb.control.catalog import Catalog
from jirakb.control.connectors import Connectors, SavedConnector
from jirakb.control.runs import RunRecord, RunRecords
from jirakb.control.workers import Workers
from jirakb.engine.attention import Attention
from jirakb.engine.desk import schedule_run
from jirakb.engine.durable import Attempt, Durable
from jirakb.engine.outcome import Outcome, of_error
from jirakb.engine.pulse import Pulse
from jirakb.engine.running import Calls, Work
from jirakb.engine.schedule import due
from jirakb.engine.slot import Slot
from jirakb.errors import DatabaseUnavailableError, InternalError, JirakbError, NotFoundError
from jirakb.jira.client.retries import Budget
from jirakb.settings import Settings

T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds between what a worker does again and again."""

    beat: float = 2.0
    round: float = 1.0
    dead: float = 10.0
    """A worker not seen for so long is dead: its runs are begun again by the others."""
    busy: float = 1.0
    """Until a run is tried again whose knowledge base another run is writing into."""
    again: float = 10.0
    """Until a run is tried again whose site was at fault; four times as long the next time."""
    clean: float = 3600.0
    budget: Budget = field(default_factory=Budget)
    """What one call to a site may cost."""


class Worker:
    """One process's share of the work, from `start` to `stop`. DBOS allows one per process."""

    def __init__(
        self,
        settings: Settings,
        connectors: Connectors,
        runs: RunRecords,
        catalog: Catalog,
        workers: Workers,
        calls: Calls,
        rhythm: Rhythm | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._connectors = connectors
        self._runs = runs
        self._workers = workers
        self._rhythm = rhythm or Rhythm()
        self._clock = clock
        self._work = Work(settings, connectors, runs, catalog, calls)
        self._slot = Slot(settings.home, shared=bool(settings.database_url))
        self._durable: Durable | None = None
        self._stopping = threading.Event()
        self._told = threading.Event()
        self._lock = threading.Lock()
        self._attentions: dict[str, Attention] = {}
        self._threads: list[threading.Thread] = []
        self._pulse = Pulse(self._rhythm.dead)

    @property
    def identity(self) -> str:
        """This worker's name while it works."""
        return self._slot.identity

    def start(self) -> None:
        """Begin to work. Raises SettingsError when another process does the work of this home, DatabaseUnavailableError."""
        self._stopping.clear()
        self._pulse.forget()
        with ExitStack() as undo:
            identity = self._slot.take()
            undo.callback(self._slot.give_back)
            self._workers.beat(identity, self._clock())
            durable = Durable(self._settings, identity, self._run)
            durable.launch()
            undo.pop_all()
        self._durable = durable
        self._threads = [
            threading.Thread(target=self._keep, args=(work, seconds), name=name, daemon=True)
            for name, work, seconds in (
                ("beat", self._beat, self._rhythm.beat),
                ("round", lambda: self._round(durable), self._rhythm.round),
                ("clean", lambda: self._clean(durable), self._rhythm.clean),
            )
        ]
        for thread in self._threads:
            thread.start()

    def tell(self) -> None:
        """There is something new to do."""
        self._told.set()

    def stop(self, seconds: float = 10.0) -> bool:
        """Stop the runs under way, which go on elsewhere or after the next start; whether all of it stopped in time. If not,
        threads of this process still wait for a run or for the database: it should end without waiting for them."""
        if self._durable is None:
            return True
        self._stopping.set()
        self._told.set()
        deadline = time.monotonic() + seconds
        while self._under_way() and time.monotonic() < deadline:
            for attention in self._under_way():
                attention.stop("leave")
            time.sleep(0.05)
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        left = self._under_way()
        closing = threading.Thread(target=self._durable.close, name="closing", daemon=True)
        closing.start()
        closing.join(max(_CLOSING_SECONDS, deadline - time.monotonic()))
        self._durable = None
        return self._leave() and not left and not closing.is_alive()

    def _leave(self) -> bool:
        """Whether the database knows of it."""
        try:
            self._workers.leave(self.identity)
        except DatabaseUnavailableError as error:
            _log.warning("the worker's name stays: %s", error.message)
            return False
        finally:
            self._slot.give_back()
        return True

    def _under_way(self) -> list[Attention]:
        with self._lock:
            return list(self._attentions.values())

    # Beside the runs

    def _keep(self, work: Callable[[], None], seconds: float) -> None:
        while not self._stopping.is_set():
            self._try(work)
            if threading.current_thread().name == "round":
                self._told.wait(seconds)
                self._told.clear()
            else:
                self._stopping.wait(seconds)

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except DatabaseUnavailableError as error:
            self._pulse.forget()
            _log.warning("waiting for the control database: %s", error.message)
        except Exception:  # noqa: BLE001 - a fault of ours must end neither the beat nor the other connectors' work
            _log.exception("a part of the round failed")

    def _beat(self) -> None:
        self._workers.beat(self.identity, self._clock())

    def _round(self, durable: Durable) -> None:
        for part in (self._give_up, self._queue, self._take_over):
            self._try(lambda: part(durable))  # noqa: B023 - called at once
        self._try(self._start_due)

    def _start_due(self) -> None:
        now = self._clock()
        for saved in self._connectors.due(now):
            self._try(lambda: self._start(saved, now))  # noqa: B023 - called at once

    def _start(self, saved: SavedConnector, now: datetime) -> None:
        planned = due(saved, now)
        if planned and schedule_run(self._runs, saved, planned.kind, now):
            self._connectors.plan(saved, next_sync=planned.next_sync, next_census=planned.next_census)

    def _queue(self, durable: Durable) -> None:
        """Hand runs to the queue that it does not know: those that wait, and those that were begun when it was lost."""
        waiting = [(run, run.attempts) for run in self._runs.queued()]
        begun = [(run, run.attempts - 1) for run in self._runs.running() if run.id not in self._attentions]
        attempts = {_name(run, number): (run, number) for run, number in waiting + begun}
        known = durable.known(attempts)
        for name in attempts.keys() - known:
            self._try(lambda: durable.begin(self._attempt(*attempts[name])))  # noqa: B023 - called at once

    def _give_up(self, durable: Durable) -> None:
        """A run that worker after worker dies of ends, and its connector waits for somebody to look at it."""
        given_up = durable.given_up()
        for run, number in given_up.values():
            self._end_deadly(run, number)
        if given_up:
            durable.drop(given_up)

    def _end_deadly(self, run: str, number: int) -> None:
        with suppress(NotFoundError):  # removed meanwhile
            record = self._runs.find(run)
            if record.state == "running" and record.attempts == number + 1:
                self._runs.finish(run, "failed", self._clock(), error=_DEADLY, worker=record.worker)
                if record.connector:
                    why = f"{_DEADLY['message']} {_DEADLY['fix']}"
                    self._connectors.set_state(record.tenant, record.connector, "needs_attention", why)

    def _take_over(self, durable: Durable) -> None:
        """Begin again what dead workers had begun."""
        others = durable.executors() - {self.identity}
        dead = self._pulse.silent(others, self._workers.beats())
        if dead:
            durable.begin_again(dead)

    def _clean(self, durable: Durable) -> None:
        before = self._clock() - timedelta(days=self._settings.keep_runs_days)
        self._runs.forget(before)
        durable.forget(before)
        self._workers.take_over(self._clock(), timedelta(days=1))

    # A run

    def _run(self, run: str, attempt: int) -> None:
        """What the queue calls: one attempt at a run."""
        if self._stopping.is_set():
            return
        record = self._insist(lambda: self._runs.take(run, self.identity, self._clock(), attempt))
        if record is not None:
            with bound_contextvars(tenant=record.tenant, connector=record.connector, kb=record.kb, run=run):
                self._do(record)

    def _do(self, record: RunRecord) -> None:
        _log.info("begun: %s, attempt %d", record.kind, record.attempts)
        attention = Attention(self._runs, record, self.identity)
        with self._known(record.id, attention):
            with attention:
                outcome = self._outcome(record, attention)
            self._insist(lambda: self._settle(record, outcome, attention))
        _log.info("ended: %s", outcome.state if outcome.then == "end" else outcome.then)

    @contextmanager
    def _known(self, run: str, attention: Attention) -> Iterator[None]:
        """The run can be stopped from outside as long as the block lasts."""
        with self._lock:
            self._attentions[run] = attention
        try:
            yield
        finally:
            with self._lock:
                del self._attentions[run]

    def _outcome(self, record: RunRecord, attention: Attention) -> Outcome:
        try:
            return self._work.do(record, attention)
        except JirakbError as error:
            return of_error(error, record.failures)
        except Exception as error:  # noqa: BLE001 - the boundary of a run: a fault of ours ends this run, not the worker
            _log.exception("run %s failed", record.id)
            return of_error(InternalError(f"A fault of the program: {type(error).__name__}.", fix=_BUG_FIX), 0)

    def _settle(self, record: RunRecord, outcome: Outcome, attention: Attention) -> None:
        attention.write()
        if outcome.then == "end":
            self._end(record, outcome)
        elif outcome.then == "stop":
            self._stop_run(record, attention)
        else:
            self._later(record, outcome)

    def _end(self, record: RunRecord, outcome: Outcome) -> None:
        if outcome.connector and record.connector:
            self._enter_state(record, outcome)
        self._runs.finish(
            record.id, outcome.state, self._clock(), kind=outcome.kind, result=outcome.result, error=outcome.error,
            worker=self.identity,
        )  # fmt: skip

    def _enter_state(self, record: RunRecord, outcome: Outcome) -> None:
        """A user's pause stays; a run that ended well ends needs_attention. Who has lost the run has no say."""
        if self._runs.stop_asked(record.id, self.identity) == "lost":
            return
        try:
            saved = self._connectors.get(record.tenant, record.connector or "")
            if outcome.connector and saved.state in ("active", "needs_attention"):
                self._connectors.set_state(record.tenant, saved.id, outcome.connector, outcome.why)
        except NotFoundError:  # removed meanwhile
            return

    def _stop_run(self, record: RunRecord, attention: Attention) -> None:
        if attention.reason == "cancel":
            self._runs.finish(record.id, "failed", self._clock(), error=_CANCELLED, worker=self.identity)
        elif attention.reason != "lost" and not self._runs.stay_paused(record.id, self.identity):
            self._runs.try_again(record.id, self.identity)
            self.tell()

    def _later(self, record: RunRecord, outcome: Outcome) -> None:
        """The attempt to come is queued first: else the next round would queue it without its delay."""
        failed = outcome.then == "again"
        delay = self._rhythm.again * 4**record.failures if failed else self._rhythm.busy * _patience(record.attempts)
        if self._durable:
            self._durable.begin(self._attempt(record, record.attempts, delay))
        self._runs.try_again(record.id, self.identity, outcome.error if failed else None)

    def _attempt(self, record: RunRecord, number: int, delay: float = 0.0) -> Attempt:
        return Attempt(_name(record, number), record.id, number, self._lane(record), delay)

    def _lane(self, record: RunRecord) -> str:
        """What limits it: its site, or its knowledge base where no site is asked."""
        if record.connector is None or record.kind in ("rebuild", "delete", "embed"):
            return f"kb {record.kb}"
        return self._connectors.site(record.connector) or f"kb {record.kb}"

    def _insist(self, write: Callable[[], T]) -> T:
        """Try until the database is back: what was done must be written down, and needs no haste."""
        while True:
            try:
                return write()
            except DatabaseUnavailableError:
                if self._stopping.wait(0.5):
                    raise


def _name(record: RunRecord, number: int) -> str:
    return f"{record.id}.{number}"


def _patience(attempts: int) -> float:
    """How many times longer to wait the more often it was for nothing: what another run keeps busy may be busy for hours."""
    return min(_MOST_PATIENCE, 1.0 + attempts / 10)


_CLOSING_SECONDS = 3.0
_MOST_PATIENCE = 15.0
_CANCELLED = {"error": "Cancelled", "message": "The run was given up: its connector or knowledge base was removed."}
_DEADLY = {
    "error": "WorkerDied",
    "message": "Each worker that did this run died of it.",
    "fix": "Look into the workers' logs; give them more memory, or make the query or the size of attachments smaller.",
}
_BUG_FIX = "Look into the worker's log for this run."
