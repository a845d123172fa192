"""How long does a search take, and does the rounded scan find what exact numbers find? On real issues with real questions.

Asked are summaries, as a person would, and whole reports, as a program would. Queries are embedded beforehand, so that a
search is measured without the model, which has a row of its own. Relevance is measured elsewhere.
"""

from __future__ import annotations

import itertools
import shutil
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.duplicates import Query
from bench.prepared import cache_folder, duplicates_beside, prepared
from bench.tables import Table
from jirakb.documents import Readers
from jirakb.knowledge.embed import Embedder, MiniLM, Vectors, quantize
from jirakb.knowledge.index import vectorfile
from jirakb.knowledge.index.filters import NO_FILTER, Filter
from jirakb.knowledge.index.vectors import Floats, Matrix
from jirakb.knowledge.prepare import decompress
from jirakb.knowledge.search import Mode, Searcher
from jirakb.knowledge.split import embedder_text
from jirakb.knowledge.store import KnowledgeBase

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROUNDS = 3
ASKED = 120  # queries in a round of each case
GROUPS = 20
GROUP_ISSUES = 3  # every so many issues one is for a group alone
POOL = 60  # rows the product rescores
NEAR = 50  # rounded neighbours among which the exact ones are looked for
RECALL_QUERIES = 40
COLUMNS = ("case", "p50 ms", "p95 ms", "CPU ms", "per second")
TITLE = "A search"

