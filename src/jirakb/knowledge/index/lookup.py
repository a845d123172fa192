"""Which documents hold the words of a query, and how well? Reads the text index; several threads may.

Never decides who may read (it is told the reader sets), never writes.
"""

from __future__ import annotations

import dataclasses
import heapq
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import tantivy
from tantivy import Occur, Query

from jirakb.errors import CorruptStoreError
from jirakb.knowledge.index.clauses import among_documents, clause
from jirakb.knowledge.index.columns import Integers
from jirakb.knowledge.index.conditions import Condition, Holding, TextPart
from jirakb.knowledge.index.text import OPEN, RESTRICTED, open_folder, position, readable, schema, text_folder
from jirakb.knowledge.index.words import INSIDE, SHORTEST_PART, analyzer, query_words, weighted_words

MAX_WORDS = 64
"""A longer query is searched by the words of its first line, and then its rarest."""
MAX_HELD_WORDS = 200
"""So many words are looked for in one text, when a condition asks for all of them."""
_MAX_QUERY_CHARS = 100_000
_MAX_DISTINCT = 2_000
_KNOWN_WORDS = 20_000
_SHORT = 40
"""Words up to this length are remembered with their forms: snippets ask for the same ones again and again."""


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
        self._forms = lru_cache(_KNOWN_WORDS)(partial(query_words, self._words))
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
        self._has_inside: dict[tuple[str, str], bool] = {}

    def words(self, text: str) -> tuple[str, ...]:
        """The words of a text as the index has them."""
        return self._forms(text) if len(text) <= _SHORT else query_words(self._words, text[:_MAX_QUERY_CHARS])

    def weighted_words(self, query: str) -> dict[str, float]:
        """The words of a query as the index has them, with how much each tells."""
        return weighted_words(self._words, query[:_MAX_QUERY_CHARS])

    def lookup(
        self,
        words: Mapping[str, float],
        wanted: Condition,
        sets: frozenset[int],
        gone: Sequence[int] = (),
        admitted: Callable[[], Sequence[int]] = tuple,
    ) -> Lookup:
        """A query over the entries of these reader sets, but never those of the documents in `gone`.

        `admitted` tells the documents of which the wanted are, where the index cannot say the condition itself.
        """
        conditions = [*_conditions(self._schema, wanted, admitted), *_without(self._schema, gone)]
        return Lookup(self._schema, self._tongues(sets), words, conditions)

    def holding(self, asked: Holding, sets: frozenset[int], gone: Sequence[int] = ()) -> Integers:
        """The documents with a text of the asked kind, in one of these reader sets, that holds all of the words."""
        words = query_words(self._words, asked.words[:_MAX_QUERY_CHARS])[:MAX_HELD_WORDS]
        if asked.words.strip() and not words:
            return np.zeros(0, dtype=np.int64)
        found = [_holding(tongue, asked, words, gone) for tongue in self._tongues(sets)]
        return np.unique(np.array([number for numbers in found for number in numbers], dtype=np.int64))

    def _tongues(self, sets: frozenset[int]) -> list[_Tongue]:
        restricted = self._restricted.searcher()
        tongues = [_Tongue(self._schema, self._open.searcher(), "text", 0, self._has_inside)] if 0 in sets else []
        if restricted.num_docs > 1:
            numbers = [number for number in sorted(sets) if number]
            tongues.extend(_Tongue(self._schema, restricted, f"restricted.{n}", n, self._has_inside) for n in numbers)
        return tongues


