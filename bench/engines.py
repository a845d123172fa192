"""What does a search cost at a given size, beside other embedded engines on the same passages? All in one run, by turns.

Each engine filters by project and readers, looks for the nearest by words and by meaning, and joins both; the product also
reads ten hits with their snippets, or one, which is nearest to what the others do: they give numbers alone. Those that are not installed (the extra `compare`) say "not run". At a million passages
($JIRAKB_BENCH_PASSAGES) only the product runs. Relevance is not measured here: the texts are invented.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import synthetic
from bench.rivals import FtsAndSqliteVec, Lance, Passages, QdrantEdge, Rival
from bench.synthetic import DIMENSIONS, GivenVectors, Invention
from bench.tables import Cell, Table
from jirakb.knowledge.index import vectorfile
from jirakb.knowledge.index.filters import Filter
from jirakb.knowledge.search import Searcher
from jirakb.knowledge.store import KnowledgeBase

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PASSAGES = 100_000
MOST_COMPARED = 300_000
QUERIES = 60
ROUNDS = 3
HELD = tuple(range(1, 6))  # the groups that the reader is in
PROJECT = synthetic.PROJECTS[0]
_NEW = "zeppelinmooring"
_NEW_ISSUES = 200
"""With about five passages each."""
COLUMNS = (
    "engine", "case", "CPU ms", "p50 ms", "p95 ms", "recall@10 of vectors", "disk bytes per passage", "build CPU s",
)  # fmt: skip
RIVALS: Sequence[tuple[str, str, type[Rival]]] = (
    ("LanceDB", "lancedb", Lance), ("qdrant-edge", "qdrant_edge", QdrantEdge),
    ("FTS5 + sqlite-vec", "sqlite_vec", FtsAndSqliteVec),
)  # fmt: skip

Ask = Callable[[str, Any], object]
Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Contender:
    """One engine in one case."""

    engine: str
    case: str
    ask: Ask
    recall: float | None = None
    disk: float | None = None
    build: float | None = None


def run(corpus: Path | None) -> Table:
    """CPU time and latency of each engine on the same invented passages."""
    size = int(os.environ.get("JIRAKB_BENCH_PASSAGES", PASSAGES))
    invention = Invention()
    asked = [invention.question(number) for number in range(QUERIES)]
    with tempfile.TemporaryDirectory(prefix="jirakb-bench-") as folder:
        started = time.process_time()
        with closing(synthetic.build(Path(folder) / "kb", size, invention)) as base:
            built = time.process_time() - started
            contenders, facts = _product(base, asked, built)
            if size <= MOST_COMPARED:
                contenders += _rivals(base, Path(folder), asked)
            rows = [*measured(contenders, asked), *_not_run(size)]
            passages = base.counts().passages
    return Table(
        "engines" if size <= MOST_COMPARED else "engines-million", f"A hybrid search among {passages} invented passages, by engine", COLUMNS, rows, seed=invention.seed,
        packages=("tantivy", "simsimd", "lancedb", "qdrant-edge-py", "sqlite-vec", "apsw"),
        detail={"passages": passages, "queries": QUERIES, "rounds": ROUNDS, **facts}, draw=partial(_draw, rows),
    )  # fmt: skip


def _product(
    base: KnowledgeBase, asked: Sequence[tuple[str, Any]], built: float
) -> tuple[list[Contender], dict[str, float]]:
    given = GivenVectors()
    for text, vector in asked:
        given.give(text, vector)
    opened = time.perf_counter()
    searcher = Searcher(base, given)
    member = frozenset(f"group:{number}" for number in HELD)
    searcher.search(asked[0][0], principals=member)
    first = time.perf_counter() - opened

    def ask(text: str, _: Any, **more: Any) -> object:
        return searcher.search(text, **{"principals": member, **more})

    facts = {"disk": _disk(base.folder) / base.counts().passages, "build": built, "recall": recall(base, asked)}
    cases: dict[str, Ask] = {
        "all readers": partial(ask, principals=None),
        "readers": ask,
        "readers, one hit": partial(ask, limit=1),
        "readers and project": partial(ask, filter=Filter(projects=(PROJECT,))),
        "readers and project, one hit": partial(ask, filter=Filter(projects=(PROJECT,)), limit=1),
        "words alone": partial(ask, mode="text"),
        "meaning alone": partial(ask, mode="vector"),
    }
    added = {"first_search_ms": round(first * 1000, 1), **another_process(base.folder), **upsert(base, searcher, given)}
    return [Contender("jirakb", case, made, **facts) for case, made in cases.items()], added


def recall(base: KnowledgeBase, asked: Sequence[tuple[str, Any]]) -> float:
    """The share of the ten nearest stored vectors, by unrounded arithmetic, that the scan has in its ten."""
    matrix = vectorfile.load(base.folder, vectorfile.base_name(base.reader()), DIMENSIONS)
    everything = np.ones(len(matrix), dtype=np.bool_)
    shares = []
    for _, vector in asked[:20]:
        scan = matrix.scan(vector, everything)
        near = scan.nearest(60)
        found = near[np.argsort(-scan.cosines(near))][:10]
        shares.append(len(set(found.tolist()) & set(_exact_ten(matrix.blocks[0].values, vector))) / 10)
    return round(statistics.mean(shares), 4)


def _exact_ten(values: Any, vector: Any) -> list[int]:
    scores = np.concatenate(
        [values[at : at + 50_000].astype(np.float32) @ vector for at in range(0, len(values), 50_000)]
    )
    ten: list[int] = np.argpartition(-scores, 10)[:10].tolist()
    return ten


def upsert(base: KnowledgeBase, searcher: Searcher, given: GivenVectors) -> dict[str, float]:
    """Milliseconds from the commit of about 1,000 new passages until open searchers have found them with their vectors:
    that of another process, which asks without pause, and then that of this one, whose processor time is told too."""
    last = int(next(iter(base.reader().execute("SELECT max(number) FROM issue")))[0])
    given.give(_NEW, _new_vector())
    with subprocess.Popen(
        [sys.executable, "-m", "bench.engines", str(base.folder), _NEW], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "ready"
        synthetic.add(base, range(last + 1, last + 1 + _NEW_ISSUES), _NEW, Invention(seed=2))
        committed = time.time()
        synthetic.give_vectors(base, Invention(seed=2))
        seen, worked, asked_at = json.loads(other.stdout.readline())
        before = max((spent for at, spent in asked_at if at <= committed), default=0.0)
    cpu, asked = time.process_time(), time.perf_counter()
    assert searcher.search(_NEW, principals=None).total >= _NEW_ISSUES, "the new passages are not found"
    return {
        "upsert_visible_to_another_process_ms": round((seen - committed) * 1000, 1),
        "upsert_visible_to_another_process_cpu_ms": round((worked - before) * 1000, 1),
        "upsert_then_visible_here_ms": round((time.perf_counter() - asked) * 1000, 1),
        "upsert_then_visible_here_cpu_ms": round((time.process_time() - cpu) * 1000, 1),
    }


def _new_vector() -> Any:
    return Invention(seed=2).vectors(0, 1)[0]


def _wait_for(folder: Path, word: str) -> None:
    """What a process does that waits for new passages; prints when it is ready, and then the time at which it found them all
    with its processor time, and both as they were whenever it asked."""
    given = GivenVectors()
    given.give(word, _new_vector())
    with closing(KnowledgeBase.open(folder)) as base:
        searcher = Searcher(base, given)
        searcher.search(word, principals=None)
        print("ready", flush=True)
        asked_at = [(time.time(), time.process_time())]
        while not _has_new(searcher, word):
            time.sleep(0.005)
            asked_at.append((time.time(), time.process_time()))
        print(json.dumps((time.time(), time.process_time(), asked_at)))


def _has_new(searcher: Searcher, word: str) -> bool:
    found = searcher.search(word, principals=None, mode="text")
    return found.total >= _NEW_ISSUES and found.vectors_ready == 1.0


def another_process(folder: Path) -> dict[str, float]:
    """Megabytes of memory of its own that a further process has after searching, and what it had before."""
    ran = subprocess.run(
        [sys.executable, "-m", "bench.engines", str(folder)], check=True, capture_output=True, text=True
    )
    before, after, first, worked = map(float, ran.stdout.split())
    return {
        "process_private_mb": after,
        "process_private_mb_before_opening": before,
        "first_search_of_a_process_ms": first,
        "first_search_of_a_process_cpu_ms": worked,
    }


def _search_once(folder: Path) -> None:
    """What a further process does; prints its private memory before and after, and how long the first search took."""
    invention, given = Invention(), GivenVectors()
    asked = [invention.question(number) for number in range(10)]
    for text, vector in asked:
        given.give(text, vector)
    del invention
    before = _private_mb()
    with closing(KnowledgeBase.open(folder)) as base:
        started, cpu = time.perf_counter(), time.process_time()
        searcher = Searcher(base, given)
        searcher.search(asked[0][0], principals=None)
        first, worked = (time.perf_counter() - started) * 1000, (time.process_time() - cpu) * 1000
        for text, _ in asked:
            searcher.search(text, principals=frozenset({"group:1"}))
        print(before, _private_mb(), round(first, 1), round(worked, 1))


def _private_mb() -> float:
    """What no other process has: pages of mapped files are everybody's."""
    smaps = Path("/proc/self/smaps_rollup")
    if not smaps.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lines = [
        line.split() for line in smaps.read_text(encoding="utf-8").splitlines() if line.startswith("Private_Dirty")
    ]
    return round(sum(int(line[1]) for line in lines) / 1024, 1)


