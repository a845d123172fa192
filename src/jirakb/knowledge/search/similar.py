"""Which issue, or text of a new one, is asked about, and why is a hit like it? Reads only what the asker may read.

Never ranks: hits come from the search.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import apsw
import numpy as np
import orjson

from jirakb.documents import Readers
from jirakb.errors import NotFoundError
from jirakb.knowledge.index.conditions import EVERYTHING, Condition, Not
from jirakb.knowledge.index.lookup import Lookup
from jirakb.knowledge.index.vectors import SCALE, Floats
from jirakb.knowledge.prepare import decompress, load_parts
from jirakb.knowledge.query.resolve import issues, issues_named
from jirakb.knowledge.search.inquiry import KEY, Inquiry, marker_of
from jirakb.knowledge.search.result import Hit, Pair, Why
from jirakb.knowledge.search.snippet import Marker
from jirakb.knowledge.store import may_read

_SHARED_WORDS = 6
_TRIED_WORDS = 24  # the most telling ones of the query
_OWN_PASSAGES = 20  # of a long issue the first ones stand for it
_NO_FIELDS: Mapping[str, tuple[str, ...]] = {}
_COMPARED = ("project", "type", "components", "labels", "reporter", "assignee", "versions")
_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Source:
    """What is asked about: an issue of the knowledge base (with its number and facts), or only a text."""

    text: str
    issue: int | None = None
    document: int | None = None
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NO_FIELDS)
    created: int | None = None
    others: Condition = EVERYTHING
    """What is not the issue itself."""


def find_source(asked: str, connection: apsw.Connection, principals: Readers | None) -> Source:
    """The issue of that key, present or former, or the text as it stands.

    Raises NotFoundError for a key that no issue has or had, or only one that these principals may not read.
    """
    if not KEY.fullmatch(asked):
        return Source(asked)
    numbers = orjson.dumps(sorted(issues_named(frozenset({asked.upper()}), connection))).decode()
    for document, issue, title, readers, parts, *values in _rows(connection, _SOURCE, numbers):
        if may_read(Readers(orjson.loads(readers)), principals):
            texts = _description(title, parts, principals)
            others = Not(issues(frozenset({issue}), connection))
            return Source("\n".join(texts), issue, document, dict(_fields(values[1:])), values[0], others)
    raise NotFoundError(f"No issue {asked} in this knowledge base.", key=asked)


def _description(title: str, parts: bytes, principals: Readers | None) -> Iterator[str]:
    yield title
    for part in load_parts(decompress(parts)):
        if part.kind == "description" and may_read(part.readers, principals):
            yield part.text


@dataclass(frozen=True)
class Reasons:
    """Why hits are like the source, within the snapshot of one search."""

    inquiry: Inquiry
    source: Source
    vector: Floats | None

    @cached_property
    def _lookup(self) -> Lookup | None:
        return self.inquiry.lookup(self.source.text)

    @cached_property
    def _marker(self) -> Marker:
        return marker_of(self._lookup, self.inquiry.view)

    def give(self, hits: Sequence[Hit]) -> list[Hit]:
        """The hits, each with why."""
        documents = self._documents(hits)
        words = self._words([number for numbers in documents.values() for number in numbers])
        facts = self._facts(hits)
        return [
            replace(hit, why=self._why(hit, documents.get(hit.number, []), words, facts[hit.number])) for hit in hits
        ]

    def _why(self, hit: Hit, documents: list[int], words: Mapping[str, frozenset[int]], facts: Sequence[Any]) -> Why:
        created, *values = facts
        theirs = dict(_fields(values))
        apart = None
        if created is not None and self.source.created is not None:
            apart = abs(created - self.source.created) // _DAY
        shared = tuple(word for word, holders in words.items() if holders.intersection(documents))
        return Why(shared[:_SHARED_WORDS], self._pair(documents), tuple(self._common(theirs)), apart)

    def _common(self, theirs: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, tuple[str, ...]]]:
        for name, own in self.source.fields.items():
            both = tuple(value for value in own if value and value in theirs[name])
            if both:
                yield name, both

    # Words

    def _words(self, documents: Sequence[int]) -> dict[str, frozenset[int]]:
        """The telling words of the source, as it writes them, with the documents that hold them."""
        if self._lookup is None:
            return {}
        written = {span.word: self.source.text[span.start : span.stop] for span in self._marker.find(self.source.text)}
        weights = sorted(self._lookup.weights().items(), key=lambda pair: (-pair[1], pair[0]))
        telling = [word for word, _ in weights if word in written][:_TRIED_WORDS]
        return {written[word]: held for word, held in self._lookup.having(telling, documents).items()}

    # Passages

    @cached_property
    def _own(self) -> list[tuple[str, Floats]]:
        """The passages of the source with their vectors; the text itself where it is no issue."""
        if self.vector is None:
            return []
        own = self._own_rows() if self.source.document is not None else []
        return own or [(self.source.text, self.vector)]

    def _own_rows(self) -> list[tuple[str, Floats]]:
        rows = _rows(self.inquiry.connection, _VECTORS, orjson.dumps([self.source.document]).decode())
        return [
            (
                decompress(text).decode()[start:stop],
                np.frombuffer(value, np.int8).astype(np.float32) / np.float32(SCALE),
            )
            for readers, start, stop, text, value in rows[:_OWN_PASSAGES]
            if readers in self.inquiry.sets
        ]

    def _pair(self, documents: list[int]) -> Pair | None:
        """The nearest two passages, one of the source and one of these documents."""
        matrix = self.inquiry.view.matrix
        rows = matrix.rows_of(documents)
        rows = rows[self.inquiry.allowed[rows]]
        if not self._own or not len(rows):
            return None
        cosines = np.stack([matrix.cosines(vector, rows) for _, vector in self._own])
        mine, theirs = np.unravel_index(int(np.argmax(cosines)), cosines.shape)
        passage = orjson.dumps([int(matrix.passages[rows[theirs]])]).decode()
        ((start, stop, text),) = _rows(self.inquiry.connection, _PASSAGE, passage)
        shown = self._marker.snippet(decompress(text).decode()[start:stop])
        own = self._marker.snippet(self._own[int(mine)][0])
        return Pair(own.text, shown.text, min(float(cosines[mine, theirs]), 1.0))

    # Rows

    def _documents(self, hits: Sequence[Hit]) -> dict[int, list[int]]:
        """The documents of each hit's issue that may be shown."""
        columns = self.inquiry.view.columns
        wanted = np.isin(columns.issue, [hit.number for hit in hits]) & self.inquiry.admitted
        found: dict[int, list[int]] = {}
        for issue, document in zip(columns.issue[wanted].tolist(), columns.document[wanted].tolist(), strict=True):
            found.setdefault(issue, []).append(document)
        return found

    def _facts(self, hits: Sequence[Hit]) -> dict[int, Sequence[Any]]:
        numbers = orjson.dumps([hit.number for hit in hits]).decode()
        return {row[0]: row[1:] for row in _rows(self.inquiry.connection, _FACTS, numbers)}


