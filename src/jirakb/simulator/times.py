"""How times are read from site files and written into bodies: Jira's own form, in the site's zone. Never reads a clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(text: str) -> int:
    """Epoch milliseconds of an ISO time with offset; a time without offset is UTC."""
    moment = datetime.fromisoformat(text)
    return of_moment(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def of_moment(moment: datetime) -> int:
    """Epoch milliseconds of an aware moment."""
    return (moment - EPOCH) // _MILLISECOND


def moment(ms: int) -> datetime:
    """The aware UTC moment of epoch milliseconds."""
    return EPOCH + ms * _MILLISECOND


def stamp(ms: int, zone: tzinfo) -> str:
    """`2016-03-16T04:22:37.356-0400`: the form of every time in an issue."""
    local = moment(ms).astimezone(zone)
    return f"{local:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}{local:%z}"


def restamp(text: str, zone: tzinfo) -> str:
    """The same time in the zone of the site."""
    return stamp(milliseconds(text), zone)