def _rivals(base: KnowledgeBase, folder: Path, asked: Sequence[tuple[str, Any]]) -> list[Contender]:
    passages = Passages.of(base)
    made = []
    for name, module, kind in RIVALS:
        if importlib.util.find_spec(module) is None:
            continue
        started = time.process_time()
        rival = kind(folder / module, passages)
        built = round(time.process_time() - started, 1)
        disk = _disk(folder / module) / len(passages.numbers)
        allowed = [0, *HELD]
        shares = [rival.recall(vector, passages) for _, vector in asked[:20]]
        ask = partial(rival.search, project=None, groups=allowed)
        facts = {"recall": round(statistics.mean(shares), 4), "disk": disk, "build": built}
        made.append(Contender(name, "readers", ask, **facts))
        made.append(
            Contender(name, "readers and project", partial(rival.search, project=PROJECT, groups=allowed), **facts)
        )
    return made


def _not_run(size: int) -> Iterator[Row]:
    for name, module, _ in RIVALS:
        if size > MOST_COMPARED or importlib.util.find_spec(module) is None:
            yield (name, "not run", *(None for _ in COLUMNS[2:]))


def measured(contenders: Sequence[Contender], asked: Sequence[tuple[str, Any]]) -> list[Row]:
    """All by turns, several times over, after a first time that does not count."""
    for contender in contenders:
        _round(contender, asked[:5])
    rounds = [[_round(contender, asked) for contender in contenders] for _ in range(ROUNDS)]
    return [_row(contender, [turn[at] for turn in rounds]) for at, contender in enumerate(contenders)]


