"""What does a search answer? Its shape in JSON is part of the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jirakb.knowledge.store import moment


@dataclass(frozen=True, slots=True)
class HitSection:
    """Where the passage stands that a hit shows; `url` leads to its comment where it is one."""

    id: str
    heading: str
    url: str


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

    def to_json(self) -> dict[str, Any]:
        """As in the contract."""
        section = {"id": self.section.id, "heading": self.section.heading, "url": self.section.url}
        return {
            "key": self.key, "kind": self.kind, "title": self.title, "url": self.url, "score": round(self.score, 6),
            "snippet": self.snippet, "section": section, "fields": self.fields.to_json(),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first. `notes` say what was not as asked (an index behind, no vectors); they are not in the JSON."""

    hits: tuple[Hit, ...]
    total: int
    took_ms: float
    vectors_ready: float
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As in the contract."""
        return {
            "hits": [hit.to_json() for hit in self.hits],
            "total": self.total,
            "took_ms": round(self.took_ms, 2),
            "vectors_ready": round(self.vectors_ready, 4),
        }


def _iso(milliseconds: int) -> str:
    return moment(milliseconds).strftime("%Y-%m-%dT%H:%M:%SZ")
