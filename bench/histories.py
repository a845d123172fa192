"""Long random histories: `python -m bench.histories --steps N --seed S` lives through N steps of edits, faults, lag, kills and
syncs on both flavors, and holds every index against its site. What happened is kept in bench/results/histories.json; exit 1
when an index differed. `--only FLAVOR SEED STEPS` tells one history again, step by step.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.flow.histories import Told, plan, tell

from jirakb import __version__

RESULTS = Path(__file__).parent / "results" / "histories.json"
SEED = 20261123
STEPS = 50_000


@dataclass
class Tally:
    """The histories told so far."""

    histories: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    indexed: int = 0
    deleted: int = 0
    compared: int = 0
    wrong: list[dict[str, Any]] = field(default_factory=list)

    def add(self, told: Told) -> None:
        """One more."""
        self.histories += 1
        self.steps.update(told.counted)
        self.ends.update(told.tale.ends)
        self.indexed += told.tale.indexed
        self.deleted += told.tale.deleted
        self.compared += told.tale.checked
        if told.wrong:
            found = {"flavor": told.flavor, "seed": told.seed, "steps": told.steps, "wrong": told.wrong}
            self.wrong.append(found)

    def to_json(self) -> dict[str, Any]:
        """What is kept."""
        return {
            "ok": not self.wrong,
            "histories": self.histories,
            "steps": self.steps.total(),
            "syncs": self.ends.total(),
            "syncs_by_end": dict(sorted(self.ends.items())),
            "steps_by_kind": dict(sorted(self.steps.items())),
            "issues_indexed": self.indexed,
            "issues_deleted": self.deleted,
            "issues_compared_with_the_site": self.compared,
            "wrong": self.wrong,
        }


def prove_histories(steps: int, seed: int, processes: int) -> Tally:
    """Tell the histories of a seed, so many steps in all, in processes side by side."""
    tally, said = Tally(), time.monotonic()
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        under_way = [pool.submit(tell, *history) for history in plan(seed, steps)]
        for done in as_completed(under_way):
            told = done.result()
            tally.add(told)
            if told.wrong:
                print(f"--only {told.flavor} {told.seed} {len(told.steps)}:\n{told.wrong}", flush=True)
            if time.monotonic() - said > 30:
                said = time.monotonic()
                print(f"{tally.steps.total()} of {steps} steps, {len(tally.wrong)} wrong", flush=True)
    return tally


def tell_again(flavor: str, seed: str, steps: str) -> int:
    """One history, with what was wrong in it."""
    told = tell("cloud" if flavor == "cloud" else "dc", int(seed), int(steps))
    print(*told.steps, told.tale, told.wrong or "the index equals the site", sep="\n")
    return 1 if told.wrong else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell the histories, print and keep what came of them."""
    parser = argparse.ArgumentParser(prog="python -m bench.histories", description="Random histories of a site.")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--only", nargs=3, metavar=("FLAVOR", "SEED", "STEPS"))
    given = parser.parse_args(arguments)
    if given.only:
        return tell_again(*given.only)
    began = time.monotonic()
    tally = prove_histories(given.steps, given.seed, given.processes)
    keep(given.results, tally, seed=given.seed, seconds=time.monotonic() - began)
    print(json.dumps({name: value for name, value in tally.to_json().items() if name != "wrong"}, indent=2))
    return 1 if tally.wrong else 0


def keep(path: Path, tally: Tally, *, seed: int, seconds: float) -> None:
    """Write the result, with what is needed to tell the same again."""
    about: Iterable[tuple[str, Any]] = (
        ("version", __version__),
        ("python", platform.python_version()),
        ("measured", f"{datetime.now(UTC):%Y-%m-%d}"),
        ("seed", seed),
        ("wall_seconds", round(seconds)),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**dict(about), **tally.to_json()}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