def _round(contender: Contender, asked: Sequence[tuple[str, Any]]) -> tuple[float, list[float]]:
    cpu, latencies = time.process_time(), []
    for text, vector in asked:
        started = time.perf_counter()
        contender.ask(text, vector)
        latencies.append((time.perf_counter() - started) * 1000)
    return (time.process_time() - cpu) / len(asked) * 1000, latencies


def _row(contender: Contender, rounds: Sequence[tuple[float, list[float]]]) -> Row:
    latencies = [latency for _, some in rounds for latency in some]
    disk = None if contender.disk is None else round(contender.disk)
    build = None if contender.build is None else round(contender.build, 1)
    return (
        contender.engine, contender.case, round(min(cpu for cpu, _ in rounds), 2), round(statistics.median(latencies), 2),
        round(float(np.percentile(latencies, 95)), 2), contender.recall, disk, build,
    )  # fmt: skip


def _disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _draw(rows: Sequence[Row], axes: Axes) -> None:
    told = [row for row in rows if isinstance(row[2], float)]
    axes.barh([f"{row[0]}, {row[1]}" for row in told], [float(row[2] or 0) for row in told], color="steelblue")
    axes.set_xlabel("CPU ms per search")
    axes.set_xscale("log")
    axes.invert_yaxis()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        _wait_for(Path(sys.argv[1]), sys.argv[2])
    else:
        _search_once(Path(sys.argv[1]))
