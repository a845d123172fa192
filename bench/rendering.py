"""What does an issue cost between the wire and the store? Parses, renders and prepares real issues in one thread.

The unit is the CPU-second; the ten functions that take most of it stand in the JSON.
"""

from __future__ import annotations

import cProfile
import pstats
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.simulated import SimulatedSite, simulated, some_issues
from bench.tables import Cell, Table
from jirakb.documents import RawIssue
from jirakb.fetch import fetch_windows
from jirakb.jira.connector import JiraConnector
from jirakb.jira.document.issue import parse_issue
from jirakb.jira.document.render import RenderContext, render
from jirakb.knowledge.prepare import prepare
from jirakb.settings import Settings
from jirakb.source import Rendered

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SAMPLE = 5000
_PROFILED = 1000
_TOP = 10
_COLUMNS = ("form", "stage", "issues", "cpu_s", "issues_per_cpu_s", "mb_per_cpu_s")


def run(corpus: Path | None) -> Table:
    """Measures the texts as Cloud sends them (ADF), and the same issues as Data Center sends them (wiki markup)."""
    forms = _forms(corpus)
    rows = [row for form in forms for row in form.rows()]
    detail = {
        "cpu_seconds_for_29057_issues": {form.name: round(29057 / form.rate(rows), 1) for form in forms},
        "profile": {form.name: form.profile() for form in forms},
    }
    return Table(
        "rendering",
        "Parsing, rendering and preparing, one thread",
        _COLUMNS,
        rows,
        packages=("orjson", "zstandard"),
        detail=detail,
        draw=lambda axes: _draw(axes, rows),
    )


def _forms(corpus: Path | None) -> list[Form]:
    with tempfile.TemporaryDirectory() as folder:
        files = [some_issues(corpus, Path(folder) / "site.jsonl", SAMPLE)] if corpus else []
        with simulated("cloud", files) as cloud, simulated("dc", files) as dc:
            return [_form("adf", cloud, Path(folder)), _form("wiki", dc, Path(folder))]


def _form(name: str, site: SimulatedSite, home: Path) -> Form:
    settings = Settings.read(site.settings | {"JIRAKB_HOME": str(home)})
    with closing(JiraConnector(site.base_url, "*", credentials=site.credentials, settings=settings)) as connector:
        numbers = sorted(ref.number for listing in connector.list_all() for ref in listing.refs)
        blocks = [tuple(numbers[start : start + 100]) for start in range(0, len(numbers), 100)]
        windows = fetch_windows(connector, blocks, 2)
        raws = [raw for window in windows for batch in window.batches for raw in batch.issues]
        return Form(name, raws, connector.render_context())


@dataclass(frozen=True)
class Form:
    """Issues in one of the two forms that sites send texts in."""

    name: str
    raws: Sequence[RawIssue]
    context: RenderContext

    def rows(self) -> list[tuple[Cell, ...]]:
        """Parsing alone, parsing and rendering, preparing, and all of it."""
        context, rendered = self.context, list[Rendered]()
        parse = _cpu(lambda: [parse_issue(raw.payload, context.fields) for raw in self.raws])
        drawn = _cpu(lambda: rendered.extend(render(raw, context) for raw in self.raws))
        ready = _cpu(lambda: [prepare(raw, one) for raw, one in zip(self.raws, rendered, strict=True)])
        times = {"parse": parse, "parse+render": drawn, "prepare": ready, "all": drawn + ready}
        return [self._row(stage, seconds) for stage, seconds in times.items()]

    def rate(self, rows: Sequence[Sequence[Cell]]) -> float:
        """The rate of all stages together."""
        return next(float(row[4] or 0) for row in rows if row[:2] == (self.name, "all"))

    def profile(self) -> list[dict[str, Cell]]:
        """The functions that take most time of their own."""
        profiler = cProfile.Profile()
        profiler.enable()
        for raw in self.raws[:: max(1, len(self.raws) // _PROFILED)]:
            prepare(raw, render(raw, self.context))
        profiler.disable()
        stats: dict[tuple[str, int, str], tuple[int, int, float, float, object]] = vars(pstats.Stats(profiler))["stats"]
        whole = sum(entry[2] for entry in stats.values())
        top = sorted(stats.items(), key=lambda item: -item[1][2])[:_TOP]
        return [
            {"function": f"{Path(file).name}:{line} {name}", "calls": calls, "share": round(own / whole, 3)}
            for (file, line, name), (calls, _, own, _, _) in top
        ]

    def _row(self, stage: str, seconds: float) -> tuple[Cell, ...]:
        megabytes = sum(len(raw.payload) for raw in self.raws) / 1e6
        count = len(self.raws)
        return (self.name, stage, count, round(seconds, 2), round(count / seconds, 1), round(megabytes / seconds, 2))


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _draw(axes: Axes, rows: Sequence[Sequence[Cell]]) -> None:
    whole = [row for row in rows if row[1] in ("parse+render", "prepare", "all")]
    axes.bar([f"{row[0]}\n{row[1]}" for row in whole], [float(row[4] or 0) for row in whole], color="#228833")
    axes.set_ylabel("issues per CPU-second")
