"""How do all connectors of all tenants stand? What the figures of a whole service are made of. Reads rows, decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Row, func, or_, select

from jirakb.control.database import reachable
from jirakb.control.tables import connector, run, worker


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A connector."""

    tenant: str
    id: str
    kb: str
    state: str


@dataclass(frozen=True, slots=True)
class SurveyedRun:
    """A run of a connector; `finished` is None while it has not ended."""

    tenant: str
    connector: str
    kind: str
    state: str
    started: datetime | None
    finished: datetime | None
    progress: Mapping[str, Any]
    result: Mapping[str, Any]

    @property
    def seconds(self) -> float:
        """From its beginning to its end; 0 while there is none."""
        return (self.finished - self.started).total_seconds() if self.started and self.finished else 0.0


@dataclass(frozen=True, slots=True)
class Survey:
    """One look at everything. `runs` are those that have not ended or ended lately, oldest first; `waiting` counts all
    that have not ended by state; `workers` were seen lately."""

    connectors: tuple[Surveyed, ...]
    runs: tuple[SurveyedRun, ...]
    waiting: Mapping[str, int]
    workers: int


def survey(engine: Engine, now: datetime, *, lately: timedelta, alive: timedelta) -> Survey:
    """How everything stands; raises DatabaseUnavailableError."""
    with reachable(engine), engine.connect() as connection:
        living = select(func.count()).select_from(worker).where(worker.c.beat >= now - alive)
        return Survey(
            connectors=_connectors(connection),
            runs=_runs(connection, now - lately),
            waiting=_waiting(connection),
            workers=connection.execute(living).scalar() or 0,
        )


def _connectors(connection: Connection) -> tuple[Surveyed, ...]:
    columns = (connector.c.tenant, connector.c.id, connector.c.kb, connector.c.state)
    rows = connection.execute(select(*columns).where(connector.c.removed.is_(None)).order_by(connector.c.id))
    return tuple(Surveyed(*row) for row in rows)


def _runs(connection: Connection, since: datetime) -> tuple[SurveyedRun, ...]:
    lately = or_(run.c.finished.is_(None), run.c.finished >= since)
    rows = connection.execute(select(run).where(lately, run.c.connector.is_not(None)).order_by(run.c.id))
    return tuple(map(_surveyed, rows))


def _surveyed(row: Row[Any]) -> SurveyedRun:
    return SurveyedRun(
        row.tenant,
        row.connector,
        row.kind,
        row.state,
        row.started,
        row.finished,
        orjson.loads(row.progress),
        orjson.loads(row.result),
    )


def _waiting(connection: Connection) -> dict[str, int]:
    counted = select(run.c.state, func.count()).where(run.c.finished.is_(None)).group_by(run.c.state)
    return {row[0]: row[1] for row in connection.execute(counted)}
