"""What does a knowledge base know about a query, for this reader? The search, from the query to its hits.

Text and vectors are both filtered before they rank, by the filter and by what the reader may see. Never writes the
knowledge base, only the indexes derived from it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import apsw
import numpy as np

from jirakb.documents import Readers
from jirakb.errors import CorruptStoreError, UsageError
from jirakb.knowledge.index.filters import NO_FILTER, Filter, readable_sets
from jirakb.knowledge.index.indexes import Indexes
from jirakb.knowledge.index.vectors import Floats
from jirakb.knowledge.search.inquiry import Answer, Inquiry
from jirakb.knowledge.search.result import Hit, HitFields, HitSection, SearchResult
from jirakb.knowledge.store import KnowledgeBase

if TYPE_CHECKING:  # a search by words alone needs no model
    from jirakb.knowledge.embed import Embedder

__all__ = ["Filter", "Hit", "HitFields", "HitSection", "Mode", "SearchResult", "Searcher"]

Mode = Literal["hybrid", "text", "vector"]

_EMBEDDED_CHARS = 4_000
"""The embedder reads some 256 tokens; more of the query would only be cut there."""


@dataclass(frozen=True, slots=True)
class _Seen:
    answer: Answer
    vectors_ready: float
    notes: tuple[str, ...]


class Searcher:
    """Searches one knowledge base; several threads may share it. Close it when done."""

    def __init__(self, base: KnowledgeBase | Path, embedder: Embedder | None = None) -> None:
        self._owns_base = not isinstance(base, KnowledgeBase)
        self._base = base if isinstance(base, KnowledgeBase) else KnowledgeBase.open(base)
        self._embedder = embedder
        model, dimensions = (embedder.identity, embedder.dimensions) if embedder else ("", 1)
        self._indexes = Indexes(self._base, model, dimensions)

    def close(self) -> None:
        """Close what this searcher opened."""
        if self._owns_base:
            self._base.close()

    def search(
        self,
        query: str,
        *,
        principals: Readers | None,
        filter: Filter = NO_FILTER,  # noqa: A002 - the word of the contract
        mode: Mode = "hybrid",
        limit: int = 10,
    ) -> SearchResult:
        """The best issues for a query in plain words. `principals` are those the reader holds; None reads all.

        A query that is an issue's key, present or former, has that issue first. An empty query lists what the filter
        admits, newest update first. Raises UsageError for mode "vector" where there are no vectors.
        """
        started = time.perf_counter()
        query = query.strip()
        try:
            seen = self._see(query, filter, principals, mode, limit)
        except CorruptStoreError:  # found while reading: the text index is derived, so it is made anew, once
            self._indexes.forget_text()
            seen = self._see(query, filter, principals, mode, limit)
        took = (time.perf_counter() - started) * 1000
        return SearchResult(tuple(seen.answer.hits), seen.answer.total, took, seen.vectors_ready, seen.notes)

    def _see(self, query: str, wanted: Filter, principals: Readers | None, mode: Mode, limit: int) -> _Seen:
        self._indexes.catch_up()
        vector = self._embedded(query) if query and mode != "text" else None
        with self._base.snapshot() as connection:
            view = self._indexes.view(connection)
            if not len(view.matrix):
                vector = None
            if vector is None and mode == "vector" and query:
                raise UsageError("This knowledge base has no vectors to search by.", fix="Use another mode.")
            inquiry = Inquiry(connection, view, readable_sets(connection, principals), wanted, limit)
            answer = inquiry.best(query, vector, by_words=mode != "vector") if query else inquiry.newest()
            return _Seen(answer, _vectors_ready(connection), view.notes)

    def _embedded(self, query: str) -> Floats | None:
        if self._embedder is None:
            return None
        return np.asarray(self._embedder.embed([query[:_EMBEDDED_CHARS]])[0], dtype=np.float32)


def _vectors_ready(connection: apsw.Connection) -> float:
    """The share of passages that have their vector; counted only while some wait."""
    if connection.execute("SELECT 1 FROM backlog LIMIT 1").fetchone() is None:
        return 1.0
    rows: Any = connection.execute("SELECT (SELECT count(*) FROM backlog), (SELECT count(*) FROM passage)")
    ((waiting, passages),) = rows
    return 1.0 - waiting / passages if passages else 1.0
