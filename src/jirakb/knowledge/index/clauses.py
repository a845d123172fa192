"""How is a condition said to the text index? What it cannot say is left to whoever asks.

Never decides what is wanted, never searches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import tantivy
from tantivy import Occur, Query

from jirakb.knowledge.index.columns import LIST_COLUMNS, VALUE_COLUMNS
from jirakb.knowledge.index.conditions import Among, Between, Condition, Either, Every, Issues, Not

TIME_FIELDS = ("updated", "created")
_INDEXED = frozenset({*VALUE_COLUMNS, *LIST_COLUMNS})
_BEFORE_ALL = -(1 << 62)
_MANY_DOCUMENTS = 1_000
_FEW_VALUES = 16
"""A set of terms costs as much for one as for a thousand."""


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition as far as the index can say it: `query` admits at least what the condition does, and only that when
    it `is_whole`. None admits everything."""

    query: Query | None
    is_whole: bool


_ANYTHING = Clause(None, is_whole=True)
_UNSAID = Clause(None, is_whole=False)


def clause(rules: tantivy.Schema, condition: Condition) -> Clause:
    """The condition over the entries of documents."""
    match condition:
        case Among(name, values) if name in _INDEXED:
            return Clause(_one_of(rules, name, sorted(values)), is_whole=True)
        case Between(name, low, high) if name in TIME_FIELDS:
            return Clause(_range(rules, name, low, high), is_whole=True)
        case Issues(documents=documents) if len(documents) <= _MANY_DOCUMENTS:
            said = among_documents(rules, sorted(documents)) if documents else Query.empty_query()
            return Clause(said, is_whole=True)
        case Every(parts):
            return _every([clause(rules, part) for part in parts])
        case Either(parts):
            return _either([clause(rules, part) for part in parts])
        case Not(part):
            return _not(clause(rules, part))
        case _:
            return _UNSAID


def _one_of(rules: tantivy.Schema, name: str, values: Sequence[str]) -> Query:
    if len(values) > _FEW_VALUES:
        return Query.term_set_query(rules, name, list(values))
    terms = [Query.term_query(rules, name, value, "basic") for value in values]
    return terms[0] if len(terms) == 1 else Query.boolean_query([(Occur.Should, term) for term in terms])


def _range(rules: tantivy.Schema, name: str, low: int | None, high: int | None) -> Query:
    if low is None and high is None:
        low = _BEFORE_ALL
    number = tantivy.FieldType.Integer
    return Query.range_query(rules, name, number, lower_bound=low, upper_bound=high, include_upper=high is None)


def _every(said: Sequence[Clause]) -> Clause:
    queries = [part.query for part in said if part.query is not None]
    return Clause(all_of(queries), all(part.is_whole for part in said))


def _either(said: Sequence[Clause]) -> Clause:
    if any(part.query is None for part in said):
        return _ANYTHING if any(part == _ANYTHING for part in said) else _UNSAID
    queries = [(Occur.Should, part.query) for part in said if part.query is not None]
    whole = all(part.is_whole for part in said)
    return Clause(Query.boolean_query(queries) if queries else Query.empty_query(), whole)


def _not(said: Clause) -> Clause:
    if not said.is_whole:
        return _UNSAID
    if said.query is None:
        return Clause(Query.empty_query(), is_whole=True)
    return Clause(Query.boolean_query([(Occur.Must, Query.all_query()), (Occur.MustNot, said.query)]), is_whole=True)


def all_of(queries: Sequence[Query]) -> Query | None:
    """What all of these admit; None for none."""
    if len(queries) < 2:
        return queries[0] if queries else None
    return Query.boolean_query([(Occur.Must, query) for query in queries])


def among_documents(rules: tantivy.Schema, documents: Sequence[int]) -> Query:
    """Entries of these documents, without a score. A set of terms costs 2 ms however few they are."""
    if len(documents) > _MANY_DOCUMENTS:
        return Query.const_score_query(Query.term_set_query(rules, "id", list(map(str, documents))), 0.0)
    terms = [(Occur.Should, Query.term_query(rules, "id", str(number), "basic")) for number in documents]
    return Query.const_score_query(Query.boolean_query(terms), 0.0)
