"""Asks how well a search finds known duplicates: real issues without the hints of their pairs, queries, and scores.

Somebody who marked two issues as duplicates left traces that a new report would not have: the link between them, and
each one's key in the texts of others. This file takes the traces away and scores rankings. It never searches.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CORPUS = "titanium.jsonl.gz"
PAIRS = "qrels_dev.tsv"
QUERIES = "queries_dev.jsonl"
MASK = "[issue]"

Json = dict[str, Any]
Pairs = Mapping[str, frozenset[str]]

_KEY = re.compile(r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9]+-\d+(?!\d)")
_LINKED = ("issuelinks", "subtasks", "parent")


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked: the text of an issue without any issue key, and the issues that it is a duplicate of."""

    key: str
    summary: str
    text: str
    relevant: frozenset[str]


@dataclass(frozen=True, slots=True)
class Scores:
    """Means over all queries; a query without an answer counts as zero."""

    queries: int
    recall_1: float
    recall_5: float
    recall_10: float
    mrr_10: float

    def __str__(self) -> str:
        """One line for a report."""
        recalls = f"R@1 {self.recall_1:.3f} R@5 {self.recall_5:.3f} R@10 {self.recall_10:.3f}"
        return f"{recalls} MRR@10 {self.mrr_10:.3f} ({self.queries} queries)"


@dataclass(frozen=True, slots=True)
class Duplicates:
    """A folder with issues, pairs and queries."""

    folder: Path

    @classmethod
    def shared(cls) -> Duplicates | None:
        """The data of $JIRAKB_SHARED, or of the folder `shared` beside the checkout; None when it is not there."""
        beside = Path(__file__).resolve().parents[2] / "shared"
        folder = Path(os.environ.get("JIRAKB_SHARED", beside)) / "data"
        return cls(folder) if all((folder / name).is_file() for name in (CORPUS, PAIRS, QUERIES)) else None

    def pairs(self) -> Pairs:
        """Each query's key with the keys of the issues that it is a duplicate of."""
        return read_pairs((self.folder / PAIRS).read_text(encoding="utf-8").splitlines())

    def queries(self) -> tuple[Query, ...]:
        """Every query that has at least one pair, in the order of the file."""
        pairs = self.pairs()
        with (self.folder / QUERIES).open(encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines if line.strip()]
        projects = {project_of(key) for key in both_ways(pairs)}
        return tuple(query_of(row, pairs[row["key"]], projects) for row in rows if row["key"] in pairs)

    def issues(self) -> Iterator[Json]:
        """Every issue as Jira's REST interface gives it, without the traces of the pairs. Ten seconds for 29,057."""
        pairs = self.pairs()
        partners = both_ways(pairs)
        with gzip.open(self.folder / CORPUS, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield without_traces(json.loads(line), pairs, partners)


def read_pairs(lines: Iterable[str]) -> Pairs:
    """Lines of query key, tab, key of a duplicate."""
    found: dict[str, set[str]] = {}
    for line in lines:
        if line.strip():
            query, duplicate = line.split("\t")[:2]
            found.setdefault(query.strip(), set()).add(duplicate.strip())
    return {query: frozenset(duplicates) for query, duplicates in found.items()}


def both_ways(pairs: Pairs) -> Pairs:
    """Each member of a pair, query or not, with its partners."""
    partners: dict[str, set[str]] = {}
    for query, duplicates in pairs.items():
        for duplicate in duplicates:
            partners.setdefault(query, set()).add(duplicate)
            partners.setdefault(duplicate, set()).add(query)
    return {key: frozenset(others) for key, others in partners.items()}


def query_of(row: Json, relevant: frozenset[str], projects: Set[str]) -> Query:
    """One line of the file of queries, without the keys of these projects' issues: whom it names is not its text.

    Other words of that form are words (UTF-8, SHA-256).
    """

    def masked(text: str) -> str:
        return _KEY.sub(lambda match: MASK if project_of(match[0].upper()) in projects else match[0], text)

    return Query(row["key"], masked(row["summary"]), masked(row["text"]), relevant)


def project_of(key: str) -> str:
    """The part of an issue key before its number."""
    return key.rpartition("-")[0]


def without_traces(issue: Json, pairs: Pairs, partners: Pairs) -> Json:
    """The issue without links to its partners, and without its partners' and the queries' keys in any text."""
    own = partners.get(issue["key"], frozenset())
    fields = dict(issue["fields"])
    for name in _LINKED:
        if name in fields:
            fields[name] = _unlinked(fields[name], own)
    return {**issue, "fields": _masked(fields, own | pairs.keys())}


def mask(text: str, keys: Set[str]) -> str:
    """The text with these issue keys replaced, in any spelling."""
    return _KEY.sub(lambda match: MASK if match[0].upper() in keys else match[0], text)


def recall(ranking: Sequence[str], relevant: frozenset[str], depth: int) -> float:
    """The share of the relevant issues that stand among the first `depth`."""
    return len(relevant.intersection(ranking[:depth])) / len(relevant)


def reciprocal_rank(ranking: Sequence[str], relevant: frozenset[str], depth: int) -> float:
    """One over the place of the first relevant issue; 0 when none stands among the first `depth`."""
    return next((1 / place for place, key in enumerate(ranking[:depth], 1) if key in relevant), 0.0)


def score(queries: Sequence[Query], rankings: Mapping[str, Sequence[str]]) -> Scores:
    """Scores rankings (keys, best first, by the query's key); the query's own issue and repetitions do not count."""
    if not queries:
        return Scores(0, 0.0, 0.0, 0.0, 0.0)
    answers = [(_answer(rankings.get(query.key, ()), query.key), query.relevant) for query in queries]
    recalls = {depth: sum(recall(*answer, depth) for answer in answers) / len(queries) for depth in (1, 5, 10)}
    mrr = sum(reciprocal_rank(*answer, 10) for answer in answers) / len(queries)
    return Scores(len(queries), recalls[1], recalls[5], recalls[10], mrr)


def _answer(ranking: Sequence[str], own: str) -> list[str]:
    return [key for key in dict.fromkeys(ranking) if key != own]


def _unlinked(linked: Any, partners: frozenset[str]) -> Any:
    """Links, subtasks or a parent without those that lead to a partner."""
    if isinstance(linked, list):
        return [link for link in linked if not _keys(link) & partners]
    return None if linked and _keys(linked) & partners else linked


def _keys(link: Json) -> set[str]:
    """The keys of the issues that a link, a subtask or a parent leads to."""
    ends = (link, link.get("inwardIssue"), link.get("outwardIssue"))
    return {end["key"] for end in ends if end and "key" in end}


def _masked(value: Any, hidden: Set[str]) -> Any:
    """The value with the hidden keys replaced in all its texts; what identifies an issue, user or project stays."""
    if isinstance(value, str):
        return mask(value, hidden)
    if isinstance(value, list):
        return [_masked(item, hidden) for item in value]
    if isinstance(value, dict):
        return {name: item if name == "key" else _masked(item, hidden) for name, item in value.items()}
    return value
