"""How is a measurement kept? As rows that are printed, written as JSON with the facts of the machine, and drawn. Never measures.

A part of the bench is a module with `run(corpus: Path | None) -> Table`; `bench/__main__.py` lists the parts.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULTS = Path(__file__).parent / "results"
_ALWAYS_NAMED = ("jirakb", "numpy")

Cell = str | int | float | bool | None


@dataclass(frozen=True)
class Table:
    """What a part measured. `name` is its file name, `draw` fills the plot (none: no plot), `packages` are those whose
    versions matter, `detail` goes into the JSON only (rounds, profiles, parameters)."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    seed: int | None = None
    packages: tuple[str, ...] = ()
    detail: Mapping[str, object] = field(default_factory=dict)
    draw: Callable[[Axes], None] | None = None

    def publish(self, folder: Path = RESULTS) -> None:
        """Print the rows, and write `name`.json and `name`.png."""
        print(self.text())
        folder.mkdir(parents=True, exist_ok=True)
        written = json.dumps(self.as_json(), indent=1, ensure_ascii=False, default=str)
        (folder / f"{self.name}.json").write_text(written + "\n", encoding="utf-8")
        if self.draw:
            _plot(self.title, self.draw, folder / f"{self.name}.png")

    def text(self) -> str:
        """The rows in columns, for a terminal."""
        cells = [self.columns, *([_cell(value) for value in row] for row in self.rows)]
        widths = [max(len(row[place]) for row in cells) for place in range(len(self.columns))]
        lines = ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in cells]
        return "\n".join([self.title, *lines])

    def as_json(self) -> dict[str, object]:
        """The rows by column name, and under which circumstances they were measured."""
        return {
            "title": self.title,
            "command": command(),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "versions": versions((*_ALWAYS_NAMED, *self.packages)),
            "seed": self.seed,
            "rows": [dict(zip(self.columns, row, strict=True)) for row in self.rows],
            **self.detail,
        }


def command() -> str:
    """How this process was started, without the machine's folders."""
    return shlex.join(["python", "-m", "bench", *(Path(word).name for word in sys.argv[1:])])


def machine() -> dict[str, Cell]:
    """What the figures depend on, without anything that names the machine."""
    return {
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
        "memory_mb": _memory_mb(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def versions(packages: Sequence[str]) -> dict[str, str]:
    """The installed versions of these packages; those that are not installed are left out."""
    installed = {str(found.name).lower() for found in metadata.distributions()}
    return {name: metadata.version(name) for name in dict.fromkeys(packages) if name.lower() in installed}


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def _memory_mb() -> int | None:
    if not hasattr(os, "sysconf"):
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20


def _cell(value: Cell) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


def _plot(title: str, draw: Callable[[Axes], None], file: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    axes.set_title(title)
    draw(axes)
    figure.savefig(file, dpi=120)
    pyplot.close(figure)
