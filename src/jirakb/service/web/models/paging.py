"""How is a long list told in pages? The parameters and the frame of every list. Reads nothing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field

from jirakb.errors import UsageError

T = TypeVar("T")
MOST_ITEMS = 500


class Strict(BaseModel):
    """What a request says; a field that is not known is refused."""

    model_config = ConfigDict(extra="forbid")


Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""A short text of one line."""
Limit = Annotated[int, Field(ge=1, le=MOST_ITEMS, description="At most so many items.")]
CursorText = Annotated[
    str | None, Field(max_length=1000, description="`next_cursor` of the page before; none for the first page.")
]


class PageQuery(Strict):
    """Which page of a list."""

    limit: Limit = 100
    cursor: CursorText = None


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    next_cursor: Annotated[str | None, Field(description="What leads to the next page; null on the last one.")]


def read_cursor(text: str | None, kind: str) -> str:
    """The place that a cursor of this kind of list names; "" where there is no cursor. Raises UsageError on another text."""
    if not text:
        return ""
    try:
        named, place = orjson.loads(base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, TypeError) as exc:
        raise _wrong_cursor() from exc
    if named != kind or not isinstance(place, str) or not place.isprintable():
        raise _wrong_cursor()
    return place


def write_cursor(kind: str, place: str) -> str:
    """A cursor that leads behind this place."""
    return base64.urlsafe_b64encode(orjson.dumps([kind, place])).decode().rstrip("=")


def cut(found: Sequence[T], limit: int, kind: str, place: Callable[[T], str]) -> tuple[list[T], str | None]:
    """The first `limit` of what was found, and the cursor behind them where there are more."""
    items = list(found[:limit])
    return items, write_cursor(kind, place(items[-1])) if len(found) > limit else None


def _wrong_cursor() -> UsageError:
    return UsageError("This is no cursor of this list.", fix="Use next_cursor as it was answered.")