def _fields(values: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, value in zip(_COMPARED, values, strict=True):
        yield name, tuple(orjson.loads(value)) if name in ("components", "labels", "versions") else (value,)


def _rows(connection: apsw.Connection, sql: str, numbers: str) -> list[tuple[Any, ...]]:
    rows: Any = connection.execute(sql, (numbers,))
    return list(rows)


_FACTS = f"""
SELECT issue, created, {", ".join(_COMPARED)} FROM document
WHERE kind = 'issue' AND issue IN (SELECT value FROM json_each(?))
"""
_SOURCE = f"""
SELECT d.id, d.issue, d.title, r.principals, d.parts_zstd, d.created, {", ".join(f"d.{name}" for name in _COMPARED)}
FROM document d JOIN readers r ON r.id = d.readers
WHERE d.kind = 'issue' AND d.issue IN (SELECT value FROM json_each(?)) ORDER BY d.id
"""
_VECTORS = """
SELECT p.readers, p.start, p.stop, s.text_zstd, v.value
FROM passage p JOIN section s ON s.id = p.section JOIN vector v ON v.passage = p.id
WHERE p.document IN (SELECT value FROM json_each(?)) ORDER BY p.id
"""
_PASSAGE = """
SELECT p.start, p.stop, s.text_zstd FROM passage p JOIN section s ON s.id = p.section
WHERE p.id IN (SELECT value FROM json_each(?))
"""
