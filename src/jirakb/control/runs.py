"""What was asked of each connector, how far is it, and how did it go? The rows that people and workers share. Runs nothing.

A run is requested (queued), taken by a worker (running), asked to stop (paused), and ends: complete, incomplete (some
issues failed), failed, or stopped by the deletion brake. What a run stored stands in the knowledge base, not here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson
from sqlalchemy import ColumnElement, Engine, Row, and_, case, func, literal, or_, select, true, update
from sqlalchemy.exc import IntegrityError
from ulid import ULID

from jirakb.control.database import reachable
from jirakb.control.tables import run
from jirakb.errors import NotFoundError, RunUnderWayError

RunState = Literal["queued", "running", "paused", "complete", "incomplete", "failed", "stopped"]
RequestKind = Literal["sync", "census", "rebuild", "embed", "delete"]
Stop = Literal["", "pause", "cancel"]
Told = Literal["", "pause", "cancel", "lost"]
"""What a worker is told about its run; "lost" when the run is not its own any more."""
ENDED: tuple[RunState, ...] = ("complete", "incomplete", "failed", "stopped")
_MOST_ENDED = 50_000  # a run a minute for a month
_LANES: dict[RequestKind, str] = {
    "sync": "sync", "census": "sync", "rebuild": "rebuild", "embed": "embed", "delete": "delete",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run. `kind` is what was asked for until the worker knows better (full, incremental); `result` and `error` are JSON objects."""

    id: str
    tenant: str
    connector: str | None
    kb: str
    kind: str
    wish: Mapping[str, Any]
    state: RunState
    requested: datetime
    started: datetime | None
    finished: datetime | None
    worker: str | None
    attempts: int
    failures: int
    stop: Stop
    progress: Mapping[str, Any]
    result: Mapping[str, Any]
    error: Mapping[str, Any] | None


