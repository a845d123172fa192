"""What does a knowledge base know about a query, for this reader? The search, from the query to its hits.

Text and vectors are both filtered before they rank, by the filter and by what the reader may see. Never writes the
knowledge base, only the indexes derived from it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import apsw
import numpy as np

from jirakb.documents import Readers
from jirakb.errors import CorruptStoreError, ModelServerError, UsageError
from jirakb.knowledge.index.conditions import Condition, both, fields_of
from jirakb.knowledge.index.filters import NO_FILTER, Filter, readable_sets
from jirakb.knowledge.index.indexes import Indexes, View
from jirakb.knowledge.index.vectors import Floats
from jirakb.knowledge.query import Language, read, resolve
from jirakb.knowledge.query.plan import Plan, read_sorts
from jirakb.knowledge.search.context import MOST_TOKENS, Context, Count, estimated_tokens, pack, read_sections
from jirakb.knowledge.search.cursor import binding, read_cursor, write_cursor
from jirakb.knowledge.search.facets import facet_names
from jirakb.knowledge.search.inquiry import Answer, Inquiry
from jirakb.knowledge.search.kinship import KINSHIP_COLUMNS, Kin
from jirakb.knowledge.search.order import NEWEST
from jirakb.knowledge.search.page import MOST_HITS, MOST_SECTIONS, Page
from jirakb.knowledge.search.ranking import FIRST_LINE_WEIGHT, RANKING_COLUMNS
from jirakb.knowledge.search.rerank import Reranker, reranked, reranker_for
from jirakb.knowledge.search.result import Hit, HitFields, HitSection, SearchResult
from jirakb.knowledge.search.similar import Reasons, find_source
from jirakb.knowledge.store import KnowledgeBase

if TYPE_CHECKING:  # a search by words alone needs no model
    from jirakb.knowledge.embed import Embedder

__all__ = ["Filter", "Hit", "HitFields", "HitSection", "Mode", "SearchResult", "Searcher"]

Mode = Literal["hybrid", "text", "vector"]

_EMBEDDED_CHARS = 4_000
"""The embedder reads some 256 tokens; more of the query would only be cut there."""


class Models(Protocol):
    """The models that queries can be embedded by, by the identity that is stored with their vectors."""

    def has(self, identity: str) -> bool:
        """Whether there is such a model here; loads and asks none."""
        ...

    def of(self, identity: str) -> Embedder | None:
        """The model, where there is one; raises UsageError when it cannot be had until a setting is changed."""
        ...


@dataclass(frozen=True, slots=True)
class Single:
    """One model, or none."""

    embedder: Embedder | None = None

    def has(self, identity: str) -> bool:
        """Whether it is that one."""
        return self.embedder is not None and self.embedder.identity == identity

    def of(self, identity: str) -> Embedder | None:
        """It, if it is that one."""
        return self.embedder if self.has(identity) else None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query's vector, by which model it is, and what is to be said where there is none."""

    model: str
    vector: Floats | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Seen:
    answer: Answer
    vectors_ready: float
    notes: tuple[str, ...]


