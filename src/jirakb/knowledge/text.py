"""Which documents hold the words of a query, and how well? The text index of one knowledge base: tantivy folders.

One entry per document and reader set. Open and restricted text stand in two indexes, and in the second each reader
set counts its words for itself, so that no score tells of text that its reader may not see. Derived from the
knowledge base by its outbox: it can be deleted at any time. Never decides who may read, never reads a passage.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import tantivy
from tantivy import Occur, Query

from jirakb.errors import CorruptStoreError
from jirakb.knowledge.filters import VALUE_COLUMNS, Filter
from jirakb.knowledge.words import analyzer, query_words

LAYOUT = 1
"""Raised when the schema or the analyzer changes: an index of another layout is made anew."""
OPEN, RESTRICTED = "open", "restricted"
MAX_WORDS = 64
"""A longer query is searched by its rarest words."""
_MAX_QUERY_CHARS = 100_000
_MAX_DISTINCT = 2_000


def schema() -> tantivy.Schema:
    """What an entry has: words to rank by, values to filter by, and the number of its document."""
    fields = tantivy.SchemaBuilder()
    fields.add_text_field("kind", tokenizer_name="raw", index_option="basic")
    fields.add_text_field("base", stored=True, tokenizer_name="raw", index_option="basic")
    fields.add_unsigned_field("seq", stored=True)
    fields.add_unsigned_field("document", indexed=True, fast=True)
    fields.add_text_field("text", tokenizer_name="words", index_option="freq")
    fields.add_json_field("restricted", tokenizer_name="words", index_option="freq")
    for name in (*VALUE_COLUMNS, "labels"):
        fields.add_text_field(name, tokenizer_name="raw", index_option="basic")
    fields.add_integer_field("updated", indexed=True, fast=True)
    return fields.build()


def open_folder(folder: Path) -> tantivy.Index:
    """The index in a folder, made when it is missing; raises CorruptStoreError when it cannot be read."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        index = tantivy.Index(schema(), path=str(folder))
        index.register_tokenizer("words", analyzer())
        index.config_reader(reload_policy="manual")
    except (ValueError, OSError) as exc:
        raise CorruptStoreError(f"The text index in {folder} cannot be read.", fix="Delete it.") from exc
    return index


@dataclass(frozen=True, slots=True)
class Position:
    """How far an index has followed the outbox, and whose it is ("" and 0 for a new one)."""

    base: str
    seq: int


def position(searcher: tantivy.Searcher, rules: tantivy.Schema) -> Position:
    """What the index's meta entry says."""
    hits = searcher.search(Query.term_query(rules, "kind", "meta"), 1).hits
    if not hits:
        return Position("", 0)
    entry = searcher.doc(hits[0][1])
    return Position(str(entry.get_first("base")), int(entry.get_first("seq") or 0))


def base_name(base: str) -> str:
    """What an index of this knowledge base and layout is called in its meta entry."""
    return f"{base}/{LAYOUT}"


@dataclass(frozen=True, slots=True)
class Match:
    """A document that holds words of the query in text that the reader may see."""

    document: int
    score: float


