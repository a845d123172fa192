"""How much does this process hold, how long do its searches take, what waits in the knowledge bases? Measured twice a minute, and
kept for the plots of the past. What Prometheus is told stands in metrics.py. Never speaks of one tenant to another."""

from __future__ import annotations

import logging
import os
import resource
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw

from jirakb.control.samples import Figures, Samples, Subject
from jirakb.control.survey import survey
from jirakb.engine.open import Service
from jirakb.errors import DatabaseUnavailableError, JirakbError
from jirakb.knowledge.opening import opened
from jirakb.knowledge.store import query

_EVERY = 30.0
_FORGET_EVERY = timedelta(hours=1)
_STATM = Path("/proc/self/statm")
_BACKLOG = "SELECT count(*) FROM backlog"
_log = logging.getLogger(__name__)


class Searches:
    """The searches of this process since somebody asked. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, Figures] = {}

    def note(self, tenant: str, seconds: float) -> None:
        """A tenant's question was answered."""
        one = Figures(searches=1, search_seconds=seconds, search_slowest=seconds)
        with self._lock:
            self._seen[tenant] = self._seen.get(tenant, Figures()).joined(one)

    def take(self) -> dict[str, Figures]:
        """By tenant; they are not told again."""
        with self._lock:
            seen, self._seen = self._seen, {}
        return seen


class Sampler:
    """Measures in a thread of its own for the block, `searches` of this process too; backlogs if it `works`."""

    def __init__(
        self,
        service: Service,
        searches: Searches | None = None,
        *,
        works: bool = True,
        every: float = _EVERY,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._service = service
        self._searches = searches or Searches()
        self._samples = Samples(service.engine_db)
        self._works = works
        self._every = every
        self._clock = clock
        self._forgot = datetime.min.replace(tzinfo=UTC)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="samples", daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(5.0)  # the database may be away, and is not worth waiting for

    def take(self) -> None:
        """Measure, and keep it; raises DatabaseUnavailableError."""
        now = self._clock()
        measured: dict[Subject, Figures] = {("", ""): Figures(memory=memory_held())}
        measured |= {(tenant, ""): seen for tenant, seen in self._searches.take().items()}
        if self._works:
            measured |= self._backlogs(now)
        self._samples.add(now, measured)
        if now - self._forgot > _FORGET_EVERY:
            self._samples.forget(now)
            self._forgot = now

    def _keep(self) -> None:
        while not self._stopping.is_set():
            try:
                self.take()
            except DatabaseUnavailableError as error:
                _log.warning("no sample was kept: %s", error.message)
            except Exception:  # noqa: BLE001 - a fault of ours must not end the plots for as long as the process lives
                _log.exception("no sample was kept")
            self._stopping.wait(self._every)

    def _backlogs(self, now: datetime) -> dict[Subject, Figures]:
        found: dict[Subject, Figures] = {}
        for one in survey(self._service.engine_db, now, lately=timedelta(), alive=timedelta()).connectors:
            folder = self._service.settings.home / "kb" / one.kb
            if (one.tenant, one.kb) not in found and (folder / "kb.sqlite").exists():
                try:
                    with opened(folder, one.kb) as base:
                        found[one.tenant, one.kb] = Figures(backlog=query(base.reader(), _BACKLOG)[0][0])
                except (JirakbError, apsw.Error) as error:
                    _log.warning("the backlog of %s is not known: %s", one.kb, error)
        return found


def memory_held() -> int:
    """The bytes of memory that this process holds; the most it ever held where the system does not say."""
    try:
        return int(_STATM.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