@dataclass(frozen=True, slots=True)
class _Tongue:
    """The words of one reader set: where its entries stand and which field holds them."""

    schema: tantivy.Schema
    searcher: tantivy.Searcher
    field: str
    number: int
    has_inside: dict[tuple[str, str], bool] = dataclasses.field(compare=False)
    """Whether a field has compounds with a word in them: the same for every lookup until the index changes."""
    known: dict[str, int] = dataclasses.field(default_factory=dict, compare=False)
    """How many entries have a word: asked for several times in one lookup."""

    def place(self, part: TextPart) -> str:
        """Which field holds the words of this kind of text."""
        return self.field if part == "text" else f"part.{self.number}.{part}"

    def frequency(self, word: str) -> int:
        if word not in self.known:
            with readable():
                self.known[word] = self.searcher.doc_freq(self.field, word)
        return self.known[word]

    def term(self, word: str, weight: float, rarity: float | None) -> Query:
        """The word with its weight, as rare as it is in all that the reader sees (None: as it is here)."""
        if rarity is not None:
            weight *= rarity / _rarity(self.searcher.num_docs, self.frequency(word))
        term = Query.term_query(self.schema, self.field, word, "freq")
        return term if weight == 1.0 else Query.boost_query(term, weight)

    def is_inside(self, word: str) -> bool:
        """Whether any compound has the word in it: a query that need not ask for compounds is half the work."""
        if len(word) < SHORTEST_PART or not word.isalpha() or not self.frequency(INSIDE):
            return False
        if (self.field, word) not in self.has_inside:
            if len(self.has_inside) >= _KNOWN_WORDS:
                self.has_inside.clear()
            with readable():
                found: Any = self.searcher.search(self.inside(word, 1.0), 1, count=False)
            self.has_inside[self.field, word] = bool(found.hits)
        return self.has_inside[self.field, word]

    def inside(self, word: str, weight: float) -> Query:
        """Compounds that have the word in them."""
        found = Query.fuzzy_term_query(self.schema, self.field, INSIDE + word, distance=0, prefix=True)
        return Query.boost_query(found, weight)


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
        conditions: Sequence[tuple[Occur, Query]],
    ) -> None:
        self._schema = rules
        self._conditions = conditions
        self._tongues = tongues
        self.words = _telling(tongues, words)
        self._rarities = _rarities(tongues, self.words)
        self._asks = list(self._questions()) if self.words else []

    def _questions(self) -> Iterator[tuple[tantivy.Searcher, Query]]:
        """One query for each store: an entry has the words of one reader set, so that no score adds up."""
        stores = {id(tongue.searcher): tongue.searcher for tongue in self._tongues}
        for name, searcher in stores.items():
            tongues = [tongue for tongue in self._tongues if id(tongue.searcher) == name]
            yield searcher, Query.boolean_query([term for tongue in tongues for term in self._terms(tongue)])

    def _terms(self, tongue: _Tongue) -> Iterator[tuple[Occur, Query]]:
        for word, weight in self.words.items():
            if len(self._tongues) == 1:
                yield Occur.Should, tongue.term(word, weight, None)
            elif tongue.frequency(word):
                yield Occur.Should, tongue.term(word, weight, self._rarities[word])
        for word, weight in self.words.items():
            if tongue.is_inside(word):
                yield Occur.Should, tongue.inside(word, weight * self._rarities[word])

    def best(self, limit: int, also: Sequence[int] = ()) -> Matches:
        """The documents of the best entries, and those of the documents in `also` that match; one that matches in several
        reader sets counts by its best."""
        scores: dict[int, float] = {}
        entries = 0
        for searcher, ask in self._asks:
            found, count = _documents(searcher, self._all([(Occur.Must, ask)]), limit)
            _keep_best(scores, found)
            entries += count
        best = heapq.nlargest(limit, scores.items(), key=itemgetter(1)) if len(scores) > limit else scores.items()
        known = dict(best)
        # Asking again for a few documents costs half of lifting them above the others in one search.
        return Matches({**known, **self.scores([document for document in also if document not in known])}, entries)

    def scores(self, documents: Sequence[int]) -> dict[int, float]:
        """The scores of those among the given documents that match. They must be admitted: no filter is asked again."""
        found: dict[int, float] = {}
        if not documents:
            return found
        among = [(Occur.Must, among_documents(self._schema, documents))]
        # A document has one entry here for each reader set, so this many are enough.
        limit = len(documents) * max(len(self._tongues), 1)
        for searcher, ask in self._asks:
            _keep_best(found, _documents(searcher, Query.boolean_query([(Occur.Must, ask), *among]), limit)[0])
        return found

    def has_extra(self) -> bool:
        """Whether any entry is not its issue's own text, be it that it does not match."""
        with readable():
            return any(searcher.doc_freq("kind", "extra") for searcher, _ in self._asks)

    def count(self, kind: str) -> int:
        """How many entries of this kind match: "own" (the issue's own text, one per issue) or "extra"."""
        return sum(self._matching(searcher, ask, kind, 1)[1] for searcher, ask in self._asks)

    def documents(self, kind: str, limit: int) -> list[int]:
        """The documents of the matching entries of this kind."""
        return [found for searcher, ask in self._asks for found in self._matching(searcher, ask, kind, limit)[0]]

    def having(self, words: Iterable[str], documents: Sequence[int]) -> dict[str, frozenset[int]]:
        """For each of these words of the query, which of the given documents hold it. No filter is asked again."""
        return {word: frozenset(self._holders(word, documents)) for word in words} if documents else {}

    def _holders(self, word: str, documents: Sequence[int]) -> Iterator[int]:
        among = [(Occur.Must, among_documents(self._schema, documents))]
        for tongue in self._tongues:
            ask = Query.boolean_query([(Occur.Must, tongue.term(word, 1.0, None)), *among])
            yield from (document for document, _ in _documents(tongue.searcher, ask, len(documents))[0])

    def every_document(self) -> Integers:
        """The document of every entry that matches."""
        found = [
            document
            for searcher, ask in self._asks
            for document, _ in _documents(
                searcher, Query.const_score_query(self._all([(Occur.Must, ask)]), 1.0), max(searcher.num_docs, 1)
            )[0]
        ]
        return np.array(found, dtype=np.int64)

    def own_among(self, documents: Sequence[int]) -> int:
        """How many of the given issues' documents match by their own text."""
        if not documents:
            return 0
        among = [(Occur.Must, among_documents(self._schema, documents))]
        return sum(self._matching(searcher, ask, "own", 1, among)[1] for searcher, ask in self._asks)

    def weights(self) -> dict[str, float]:
        """How much each word of the query tells: its weight, and its rarity in what the reader sees."""
        return {word: weight * self._rarities[word] for word, weight in self.words.items()}

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


