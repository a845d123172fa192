"""How did a service fare in the last month? Figures by the minute for a day, by the half hour for a month. Measures nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Engine,
    Row,
    and_,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite

from jirakb.control.database import reachable
from jirakb.control.tables import sample

KEPT = {60: timedelta(hours=25), 1800: timedelta(days=31)}
"""How long a sample is kept, by the seconds it stands for."""
N = TypeVar("N", int, float)
Subject = tuple[str, str]
"""Whose figures: a tenant and one of its knowledge bases; "" for all of a tenant's, and for those of the service itself."""
_HIGHEST = ("memory", "search_slowest", "backlog")
_SUMMED = ("searches", "search_seconds")
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured; None where nothing was. Several of one time are one: sums of searches, and else the highest."""

    memory: int | None = None
    """Bytes that a process holds."""
    searches: int | None = None
    search_seconds: float | None = None
    search_slowest: float | None = None
    backlog: int | None = None
    """Passages that wait for their vector."""

    def joined(self, other: Figures) -> Figures:
        """Both as one."""
        return Figures(
            memory=_most(self.memory, other.memory),
            searches=_together(self.searches, other.searches),
            search_seconds=_together(self.search_seconds, other.search_seconds),
            search_slowest=_most(self.search_slowest, other.search_slowest),
            backlog=_most(self.backlog, other.backlog),
        )


class Samples:
    """The samples of all tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, now: datetime, measured: Mapping[Subject, Figures]) -> None:
        """Take in what was measured at this time, by this process or another."""
        rows = [
            {"tenant": tenant, "kb": kb, "span": span, "time": _begin(now, span), **_values(figures)}
            for (tenant, kb), figures in sorted(measured.items(), key=lambda one: one[0])
            for span in KEPT
        ]
        if rows:
            with reachable(self._engine), self._engine.begin() as connection:
                connection.execute(_merging(self._engine.dialect.name), rows)

    def steps(self, tenant: str, kb: str, since: datetime, seconds: int, now: datetime) -> dict[int, Figures]:
        """What was measured in each step of so many seconds from then on, by the step's number, where anything was."""
        span = min((span for span, kept in KEPT.items() if now - since < kept), default=max(KEPT))
        mine = and_(sample.c.tenant == tenant, sample.c.kb == kb, sample.c.span == span, sample.c.time >= since)
        passed = type_coerce(sample.c.time, BigInteger) - literal(round(since.timestamp() * 1000), BigInteger)
        step = (passed // literal(seconds * 1000, BigInteger)).label("step")
        most = [func.max(sample.c[name]).label(name) for name in _HIGHEST]
        sums = [func.sum(sample.c[name]).label(name) for name in _SUMMED]
        with reachable(self._engine), self._engine.connect() as connection:
            rows = connection.execute(select(step, *most, *sums).where(mine).group_by(step)).all()
        return {int(row.step): _figures(row) for row in rows}

    def forget(self, now: datetime) -> None:
        """What is older than it is kept goes."""
        old = [and_(sample.c.span == span, sample.c.time < now - kept) for span, kept in KEPT.items()]
        with reachable(self._engine), self._engine.begin() as connection:
            connection.execute(delete(sample).where(or_(*old)))


def _most(one: N | None, other: N | None) -> N | None:
    return max((number for number in (one, other) if number is not None), default=None)


def _together(one: N | None, other: N | None) -> N | None:
    return one + other if one is not None and other is not None else _most(one, other)


def _begin(time: datetime, span: int) -> datetime:
    return datetime.fromtimestamp(int(time.timestamp()) // span * span, UTC)


def _values(figures: Figures) -> dict[str, Any]:
    return {one.name: getattr(figures, one.name) for one in fields(Figures)}


def _figures(row: Row[Any]) -> Figures:
    searches = None if row.searches is None else int(row.searches)  # PostgreSQL tells sums of whole numbers as decimals
    return Figures(row.memory, searches, row.search_seconds, row.search_slowest, row.backlog)


def _merging(dialect: str) -> Any:
    """One statement, so that several processes can add to one row at once."""
    insert = _INSERTS[dialect](sample)
    new, old = insert.excluded, sample.c
    merged = {name: _highest(old[name], new[name]) for name in _HIGHEST}
    merged |= {name: _sum(old[name], new[name]) for name in _SUMMED}
    return insert.on_conflict_do_update(index_elements=list(sample.primary_key), set_=merged)


def _highest(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((or_(other.is_(None), one > other), one), else_=other)


def _sum(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((other.is_(None), one), else_=func.coalesce(one, 0) + other)
