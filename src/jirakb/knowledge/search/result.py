"""What does a search answer? Its shape in JSON is part of the contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jirakb.knowledge.search.facets import Facets
from jirakb.knowledge.store import moment

_SCORE_PARTS = ("text", "text_share", "vector", "vector_share", "fused", "exact")


@dataclass(frozen=True, slots=True)
class HitSection:
    """Where the passage stands that a hit shows; `url` leads to its comment where it is one."""

    id: str
    heading: str
    url: str


@dataclass(frozen=True, slots=True)
class Match:
    """One of the places of an issue that match best: what kind of text it is, and its words with the matches **marked**."""

    section: HitSection
    kind: str
    snippet: str

    def to_json(self) -> dict[str, Any]:
        """As in the documentation."""
        return {**_section(self.section), "kind": self.kind, "snippet": self.snippet}


@dataclass(frozen=True, slots=True)
class ScoreParts:
    """What a score is made of. None where that way had nothing to say, or was not asked.

    `text` is BM25's score and `vector` the cosine; the shares are those over the highest of the search, and what `score`
    adds up by the weights. `words` are the query's words in the passage that is shown, with how much each tells.
    """

    text: float | None = None
    text_share: float | None = None
    vector: float | None = None
    vector_share: float | None = None
    fused: float | None = None
    """The shares by their weights, before anything else counts."""
    exact: float | None = None
    """How much it holds of what was asked to the letter."""
    is_named: bool = False
    """Whether the query is the issue's key, which puts it first."""
    words: tuple[tuple[str, float], ...] = ()
    rerank: float | None = None
    """What the reranker says, 0 to 1; then it is the score."""

    def to_json(self) -> dict[str, Any]:
        """As in the documentation."""
        numbers = {name: getattr(self, name) for name in _SCORE_PARTS}
        rounded = {name: None if value is None else round(value, 6) for name, value in numbers.items()}
        if self.rerank is not None:
            rounded["rerank"] = round(self.rerank, 6)
        return {**rounded, "is_named": self.is_named, "words": {word: round(tells, 4) for word, tells in self.words}}


@dataclass(frozen=True, slots=True)
class Pair:
    """A passage of the issue that was asked for and the nearest one of the hit, with the cosine of the two."""

    own: str
    theirs: str
    cosine: float


@dataclass(frozen=True, slots=True)
class Why:
    """Why an issue is like another: words that both have and few others do, the nearest passages, what fields share.

    `fields` are names with the values that both have, `days_apart` the days between their creation.
    """

    words: tuple[str, ...] = ()
    passages: Pair | None = None
    fields: tuple[tuple[str, tuple[str, ...]], ...] = ()
    days_apart: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As in the documentation."""
        pair = self.passages
        return {
            "words": list(self.words),
            "passages": pair and {"own": pair.own, "theirs": pair.theirs, "cosine": round(pair.cosine, 4)},
            "fields": {name: list(values) for name, values in self.fields},
            "days_apart": self.days_apart,
        }


@dataclass(frozen=True, slots=True)
class HitFields:
    """The fields of a hit's issue; times are epoch milliseconds, values "" where absent."""

    project: str
    type: str
    status: str
    status_category: str
    priority: str
    assignee: str
    reporter: str
    labels: tuple[str, ...]
    created: int | None
    updated: int

    def to_json(self) -> dict[str, Any]:
        """As in the contract: times in ISO 8601 UTC."""
        names = ("project", "type", "status", "status_category", "priority", "assignee", "reporter")
        return {name: getattr(self, name) for name in names} | {
            "labels": list(self.labels),
            "created": None if self.created is None else _iso(self.created),
            "updated": _iso(self.updated),
        }


@dataclass(frozen=True, slots=True)
class Hit:
    """An issue that was found; `kind` says whether its own text or an attachment's matched best."""

    key: str
    kind: str
    title: str
    url: str
    score: float
    snippet: str
    section: HitSection
    fields: HitFields
    sections: tuple[Match, ...] = ()
    """The best places, best first, where more than one was asked for."""
    explanation: ScoreParts | None = None
    why: Why | None = None
    """Where it was asked what is similar."""
    number: int = 0
    """The knowledge base's own number of the issue; not in the JSON."""
    passage: str = ""
    """The whole passage that the snippet is of, as far as the reader may see it; not in the JSON."""

    def to_json(self) -> dict[str, Any]:
        """As in the contract, and `sections` and `explain` where they were asked for."""
        found = {
            "key": self.key, "kind": self.kind, "title": self.title, "url": self.url, "score": round(self.score, 6),
            "snippet": self.snippet, "section": _section(self.section), "fields": self.fields.to_json(),
        }  # fmt: skip
        if self.sections:
            found["sections"] = [match.to_json() for match in self.sections]
        if self.explanation:
            found["explain"] = self.explanation.to_json()
        if self.why:
            found["why"] = self.why.to_json()
        return found


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first. `notes` say what was not as asked (an index behind, no vectors); they are not in the JSON."""

    hits: tuple[Hit, ...]
    total: int
    took_ms: float
    vectors_ready: float
    notes: tuple[str, ...] = ()
    next_cursor: str | None = None
    """What leads to the next page; None behind the last."""
    facets: Facets = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As in the contract, `facets` where they were asked for and `next_cursor` where there is a next page."""
        found: dict[str, Any] = {
            "hits": [hit.to_json() for hit in self.hits],
            "total": self.total,
            "took_ms": round(self.took_ms, 2),
            "vectors_ready": round(self.vectors_ready, 4),
        }
        if self.facets:
            found["facets"] = {
                name: [{"value": entry.value, "count": entry.count} for entry in values]
                for name, values in self.facets.items()
            }
        if self.next_cursor:
            found["next_cursor"] = self.next_cursor
        return found


def _section(section: HitSection) -> dict[str, str]:
    return {"id": section.id, "heading": section.heading, "url": section.url}


def _iso(milliseconds: int) -> str:
    return moment(milliseconds).strftime("%Y-%m-%dT%H:%M:%SZ")
