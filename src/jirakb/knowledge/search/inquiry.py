"""How is one query answered within one snapshot? Candidates by words and by meaning, made one, and read as hits.

Every step sees only documents that the filter admits and text of the reader sets it was given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import apsw
import numpy as np
from numpy.typing import NDArray

from jirakb.knowledge.index.filters import Filter, Integers, Mask, among
from jirakb.knowledge.index.indexes import View
from jirakb.knowledge.index.lookup import Lookup, Matches
from jirakb.knowledge.index.vectors import ROUNDING, Floats, Scan
from jirakb.knowledge.search.hits import Found, HitReader
from jirakb.knowledge.search.ranking import fuse, ordered
from jirakb.knowledge.search.result import Hit
from jirakb.knowledge.search.snippet import Marker

POOL = 200
"""So many entries and so many passages are looked at; more when more hits are asked for."""
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*-[0-9]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """The hits, best first, and how many issues match in all."""

    hits: list[Hit]
    total: int


@dataclass(frozen=True, slots=True)
class _Best:
    """By one way, each issue's best score and the document that has it."""

    scores: dict[int, float]
    documents: dict[int, int]


_NONE = _Best({}, {})


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What speaks for each issue: by words, and by meaning."""

    text: _Best
    vector: _Best
    entries: int
    """How many entries of the text index match."""

    @property
    def issues(self) -> set[int]:
        return {*self.text.scores, *self.vector.scores}


@dataclass(frozen=True)
class Inquiry:
    """One search within its snapshot. `admitted` are the documents that the filter and the reader's sets let through."""

    connection: apsw.Connection
    view: View
    sets: frozenset[int]
    wanted: Filter
    limit: int

    @cached_property
    def admitted(self) -> Mask:
        """The documents that the filter and the reader's sets let through, by the columns' row."""
        return self.view.columns.mask(self.wanted) & self.view.columns.readable(self.sets)

    @cached_property
    def allowed(self) -> Mask:
        """The vectors of admitted documents and readable passages, by the matrix's row."""
        documents = np.append(self.admitted, False)[self.view.rows]  # row -1 is a document that is gone
        matrix = self.view.matrix
        if 0 in self.sets and not matrix.is_restricted:
            return documents
        return documents & among(matrix.readers, self.sets)

    def newest(self) -> Answer:
        """What the filter admits, newest update first."""
        columns = self.view.columns
        rows = np.flatnonzero(self.admitted & columns.is_issue)
        newest = rows[np.lexsort((-columns.document[rows], -columns.updated[rows]))][: self.limit]
        found = [Found(document, (document,), 0.0) for document in columns.document[newest].tolist()]
        return Answer(self._read(found, Marker({}, lambda _: ()), None), len(rows))

    def best(self, query: str, vector: Floats | None, *, by_words: bool) -> Answer:
        """The best issues by words, by meaning (where there is a vector), or by both."""
        lookup = self._lookup(query)
        words = lookup if by_words else None
        scan = None if vector is None else self.view.matrix.scan(vector, self.allowed)
        evidence = self._evidence(words, scan)
        named = self._named(query)
        hits = self._read(self._found(named, evidence), _marker(lookup, self.view), scan)
        return Answer(hits, self._total(evidence, words) + self._is_apart(named, evidence, words))

    # Candidates

    @property
    def _pool(self) -> int:
        return max(POOL, 4 * self.limit)

    def _lookup(self, query: str) -> Lookup | None:
        text = self.view.text
        if text is None:
            return None
        return text.lookup(text.weighted_words(query), self.wanted, self.sets, self.view.gone)

    def _evidence(self, lookup: Lookup | None, scan: Scan | None) -> _Evidence:
        """The candidates of either way; where there are both, each candidate has both of its scores."""
        matches = self._best_matches(lookup) if lookup else Matches({}, 0)
        text = self._by_documents(matches.scores)
        vector = self._by_rows(scan, scan.nearest(self._pool)) if scan else _NONE
        if lookup and scan:
            apart = lookup.scores(self._documents_of(vector.scores.keys() - text.scores.keys()))
            text = self._by_documents({**matches.scores, **apart})
            documents = self._documents_of({*text.scores, *vector.scores})
            vector = self._by_rows(scan, scan.allowed(self.view.matrix.rows_of(documents)))
        return _Evidence(text, vector, matches.entries)

    def _best_matches(self, lookup: Lookup) -> Matches:
        """Enough entries that there are enough issues: one issue may match in hundreds of its attachments."""
        pool = self._pool
        while True:
            matches = lookup.best(pool)
            if matches.entries <= pool or len(self._by_documents(matches.scores).scores) >= self.limit:
                return matches
            pool *= 4

    def _by_documents(self, scores: Mapping[int, float]) -> _Best:
        documents = np.fromiter(scores.keys(), dtype=np.int64, count=len(scores))
        values = np.fromiter(scores.values(), dtype=np.float64, count=len(scores))
        rows = self.view.columns.rows(documents)
        seen = (rows >= 0) & np.append(self.admitted, False)[rows]
        return _best(self.view.columns.issue[rows[seen]], documents[seen], values[seen])

    def _by_rows(self, scan: Scan, rows: Integers) -> _Best:
        """Each issue by the nearest of the rows: those that may be it by rounded numbers, scored by the exact query."""
        issues = self.view.columns.issue[self.view.rows[rows]]
        order = np.argsort(issues, kind="stable")
        rows, issues = rows[order], issues[order]
        starts = np.flatnonzero(np.diff(issues, prepend=-1))
        if len(starts):
            dots = scan.dots[rows]
            sizes = np.diff(starts, append=len(rows))
            near = dots >= np.repeat(np.maximum.reduceat(dots, starts), sizes) - ROUNDING
            rows, issues = rows[near], issues[near]
        return _best(issues, self.view.matrix.documents[rows], scan.cosines(rows))

    def _documents_of(self, issues: Iterable[int]) -> list[int]:
        columns = self.view.columns
        documents: list[int] = columns.document[self.admitted & among(columns.issue, issues)].tolist()
        return documents

    # Counting

    def _total(self, evidence: _Evidence, lookup: Lookup | None) -> int:
        """All that match by words, and those candidates by meaning that do not."""
        by_meaning_alone = evidence.vector.scores.keys() - evidence.text.scores.keys()
        return len(by_meaning_alone) + (self._count_by_words(lookup, evidence.entries) if lookup else 0)

    def _is_apart(self, named: int | None, evidence: _Evidence, lookup: Lookup | None) -> int:
        """1 when the issue that the query names is none of those that match."""
        if named is None or named in evidence.issues:
            return 0
        return int(lookup is None or not lookup.scores(self._documents_of([named])))

    def _count_by_words(self, lookup: Lookup, entries: int) -> int:
        """How many issues match: those by their own text, and those only by comments or attachments apart from it."""
        if not lookup.has_extra():
            return entries
        own, extra = lookup.count("own"), lookup.count("extra")
        if not extra:
            return own
        columns = self.view.columns
        rows = columns.rows(np.array(lookup.documents("extra", extra), dtype=np.int64))
        issues = np.unique(columns.issue[rows[rows >= 0]])
        own_rows = columns.primary[issues]
        return own + len(issues) - lookup.own_among(columns.document[own_rows[own_rows >= 0]].tolist())

    # Hits

    def _found(self, named: int | None, evidence: _Evidence) -> list[Found]:
        """The issues to show: first the one that the query names by its key."""
        scores = fuse(evidence.text.scores, evidence.vector.scores)
        others = {issue: score for issue, score in scores.items() if issue != named}
        best = ordered(others, self.limit)
        if named is not None:
            best = [(named, 1.0), *best][: self.limit]
        return [self._of_issue(issue, score, evidence) for issue, score in best]

    def _named(self, query: str) -> int | None:
        """The admitted issue whose key, present or former, is all of the query."""
        if not _KEY.fullmatch(query):
            return None
        rows: Any = self.connection.execute(_BY_KEY, (query.upper(), query.upper()))
        primary = self.view.columns.primary
        for (issue,) in rows:
            if issue < len(primary) and primary[issue] >= 0 and self.admitted[primary[issue]]:
                return int(issue)
        return None

    def _of_issue(self, issue: int, score: float, evidence: _Evidence) -> Found:
        ways = (evidence.text.documents, evidence.vector.documents)
        matched = dict.fromkeys(documents[issue] for documents in ways if issue in documents)
        columns = self.view.columns
        own = int(columns.document[columns.primary[issue]]) if columns.primary[issue] >= 0 else next(iter(matched))
        return Found(own, tuple(matched) or (own,), score)

    def _read(self, found: Sequence[Found], marker: Marker, scan: Scan | None) -> list[Hit]:
        cosines: dict[int, float] = {}
        if scan is not None and found:
            matrix = self.view.matrix
            rows = scan.allowed(matrix.rows_of(sorted({number for item in found for number in item.documents})))
            cosines = dict(zip(matrix.passages[rows].tolist(), scan.dots[rows].tolist(), strict=True))
        return HitReader(self.connection, self.sets, marker, cosines).read(found)


def _best(issues: Integers, documents: Integers, scores: NDArray[Any]) -> _Best:
    order = np.lexsort((-documents, scores))  # the best is written last, and stays
    names = issues[order].tolist()
    return _Best(
        dict(zip(names, scores[order].tolist(), strict=True)),
        dict(zip(names, documents[order].tolist(), strict=True)),
    )


def _marker(lookup: Lookup | None, view: View) -> Marker:
    if lookup is None or view.text is None:
        return Marker({}, lambda _: ())
    return Marker(lookup.weights(), view.text.words)


_BY_KEY = """
SELECT id FROM issue WHERE key = ?1
UNION ALL SELECT issue FROM (SELECT issue FROM alias WHERE key = ?2 ORDER BY issue)
"""
