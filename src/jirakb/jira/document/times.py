"""What moment does a Jira timestamp name, and how is a moment written? Never guesses: what cannot be read is None."""

from __future__ import annotations

from datetime import UTC, datetime


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


def time_text(moment: datetime) -> str:
    """The moment (aware UTC) in whole seconds: 2024-01-15T10:30:00Z."""
    return moment.isoformat()[:19] + "Z"
