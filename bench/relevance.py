"""Does a search find the issues that people marked as duplicates of one another? By words, by meaning, and by both.

Each query is the summary and description of a real issue whose duplicates are known; the links between the two and
their keys were taken out of all texts before (`bench.duplicates`). No weight is fitted here: the product ranks.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from bench.duplicates import Query, Scores, score
from bench.prepared import cache_folder, duplicates_beside, prepared
from bench.tables import Table
from jirakb.knowledge.embed import Embedder, MiniLM
from jirakb.knowledge.search import Mode, Searcher

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FLOORS = {"text": (0.498, 0.307), "hybrid": (0.66, 0.44)}
"""R@10 and MRR@10 that a ranking must reach: plain BM25 over one field, and the design's fusion, on these issues."""
DEPTH = 10
MODES: tuple[Mode, ...] = get_args(Mode)
COLUMNS = ("mode", "queries", "R@1", "R@5", "R@10", "MRR@10", "floor R@10", "floor MRR@10")
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
        scores = {mode: score(queries, rankings(searcher, queries, mode)) for mode in MODES}
    rows = [_row(mode, scores[mode]) for mode in MODES]
    return Table(
        "relevance",
        f"{TITLE}, {issues} issues",
        COLUMNS,
        rows,
        packages=("onnxruntime", "tantivy", "simsimd"),
        detail={"issues": issues, "model": model.identity},
        draw=partial(_draw, rows),
    )


def rankings(searcher: Searcher, queries: Sequence[Query], mode: Mode) -> dict[str, list[str]]:
    """The keys found for each query, best first; one more than needed, since the query's own issue is among them."""
    return {
        query.key: [hit.key for hit in searcher.search(query.text, principals=None, mode=mode, limit=DEPTH + 1).hits]
        for query in queries
    }


def _row(mode: Mode, scores: Scores) -> tuple[str | int | float | None, ...]:
    measured = (scores.recall_1, scores.recall_5, scores.recall_10, scores.mrr_10)
    floors = FLOORS.get(mode, (None, None))
    return (mode, scores.queries, *(round(value, 4) for value in measured), *floors)


def _draw(rows: Sequence[Sequence[str | int | float | None]], axes: Axes) -> None:
    measures = COLUMNS[2:6]
    width = 0.8 / len(rows)
    for place, row in enumerate(rows):
        heights = [float(value or 0) for value in row[2:6]]
        axes.bar([at + place * width for at in range(len(measures))], heights, width, label=str(row[0]))
    axes.set_xticks([at + 0.4 - width / 2 for at in range(len(measures))], measures)
    axes.set_ylim(0, 1)
    axes.legend()
