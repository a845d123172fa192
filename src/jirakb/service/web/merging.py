"""How do the hits of several knowledge bases become one list, and where does its next page begin? Searches nothing itself."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson

from jirakb.errors import UsageError
from jirakb.knowledge.index.columns import Sort, folded
from jirakb.knowledge.query import read
from jirakb.knowledge.query.plan import read_sorts
from jirakb.knowledge.search.order import NEWEST
from jirakb.service.web.models.knowledge import SearchRequest

Hit = dict[str, Any]
Cursors = Mapping[str, str | None]
"""Where each knowledge base that has more goes on; None is its beginning."""
_TOLD = frozenset(
    {"project", "type", "status", "status_category", "priority", "assignee", "reporter", "created", "updated"}
)


class Part(Protocol):
    """What one knowledge base answered."""

    @property
    def kb(self) -> str:
        """Its id."""

    @property
    def found(self) -> Mapping[str, Any]:
        """Its answer as JSON."""


def sorts_of(wanted: SearchRequest) -> tuple[Sort, ...]:
    """The order that was asked for, none for relevance; raises UsageError for one that hits do not tell."""
    plan = read(wanted.query.strip(), wanted.language, datetime.now(UTC))
    sorts = (read_sorts(wanted.order) if wanted.order else plan.sorts) or (() if plan.words else NEWEST)
    unknown = [sort.column for sort in sorts if sort.column not in _TOLD]
    if unknown:
        raise UsageError("Several knowledge bases cannot be put into this order.", fix="Give kb_id, or another order.")
    return sorts


def merge_hits(parts: Sequence[Part], sorts: Sequence[Sort]) -> list[Hit]:
    """All hits in one order. Equal ones take turns: a score tells how a hit stands among those of its knowledge base."""
    places = [(place, hit, part.kb) for part in parts for place, hit in enumerate(part.found["hits"])]
    places.sort(key=lambda each: each[0])
    hits: list[Hit] = [{**hit, "kb_id": kb} for _, hit, kb in places]
    if not sorts:
        return sorted(hits, key=lambda hit: -float(hit["score"]))
    for sort in reversed(sorts):
        hits.sort(key=lambda hit: _value(hit, sort.column), reverse=sort.descending)
        hits.sort(key=lambda hit: _value(hit, sort.column) == "")
    return hits


def _value(hit: Hit, column: str) -> str:
    return folded(str(hit["fields"][column] or ""))


def following(
    parts: Sequence[Part], shown: Mapping[str, int], before: Cursors | None, again: Callable[[str, int], Part]
) -> str | None:
    """Where the next page begins, when so many hits of each part are shown; None when there is none.

    `again` asks one for its first so many hits alone, whose cursor leads behind them.
    """
    left: dict[str, str | None] = {}
    for part in parts:
        told, count = len(part.found["hits"]), shown.get(part.kb, 0)
        if count == told:
            if more := part.found.get("next_cursor"):
                left[part.kb] = more
        elif count:
            left[part.kb] = again(part.kb, count).found.get("next_cursor")
        else:
            left[part.kb] = (before or {}).get(part.kb)
    return _write(left) if left else None


def read_cursors(text: str | None) -> dict[str, str | None] | None:
    """What `following` wrote; None for the first page. Raises UsageError on any other text."""
    if text is None:
        return None
    try:
        found = orjson.loads(base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
    except (binascii.Error, ValueError) as exc:
        raise _damaged() from exc
    if not isinstance(found, dict) or not all(one is None or isinstance(one, str) for one in found.values()):
        raise _damaged()
    return found


def _write(cursors: Cursors) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(cursors)).decode().rstrip("=")


def _damaged() -> UsageError:
    return UsageError("This is no cursor, or not all of one.", fix="Use next_cursor as it was answered.")
