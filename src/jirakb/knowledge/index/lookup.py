"""Which documents hold the words of a query, and how well? Reads the text index; several threads may.

Never decides who may read (it is told the reader sets), never writes.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tantivy
from tantivy import Occur, Query

from jirakb.errors import CorruptStoreError
from jirakb.knowledge.index.filters import Filter
from jirakb.knowledge.index.text import OPEN, RESTRICTED, open_folder, position, readable, schema, text_folder
from jirakb.knowledge.index.words import analyzer, query_words, weighted_words

MAX_WORDS = 64
"""A longer query is searched by the words of its first line, and then its rarest."""
_MAX_QUERY_CHARS = 100_000
_MAX_DISTINCT = 2_000
_MANY_DOCUMENTS = 1_000


@dataclass(frozen=True, slots=True)
class Matches:
    """The scores of the best documents, by document, and how many entries match in all."""

    scores: dict[int, float]
    entries: int


class TextReader:
    """A text index to search in: what it held when it was opened or reloaded. Raises CorruptStoreError."""

    def __init__(self, folder: Path, base: str) -> None:
        if not text_folder(folder).exists():
            raise CorruptStoreError("The text index is missing.")
        self._base = base
        self._schema = schema()
        self._words = analyzer()
        self._open = open_folder(text_folder(folder) / OPEN)
        self._restricted = open_folder(text_folder(folder) / RESTRICTED)
        self.reload()

    def reload(self) -> None:
        """Show what was committed since."""
        with readable():
            for index in (self._open, self._restricted):
                index.reload()
            places = [position(index.searcher(), self._schema) for index in (self._open, self._restricted)]
        if {place.base for place in places} != {self._base}:
            raise CorruptStoreError("The text index is of another knowledge base or layout.", fix="Delete it.")
        self.seq = min(place.seq for place in places)

    def words(self, text: str) -> tuple[str, ...]:
        """The words of a text as the index has them."""
        return query_words(self._words, text[:_MAX_QUERY_CHARS])

    def weighted_words(self, query: str) -> dict[str, float]:
        """The words of a query as the index has them, with how much each tells."""
        return weighted_words(self._words, query[:_MAX_QUERY_CHARS])

    def lookup(
        self, words: Mapping[str, float], wanted: Filter, sets: frozenset[int], gone: Sequence[int] = ()
    ) -> Lookup:
        """A query over the entries of these reader sets, but never those of the documents in `gone`."""
        restricted = self._restricted.searcher()
        tongues = [_Tongue(self._schema, self._open.searcher(), "text")] if 0 in sets else []
        if restricted.num_docs > 1:
            fields = [f"restricted.{number}" for number in sorted(sets) if number]
            tongues.extend(_Tongue(self._schema, restricted, field) for field in fields)
        return Lookup(self._schema, tongues, words, wanted, gone)


@dataclass(frozen=True, slots=True)
class _Tongue:
    """The words of one reader set: where its entries stand and which field holds them."""

    schema: tantivy.Schema
    searcher: tantivy.Searcher
    field: str

    def frequency(self, word: str) -> int:
        return self.searcher.doc_freq(self.field, word)

    def term(self, word: str, weight: float, rarity: float | None) -> Query:
        """The word with its weight, as rare as it is in all that the reader sees (None: as it is here)."""
        if rarity is not None:
            weight *= rarity / _rarity(self.searcher.num_docs, self.frequency(word))
        term = Query.term_query(self.schema, self.field, word, "freq")
        return term if weight == 1.0 else Query.boost_query(term, weight)


def _rarity(entries: int, having: int) -> float:
    """BM25's inverse document frequency."""
    return math.log(1 + max(entries - having + 0.5, 0.5) / (having + 0.5))