class Searcher:
    """Searches one knowledge base; several threads may share it. Close it when done.

    Queries are embedded by `embedder`, or by that of the `models` which made the vectors that serve; the best hits of a
    hybrid search are put in order by `reranker`, where there is one.
    """

    def __init__(
        self,
        base: KnowledgeBase | Path,
        embedder: Embedder | None = None,
        clock: Callable[[], datetime] | None = None,
        *,
        models: Models | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        self._owns_base = not isinstance(base, KnowledgeBase)
        self._base = base if isinstance(base, KnowledgeBase) else KnowledgeBase.open(base)
        self._models = models or Single(embedder)
        self._reranker = reranker
        self._clock = clock or partial(datetime.now, UTC)
        self._indexes = Indexes(self._base, self._models.has)

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
        language: Language = "auto",
        order: str = "",
        cursor: str | None = None,
        facets: Collection[str] | bool = False,
        sections_per_issue: int = 1,
        explain: bool = False,
    ) -> SearchResult:
        """The best issues for a query. `principals` are those the reader holds; None reads all.

        `query` is plain words, or the query language (docs/reference/query.md) when `language` is "jql", or when it is
        "auto" and the query begins with a field and an operator and can be read. A query that is an issue's key, present or
        former, has that issue first. Where there are no words to rank by, what is admitted comes newest update first.
        `order` is written as behind ORDER BY ("created", "updated asc"); "" is that of the query, or else relevance.
        `cursor` is the `next_cursor` of the page before. `facets` are counted over all that matches; one whose
        field the filter names, over what would match without that, so that it tells what else could be chosen. Raises
        UsageError for a query that cannot be read, a cursor of another search, and mode "vector" where there are no vectors.
        """
        started = time.perf_counter()
        text = _printable(query).strip()
        plan = read(text, language, self._clock())
        sorts = (read_sorts(order) if order else plan.sorts) or (() if plan.words else NEWEST)
        bound = binding(
            self._base.meta("id"), text, plan.is_query, repr(sorts), mode, _facts(filter), _held(principals)
        )
        page = Page(
            _between(limit, 1, MOST_HITS, "limit"), sorts, read_cursor(cursor, bound, len(sorts)) if cursor else None,
            facet_names(facets), _between(sections_per_issue, 1, MOST_SECTIONS, "sections_per_issue"), explain,
        )  # fmt: skip
        seen = self._again_if_damaged(lambda: self._see(plan, filter, principals, mode, page))
        took = (time.perf_counter() - started) * 1000
        answer = seen.answer
        following = write_cursor(answer.next, bound) if answer.next else None
        return SearchResult(
            tuple(answer.hits),
            answer.total,
            took,
            seen.vectors_ready,
            (*plan.notes, *seen.notes),
            following,
            answer.facets,
        )

    def similar(
        self,
        issue: str,
        *,
        principals: Readers | None,
        filter: Filter = NO_FILTER,  # noqa: A002 - the word of the contract
        mode: Mode = "hybrid",
        limit: int = 10,
        sections_per_issue: int = 1,
        explain: bool = False,
    ) -> SearchResult:
        """The issues most like one, by its key, present or former, or like the text of a new one; each with why.

        Raises NotFoundError for a key that no issue has that the principals may read.
        """
        started = time.perf_counter()
        asked = _printable(issue).strip()
        if not asked:
            raise UsageError("There is no text to find similar issues to.", fix="Give an issue's key, or a text.")
        page = Page(
            _between(limit, 1, MOST_HITS, "limit"),
            sections=_between(sections_per_issue, 1, MOST_SECTIONS, "sections_per_issue"),
            explains=explain,
        )
        seen = self._again_if_damaged(lambda: self._alike(asked, filter, principals, mode, page))
        took = (time.perf_counter() - started) * 1000
        return SearchResult(tuple(seen.answer.hits), seen.answer.total, took, seen.vectors_ready, seen.notes)

    def context(
        self,
        query: str,
        *,
        budget_tokens: int,
        principals: Readers | None,
        filter: Filter = NO_FILTER,  # noqa: A002 - the word of the contract
        mode: Mode = "hybrid",
        limit: int = 20,
        language: Language = "auto",
        sections_per_issue: int = 3,
        count: Count = estimated_tokens,
    ) -> Context:
        """Text for a language model that answers the query: whole sections of the best issues, or where one is too long
        for what is left, the whole comment or description of it that matched; at most `budget_tokens` by `count`.

        Raises UsageError as `search` does.
        """
        budget = _between(budget_tokens, 1, MOST_TOKENS, "budget_tokens")
        found = self.search(
            query, principals=principals, filter=filter, mode=mode, limit=limit, language=language,
            sections_per_issue=max(sections_per_issue, 2),
        )  # fmt: skip
        with self._base.snapshot() as connection:
            stored = read_sections(connection, readable_sets(connection, principals), found.hits)
        text, sources = pack(found.hits, stored, budget, count)
        return Context(text, count(text), budget, sources, found.total, found.notes)

    def _again_if_damaged(self, see: Callable[[], _Seen]) -> _Seen:
        try:
            return see()
        except CorruptStoreError:  # found while reading: the text index is derived, so it is made anew, once
            self._indexes.forget_text()
            return see()

    def _see(self, plan: Plan, wanted: Filter, principals: Readers | None, mode: Mode, page: Page) -> _Seen:
        self._indexes.catch_up()
        reranker = None if mode != "hybrid" or page.sorts else reranker_for(plan.words, self._reranker)
        asked = self._asked(plan.words, mode)
        with self._base.snapshot() as connection:
            condition: Condition = resolve(both(wanted.condition(), plan.condition), connection)
            but_for = {
                name: resolve(both(wanted.condition(without=name), plan.condition), connection)
                for name in page.facets
                if name in wanted.fields()
            }
            view = self._indexes.view(connection, {*fields_of(condition), *page.columns, *RANKING_COLUMNS})
            vector, notes = _usable(asked, view, mode) if plan.words else (None, ())
            wider = page if reranker is None else replace(page, limit=max(page.limit, reranker.top))
            sets = readable_sets(connection, principals)
            inquiry = Inquiry(connection, view, sets, condition, wider, but_for=but_for)
            answer = inquiry.best(plan.words, vector, by_words=mode != "vector") if plan.words else inquiry.listed()
            seen = _Seen(answer, _vectors_ready(connection), (*view.notes, *notes))
        if reranker is None:
            return seen
        answer, notes = reranked(answer, plan.words, page, reranker)  # no snapshot is held while another server thinks
        return replace(seen, answer=answer, notes=(*seen.notes, *notes))

    def _alike(self, text: str, wanted: Filter, principals: Readers | None, mode: Mode, page: Page) -> _Seen:
        self._indexes.catch_up()
        with self._base.snapshot() as connection:
            source = find_source(text, connection, principals)
            condition = both(wanted.condition(), source.others)
            view = self._indexes.view(connection, {*fields_of(condition), *RANKING_COLUMNS, *KINSHIP_COLUMNS})
            vector, notes = _usable(self._asked(source.text, mode), view, mode)
            kin = None if source.issue is None else Kin.of(view.columns, int(view.columns.primary[source.issue]))
            sets = readable_sets(connection, principals)
            inquiry = Inquiry(connection, view, sets, condition, page, kin)
            answer = inquiry.best(source.text, vector, by_words=mode != "vector")
            hits = Reasons(inquiry, source, vector).give(answer.hits)
            return _Seen(Answer(hits, answer.total), _vectors_ready(connection), (*view.notes, *notes))

    def _asked(self, words: str, mode: Mode) -> _Asked:
        """The query's vector by the model whose vectors serve; none, with a note, where its server does not answer."""
        model = self._indexes.model(self._base.reader()) if words and mode != "text" else ""
        try:
            embedder = self._models.of(model) if model else None
            return _Asked(model, _embedded(words, embedder) if embedder else None)
        except (ModelServerError, UsageError) as error:
            if mode == "vector":
                raise
            return _Asked(model, notes=(f"{error.message} This search went by words alone.",))


