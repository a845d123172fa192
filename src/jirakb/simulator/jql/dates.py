"""Which moment does a date in a query mean? Literals, periods and calendar edges in a caller's zone; no fields."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal

Period = Literal["day", "week", "month", "year"]

MINUTE = 60_000
_EPOCH = datetime(1970, 1, 1)  # the wall clock's zero, in whatever zone
_DATE = re.compile(r"(\d{4,})([-/])(\d{1,2})\2(\d{1,2})(?: (\d{1,2}):(\d{1,2}))?", re.ASCII)
_PERIOD = re.compile(r"([-+]?) *((?:\d{1,9} *[wdhm] *)+|\d{1,9})", re.ASCII)
_PERIOD_PART = re.compile(r"(\d+) *([wdhm]?)", re.ASCII)
_OFFSET = re.compile(r"([-+]?)(\d{1,5})([yMwdhm]?)", re.ASCII)
_UNITS = {"w": 7 * 24 * 60 * MINUTE, "d": 24 * 60 * MINUTE, "h": 60 * MINUTE, "m": MINUTE, "": MINUTE}
_NATURAL = {"day": "d", "week": "w", "month": "M", "year": "y"}


@dataclass(frozen=True, slots=True)
class Moment:
    """Epoch milliseconds: order compares with `at`, while equality means low <= t < high."""

    at: int
    low: int
    high: int


def exactly(ms: int) -> Moment:
    """Return a moment without extent."""
    return Moment(ms, ms, ms + 1)


def read(text: str, now: datetime, zone: tzinfo) -> Moment | None:
    """Read a date, a date with a minute, or a period from now; None when it is neither.

    A day or a minute has extent, and so has a period: the day, hour or minute, by its smallest unit, into which it
    falls. A wall-clock time that a change of the clocks skips is no date, as Jira parses strictly; of one that comes
    twice the later is meant, as java.util.Calendar has it.
    """
    text = text.strip()
    return _literal(text, zone) or _period(text, now, zone)


def to_ms(moment: datetime) -> int:
    """Return an aware datetime as epoch milliseconds."""
    offset = moment.utcoffset()
    assert offset is not None
    return _milliseconds(moment.replace(tzinfo=None) - _EPOCH - offset)


def local_date(ms: int, zone: tzinfo) -> date | None:
    """Return the day of a moment in a zone; None beyond the calendar."""
    try:
        return _wall(ms, zone).date()
    except (OverflowError, ValueError):
        return None


def edge(period: Period, end: bool, offset: str | None, now: datetime, zone: tzinfo) -> tuple[Moment | None, bool]:
    """Return the first or last millisecond of the caller's present period, and whether the offset was readable.

    An offset in the period's own unit or a longer calendar unit moves the period ("endOfMonth(-1)" is the end of last
    month); a shorter one moves the edge ("startOfMonth(15d)" is the 16th). Weeks begin on Sunday.
    """
    shift = _OFFSET.fullmatch(offset or "0")
    if shift is None:
        return None, False
    unit = shift[3] or _NATURAL[period]
    count = int(shift[2]) * (-1 if shift[1] == "-" else 1)
    wall = now.astimezone(zone).replace(tzinfo=None)
    try:
        if unit in ("y", "M", _NATURAL[period]):
            wall = _clamp(period, end, _shift(wall, unit, count))
        else:
            wall = _shift(_clamp(period, end, wall), unit, count)
    except (OverflowError, ValueError):
        return None, True
    return exactly(_instant(wall, zone)), True


def _literal(text: str, zone: tzinfo) -> Moment | None:
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, _, month, day, hour, minute = match.groups()
    try:
        wall = datetime(int(year[:5]), int(month), int(day), int(hour or 0), int(minute or 0))
        if hour and _wall(_instant(wall, zone), zone) != wall:
            return None
        return _with_extent(_instant(wall, zone), wall, "m" if hour else "d", zone)
    except (OverflowError, ValueError):
        return None


def _period(text: str, now: datetime, zone: tzinfo) -> Moment | None:
    match = _PERIOD.fullmatch(text)
    if match is None:
        return None
    parts = _PERIOD_PART.findall(match[2])
    total = sum(int(count) * _UNITS[unit] for count, unit in parts)
    at = to_ms(now) + (-total if match[1] == "-" else total)
    try:
        return _with_extent(at, _wall(at, zone), min((unit for _, unit in parts), key=_UNITS.__getitem__), zone)
    except (OverflowError, ValueError):
        return exactly(at)


def _with_extent(at: int, wall: datetime, unit: str, zone: tzinfo) -> Moment:
    """Give a moment the whole day, hour or minute around it."""
    low = wall.replace(second=0, microsecond=0)
    if unit not in ("m", ""):
        low = low.replace(minute=0)
    if unit in ("d", "w"):
        low = low.replace(hour=0)
    return Moment(at, _instant(low, zone), _instant(_shift(low, "d" if unit == "w" else unit, 1), zone))


def _clamp(period: Period, end: bool, wall: datetime) -> datetime:
    start = wall.replace(hour=0, minute=0, second=0, microsecond=0)
    match period:
        case "week":
            start -= timedelta(days=(start.weekday() + 1) % 7)
        case "month":
            start = start.replace(day=1)
        case "year":
            start = start.replace(month=1, day=1)
    return _shift(start, _NATURAL[period], 1) - timedelta(milliseconds=1) if end else start


def _shift(wall: datetime, unit: str, count: int) -> datetime:
    match unit:
        case "y":
            return _shift_months(wall, 12 * count)
        case "M":
            return _shift_months(wall, count)
    return wall + timedelta(milliseconds=count * _UNITS[unit])


def _shift_months(wall: datetime, count: int) -> datetime:
    years, month = divmod(wall.year * 12 + wall.month - 1 + count, 12)
    first = wall.replace(year=years, month=month + 1, day=1)
    after = first.replace(year=years + month // 11, month=(month + 1) % 12 + 1)
    return first.replace(day=min(wall.day, (after - first).days))


def _instant(wall: datetime, zone: tzinfo) -> int:
    """Return a wall-clock time's instant: the later one of two, and past a gap by as much as it is long."""
    early, late = (wall.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    assert early is not None
    assert late is not None
    return _milliseconds(wall - _EPOCH - min(early, late))


def _wall(ms: int, zone: tzinfo) -> datetime:
    utc = (_EPOCH + timedelta(milliseconds=ms)).replace(tzinfo=UTC)
    return utc.astimezone(zone).replace(tzinfo=None, fold=0)


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
