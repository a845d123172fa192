"""In which order does a model that reads query and text together put the first hits? Asked over HTTP, with a deadline; where
no answer comes in time, the order stays what it was, and the result says so. Never sees text that the hits do not show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from jirakb.errors import ModelServerError, UsageError
from jirakb.knowledge.endpoint import ModelServer
from jirakb.knowledge.search.cursor import DEEPEST, Place
from jirakb.knowledge.search.exact import asked_exactly
from jirakb.knowledge.search.inquiry import KEY, Answer
from jirakb.knowledge.search.page import Page
from jirakb.knowledge.search.result import Hit
from jirakb.knowledge.split import embedder_text

MAX_QUERY_CHARS = 1_000
MAX_TEXT_CHARS = 2_000
"""What is sent of the query and of each hit: rerankers read some 512 tokens of both."""
_PATH = "/rerank"


class Reranker(Protocol):
    """What a search asks of a reranker."""

    @property
    def top(self) -> int:
        """How many of the first hits it is given."""
        ...

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers the query, 0 to 1; raises ModelServerError or UsageError."""
        ...


class HttpReranker:
    """A reranker behind `POST /rerank`: with a model's name as Cohere, Jina and vLLM have it, without one as
    text-embeddings-inference has it."""

    def __init__(self, server: ModelServer, model: str = "", *, top: int = 25) -> None:
        self._server = server
        self._model = model
        self._top = top

    @property
    def top(self) -> int:
        """How many of the first hits it is given."""
        return self._top

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers the query, 0 to 1, in the order of the texts."""
        asked, given = query[:MAX_QUERY_CHARS], [text[:MAX_TEXT_CHARS] for text in texts]
        body: dict[str, object] = {"query": asked, "texts": given, "truncate": True}
        if self._model:
            body = {"model": self._model, "query": asked, "documents": given, "top_n": len(given)}
        return _shares(_scores(self._server.ask(_PATH, body), len(given), self._server.url))


def reranker_for(words: str, reranker: Reranker | None) -> Reranker | None:
    """The reranker, if the query is one for it: where a key or a thing to the letter is asked for, what holds it is first."""
    asks = bool(words) and not KEY.fullmatch(words) and not asked_exactly(words)
    return reranker if asks else None


def reranked(answer: Answer, query: str, page: Page, reranker: Reranker) -> tuple[Answer, tuple[str, ...]]:
    """The page's hits out of a longer answer, in the reranker's order; in the answer's own, with a note, where it fails."""
    first, rest = answer.hits[: reranker.top], answer.hits[reranker.top :]
    if not first:
        return answer, ()
    try:
        scores = reranker.scores(query, [_text(hit) for hit in first])
    except (ModelServerError, UsageError) as error:
        return _cut(answer, answer.hits, page), (f"{error.message} The hits are in the order they have without it.",)
    best = sorted(zip(first, scores, strict=True), key=lambda pair: -pair[1])  # equal ones keep their order
    lowest = best[-1][1]
    hits = [_scored(hit, score) for hit, score in best] + [replace(hit, score=lowest * hit.score) for hit in rest]
    return _cut(answer, hits, page), ()


def _scored(hit: Hit, score: float) -> Hit:
    parts = hit.explanation and replace(hit.explanation, rerank=score)
    return replace(hit, score=score, explanation=parts)


def _cut(answer: Answer, hits: Sequence[Hit], page: Page) -> Answer:
    """The page's hits, and where the page behind them begins."""
    shown = list(hits[: page.limit])
    is_last = answer.next is None and len(hits) <= page.limit
    seen = page.seen.union(hit.number for hit in shown)
    place = None if is_last or len(seen) >= DEEPEST else Place(answer.total, seen=tuple(seen))
    return replace(answer, hits=shown, next=place)


def _text(hit: Hit) -> str:
    return embedder_text(hit.title, hit.key, hit.passage).encode("utf-8", "replace").decode()


def _scores(answer: Any, count: int, url: str) -> list[float]:
    """The scores by the index that each entry names; every text must have one."""
    entries = answer if isinstance(answer, list) else None
    if isinstance(answer, dict):
        entries = answer.get("results", answer.get("data"))
    found: dict[object, float] = {}
    for entry in entries if isinstance(entries, list) else ():
        score = entry.get("relevance_score", entry.get("score")) if isinstance(entry, dict) else None
        if isinstance(score, int | float) and math.isfinite(score):
            found[entry.get("index")] = float(score)
    if found.keys() != set(range(count)):
        raise ModelServerError(
            f"The reranker {url} answered without a score for each of {count} texts.",
            fix="See that JIRAKB_RERANK_URL leads to a reranker, and JIRAKB_RERANK_MODEL to its model.", url=url,
        )  # fmt: skip
    return [found[at] for at in range(count)]


def _shares(scores: list[float]) -> list[float]:
    """Scores from 0 to 1: some servers answer with what a sigmoid was not yet put over."""
    if all(0.0 <= score <= 1.0 for score in scores):
        return scores
    return [1.0 / (1.0 + math.exp(-max(min(score, 60.0), -60.0))) for score in scores]