def _embedded(query: str, embedder: Embedder) -> Floats:
    """The query's vector; that of several lines leans to the first one, which says what the others are about."""
    query = query[:_EMBEDDED_CHARS]
    first = query.partition("\n")[0].strip()
    if not first or first == query:
        return np.asarray(embedder.embed([query])[0], dtype=np.float32)
    # One by one: in one batch the short text would cost as much as the long one.
    whole, line = (np.asarray(embedder.embed([text])[0], dtype=np.float32) for text in (query, first))
    mixed: Floats = (1.0 - FIRST_LINE_WEIGHT) * whole + FIRST_LINE_WEIGHT * line
    return mixed / np.linalg.norm(mixed)


def _usable(asked: _Asked, view: View, mode: Mode) -> tuple[Floats | None, tuple[str, ...]]:
    """The query's vector where there are others of its model to compare it with, and what is to be said of it; raises
    UsageError when there must be."""
    if asked.vector is not None and len(view.matrix) and view.model == asked.model:
        return asked.vector, asked.notes
    if mode == "vector":
        raise UsageError("This knowledge base has no vectors to search by.", fix="Use another mode.")
    return None, asked.notes


def _printable(text: str) -> str:
    """The text without the halves of characters that no index takes."""
    return text.encode("utf-8", "replace").decode()


def _between(number: int, low: int, high: int, name: str) -> int:
    if not low <= number <= high:
        raise UsageError(f"{name} is {number}; it must be from {low} to {high}.")
    return number


def _facts(wanted: Filter) -> str:
    """The filter as it names a search: without its times, which move while one pages."""
    values = (repr(getattr(wanted, name)) for name in wanted.__slots__ if isinstance(getattr(wanted, name), tuple))
    return _printable(" ".join(values))


def _held(principals: Readers | None) -> list[str] | None:
    return None if principals is None else sorted(map(_printable, principals))


def _vectors_ready(connection: apsw.Connection) -> float:
    """The share of passages that have their vector; counted only while some wait."""
    if connection.execute("SELECT 1 FROM backlog LIMIT 1").fetchone() is None:
        return 1.0
    rows: Any = connection.execute("SELECT (SELECT count(*) FROM backlog), (SELECT count(*) FROM passage)")
    ((waiting, passages),) = rows
    return 1.0 - waiting / passages if passages else 1.0
