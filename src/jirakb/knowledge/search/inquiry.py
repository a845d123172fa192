"""How is one query answered within one snapshot? Candidates by words and by meaning, made one, and read as hits.

Every step sees only documents that the filter admits and text of the reader sets it was given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import apsw
import numpy as np
from numpy.typing import NDArray

from jirakb.knowledge.index.columns import Integers, Mask, among
from jirakb.knowledge.index.conditions import EVERYTHING, Condition, Holding, mask
from jirakb.knowledge.index.indexes import View
from jirakb.knowledge.index.lookup import Lookup, Matches
from jirakb.knowledge.index.vectors import ROUNDING, Floats, Scan
from jirakb.knowledge.search.cursor import DEEPEST, Place
from jirakb.knowledge.search.exact import MOST_READ, asked_exactly, best_first, shares_held
from jirakb.knowledge.search.facets import Facets, count_facet
from jirakb.knowledge.search.hits import Found, HitReader
from jirakb.knowledge.search.kinship import Kin
from jirakb.knowledge.search.order import arranged, place_of
from jirakb.knowledge.search.page import Page
from jirakb.knowledge.search.ranking import FRUITLESS, discounted, fuse, ordered, shares, with_exact
from jirakb.knowledge.search.result import Hit, ScoreParts
from jirakb.knowledge.search.snippet import Marker

POOL = 60
"""So many entries and so many passages are looked at; more when more hits are asked for. With 60 to 200 the same duplicates
are found, but for one of 348 by `similar`."""
MOST_DOCUMENTS = 20
"""In so many documents of one issue further places are looked for."""
KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*-[0-9]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """The hits, best first, how many issues match in all, and where the next page begins (None behind the last)."""

    hits: list[Hit]
    total: int
    facets: Facets = field(default_factory=dict)
    next: Place | None = None


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
    exact: Mapping[int, float] = field(default_factory=dict)
    """The share of what was asked to the letter that an issue holds; those that hold nothing of it are not in here."""

    @property
    def issues(self) -> set[int]:
        return {*self.text.scores, *self.vector.scores}


@dataclass(frozen=True)
class Inquiry:
    """One search within its snapshot. `admitted` are the documents that the condition and the reader's sets let through."""

    connection: apsw.Connection
    view: View
    sets: frozenset[int]
    wanted: Condition
    page: Page
    kin: Kin | None = None
    """The issue that others are compared with, where it is one."""
    but_for: Mapping[str, Condition] = field(default_factory=dict)
    """What is wanted but for what the filter says of a facet, by the facet: it counts what could be chosen besides."""

    @cached_property
    def admitted(self) -> Mask:
        """The documents that the condition and the reader's sets let through, by the columns' row."""
        return mask(self.wanted, self.view.columns, self._holding) & self.view.columns.readable(self.sets)

    def _holding(self, asked: Holding) -> Integers:
        text = self.view.text
        return np.zeros(0, dtype=np.int64) if text is None else text.holding(asked, self.sets, self.view.gone)

    @cached_property
    def allowed(self) -> Mask:
        """The vectors of admitted documents and readable passages, by the matrix's row."""
        readable = self.view.readable(self.sets)
        if self.wanted == EVERYTHING:
            return readable
        admitted: Mask = np.append(self.admitted, False)[self.view.rows]  # row -1 is a document that is gone
        return readable & admitted

    def listed(self) -> Answer:
        """What the condition admits, in the order of fields."""
        evidence, marker = _Evidence(_NONE, _NONE, 0), Marker({}, lambda _: ())
        return self._in_order(self._everything(), Inquiry._everything, evidence, marker, None)

    def _everything(self) -> Integers:
        return np.flatnonzero(self.admitted & self.view.columns.is_issue)

    def best(self, query: str, vector: Floats | None, *, by_words: bool) -> Answer:
        """The best issues by words, by meaning (where there is a vector), or by both."""
        lookup = self.lookup(query)
        words = lookup if by_words else None
        scan = self._scan(vector)
        evidence = self._evidence(query, words, scan)
        named = self._named(query)
        marker = marker_of(lookup, self.view)

        def matching(inquiry: Inquiry) -> Integers:
            return inquiry._matching(query, vector, by_words=by_words)

        if self.page.sorts:
            return self._in_order(self._matched(named, evidence.issues, words), matching, evidence, marker, scan)
        found = self._found(named, evidence)
        facets, total = self._counted(named, evidence, words, matching)
        told = self.page.place.total if self.page.place else total
        place = self._next_by_relevance(found, max(total, len(evidence.issues)), told)
        return Answer(self._read(found, marker, scan), told, facets, place)

    # Orders and pages

    def _in_order(
        self, rows: Integers, matching: _Matching, evidence: _Evidence, marker: Marker, scan: Scan | None
    ) -> Answer:
        """Matching issues' rows as a page sorted by fields."""
        columns, page, sorts = self.view.columns, self.page, self.page.sorts
        following = arranged(columns, rows, sorts, page.place.last if page.place else ())
        shown = following[: page.limit]
        scores = self._scores(evidence)
        found = [self._of_issue(number, scores.get(number, 0.0), evidence) for number in columns.issue[shown].tolist()]
        total = page.place.total if page.place else len(rows)
        is_last = len(shown) == len(following)
        place = None if is_last else Place(total, last=place_of(columns, int(shown[-1]), sorts))
        if page.explains:
            found = self._explained(found, None, evidence)
        return Answer(self._read(found, marker, scan), total, self._facets(rows, matching), place)

    def _next_by_relevance(self, found: Sequence[Found], matching: int, total: int) -> Place | None:
        seen = self.page.seen.union(self._issues_of(found))
        is_last = len(found) < self.page.limit or len(seen) >= min(matching, DEEPEST)
        return None if is_last else Place(total, seen=tuple(seen))

    def _issues_of(self, found: Sequence[Found]) -> list[int]:
        columns = self.view.columns
        issues: list[int] = columns.issue[columns.rows(np.array([item.own for item in found], dtype=np.int64))].tolist()
        return issues

    def _counted(
        self, named: int | None, evidence: _Evidence, words: Lookup | None, matching: _Matching
    ) -> tuple[Facets, int]:
        """Facets where they are wanted, and how many issues match."""
        if not self.page.facets:
            return {}, self._total(evidence, words) + self._is_apart(named, evidence, words)
        rows = self._matched(named, evidence.issues, words)
        return self._facets(rows, matching), len(rows)

    def _facets(self, rows: Integers, matching: _Matching) -> Facets:
        """Each facet over the rows that match; one that the filter narrows also over those that match but for that."""
        counted = dict.fromkeys(self.page.facets, rows)
        for name, wanted in self.but_for.items():
            counted[name] = np.union1d(rows, matching(replace(self, wanted=wanted)))
        return {name: count_facet(self.view.columns, some, name) for name, some in counted.items()}

    def _matching(self, query: str, vector: Floats | None, *, by_words: bool) -> Integers:
        """The row of every issue that matches, without its score."""
        scan = self._scan(vector)
        near = self._issues_in(self.view.rows[scan.nearest(self._pool)]) if scan else set()
        return self._matched(self._named(query), near, self.lookup(query) if by_words else None)

    def _matched(self, named: int | None, candidates: set[int], words: Lookup | None) -> Integers:
        """The row of every issue that matches: by words, or as a candidate by meaning, or by its name."""
        columns = self.view.columns
        rows = columns.rows(words.every_document() if words else np.zeros(0, dtype=np.int64))
        rows = rows[rows >= 0]
        issues = [columns.issue[rows[self.admitted[rows]]], np.array([*candidates], dtype=np.int64)]
        if named is not None:
            issues.append(np.array([named], dtype=np.int64))
        own: Integers = columns.primary[np.unique(np.concatenate(issues))].astype(np.int64)
        found: Integers = own[own >= 0]
        return found

    # Candidates

    def _scan(self, vector: Floats | None) -> Scan | None:
        return None if vector is None else self.view.matrix.scan(vector, self.allowed)

    @property
    def _pool(self) -> int:
        return max(POOL, 4 * self.page.depth)

    def lookup(self, query: str) -> Lookup | None:
        """The query as the text index is asked for it; None where there is no index to read."""
        text = self.view.text
        if text is None:
            return None
        words = text.weighted_words(query)
        return text.lookup(words, self.wanted, self.sets, self.view.gone, self._admitted_documents)

    def _admitted_documents(self) -> list[int]:
        documents: list[int] = self.view.columns.document[self.admitted].tolist()
        return documents

    def _evidence(self, query: str, lookup: Lookup | None, scan: Scan | None) -> _Evidence:
        """The candidates of either way; where there are both, each candidate has both of its scores."""
        if lookup is None:
            return _Evidence(_NONE, self._by_rows(scan, scan.nearest(self._pool)) if scan else _NONE, 0)
        near = self._issues_in(self.view.rows[scan.nearest(self._pool)]) if scan else set()
        matches = self._best_matches(lookup, self._documents_of(near) if near else [])
        exact = self._exact(query, matches.scores)
        apart = exact.keys() - near - self._issues_with(matches.scores)
        also = lookup.scores(self._documents_of(apart)) if apart else {}
        text = self._by_documents({**matches.scores, **also})
        if scan is None:
            return _Evidence(text, _NONE, matches.entries, exact)
        documents = self._documents_of({*text.scores, *near})
        vector = self._by_rows(scan, scan.allowed(self.view.matrix.rows_of(documents)))
        return _Evidence(text, vector, matches.entries, exact)

    def _exact(self, query: str, scores: Mapping[int, float]) -> dict[int, float]:
        """The issues that hold what the query asks for to the letter, with the share of it that they hold."""
        asked = asked_exactly(query)
        found = [self._holding(Holding("text", words)) for words in asked]
        documents = np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)
        rows = self.view.columns.rows(documents)
        documents = documents[(rows >= 0) & np.append(self.admitted, False)[rows]]
        if not len(documents):
            return {}
        some = best_first(documents.tolist(), scores, max(MOST_READ, 2 * self.page.depth))
        held = shares_held(self.connection, self.sets, asked, some)
        best = self._by_documents(held)
        return best.scores

    def _scores(self, evidence: _Evidence) -> dict[int, float]:
        """The score of each candidate, 0 to 1."""
        fused = fuse(evidence.text.scores, evidence.vector.scores)
        issues = np.fromiter(fused, dtype=np.int64, count=len(fused))
        columns = self.view.columns
        rows = columns.primary[issues]
        fruitless = columns.values("resolution").among(FRUITLESS)
        scores = discounted(fused, set(issues[(rows >= 0) & fruitless[rows]].tolist()))
        if self.kin is not None and len(issues):
            values = np.fromiter(scores.values(), dtype=np.float64, count=len(scores))
            kindred = np.where(rows >= 0, self.kin.added(columns, rows.astype(np.int64), values), 0.0)
            scores = dict(zip(issues.tolist(), kindred.tolist(), strict=True))
        return with_exact(scores, evidence.exact)

    def _best_matches(self, lookup: Lookup, near: Sequence[int]) -> Matches:
        """Enough entries that there are enough issues: one issue may match in hundreds of its attachments. And those of
        near documents, if they match."""
        pool = self._pool
        while True:
            matches = lookup.best(pool, near)
            if matches.entries <= pool or len(self._issues_with(matches.scores)) >= self.page.depth:
                return matches
            pool *= 4

    def _issues_with(self, documents: Collection[int]) -> set[int]:
        """The admitted issues that these documents are of."""
        rows = self.view.columns.rows(np.fromiter(documents, dtype=np.int64, count=len(documents)))
        return self._issues_in(rows[(rows >= 0) & np.append(self.admitted, False)[rows]])

    def _issues_in(self, rows: NDArray[Any]) -> set[int]:
        return set(self.view.columns.issue[rows].tolist())

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
            dots = scan.dots(rows)
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
        scores = self._scores(evidence)
        passed = self.page.seen if named is None else self.page.seen | {named}
        best = ordered({issue: score for issue, score in scores.items() if issue not in passed}, self.page.limit)
        if named is not None and named not in self.page.seen:
            best = [(named, 1.0), *best][: self.page.limit]
        found = [self._of_issue(issue, score, evidence) for issue, score in best]
        return self._explained(found, named, evidence) if self.page.explains else found

    def _explained(self, found: Sequence[Found], named: int | None, evidence: _Evidence) -> list[Found]:
        text, vector = evidence.text.scores, evidence.vector.scores
        text_shares, vector_shares, fused = shares(text), shares(vector), fuse(text, vector)
        return [
            replace(item, parts=ScoreParts(
                text.get(issue), text_shares.get(issue), vector.get(issue), vector_shares.get(issue), fused.get(issue),
                evidence.exact.get(issue), issue == named,
            ))
            for item, issue in zip(found, self._issues_of(found), strict=True)
        ]  # fmt: skip

    def _named(self, query: str) -> int | None:
        """The admitted issue whose key, present or former, is all of the query."""
        if not KEY.fullmatch(query):
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

    def _with_all_documents(self, found: Sequence[Found]) -> list[Found]:
        """The same, with further documents of each issue to look for places in."""
        columns, others = self.view.columns, dict[int, list[int]]()
        issues = self._issues_of(found)
        rows = np.flatnonzero(self.admitted & among(columns.issue, issues))
        for issue, document in zip(columns.issue[rows].tolist(), columns.document[rows].tolist(), strict=True):
            others.setdefault(issue, []).append(document)
        return [
            replace(item, documents=tuple(dict.fromkeys([*item.documents, *others.get(issue, [])][:MOST_DOCUMENTS])))
            for item, issue in zip(found, issues, strict=True)
        ]

    def _read(self, found: Sequence[Found], marker: Marker, scan: Scan | None) -> list[Hit]:
        cosines: dict[int, float] = {}
        if self.page.sections > 1:
            found = self._with_all_documents(found)
        if scan is not None and found:
            matrix = self.view.matrix
            rows = scan.allowed(matrix.rows_of(sorted({number for item in found for number in item.documents})))
            cosines = dict(zip(matrix.passages[rows].tolist(), scan.dots(rows).tolist(), strict=True))
        return HitReader(self.connection, self.sets, marker, cosines, self.page.sections).read(found)


_Matching = Callable[[Inquiry], Integers]
"""The rows that match in an inquiry that differs from this one in its condition alone."""


def _best(issues: Integers, documents: Integers, scores: NDArray[Any]) -> _Best:
    order = np.lexsort((-documents, scores))  # the best is written last, and stays
    names = issues[order].tolist()
    return _Best(
        dict(zip(names, scores[order].tolist(), strict=True)),
        dict(zip(names, documents[order].tolist(), strict=True)),
    )


def marker_of(lookup: Lookup | None, view: View) -> Marker:
    """What finds the query's words in texts."""
    if lookup is None or view.text is None:
        return Marker({}, lambda _: ())
    return Marker(lookup.weights(), view.text.words)


_BY_KEY = """
SELECT id FROM issue WHERE key = ?1
UNION ALL SELECT issue FROM (SELECT issue FROM alias WHERE key = ?2 ORDER BY issue)
"""