def _rarities(tongues: Sequence[_Tongue], words: Iterable[str]) -> dict[str, float]:
    """How rare each word is over everything that the reader sees."""
    stores = {id(tongue.searcher): tongue.searcher for tongue in tongues}
    entries = sum(searcher.num_docs for searcher in stores.values())
    return {word: _rarity(entries, sum(tongue.frequency(word) for tongue in tongues)) for word in words}


def _conditions(
    rules: tantivy.Schema, wanted: Condition, admitted: Callable[[], Sequence[int]]
) -> list[tuple[Occur, Query]]:
    """The condition as clauses that do not change a score."""
    said = clause(rules, wanted)
    queries = [] if said.query is None else [said.query]
    if not said.is_whole:
        queries = [among_documents(rules, admitted())]
    return [(Occur.Must, Query.const_score_query(query, 0.0)) for query in queries]


def _without(rules: tantivy.Schema, gone: Sequence[int]) -> list[tuple[Occur, Query]]:
    return [(Occur.MustNot, among_documents(rules, gone))] if gone else []


def _holding(tongue: _Tongue, asked: Holding, words: Sequence[str], gone: Sequence[int]) -> list[int]:
    """The documents whose text of one reader set is as asked."""
    rules = tongue.schema
    has = Query.term_query(rules, "has", f"{tongue.number}.{asked.part}", "basic")
    clauses = [] if asked.part == "text" else [(Occur.Must, has)]
    place = tongue.place(asked.part)
    clauses += [(Occur.Must, Query.term_query(rules, place, word, "basic")) for word in words]
    clauses += [(Occur.Must, _beginning(rules, place, text)) for text in asked.beginnings]
    full = Query.const_score_query(Query.boolean_query([*clauses, *_without(rules, gone)]), 1.0)
    return [document for document, _ in _documents(tongue.searcher, full, max(tongue.searcher.num_docs, 1))[0]]


def _beginning(rules: tantivy.Schema, place: str, text: str) -> Query:
    return Query.fuzzy_term_query(rules, place, text, distance=0, prefix=True)


def _documents(searcher: tantivy.Searcher, ask: Query, limit: int) -> tuple[list[tuple[int, float]], int]:
    """(document, score) of the best entries, and how many there are in all."""
    with readable():
        result: Any = searcher.search(ask, limit, count=True)
        numbers = searcher.fast_field_values("document", [address for _, address in result.hits])
    pairs = [(int(number or 0), float(score)) for number, (score, _) in zip(numbers, result.hits, strict=True)]
    return pairs, int(result.count or 0)


def _keep_best(found: dict[int, float], more: Sequence[tuple[int, float]]) -> None:
    for document, score in more:
        if score > found.get(document, -1.0):
            found[document] = score
