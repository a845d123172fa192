"""Which moment does a date in a query mean? Days and minutes in UTC, periods from now, and the edges of calendar periods.

Pure: is told what time it is. Never knows fields.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

Period = Literal["day", "week", "month", "year"]

_DATE = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?:[ T](\d{1,2}):(\d{2}))?", re.ASCII)
_PERIOD = re.compile(r"([-+]?)\s*((?:\d{1,7}[wdhm]\s*)+)", re.ASCII)
_SHIFT = re.compile(r"([-+]?)(\d{1,5})([yMwdhm]?)", re.ASCII)
_EPOCH_MILLISECONDS = re.compile(r"\d{10,15}", re.ASCII)
_UNITS = {"w": timedelta(weeks=1), "d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
_OWN_UNIT = {"day": "d", "week": "w", "month": "M", "year": "y"}
_TICK = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Moment:
    """What `<` and `>` compare with, and until when (exclusive) `=` holds: a day without a time is equal all day."""

    at: datetime
    stop: datetime


def read_moment(text: str, now: datetime) -> Moment | None:
    """A date, a minute, a period from now or epoch milliseconds; None when it is none of these or beyond the calendar."""
    text = text.strip()
    try:
        return _literal(text) or _from_now(text, now) or _epoch(text)
    except (ValueError, OverflowError):
        return None


def _literal(text: str) -> Moment | None:
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, _, month, day, hour, minute = match.groups()
    at = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), tzinfo=UTC)
    return Moment(at, at + _UNITS["d" if hour is None else "m"])


def _from_now(text: str, now: datetime) -> Moment | None:
    match = _PERIOD.fullmatch(text)
    if match is None:
        return None
    parts = re.findall(r"(\d+)([wdhm])", match[2])
    length = sum((int(count) * _UNITS[unit] for count, unit in parts), timedelta())
    at = now - length if match[1] == "-" else now + length
    return Moment(at, at + _UNITS["m"])


def _epoch(text: str) -> Moment | None:
    if not _EPOCH_MILLISECONDS.fullmatch(text):
        return None
    at = datetime.fromtimestamp(int(text) / 1000, UTC)
    return Moment(at, at + _TICK)


def edge(period: Period, *, end: bool, shift: str, now: datetime) -> Moment | None:
    """The first or last millisecond of the present day, week (from Sunday on), month or year, shifted; None where the
    shift cannot be read.

    A shift by the period's own unit, a month or a year moves the period, one by another unit moves its edge.
    """
    match = _SHIFT.fullmatch(shift.strip() or "0")
    if match is None:
        return None
    unit, count = match[3] or _OWN_UNIT[period], int(match[2]) * (-1 if match[1] == "-" else 1)
    try:
        if unit in ("M", "y", _OWN_UNIT[period]):
            at = _clamped(period, _moved(now, unit, count), end=end)
        else:
            at = _moved(_clamped(period, now, end=end), unit, count)
    except (ValueError, OverflowError):
        return None
    return Moment(at, at + _TICK)


def _moved(time: datetime, unit: str, count: int) -> datetime:
    if unit in _UNITS:
        return time + count * _UNITS[unit]
    months = time.year * 12 + time.month - 1 + count * (12 if unit == "y" else 1)
    first = time.replace(year=months // 12, month=months % 12 + 1, day=1)
    last = (_next_month(first) - timedelta(days=1)).day
    return first.replace(day=min(time.day, last))


def _next_month(first: datetime) -> datetime:
    return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)


def _clamped(period: Period, time: datetime, *, end: bool) -> datetime:
    day = time.replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "day":
        start, stop = day, day + _UNITS["d"]
    elif period == "week":
        start = day - timedelta(days=(day.weekday() + 1) % 7)
        stop = start + _UNITS["w"]
    elif period == "month":
        start = day.replace(day=1)
        stop = _next_month(start)
    else:
        start = day.replace(month=1, day=1)
        stop = start.replace(year=start.year + 1)
    return stop - _TICK if end else start