class Lookup:
    """One query, ready to be asked: for the best documents, for the scores of given ones, for how many there are."""

    def __init__(
        self,
        rules: tantivy.Schema,
        tongues: Sequence[_Tongue],
        words: Mapping[str, float],
        wanted: Filter,
        gone: Sequence[int],
    ) -> None:
        self._schema = rules
        self._conditions = [*_conditions(rules, wanted), *_without(rules, gone)]
        self._tongues = tongues
        self.words = _telling(tongues, words)
        rarities = dict.fromkeys(self.words) if len(tongues) == 1 else _rarities(tongues, self.words)
        self._asks = [(tongue.searcher, self._any(tongue, rarities)) for tongue in tongues if self.words]

    def _any(self, tongue: _Tongue, rarities: dict[str, float | None]) -> Query:
        return Query.boolean_query([(Occur.Should, tongue.term(w, self.words[w], r)) for w, r in rarities.items()])

    def best(self, limit: int) -> Matches:
        """The documents of the best entries; one that matches in several reader sets counts by its best."""
        scores: dict[int, float] = {}
        entries = 0
        for searcher, ask in self._asks:
            found, count = _documents(searcher, self._all([(Occur.Must, ask)]), limit)
            _keep_best(scores, found)
            entries += count
        return Matches(scores, entries)

    def scores(self, documents: Sequence[int]) -> dict[int, float]:
        """The scores of those among the given documents that match."""
        found: dict[int, float] = {}
        for searcher, ask in self._asks if documents else ():
            among = [(Occur.Must, _among(self._schema, documents))]
            # A document has one entry here for each reader set, so this many are enough.
            limit = len(documents) * max(len(self._tongues), 1)
            _keep_best(found, _documents(searcher, self._all([(Occur.Must, ask), *among]), limit)[0])
        return found

    def has_extra(self) -> bool:
        """Whether any entry is not its issue's own text, be it that it does not match."""
        return any(searcher.doc_freq("kind", "extra") for searcher, _ in self._asks)

    def count(self, kind: str) -> int:
        """How many entries of this kind match: "own" (the issue's own text, one per issue) or "extra"."""
        return sum(self._matching(searcher, ask, kind, 1)[1] for searcher, ask in self._asks)

    def documents(self, kind: str, limit: int) -> list[int]:
        """The documents of the matching entries of this kind."""
        return [found for searcher, ask in self._asks for found in self._matching(searcher, ask, kind, limit)[0]]

    def own_among(self, documents: Sequence[int]) -> int:
        """How many of the given issues' documents match by their own text."""
        if not documents:
            return 0
        among = [(Occur.Must, _among(self._schema, documents))]
        return sum(self._matching(searcher, ask, "own", 1, among)[1] for searcher, ask in self._asks)

    def weights(self) -> dict[str, float]:
        """How much each word of the query tells: its weight, and its rarity in what the reader sees."""
        return {
            word: self.words[word] * (rarity or 0.0) for word, rarity in _rarities(self._tongues, self.words).items()
        }

    def _matching(
        self,
        searcher: tantivy.Searcher,
        ask: Query,
        kind: str,
        limit: int,
        among: Sequence[tuple[Occur, Query]] = (),
    ) -> tuple[list[int], int]:
        of_kind = Query.term_query(self._schema, "kind", kind, "basic")
        full = Query.const_score_query(self._all([(Occur.Must, ask), (Occur.Must, of_kind), *among]), 1.0)
        with readable():
            result: Any = searcher.search(full, limit, count=True)
            numbers = searcher.fast_field_values("document", [address for _, address in result.hits])
        return [int(number or 0) for number in numbers], int(result.count or 0)

    def _all(self, clauses: list[tuple[Occur, Query]]) -> Query:
        clauses = [*clauses, *self._conditions]
        return clauses[0][1] if len(clauses) == 1 else Query.boolean_query(clauses)


def _telling(tongues: Sequence[_Tongue], words: Mapping[str, float]) -> dict[str, float]:
    """At most MAX_WORDS of the words: those that weigh most, then the rarest; in the order in which they were given."""
    if len(words) <= MAX_WORDS:
        return dict(words)
    some = list(words)[:_MAX_DISTINCT]
    counted = [(-words[word], sum(t.frequency(word) for t in tongues), at) for at, word in enumerate(some)]
    telling = heapq.nsmallest(MAX_WORDS, (entry for entry in counted if entry[1]))
    return {some[at]: words[some[at]] for at in sorted(at for _, _, at in telling)}


def _rarities(tongues: Sequence[_Tongue], words: Iterable[str]) -> dict[str, float | None]:
    """How rare each word is over everything that the reader sees."""
    stores = {id(tongue.searcher): tongue.searcher for tongue in tongues}
    entries = sum(searcher.num_docs for searcher in stores.values())
    return {word: _rarity(entries, sum(tongue.frequency(word) for tongue in tongues)) for word in words}


def _conditions(rules: tantivy.Schema, wanted: Filter) -> list[tuple[Occur, Query]]:
    """The filter as clauses that do not change a score."""
    clauses = [Query.term_set_query(rules, name, sorted(values)) for name, values in sorted(wanted.wanted().items())]
    if wanted.since is not None:
        number = tantivy.FieldType.Integer
        clauses.append(Query.range_query(rules, "updated", number, lower_bound=wanted.since))
    return [(Occur.Must, Query.const_score_query(clause, 0.0)) for clause in clauses]


def _without(rules: tantivy.Schema, gone: Sequence[int]) -> list[tuple[Occur, Query]]:
    return [(Occur.MustNot, _among(rules, gone))] if gone else []


def _among(rules: tantivy.Schema, documents: Sequence[int]) -> Query:
    """Entries of these documents, without a score. A set of terms costs 2 ms however few they are."""
    if len(documents) > _MANY_DOCUMENTS:
        return Query.const_score_query(Query.term_set_query(rules, "id", list(map(str, documents))), 0.0)
    terms = [(Occur.Should, Query.term_query(rules, "id", str(number), "basic")) for number in documents]
    return Query.const_score_query(Query.boolean_query(terms), 0.0)


def _documents(searcher: tantivy.Searcher, ask: Query, limit: int) -> tuple[list[tuple[int, float]], int]:
    """(document, score) of the best entries, and how many there are in all."""
    with readable():
        result: Any = searcher.search(ask, limit, count=True)
        numbers = searcher.fast_field_values("document", [address for _, address in result.hits])
    pairs = [(int(number or 0), float(score)) for number, (score, _) in zip(numbers, result.hits, strict=True)]
    return pairs, int(result.count or 0)


def _keep_best(found: dict[int, float], more: Sequence[tuple[int, float]]) -> None:
    for document, score in more:
        found[document] = max(score, found.get(document, score))