Ask = Callable[[str], object]
Row = tuple[str, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Case:
    """One way of searching: what is asked, how, and by how many at once."""

    name: str
    ask: Ask
    queries: Sequence[str]
    clients: int = 1


@dataclass(frozen=True, slots=True)
class Timing:
    """One round of one case."""

    latencies: tuple[float, ...]
    cpu: float
    wall: float


class Remembered:
    """The vectors of queries that were embedded before, in the embedder's place."""

    def __init__(self, model: Embedder, texts: Sequence[str]) -> None:
        self.identity, self.dimensions = model.identity, model.dimensions
        self._vectors = dict(zip(texts, model.embed(texts), strict=True))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """The vectors of texts that were given before."""
        return np.stack([self._vectors[text] for text in texts])


def run(corpus: Path | None) -> Table:
    """Latency and processor time of each way to search; a table without rows where the corpus has no queries."""
    duplicates = duplicates_beside(corpus)
    if duplicates is None:
        return Table("searching", f"{TITLE} (not run: no issues with queries)", COLUMNS, ())
    model = MiniLM()
    with ExitStack() as stack:
        base = stack.enter_context(closing(prepared(duplicates, model, cache_folder(), partial(print, flush=True))))
        queries = duplicates.queries()[:ASKED]
        shared = stack.enter_context(closing(restricted(base)))
        opening = first_search(base.folder, model, queries[0].summary)
        cases = _cases(base, shared, model, queries)
        rows = measured(cases, ROUNDS)
        recall = scan_recall(base, model, [query.summary for query in queries[:RECALL_QUERIES]])
        counts = base.counts()
    size = {"issues": counts.issues, "passages": counts.passages}
    title = f"{TITLE} among {counts.issues} issues, {counts.passages} passages"
    detail = {**size, **recall, "recall_queries": RECALL_QUERIES, **opening, "rounds": ROUNDS}
    return Table(
        "searching", title, COLUMNS, [*rows, *_once({**opening, **recall})], packages=("onnxruntime", "tantivy", "simsimd"),
        detail=detail, draw=partial(_draw, rows),
    )  # fmt: skip


def _cases(base: KnowledgeBase, shared: KnowledgeBase, model: Embedder, queries: Sequence[Query]) -> list[Case]:
    summaries, reports = [query.summary.strip() for query in queries], [query.text.strip() for query in queries]
    lines = {text.partition("\n")[0].strip() for text in reports}
    remembered = Remembered(model, [text[:4000] for text in {*summaries, *reports, *lines}])
    plain, with_model, guarded = (Searcher(*pair) for pair in ((base, remembered), (base, model), (shared, remembered)))
    project = Filter(projects=(_largest_project(base),))
    member = Readers(f"group:{number}" for number in range(GROUPS // 4))
    search = partial(_asking, plain)
    return [
        Case("words", search(mode="text"), summaries),
        Case("meaning", search(mode="vector"), summaries),
        Case("hybrid", search(), summaries),
        Case("hybrid, one project", search(wanted=project), summaries),
        Case("hybrid, a third restricted, reader in 5 of 20 groups", _asking(guarded, principals=member), summaries),
        Case("hybrid, whole report", search(), reports),
        Case("hybrid, two clients", search(), summaries, clients=2),
        Case("hybrid with embedding", _asking(with_model), summaries),
        Case("embedding a summary", lambda text: model.embed([text]), summaries),
        Case("embedding a report", lambda text: model.embed([text]), reports),
    ]


def _asking(
    searcher: Searcher, *, mode: Mode = "hybrid", wanted: Filter = NO_FILTER, principals: Readers | None = None
) -> Ask:
    return lambda text: searcher.search(text, principals=principals, filter=wanted, mode=mode)


def measured(cases: Sequence[Case], rounds: int) -> list[Row]:
    """All cases in turn, several times over, after a first time that does not count."""
    for case in cases:
        _time(Case(case.name, case.ask, case.queries[:10]))
    timings = [[_time(case) for case in cases] for _ in range(rounds)]
    return [_row(case, [timing[place] for timing in timings]) for place, case in enumerate(cases)]


def _time(case: Case) -> Timing:
    cpu, wall = time.process_time(), time.perf_counter()
    if case.clients == 1:
        latencies = [_latency(case.ask, query) for query in case.queries]
    else:
        with ThreadPoolExecutor(case.clients) as pool:
            latencies = list(pool.map(partial(_latency, case.ask), case.queries))
    return Timing(tuple(latencies), time.process_time() - cpu, time.perf_counter() - wall)


def _latency(ask: Ask, query: str) -> float:
    started = time.perf_counter()
    ask(query)
    return (time.perf_counter() - started) * 1000


def _row(case: Case, timings: Sequence[Timing]) -> Row:
    latencies = list(itertools.chain.from_iterable(timing.latencies for timing in timings))
    count = len(case.queries)
    cpu = statistics.median(timing.cpu for timing in timings) / count * 1000
    speed = statistics.median(count / timing.wall for timing in timings)
    return (case.name, round(statistics.median(latencies), 2), round(float(np.percentile(latencies, 95)), 2),
            round(cpu, 2), round(speed, 1))  # fmt: skip


def first_search(folder: Path, model: Embedder, query: str) -> dict[str, float]:
    """Milliseconds until a knowledge base that nobody has open answers, its files being in the system's cache."""
    started = time.perf_counter()
    with closing(KnowledgeBase.open(folder)) as base:
        opened = time.perf_counter()
        Searcher(base, model).search(query, principals=None)
        answered = time.perf_counter()
    return {"open_ms": round((opened - started) * 1000, 1), "first_search_ms": round((answered - opened) * 1000, 1)}


def _once(facts: Mapping[str, float]) -> list[tuple[str, float, None, None, None]]:
    """Facts that are no latency of a case, in the column of the first figure."""
    return [(name.replace("_", " "), value, None, None, None) for name, value in facts.items()]


def restricted(base: KnowledgeBase) -> KnowledgeBase:
    """A copy in which every third issue is for one of the groups alone, kept beside it; the caller closes it."""
    folder = base.folder / "restricted"
    if not (folder / "made").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        base.reader().execute("VACUUM INTO ?", (str(folder / "kb.sqlite"),))
        with closing(KnowledgeBase.open(folder)) as copy:
            _restrict(copy)
        (folder / "made").touch()
    return KnowledgeBase.open(folder)


def _restrict(base: KnowledgeBase) -> None:
    restricted = f"SELECT id FROM document WHERE issue % {GROUP_ISSUES} = 0"
    groups = [(number + 1, f'["group:{number}"]') for number in range(GROUPS)]
    with base.transaction() as tx:
        tx.executemany("INSERT INTO readers (id, principals) VALUES (?, ?)", groups)
        tx.execute(f"UPDATE document SET readers = 1 + issue % {GROUPS} WHERE id IN ({restricted})")
        for table in ("section", "passage"):
            readers = f"(SELECT readers FROM document WHERE id = {table}.document)"
            tx.execute(f"UPDATE {table} SET readers = {readers} WHERE document IN ({restricted})")


def _largest_project(base: KnowledgeBase) -> str:
    ((project,),) = base.reader().execute(
        "SELECT project FROM document GROUP BY project ORDER BY count(*) DESC LIMIT 1"
    )
    return str(project)


def scan_recall(base: KnowledgeBase, model: Embedder, queries: Sequence[str]) -> dict[str, float]:
    """The share of each query's ten nearest passages by unrounded vectors that rounded ones also have in their ten.

    The unrounded vectors are made anew for the NEAR nearest by the product's scan, among which the ten are. Rounding alone:
    against the same vectors, rounded. The stored rows: against what the scan gives, which were also made in other batches,
    and the model's arithmetic, being rounded itself, gives a text slightly other vectors in another batch.
    """
    name, dimensions = vectorfile.base_name(base.reader()), model.dimensions
    matrix = vectorfile.follow(vectorfile.load(base.folder, name, dimensions), base.reader())
    everything = np.ones(len(matrix), dtype=np.bool_)
    vectors = model.embed(queries)
    near = [_nearest(matrix, vector, everything) for vector in vectors]
    rows = sorted({row for found in near for row in found})
    exact = dict(zip(rows, model.embed(_texts(base, matrix.passages[rows].tolist())), strict=True))
    rounded = {row: quantize(vector).astype(np.float32) for row, vector in exact.items()}
    true = [_ten(found, vector, exact) for found, vector in zip(near, vectors, strict=True)]
    again = [_ten(found, vector, rounded) for found, vector in zip(near, vectors, strict=True)]
    return {
        "recall_10_of_rounding": _agreement(true, again),
        "recall_10_of_stored_rows": _agreement(true, [set(found[:10]) for found in near]),
    }


def _ten(found: Sequence[int], vector: Floats, rows: Mapping[int, Floats]) -> set[int]:
    return set(sorted(found, key=lambda row: -float(rows[row] @ vector))[:10])


def _agreement(true: Sequence[set[int]], found: Sequence[set[int]]) -> float:
    return round(statistics.mean(len(one & other) / len(one) for one, other in zip(true, found, strict=True)), 4)


def _nearest(matrix: Matrix, vector: Floats, allowed: Any) -> list[int]:
    """The NEAR best rows as the product orders them: the POOL best by rounded numbers, then by the exact query."""
    scan = matrix.scan(vector, allowed)
    rows = scan.nearest(POOL)
    order = np.argsort(-scan.cosines(rows), kind="stable")[:NEAR]
    found: list[int] = rows[order].tolist()
    return found


def _texts(base: KnowledgeBase, passages: Sequence[int]) -> list[str]:
    """What the embedder was given for these passages."""
    return [_text(next(base.reader().execute(_PASSAGE, (passage,)))) for passage in passages]


def _text(row: tuple[Any, ...]) -> str:
    title, key, start, stop, section = row
    return embedder_text(title, key, decompress(bytes(section)).decode()[start:stop])


def _draw(rows: Sequence[Row], axes: Axes) -> None:
    names = [row[0] for row in rows]
    axes.barh(names, [row[2] for row in rows], color="lightsteelblue", label="p95 ms")
    axes.barh(names, [row[1] for row in rows], color="steelblue", label="p50 ms")
    axes.invert_yaxis()
    axes.legend()


_PASSAGE = """
SELECT d.title, d.key, p.start, p.stop, s.text_zstd
FROM passage p JOIN document d ON d.id = p.document JOIN section s ON s.id = p.section WHERE p.id = ?
"""
