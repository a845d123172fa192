"""What is due now, and when next? Pure: a function of the plan and the clock. Starts nothing.

The times stand on a grid that begins when the connector was made, so that nothing drifts; what was missed is caught up
once. A few per cent of jitter, the same for the same connector and time, keep connectors that were made together apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import count
from typing import Literal, Protocol

JITTER = 0.03  # share of the period by which a time is later than the grid, at most
_LEAST_GAP = 0.5  # share of a period: after a change of plan the next time on the grid could be at once
FARTHEST = 2  # periods: a time that is farther away was planned by a clock that has been put back since


class Planned(Protocol):
    """What a schedule needs of a connector."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def refresh_minutes(self) -> int | None:
        """Minutes between two syncs."""

    @property
    def prune_minutes(self) -> int | None:
        """Minutes between two censuses."""

    @property
    def next_sync(self) -> datetime | None:
        """When the next sync is due."""

    @property
    def next_census(self) -> datetime | None:
        """When the next census is due."""

    @property
    def created(self) -> datetime:
        """When it was made."""


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be run now, and the plan from then on. A census reads what a sync would, so that one run does for both."""

    kind: Literal["sync", "census"]
    next_sync: datetime | None
    next_census: datetime | None


def due(connector: Planned, now: datetime) -> Due | None:
    """What the connector is to run now, if anything."""
    syncs = _is_due(connector.next_sync, connector.refresh_minutes, now)
    takes_census = _is_due(connector.next_census, connector.prune_minutes, now)
    if not syncs and not takes_census:
        return None
    return Due(
        "census" if takes_census else "sync",
        _following(connector, connector.next_sync, connector.refresh_minutes, now),
        _following(connector, connector.next_census, connector.prune_minutes, now),
    )


def _is_due(planned: datetime | None, minutes: int | None, now: datetime) -> bool:
    if planned is None:
        return False
    return planned <= now or (minutes is not None and planned - now > FARTHEST * timedelta(minutes=minutes))


def _following(connector: Planned, planned: datetime | None, minutes: int | None, now: datetime) -> datetime | None:
    """The first time of the grid after now; a planned time that is still to come stays."""
    if planned is None or not minutes:
        return None
    if not _is_due(planned, minutes, now):
        return planned
    period = timedelta(minutes=minutes)
    after = now if planned > now else max(now, planned + period * _LEAST_GAP)
    first = (after - connector.created) // period  # below 0 where the clock was put back since
    times = (connector.created + period * (place + _jitter(connector.id, place)) for place in count(first))
    return next(time for time in times if time > after)


def _jitter(identity: str, place: int) -> float:
    digest = blake2b(f"{identity}/{place}".encode(), digest_size=4).digest()
    return int.from_bytes(digest) / 2**32 * JITTER
