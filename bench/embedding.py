"""How much of the embedder's own speed is left when a whole sync runs around it?

The embedder alone, on the passages that the sync stored, against the sync from a simulated site in a process of its own:
listing, fetching, rendering, storing, indexing and embedding. Both in turn, on the same processors.
"""

from __future__ import annotations

import gzip
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from bench.tables import Table
from jirakb.jira.connector import JiraConnector
from jirakb.knowledge.backlog import BLOCK
from jirakb.knowledge.embed import Embedder, MiniLM
from jirakb.knowledge.prepare import decompress
from jirakb.knowledge.split import embedder_text
from jirakb.knowledge.store import KnowledgeBase
from jirakb.service.demo import SimulatedSite, simulated_site
from jirakb.settings import Settings
from jirakb.sync import Wish, sync

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ISSUES = 800
"""Some 3,800 passages: most of a minute for two processors, so that starting up is a few hundredths of it."""
ROUNDS = 2
GOAL = 0.9
COLUMNS = (
    "what", "passages", "seconds", "passages/s", "CPU s", "simulated site's CPU s", "speed to alone", "CPU to alone",
)  # fmt: skip
TITLE = "Embedding alone and within a sync"

Row = tuple[str, int, float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Spent:
    """What so many passages took: wall-clock seconds, this process's processor seconds, its children's."""

    passages: int
    wall: float
    cpu: float
    others: float = 0.0

    @property
    def speed(self) -> float:
        """Passages per second of wall time."""
        return self.passages / self.wall


def run(corpus: Path | None) -> Table:
    """Passages per second of either; a table without rows where there is no corpus."""
    if corpus is None:
        return Table("embedding", f"{TITLE} (not run: no corpus)", COLUMNS, ())
    embedder = MiniLM()
    embedder.embed(["the first use costs more"])
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jirakb-bench-")))
        site = stack.enter_context(simulated_site("cloud", "--site", str(some_issues(corpus, folder, ISSUES))))
        synced(site, folder / "warm", None)  # the simulated site makes its answers once and keeps them
        rounds = [both(site, folder / str(number), embedder) for number in range(ROUNDS)]
    rows, ratios = _rows(rounds), [flow.speed / alone.speed for alone, flow in rounds]
    detail = {
        "issues": ISSUES,
        "rounds": [[_facts(alone), _facts(flow)] for alone, flow in rounds],
        "ratios": ratios,
        "goal": GOAL,
    }
    return Table(
        "embedding", f"{TITLE}, {ISSUES} issues (goal: {GOAL} of the embedder alone)", COLUMNS, rows,
        packages=("onnxruntime", "tokenizers"), detail=detail, draw=partial(_draw, rows),
    )  # fmt: skip


def some_issues(corpus: Path, folder: Path, count: int) -> Path:
    """A file of so many issues, taken evenly from the whole corpus."""
    with _lines(corpus) as lines:
        every = max(sum(1 for _ in lines) // count, 1)
    chosen = folder / "some.jsonl"
    with _lines(corpus) as lines, chosen.open("wb") as file:
        file.writelines(line for number, line in enumerate(lines) if number % every == 0 and number < every * count)
    return chosen


def _lines(corpus: Path) -> Any:
    return gzip.open(corpus) if corpus.suffix == ".gz" else corpus.open("rb")


def both(site: SimulatedSite, folder: Path, embedder: Embedder) -> tuple[Spent, Spent]:
    """A sync with embedding, and then the embedder alone with the same passages."""
    flow = synced(site, folder, embedder)
    with closing(KnowledgeBase.open(folder)) as base:
        texts = passages(base)
    return _spent(len(texts), partial(_embed_all, embedder, texts)), flow


def synced(site: SimulatedSite, folder: Path, embedder: Embedder | None) -> Spent:
    """The whole of a first sync into a new knowledge base."""
    settings = Settings.read({"JIRAKB_HOME": str(folder), "JIRAKB_GATEWAY_URL": site.gateway_url})
    account = {"jira_user_email": site.email, "jira_api_token": site.token}
    connector = JiraConnector(site.base_url, projects=("*",), batch_size=100, credentials=account, settings=settings)
    with closing(KnowledgeBase.open(folder, create=True)) as base, closing(connector):
        wish = Wish(query=connector.query)
        spent = _spent(0, lambda: sync(connector, base, wish, settings=settings, embedder=embedder))
        return Spent(base.counts().passages, spent.wall, spent.cpu, spent.others)


def passages(base: KnowledgeBase) -> list[str]:
    """What the embedder is given for each passage, in the order of the sync."""
    found = []
    for title, key, start, stop, section in base.reader().execute(_PASSAGES):
        found.append(embedder_text(title, key, decompress(bytes(section)).decode()[start:stop]))
    return found


def _embed_all(embedder: Embedder, texts: Sequence[str]) -> None:
    """In the blocks of the flow."""
    for start in range(0, len(texts), BLOCK):
        embedder.embed(texts[start : start + BLOCK])


def _spent(count: int, work: Callable[[], object]) -> Spent:
    others, cpu, wall = _cpu_of_children(), time.process_time(), time.perf_counter()
    work()
    return Spent(count, time.perf_counter() - wall, time.process_time() - cpu, _cpu_of_children() - others)


def _cpu_of_children() -> float:
    return sum(sum(child.cpu_times()[:2]) for child in psutil.Process().children())


def _rows(rounds: Sequence[tuple[Spent, Spent]]) -> list[Row]:
    alone, flow = ([pair[place] for pair in rounds] for place in (0, 1))
    speed = statistics.median(whole.speed / own.speed for own, whole in rounds)
    cpu = statistics.median(whole.cpu / own.cpu for own, whole in rounds)
    return [_row("embedder alone", alone, 1.0, 1.0), _row("sync with embedding", flow, speed, cpu)]


def _row(name: str, spent: Sequence[Spent], speed: float, cpu: float) -> Row:
    def median(of: Callable[[Spent], float]) -> float:
        return round(statistics.median(map(of, spent)), 2)

    return (name, spent[0].passages, median(lambda s: s.wall), median(lambda s: s.speed), median(lambda s: s.cpu),
            median(lambda s: s.others), round(speed, 3), round(cpu, 3))  # fmt: skip


def _facts(spent: Spent) -> dict[str, float]:
    return {"passages": spent.passages, "wall": spent.wall, "cpu": spent.cpu, "children_cpu": spent.others}


def _draw(rows: Sequence[Row], axes: Axes) -> None:
    axes.bar([row[0] for row in rows], [row[3] for row in rows])
    axes.set_ylabel("passages per second of wall time")


_PASSAGES = """
SELECT d.title, d.key, p.start, p.stop, s.text_zstd
FROM passage p JOIN document d ON d.id = p.document JOIN section s ON s.id = p.section ORDER BY p.id
"""
