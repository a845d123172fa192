"""What moment does a Jira timestamp name, and how is a moment written? Never guesses: what cannot be read is None."""

from __future__ import annotations

from datetime import UTC, datetime

_LATEST_SECONDS = 100_000_000_000
"""A greater number counts milliseconds."""


def parse_time(value: object) -> datetime | None:
    """The moment in aware UTC of `2016-03-16T04:22:37.356+0000`, any other offset, or `Z`; None when unreadable.

    A time without an offset is taken as UTC.
    """
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def parse_moment(value: object) -> datetime | None:
    """The same, also of seconds or milliseconds since 1970: change logs of many issues have been seen with such times."""
    if not isinstance(value, int) or isinstance(value, bool):
        return parse_time(value)
    try:
        return datetime.fromtimestamp(value / 1000 if abs(value) > _LATEST_SECONDS else value, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def time_text(moment: datetime) -> str:
    """The moment (aware UTC) in whole seconds: 2024-01-15T10:30:00Z."""
    return moment.isoformat()[:19] + "Z"