class RunRecords:
    """The runs of all tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def request(
        self,
        tenant: str,
        kb: str,
        kind: RequestKind,
        now: datetime,
        *,
        connector: str | None = None,
        wish: Mapping[str, Any] | None = None,
    ) -> RunRecord:
        """A queued run; raises RunUnderWayError (which names it) when the connector has an unfinished one of that lane."""
        row = {
            "id": str(ULID.from_datetime(now)), "tenant": tenant, "connector": connector, "kb": kb, "kind": kind,
            "lane": _LANES[kind], "wish": orjson.dumps(wish or {}).decode(), "state": "queued", "requested": now,
        }  # fmt: skip
        try:
            with reachable(self._engine), self._engine.begin() as connection:
                connection.execute(run.insert().values(row))
        except IntegrityError as exc:
            under_way = self._unfinished(connector or "", _LANES[kind])
            if under_way is None:
                raise NotFoundError(f"There is no connector {connector}.") from exc
            raise RunUnderWayError(
                f"Run {under_way.id} of this connector has not ended.",
                fix="Wait for it, or pause it.",
                key=under_way.id,
            ) from exc
        return self.get(tenant, str(row["id"]))

    def get(self, tenant: str, identity: str) -> RunRecord:
        """One run; raises NotFoundError, for another tenant's too."""
        found = self._select(run.c.tenant == tenant, run.c.id == identity, limit=1)
        if not found:
            raise NotFoundError(f"There is no run {identity}.")
        return found[0]

    def find(self, identity: str) -> RunRecord:
        """One run of any tenant, for the worker that was handed its id."""
        found = self._select(run.c.id == identity, limit=1)
        if not found:
            raise NotFoundError(f"There is no run {identity}.")
        return found[0]

    def page(self, tenant: str, connector: str, *, before: str = "", limit: int = 50) -> list[RunRecord]:
        """A connector's runs, newest first, those older than `before`."""
        wanted = [run.c.tenant == tenant, run.c.connector == connector]
        return self._select(*wanted, *([run.c.id < before] if before else []), limit=limit)

    def ended_since(self, tenant: str, connector: str, since: datetime) -> list[RunRecord]:
        """A connector's runs that read its site and ended from then on, newest first."""
        mine = (run.c.tenant == tenant, run.c.connector == connector, run.c.lane == "sync")
        return self._select(*mine, run.c.finished >= since, limit=_MOST_ENDED)

    def last_good(self, tenant: str, connector: str, before: datetime) -> datetime | None:
        """When the last run ended by then that read all of what it should."""
        good = (run.c.lane == "sync", run.c.state.in_(("complete", "incomplete")), run.c.finished < before)
        newest = select(func.max(run.c.finished)).where(run.c.tenant == tenant, run.c.connector == connector, *good)
        with reachable(self._engine), self._engine.connect() as connection:
            return connection.execute(newest).scalar()

    def latest(self, tenant: str, connectors: Sequence[str]) -> dict[str, RunRecord]:
        """The newest run of each of these connectors that has one."""
        mine = and_(run.c.tenant == tenant, run.c.connector.in_(connectors))
        newest = select(func.max(run.c.id)).where(mine).group_by(run.c.connector)
        return {
            record.connector: record for record in self._select(run.c.id.in_(newest), limit=10_000) if record.connector
        }

    def unfinished(self, connector: str, kind: RequestKind = "sync") -> RunRecord | None:
        """The connector's run of that lane that has not ended, if any."""
        return self._unfinished(connector, _LANES[kind])

    def all_unfinished(self) -> list[RunRecord]:
        """Every tenant's runs that have not ended, newest first."""
        return self._select(run.c.finished.is_(None), limit=10_000)

    def queued(self) -> list[RunRecord]:
        """Every tenant's runs that wait for a worker, newest first."""
        return self._select(run.c.state == "queued", limit=10_000)

    def running(self) -> list[RunRecord]:
        """Every tenant's runs that a worker has taken, newest first."""
        return self._select(run.c.state == "running", limit=10_000)

    def of_kb(self, kb: str) -> list[RunRecord]:
        """The runs of a knowledge base that have not ended, newest first."""
        return self._select(run.c.kb == kb, run.c.finished.is_(None), limit=10_000)

    def take(self, identity: str, worker: str, now: datetime, attempt: int | None = None) -> RunRecord | None:
        """The worker does it from now on; None when it is gone, has ended, is paused, or is not to be done by this attempt.

        `attempt` is how many there had been when this one was queued; one whose worker died is taken again.
        """
        free: ColumnElement[bool] = run.c.state.in_(("queued", "running"))
        number: Any = run.c.attempts + 1
        if attempt is not None:
            begun = and_(run.c.state == "running", run.c.attempts == attempt + 1)
            free = or_(and_(run.c.state == "queued", run.c.attempts == attempt), begun)
            number = attempt + 1
        since = func.coalesce(run.c.started, literal(now, run.c.started.type))
        values = {"state": "running", "worker": worker, "attempts": number, "started": since}
        taken = self._change(and_(run.c.id == identity, run.c.finished.is_(None), free), values)
        return self.find(identity) if taken else None

    def tell(
        self, identity: str, progress: Mapping[str, Any], *, kind: str | None = None, worker: str | None = None
    ) -> Told:
        """Write how far it is; what it is asked to do meanwhile."""
        values = {"progress": orjson.dumps(progress).decode()} | ({"kind": kind} if kind else {})
        mine = and_(run.c.id == identity, _of(worker))
        with reachable(self._engine), self._engine.begin() as connection:
            stop = connection.execute(update(run).where(mine).values(values).returning(run.c.stop)).scalar()
        return _told(stop)

    def stop_asked(self, identity: str, worker: str | None = None) -> Told:
        """What the run is asked to do."""
        mine = and_(run.c.id == identity, _of(worker))
        with reachable(self._engine), self._engine.connect() as connection:
            return _told(connection.execute(select(run.c.stop).where(mine)).scalar())

    def pause(self, identity: str) -> None:
        """A waiting run waits for its user from now on; a running one is asked to."""
        if not self._change(and_(run.c.id == identity, run.c.state == "queued"), {"state": "paused", "stop": ""}):
            self._change(and_(run.c.id == identity, run.c.state == "running"), {"stop": "pause"})

    def resume(self, identity: str) -> None:
        """A paused run waits for a worker; one that was asked to pause goes on."""
        if not self._change(and_(run.c.id == identity, run.c.state == "paused"), {"state": "queued", "stop": ""}):
            self._change(and_(run.c.id == identity, run.c.stop == "pause"), {"stop": ""})

    def cancel(self, identity: str, now: datetime, error: Mapping[str, Any]) -> None:
        """A waiting or paused run ends; a running one is asked to."""
        waits = and_(run.c.id == identity, run.c.state.in_(("queued", "paused")))
        ended = {"state": "failed", "finished": now, "stop": "", "error": orjson.dumps(error).decode()}
        if not self._change(waits, ended):
            self.ask(identity, "cancel")

    def try_again(self, identity: str, worker: str, error: Mapping[str, Any] | None = None) -> bool:
        """The worker's run waits for a worker again, or for its user who has paused it meanwhile; with an error, that is a
        failure. Whether it was the worker's."""
        pauses = run.c.stop == "pause"
        values: dict[str, Any] = {
            "state": case((pauses, "paused"), else_="queued"), "stop": case((pauses, ""), else_=run.c.stop),
        }  # fmt: skip
        if error is not None:
            values |= {"failures": run.c.failures + 1, "error": orjson.dumps(error).decode()}
        return self._change(and_(run.c.id == identity, run.c.state == "running", _of(worker)), values)

    def stay_paused(self, identity: str, worker: str) -> bool:
        """The worker's run waits for its user, unless it was resumed meanwhile; whether it does."""
        mine = and_(run.c.id == identity, run.c.state == "running", run.c.stop == "pause", _of(worker))
        return self._change(mine, {"state": "paused", "stop": ""})

    def ask(self, identity: str, stop: Stop) -> None:
        """Ask an unfinished run to pause or to end."""
        self._change(and_(run.c.id == identity, run.c.finished.is_(None)), {"stop": stop})

    def enter(self, identity: str, state: Literal["queued", "paused"]) -> bool:
        """An unfinished run waits for a worker, or for its user; whether it was unfinished."""
        return self._change(and_(run.c.id == identity, run.c.finished.is_(None)), {"state": state, "stop": ""})

    def finish(
        self,
        identity: str,
        state: RunState,
        now: datetime,
        *,
        kind: str | None = None,
        result: Mapping[str, Any] | None = None,
        error: Mapping[str, Any] | None = None,
        worker: str | None = None,
    ) -> bool:
        """The run has ended; whether it was this worker's, where one is named."""
        values: dict[str, Any] = {"state": state, "finished": now, "stop": ""} | ({"kind": kind} if kind else {})
        if result is not None:
            values["result"] = orjson.dumps(result).decode()
        values["error"] = None if error is None else orjson.dumps(error).decode()
        return self._change(and_(run.c.id == identity, _of(worker)), values)

    def forget(self, before: datetime) -> list[str]:
        """Runs that ended before then go, except each connector's last five; their ids."""
        old = select(run.c.id).where(run.c.finished < before, run.c.id.not_in(self._latest()))
        with reachable(self._engine), self._engine.begin() as connection:
            gone = list(connection.execute(old).scalars())
            for start in range(0, len(gone), 500):
                connection.execute(run.delete().where(run.c.id.in_(gone[start : start + 500])))
        return gone

    def _latest(self) -> Any:
        place = func.row_number().over(partition_by=run.c.connector, order_by=run.c.id.desc()).label("place")
        ranked = select(run.c.id, place).subquery()
        return select(ranked.c.id).where(ranked.c.place <= 5)

    def _unfinished(self, connector: str, lane: str) -> RunRecord | None:
        found = self._select(run.c.connector == connector, run.c.lane == lane, run.c.finished.is_(None), limit=1)
        return found[0] if found else None

    def _select(self, *wanted: ColumnElement[bool], limit: int) -> list[RunRecord]:
        query = select(run).where(*wanted).order_by(run.c.id.desc()).limit(limit)
        with reachable(self._engine), self._engine.connect() as connection:
            rows: Sequence[Row[Any]] = connection.execute(query).all()
        return [_record(row) for row in rows]

    def _change(self, wanted: ColumnElement[bool], values: Mapping[str, Any]) -> bool:
        with reachable(self._engine), self._engine.begin() as connection:
            return bool(connection.execute(update(run).where(wanted).values(**values)).rowcount)


def _of(worker: str | None) -> ColumnElement[bool]:
    return true() if worker is None else run.c.worker == worker


def _told(stop: str | None) -> Told:
    told: Told = "lost" if stop is None else stop  # type: ignore[assignment]
    return told


def _record(row: Row[Any]) -> RunRecord:
    return RunRecord(
        row.id, row.tenant, row.connector, row.kb, row.kind, orjson.loads(row.wish), row.state, row.requested,
        row.started, row.finished, row.worker, row.attempts, row.failures, row.stop, orjson.loads(row.progress),
        orjson.loads(row.result), None if row.error is None else orjson.loads(row.error),
    )  # fmt: skip