class TextIndex:
    """A text index to search in. Several threads may; `reload` shows what was committed since."""

    def __init__(self, folder: Path, base: str) -> None:
        self._base = base_name(base)
        self._schema = schema()
        self._words = analyzer()
        self._open = open_folder(folder / OPEN)
        self._restricted = open_folder(folder / RESTRICTED)
        self.reload()

    def reload(self) -> None:
        """Show what was committed since; raises CorruptStoreError when the folder is another knowledge base's."""
        try:
            for index in (self._open, self._restricted):
                index.reload()
            places = [position(index.searcher(), self._schema) for index in (self._open, self._restricted)]
        except (ValueError, OSError) as exc:
            raise CorruptStoreError("The text index cannot be read.", fix="Delete it.") from exc
        if {place.base for place in places} != {self._base}:
            raise CorruptStoreError("The text index is of another knowledge base or layout.", fix="Delete it.")
        self.seq = min(place.seq for place in places)

    def words(self, text: str) -> tuple[str, ...]:
        """The words of a text as the index has them."""
        return query_words(self._words, text[:_MAX_QUERY_CHARS])

    def lookup(
        self, words: Sequence[str], wanted: Filter, sets: frozenset[int], gone: Sequence[int] = ()
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

    def term(self, word: str, rarity: float | None) -> Query:
        """The word, weighted as rare as it is in all that the reader sees (None: as it is here)."""
        term = Query.term_query(self.schema, self.field, word, "freq")
        if rarity is None:
            return term
        return Query.boost_query(term, rarity / _rarity(self.searcher.num_docs, self.frequency(word)))


def _rarity(entries: int, having: int) -> float:
    """BM25's inverse document frequency."""
    return math.log(1 + max(entries - having + 0.5, 0.5) / (having + 0.5))


class Lookup:
    """One query, ready to be asked: for the best documents, for the scores of given ones, for how many there are."""

    def __init__(
        self,
        rules: tantivy.Schema,
        tongues: Sequence[_Tongue],
        words: Sequence[str],
        wanted: Filter,
        gone: Sequence[int],
    ) -> None:
        self._schema = rules
        self._conditions = [*_conditions(rules, wanted), *_without(rules, gone)]
        self.words = _telling(tongues, words)
        rarities = dict.fromkeys(self.words) if len(tongues) == 1 else _rarities(tongues, self.words)
        self._asks = [(tongue.searcher, self._any(tongue, rarities)) for tongue in tongues if self.words]

    def _any(self, tongue: _Tongue, rarities: dict[str, float | None]) -> Query:
        return Query.boolean_query([(Occur.Should, tongue.term(w, r)) for w, r in rarities.items()])

    def best(self, limit: int) -> list[Match]:
        """The best entries' documents, best first; one that matches in several reader sets counts by its best."""
        found: dict[int, float] = {}
        for searcher, ask in self._asks:
            _keep_best(found, _documents(searcher, self._all([(Occur.Must, ask)]), limit))
        best = heapq.nlargest(limit, found.items(), key=lambda pair: (pair[1], -pair[0]))
        return [Match(document, score) for document, score in best]

    def scores(self, documents: Sequence[int]) -> dict[int, float]:
        """The scores of those among the given documents that match."""
        among = Query.const_score_query(Query.term_set_query(self._schema, "document", list(documents)), 0.0)
        found: dict[int, float] = {}
        for searcher, ask in self._asks if documents else ():
            full = self._all([(Occur.Must, ask), (Occur.Must, among)])
            _keep_best(found, _documents(searcher, full, len(documents)))
        return found

    def count(self, kind: str) -> int:
        """How many entries of this kind match: "own" (the issue's own text; one per issue) or "extra"."""
        return sum(self._matching(searcher, ask, kind, 1)[1] for searcher, ask in self._asks)

    def documents(self, kind: str, limit: int) -> list[int]:
        """The documents of the matching entries of this kind."""
        return [
            document
            for searcher, ask in self._asks
            for document, _ in self._matching(searcher, ask, kind, limit)[0]
        ]

    def _matching(
        self, searcher: tantivy.Searcher, ask: Query, kind: str, limit: int
    ) -> tuple[list[tuple[int, float]], int]:
        full = self._all([(Occur.Must, ask), (Occur.Must, Query.term_query(self._schema, "kind", kind, "basic"))])
        result = searcher.search(Query.const_score_query(full, 1.0), limit, count=True)
        addresses = [address for _, address in result.hits]
        numbers = searcher.fast_field_values("document", addresses)
        return [(int(number or 0), 1.0) for number in numbers], int(result.count or 0)

    def _all(self, clauses: list[tuple[Occur, Query]]) -> Query:
        clauses = [*clauses, *self._conditions]
        return clauses[0][1] if len(clauses) == 1 else Query.boolean_query(clauses)
