"""How does work survive the process that does it? Queues, limits by site and recovery, by DBOS. Knows nothing of what is done.

One attempt at a run is one workflow, whose arguments are the run's id and the attempt's number. Where a run stands is said by the control
tables and by its knowledge base; what stands here can be lost without losing more than a place in a queue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig, WorkflowStatus
from dbos._serialization import DBOSPortableJSONSerializer
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from jirakb.errors import DatabaseUnavailableError
from jirakb.settings import Settings

FILE = "work.sqlite"
_APPLICATION = "jirakb"
_VERSION = "1"
"""The same for all releases whose workflows take a run's id: an upgrade goes on with work in flight."""
_QUEUE = "runs"
_WORKFLOW = "run"
_POLL_SECONDS = 0.5
_UNDER_WAY = ("PENDING", "ENQUEUED", "DELAYED")
_GIVEN_UP = "MAX_RECOVERY_ATTEMPTS_EXCEEDED"
_KNOWN = (*_UNDER_WAY, _GIVEN_UP)
_BLOCK = 500
DEATHS = 9
"""Times that an attempt is begun again after its worker's death: what kills its worker must not kill all of them for ever."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a run, the `number`-th from 0. `lane` is what its queue limits by; `delay` are seconds until it may begin."""

    id: str
    run: str
    number: int
    lane: str
    delay: float = 0.0


class Durable:
    """The queue of one process, from `launch` to `close`. One per process: DBOS keeps its state in the module."""

    def __init__(self, settings: Settings, identity: str, work: Callable[[str, int], None]) -> None:
        self._settings = settings
        self._identity = identity
        self._work = work
        self._engine: Engine | None = None

    def launch(self) -> None:
        """Begin to take work; what this identity left when it died begins anew. Raises DatabaseUnavailableError."""
        work = self._work

        def run(identity: str, number: int) -> None:
            work(identity, number)

        DBOS(config=self._config())
        DBOS.workflow(name=_WORKFLOW, max_recovery_attempts=DEATHS)(run)
        try:
            DBOS.launch()
            DBOS.register_queue(
                _QUEUE,
                worker_concurrency=self._settings.worker_runs,
                partition_concurrency=self._settings.site_runs,
                polling_interval_sec=_POLL_SECONDS,
                on_conflict="always_update",
            )
        except SQLAlchemyError as exc:
            self.close()
            raise DatabaseUnavailableError(f"The database of the work cannot be used: {type(exc).__name__}.") from exc

    def close(self) -> None:
        """Take no more work and let go of the database."""
        DBOS.destroy(destroy_registry=True)
        if self._engine:
            self._engine.dispose()

    def begin(self, attempt: Attempt) -> None:
        """Queue an attempt; one that is known already is left as it is."""
        DBOS.enqueue_workflow_with_options(
            {
                "workflow_name": _WORKFLOW,
                "queue_name": _QUEUE,
                "workflow_id": attempt.id,
                "queue_partition_key": attempt.lane,
                "app_version": _VERSION,
                **({"delay_seconds": attempt.delay} if attempt.delay else {}),  # type: ignore[typeddict-item]
            },
            attempt.run,
            attempt.number,
        )

    def known(self, attempts: Iterable[str]) -> set[str]:
        """Those of these attempts that are queued or begun; one that ended, or that another version queued, is forgotten, so
        that it can be queued again."""
        wanted = list(attempts)
        found = DBOS.list_workflows(workflow_ids=wanted, load_input=False, load_output=False) if wanted else []
        useless = [status.workflow_id for status in found if not _will_be_done(status)]
        if useless:
            DBOS.delete_workflows(useless)
        return {status.workflow_id for status in found} - set(useless)

    def given_up(self) -> dict[str, tuple[str, int]]:
        """The attempts that too many workers died of: of each the run and the number."""
        found = DBOS.list_workflows(status=_GIVEN_UP, load_input=False, load_output=False)
        parts = {status.workflow_id: status.workflow_id.rpartition(".") for status in found}
        return {name: (run, int(number)) for name, (run, _, number) in parts.items()}

    def drop(self, attempts: Iterable[str]) -> None:
        """Know nothing of these attempts any more."""
        DBOS.delete_workflows(list(attempts))

    def executors(self) -> set[str]:
        """The identities that have begun something and not ended it."""
        begun = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        return {status.executor_id for status in begun if status.executor_id}

    def begin_again(self, dead: Iterable[str]) -> None:
        """Queue anew what these identities had begun when they died. Two workers may do so at once: each attempt is
        queued only while it is still the dead one's (the public `resume_workflows` does not look). What another version had
        begun is forgotten."""
        names = list(dead)
        DBOS._recover_pending_workflows(names)
        begun = DBOS.list_workflows(status="PENDING", executor_id=names, load_input=False, load_output=False)
        if foreign := [status.workflow_id for status in begun if status.app_version != _VERSION]:
            DBOS.delete_workflows(foreign)

    def forget(self, before: datetime) -> int:
        """Delete what ended before then; how many."""
        deleted = 0
        while found := DBOS.list_workflows(
            completed_before=before.isoformat(), limit=_BLOCK, load_input=False, load_output=False
        ):
            ended = [status.workflow_id for status in found if status.status not in _UNDER_WAY]
            if not ended:
                break
            DBOS.delete_workflows(ended)
            deleted += len(ended)
        return deleted

    def _config(self) -> DBOSConfig:
        config: DBOSConfig = {
            "name": _APPLICATION,
            "application_version": _VERSION,
            "executor_id": self._identity,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "ERROR",
            "enable_otlp": False,
            "max_executor_threads": self._settings.worker_runs + 8,
            "use_listen_notify": False,
            "scheduler_polling_interval_sec": 3600.0,
        }
        if self._settings.database_url:
            return {**config, "system_database_url": self._settings.database_url, "sys_db_pool_size": 5}
        self._engine = _sqlite(self._settings.home / FILE)
        return {**config, "system_database_engine": self._engine}


def _will_be_done(status: WorkflowStatus) -> bool:
    """By some worker of this version, or by one of another that has begun it."""
    if status.app_version == _VERSION:
        return status.status in _KNOWN
    return status.status == "PENDING"


def _sqlite(file: Path) -> Engine:
    """One process alone opens this file (`slot.py` sees to it), so that a write-ahead log is safe with any SQLite."""
    file.touch(mode=0o600)
    engine = create_engine(f"sqlite:///{file}")

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in ("busy_timeout=30000", "foreign_keys=ON", "journal_mode=WAL", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
