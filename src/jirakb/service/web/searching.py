"""How is one question answered over several knowledge bases? Each is searched, and the hits are merged. Ranks nothing itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jirakb.control.catalog import Entry
from jirakb.documents import Readers
from jirakb.errors import CorruptStoreError, NotFoundError, UsageError
from jirakb.knowledge.index.filters import Filter
from jirakb.service.web.merging import following, merge_hits, read_cursors, sorts_of
from jirakb.service.web.models import knowledge as told
from jirakb.service.web.models.contexts import ContextAnswer, ContextRequest
from jirakb.service.web.shelf import Shelf

_MOST_VALUES = 100
_UNREAD: Mapping[str, Any] = {"hits": [], "total": 0, "took_ms": 0.0, "vectors_ready": 1.0}
"""The answer of a knowledge base that cannot be read."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one knowledge base answered, as JSON."""

    kb: str
    found: Mapping[str, Any]
    notes: tuple[str, ...]


def search_all(
    shelf: Shelf, entries: Sequence[Entry], wanted: told.SearchRequest, principals: Readers | None
) -> told.SearchAnswer:
    """The answer of these knowledge bases together."""

    def ask(entry: Entry, limit: int, cursor: str | None) -> Part:
        with shelf.searcher(entry) as searcher:
            result = searcher.search(
                wanted.query,
                principals=principals,
                filter=_filter(wanted.filter),
                mode=wanted.mode,
                limit=limit,
                language=wanted.language,
                order=wanted.order,
                cursor=cursor,
                facets=wanted.facets,
                sections_per_issue=wanted.sections_per_issue,
                explain=wanted.explain,
            )
        return Part(entry.id, result.to_json(), result.notes)

    if len(entries) == 1:
        return _one(ask(entries[0], wanted.limit, wanted.cursor))
    sorts, cursors = sorts_of(wanted), read_cursors(wanted.cursor)
    chosen = {entry.id: entry for entry in entries if cursors is None or entry.id in cursors}
    places = cursors or {}
    parts = list(_each(list(chosen.values()), lambda entry: ask(entry, wanted.limit, places.get(entry.id))))
    hits = merge_hits(parts, sorts)[: wanted.limit]
    shown = Counter(str(hit["kb_id"]) for hit in hits)
    more = following(parts, shown, cursors, lambda kb, limit: ask(chosen[kb], limit, places.get(kb)))
    return _answer(parts, hits, more)


def similar_all(
    shelf: Shelf, entries: Sequence[Entry], wanted: told.SimilarRequest, principals: Readers | None
) -> told.SearchAnswer:
    """The issues most like one, where that one is; or like a text, in all of these knowledge bases."""

    def ask(entry: Entry) -> Part:
        with shelf.searcher(entry) as searcher:
            result = searcher.similar(
                wanted.issue,
                principals=principals,
                filter=_filter(wanted.filter),
                mode=wanted.mode,
                limit=wanted.limit,
                sections_per_issue=wanted.sections_per_issue,
                explain=wanted.explain,
            )
        return Part(entry.id, result.to_json(), result.notes)

    parts = list(_each(entries, ask))
    if entries and not parts:
        raise NotFoundError("There is no such issue here.", key=wanted.issue[:100])
    return _one(parts[0]) if len(parts) == 1 else _answer(parts, merge_hits(parts, ())[: wanted.limit], None)


def context_of(
    shelf: Shelf, entries: Sequence[Entry], wanted: ContextRequest, principals: Readers | None
) -> ContextAnswer:
    """The context out of one knowledge base; raises UsageError for several, whose texts one budget cannot weigh."""
    if not entries:
        raise NotFoundError("There is no knowledge base that holds anything.", fix="Sync a connector first.")
    if len(entries) > 1:
        raise UsageError("A context is made of one knowledge base.", fix="Give kb_id.")
    with shelf.searcher(entries[0]) as searcher:
        found = searcher.context(
            wanted.query,
            budget_tokens=wanted.budget_tokens,
            principals=principals,
            filter=_filter(wanted.filter),
            mode=wanted.mode,
            limit=wanted.limit,
            language=wanted.language,
            sections_per_issue=wanted.sections_per_issue,
        )
    return ContextAnswer.model_validate({"kb_id": entries[0].id, **found.to_json()})


def _each(entries: Sequence[Entry], ask: Callable[[Entry], Part]) -> Iterator[Part]:
    """Each one's answer; without those that know nothing of it, where others may.

    One that is damaged answers with a note that says so; asked for alone, it raises CorruptStoreError.
    """
    for entry in entries:
        try:
            yield ask(entry)
        except NotFoundError:
            continue
        except CorruptStoreError as damage:
            if len(entries) == 1:
                raise
            yield Part(entry.id, _UNREAD, (f"{damage.message} It was not searched. {damage.fix}".strip(),))


def _one(part: Part) -> told.SearchAnswer:
    """The answer of the only one."""
    return _answer([part], [{**hit, "kb_id": part.kb} for hit in part.found["hits"]], part.found.get("next_cursor"))


def _answer(parts: Sequence[Part], hits: Sequence[Mapping[str, Any]], more: str | None) -> told.SearchAnswer:
    return told.SearchAnswer.model_validate(
        {
            "hits": hits,
            "total": sum(part.found["total"] for part in parts),
            "took_ms": round(sum(part.found["took_ms"] for part in parts), 2),
            "vectors_ready": min((part.found["vectors_ready"] for part in parts), default=1.0),
            "next_cursor": more,
            "notes": list(dict.fromkeys(note for part in parts for note in part.notes)),
            "facets": _facets(parts),
        }
    )


def _facets(parts: Sequence[Part]) -> dict[str, list[dict[str, Any]]]:
    counted: dict[str, Counter[str]] = {}
    for part in parts:
        for name, values in part.found.get("facets", {}).items():
            counted.setdefault(name, Counter()).update({entry["value"]: entry["count"] for entry in values})
    return {
        name: [
            {"value": value, "count": count}
            for value, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_MOST_VALUES]
        ]
        for name, counts in counted.items()
    }


def _filter(wanted: told.Filter) -> Filter:
    return Filter(**wanted.model_dump())
