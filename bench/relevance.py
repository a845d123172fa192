"""Does a search find the issues that people marked as duplicates of one another? By words, by meaning, by both, and by key.

Each query is the summary and description of a real issue whose duplicates are known; the links between the two and
their keys were taken out of all texts before (`bench.duplicates`). No weight is fitted here: the product ranks. Issues that
are duplicates of one another are drawn together when the spread is told, since their scores go up and down together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np

from bench.duplicates import Pairs, Query, Scores, both_ways, score
from bench.prepared import cache_folder, duplicates_beside, prepared
from bench.tables import Table
from jirakb.knowledge.embed import Embedder, MiniLM
from jirakb.knowledge.search import Mode, Searcher

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FLOORS = {"text": (0.498, 0.307), "hybrid": (0.66, 0.44), "similar": (0.76, 0.54)}
"""R@10 and MRR@10 that a ranking must reach: plain BM25 over one field, and the design's fusion, on these issues."""
SIMILAR = "similar"
DRAWS = 1_000
SEED = 1
DEPTH = 10
MODES: tuple[Mode, ...] = get_args(Mode)
COLUMNS = (
    "mode", "queries", "R@1", "R@5", "R@10", "MRR@10", "floor R@10", "floor MRR@10", "R@10 of 95 %", "MRR@10 of 95 %",
)  # fmt: skip
TITLE = "Known duplicates found by their summary and description"


def run(corpus: Path | None, embedder: Embedder | None = None) -> Table:
    """The scores of each mode over all queries; a table without rows where the corpus has none."""
    duplicates = duplicates_beside(corpus)
    if duplicates is None:
        return Table("relevance", f"{TITLE} (not run: no issues with queries and pairs)", COLUMNS, ())
    model = embedder or MiniLM()
    with closing(prepared(duplicates, model, cache_folder(), partial(print, flush=True))) as base:
        queries, issues = duplicates.queries(), base.counts().issues
        searcher = Searcher(base, model)
        found = {mode: rankings(searcher, queries, mode) for mode in MODES} | {SIMILAR: alike(searcher, queries)}
    clusters = list(clusters_of(queries, both_ways(duplicates.pairs())))
    rows = [_row(mode, score(queries, some), spread(clusters, some)) for mode, some in found.items()]
    return Table(
        "relevance",
        f"{TITLE}, {issues} issues",
        COLUMNS,
        rows,
        packages=("onnxruntime", "tantivy", "simsimd"),
        seed=SEED,
        detail={"issues": issues, "model": model.identity, "clusters": len(clusters), "draws": DRAWS},
        draw=partial(_draw, rows),
    )


def rankings(searcher: Searcher, queries: Sequence[Query], mode: Mode) -> dict[str, list[str]]:
    """The keys found for each query, best first; one more than needed, since the query's own issue is among them."""
    return {
        query.key: [hit.key for hit in searcher.search(query.text, principals=None, mode=mode, limit=DEPTH + 1).hits]
        for query in queries
    }


def alike(searcher: Searcher, queries: Sequence[Query]) -> dict[str, list[str]]:
    """The keys of the issues most like each query's own."""
    return {
        query.key: [hit.key for hit in searcher.similar(query.key, principals=None, limit=DEPTH).hits]
        for query in queries
    }


def clusters_of(queries: Sequence[Query], partners: Pairs) -> Iterator[list[Query]]:
    """The queries by the heap of duplicates that they belong to."""
    left = {query.key: query for query in queries}
    while left:
        first = next(iter(left))
        seen, reached = {first}, [first]
        while reached:
            new = partners.get(reached.pop(), frozenset()) - seen
            seen |= new
            reached.extend(new)
        yield [left.pop(key) for key in sorted(seen & left.keys())]


def spread(clusters: Sequence[Sequence[Query]], found: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """Between which R@10 and MRR@10 95 of 100 draws of as many clusters lie, each drawn anew from all."""
    sums = np.array([[len(some), *_sums(some, found)] for some in clusters])
    dice = np.random.default_rng(SEED)
    drawn = [sums[dice.integers(0, len(sums), len(sums))].sum(axis=0) for _ in range(DRAWS)]
    means = np.array([(recall / count, rank / count) for count, recall, rank in drawn])
    low, high = np.percentile(means, (2.5, 97.5), axis=0)
    return (f"{low[0]:.3f} - {high[0]:.3f}", f"{low[1]:.3f} - {high[1]:.3f}")


def _sums(queries: Sequence[Query], found: Mapping[str, Sequence[str]]) -> tuple[float, float]:
    scores = score(queries, found)
    return scores.recall_10 * len(queries), scores.mrr_10 * len(queries)


def _row(mode: str, scores: Scores, within: tuple[str, str]) -> tuple[str | int | float | None, ...]:
    measured = (scores.recall_1, scores.recall_5, scores.recall_10, scores.mrr_10)
    floors = FLOORS.get(mode, (None, None))
    return (mode, scores.queries, *(round(value, 4) for value in measured), *floors, *within)


def _draw(rows: Sequence[Sequence[str | int | float | None]], axes: Axes) -> None:
    measures = COLUMNS[2:6]
    width = 0.8 / len(rows)
    for place, row in enumerate(rows):
        heights = [float(value or 0) for value in row[2:6]]
        axes.bar([at + place * width for at in range(len(measures))], heights, width, label=str(row[0]))
    axes.set_xticks([at + 0.4 - width / 2 for at in range(len(measures))], measures)
    axes.set_ylim(0, 1)
    axes.legend()
