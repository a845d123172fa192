"""Which issues may a search return? The filter's parameters as one condition, and the reader sets of who asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import apsw
import numpy as np
import orjson

from jirakb.documents import Readers
from jirakb.errors import UsageError
from jirakb.knowledge.index.columns import (
    VALUE_COLUMNS,
    Columns,
    Integers,
    Mask,
    among,
    empty_columns,
    folded,
    follow,
    outbox_head,
)
from jirakb.knowledge.index.conditions import Among, Between, Condition, Either, Every, Not
from jirakb.knowledge.store import may_read, milliseconds

__all__ = [
    "NO_FILTER", "VALUE_COLUMNS", "Columns", "Filter", "Integers", "Mask", "among", "empty_columns", "folded", "follow",
    "outbox_head", "readable_sets",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filter:
    """What hits must have: one of the values of each field that names any, whatever the case.

    A time from `..._since` on is admitted, one from `..._before` on is not. `years` are those in which issues were created
    (UTC), "" for none.
    """

    projects: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    updated_since: datetime | None = None
    updated_before: datetime | None = None
    created_since: datetime | None = None
    created_before: datetime | None = None
    reporters: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    resolutions: tuple[str, ...] = ()
    status_categories: tuple[str, ...] = ()
    years: tuple[str, ...] = ()

    def condition(self, *, without: str = "") -> Condition:
        """The filter as a condition, but for what it says of one field; raises UsageError for a year that is none."""
        return Every(tuple(part for name, part in self._parts() if name != without))

    def fields(self) -> frozenset[str]:
        """The fields that it says something of; `year` is that in which an issue was created."""
        return frozenset(name for name, _ in self._parts())

    def _parts(self) -> Iterator[tuple[str, Condition]]:
        yield from self._values()
        yield from self._times()
        if self.years:
            yield "year", Either(tuple(map(_created_in, self.years)))

    def _values(self) -> Iterator[tuple[str, Condition]]:
        wanted = {
            "project": self.projects, "type": self.types, "status": self.statuses, "priority": self.priorities,
            "assignee": self.assignees, "labels": self.labels, "reporter": self.reporters, "components": self.components,
            "versions": self.versions, "resolution": self.resolutions, "status_category": self.status_categories,
        }  # fmt: skip
        return ((name, Among(name, frozenset(map(_plain, values)))) for name, values in wanted.items() if values)

    def _times(self) -> Iterator[tuple[str, Condition]]:
        ranges = {
            "updated": (self.updated_since, self.updated_before),
            "created": (self.created_since, self.created_before),
        }
        for name, (since, before) in ranges.items():
            if since or before:
                yield name, Between(name, _epoch(since), _epoch(before))


NO_FILTER = Filter()
_YEAR = 4  # digits


def _epoch(time: datetime | None) -> int | None:
    return None if time is None else milliseconds(time)


def _created_in(year: str) -> Condition:
    if not year:
        return Not(Between("created"))
    if not (year.isascii() and year.isdigit() and len(year) == _YEAR):
        raise UsageError(f"{year[:20]!r} is no year.", fix='Write it with four digits, or "" for none.')
    first = np.datetime64(year, "Y")
    begins, ends = (int(at.astype("datetime64[ms]").astype(np.int64)) for at in (first, first + 1))
    return Between("created", begins, ends)


def _plain(value: str) -> str:
    """The value as it is compared, without the halves of characters that no index takes."""
    return folded(value.encode("utf-8", "replace").decode())


def readable_sets(connection: apsw.Connection, principals: Readers | None) -> frozenset[int]:
    """The reader sets whose every principal is held; None holds them all."""
    rows: Any = connection.execute("SELECT id, principals FROM readers")
    return frozenset(int(number) for number, held in rows if may_read(Readers(orjson.loads(held)), principals))
