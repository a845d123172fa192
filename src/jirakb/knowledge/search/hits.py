"""What does a hit show? Reads the issue and the passage that matched best, and only text of the reader sets it is told.

Never ranks issues.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import apsw
import orjson

from jirakb.knowledge.prepare import decompress
from jirakb.knowledge.search.ranking import TEXT_WEIGHT, VECTOR_WEIGHT, shares
from jirakb.knowledge.search.result import Hit, HitFields, HitSection, Match, ScoreParts
from jirakb.knowledge.search.snippet import Marker

_MOST_NEAR = 3
_MOST_PASSAGES = 400
_MOST_SECTIONS = 8
"""What is looked at for one hit's snippet: enough for all but the longest issues."""


@dataclass(frozen=True, slots=True)
class Found:
    """An issue to show: its own document, and those that matched (perhaps the same)."""

    own: int
    documents: tuple[int, ...]
    score: float
    parts: ScoreParts | None = None


class _Passage(NamedTuple):  # a tuple, since a search makes dozens
    id: int
    document: int
    section: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class _Section:
    text: str
    anchors: list[list[Any]]


class HitReader:
    """Reads hits within one snapshot, for one query and reader."""

    def __init__(
        self,
        connection: apsw.Connection,
        sets: frozenset[int],
        marker: Marker,
        cosines: Mapping[int, float],
        places: int = 1,
    ) -> None:
        self._connection = connection
        self._sets = sets
        self._marker = marker
        self._cosines = cosines
        self._places = places
        self._sections: dict[int, _Section] = {}

    def read(self, found: Sequence[Found]) -> list[Hit]:
        """The hits, in order; one whose issue is gone is left out."""
        documents = self._documents({number for item in found for number in (item.own, *item.documents)})
        passages = self._passages({number for item in found for number in item.documents})
        shown = [item for item in found if item.own in documents]
        looked_at = [
            self._affordable([p for number in item.documents for p in passages.get(number, ())]) for item in shown
        ]
        self._load({passage.section for some in looked_at for passage in some})
        return [self._hit(item, documents, some) for item, some in zip(shown, looked_at, strict=True)]

    def _hit(self, item: Found, documents: Mapping[int, tuple[Any, ...]], passages: list[_Passage]) -> Hit:
        _, kind, key, title, url, issue, *values = documents[item.own]
        ranked = self._ranked(passages)
        best = self._match(ranked[0], documents) if ranked else Match(HitSection("", "", url), kind, title)
        parts = item.parts and replace(item.parts, words=self._words(ranked[:1]))
        return Hit(
            key, best.kind, title, url, item.score, best.snippet or title, best.section, _fields(values),
            sections=self._matches(best, ranked, documents) if self._places > 1 and ranked else (),
            explanation=parts, number=issue, passage=self._text(ranked[0]) if ranked else "",
        )  # fmt: skip

    def _ranked(self, some: list[_Passage]) -> list[_Passage]:
        """The passages that are nearest and hold most of the query's words first."""
        if len(some) < 2:
            return some
        words = shares({at: self._marker.coverage(self._text(p)) for at, p in enumerate(some)})
        nearness = shares({at: self._cosines.get(p.id, 0.0) for at, p in enumerate(some)})
        worth = {
            at: TEXT_WEIGHT * words.get(at, 0.0) + VECTOR_WEIGHT * nearness.get(at, 0.0) for at in range(len(some))
        }
        return [some[at] for at in sorted(worth, key=lambda at: (-worth[at], some[at].id, some[at].start))]

    def _matches(
        self, best: Match, ranked: Sequence[_Passage], documents: Mapping[int, tuple[Any, ...]]
    ) -> tuple[Match, ...]:
        """The best place, and behind it the other comments, descriptions or pages that hold words of the query.

        Where none does, the nearest passages.
        """
        pieces = [piece for passage in ranked for piece in self._pieces(passage)]
        holding = [piece for piece in pieces if self._marker.coverage(self._text(piece))]
        found = {(best.section.url, best.section.heading): best}
        for place in self._ranked(holding) if holding else ranked:
            match = self._match(place, documents)
            found.setdefault((match.section.url, match.section.heading), match)
            if len(found) == self._places:
                break
        return tuple(found.values())

    def _pieces(self, passage: _Passage) -> Iterator[_Passage]:
        """What of each part stands in a passage; not its title, which every hit shows."""
        anchors = self._sections[passage.section].anchors
        stops = [anchor[0] for anchor in anchors[1:]] + [passage.stop]
        for (offset, kind, _, _), stop in zip(anchors, stops, strict=True):
            start, end = max(offset, passage.start), min(stop, passage.stop)
            if start < end and kind != "summary":
                yield passage._replace(start=start, stop=end)

    def _match(self, passage: _Passage, documents: Mapping[int, tuple[Any, ...]]) -> Match:
        snippet, section = self._shown(passage)
        return Match(section, documents[passage.document][1], snippet)

    def _words(self, passages: Sequence[_Passage]) -> tuple[tuple[str, float], ...]:
        return tuple(pair for passage in passages for pair in self._marker.held(self._text(passage)))

    def _affordable(self, passages: list[_Passage]) -> list[_Passage]:
        """The nearest of an issue's passages, of so few sections that they may be read."""
        most = max(_MOST_NEAR, 2 * self._places) if self._cosines else _MOST_PASSAGES
        ranked = sorted(passages, key=lambda p: -self._cosines.get(p.id, 0.0))[:most]
        sections = list(dict.fromkeys(p.section for p in ranked))[:_MOST_SECTIONS]
        return [p for p in ranked if p.section in sections]

    def _shown(self, passage: _Passage) -> tuple[str, HitSection]:
        snippet = self._marker.snippet(self._text(passage))
        anchors = self._sections[passage.section].anchors
        at = bisect_right([anchor[0] for anchor in anchors], passage.start + snippet.offset) - 1
        _, _, heading, url = anchors[max(at, 0)]
        return snippet.text, HitSection(str(passage.section), heading, url)

    def _text(self, passage: _Passage) -> str:
        return self._sections[passage.section].text[passage.start : passage.stop]

    def _documents(self, numbers: Iterable[int]) -> dict[int, tuple[Any, ...]]:
        return {row[0]: row for row in self._select(_DOCUMENTS, numbers)}

    def _passages(self, numbers: Iterable[int]) -> dict[int, list[_Passage]]:
        passages: dict[int, list[_Passage]] = {}
        for *values, readers in self._select(_PASSAGES, numbers):
            if readers in self._sets:
                passage = _Passage(*values)
                passages.setdefault(passage.document, []).append(passage)
        return passages

    def _load(self, sections: Iterable[int]) -> None:
        for number, anchors, text in self._select(_SECTIONS, sections):
            self._sections[number] = _Section(decompress(text).decode(), orjson.loads(anchors))

    def _select(self, sql: str, numbers: Iterable[int]) -> list[tuple[Any, ...]]:
        rows: Any = self._connection.execute(sql, (orjson.dumps(sorted(numbers)).decode(),))
        return list(rows)


def _fields(values: Sequence[Any]) -> HitFields:
    project, type_, status, category, priority, assignee, reporter, labels, created, updated = values
    held = tuple(orjson.loads(labels))
    return HitFields(project, type_, status, category, priority, assignee, reporter, held, created, updated)


_DOCUMENTS = """
SELECT id, kind, key, title, url, issue, project, type, status, status_category, priority, assignee, reporter,
  labels, created, updated
FROM document WHERE id IN (SELECT value FROM json_each(?))
"""
_PASSAGES = """
SELECT id, document, section, start, stop, readers FROM passage
WHERE document IN (SELECT value FROM json_each(?)) ORDER BY id
"""
_SECTIONS = "SELECT id, anchors, text_zstd FROM section WHERE id IN (SELECT value FROM json_each(?))"
