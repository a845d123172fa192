"""Does a real corpus arrive whole from a site on which everything goes wrong? A part of `make proof`; alone: `python -m bench.faults`.

Each kind of trouble strikes one call in twenty: refusals of every reason, server errors with and without a wait, proxies'
pages, broken JSON, broken connections, slow answers, answers to nobody, waits that nobody can mean; listings come in short
pages, search lags behind and loses sight of what has changed, and people go on editing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from bench.proof import RESULTS, Home, Proof, Simulated, simulated
from bench.truth import rows_of
from jirakb import __version__
from jirakb.simulator.switches import every_fault

SHARE = 0.05
_LAG = 20
_EDIT_EVERY = 1
_MOST_RUNS = 3
_CALM = {"faults": 0, "short_pages": 0, "flicker": 0, "edit_every": 0}
Json = dict[str, Any]


def prove_with_faults(proof: Proof, flavor: str, corpus: Path, folder: Path, share: float = SHARE) -> None:
    """A whole sync with every fault at once, an incremental one with them, then the comparison with a sync without."""
    count = sum(1 for row in rows_of(corpus) if "key" in row)
    with simulated(flavor, corpus) as site:
        home = Home(folder / "faults", site, "none")
        _set_mood(site, {"faults": share, "short_pages": share, "flicker": share, "index_lag": _LAG})
        _prove_whole(proof, home, count)
        if flavor == "cloud":  # the truth of a Data Center is the corpus itself, which nobody edits
            _prove_edited(proof, home)
        _set_mood(site, _CALM)
        _prove_same(proof, home, Home(folder / "calm", site, "none"))
        record = site.record()
        proof.see("answers of the troubled site by status", record["by_status"], ok=True)
        proof.see("violations on the troubled site's record", record["violations"], not record["violations"])


def _prove_whole(proof: Proof, home: Home, count: int) -> None:
    report, runs = _sync(home)
    counts = report["counts"]
    proof.see(f"runs until all was read, limit {_MOST_RUNS}", runs, runs <= _MOST_RUNS)
    ok = counts["listed"] == count and counts["omitted"] == 0 and report["exit"] == 0
    proof.see("every issue is indexed in spite of every fault", counts, ok)
    proof.see("calls, and how many of them were told to wait", _calls(report), ok=True)
    proof.see("seconds with every fault", report["seconds"], ok=True)


def _prove_edited(proof: Proof, home: Home) -> None:
    """While people edit, search cannot show everything; what it hid comes with a later sync."""
    _set_mood(home.site, {"edit_every": _EDIT_EVERY})
    for _ in range(3):
        _sync(home, "--prune", "always")
    _set_mood(home.site, {"edit_every": 0})
    time.sleep(_LAG + 1)
    report, runs = _sync(home, "--prune", "always")
    seen = {**report["counts"], "runs": runs}
    ok = report["exit"] == 0 and report["counts"]["deleted"] == report["counts"]["omitted"] == 0
    proof.see("edits made meanwhile arrive, nothing is taken out", seen, ok)


def _prove_same(proof: Proof, home: Home, calm: Home) -> None:
    """What stands in the documents is what a sync reads that meets no trouble."""
    calm.sync()
    mine, theirs = _documents(home.export()), _documents(calm.export())
    different = sorted(name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name))
    proof.see("documents equal to those of an undisturbed sync", len(mine), not different)
    proof.see("documents that differ", different[:5], not different)


def _documents(path: Path) -> dict[str, str]:
    rows = (json.loads(line) for line in path.open(encoding="utf-8"))
    return {row["id"]: row["markdown"] for row in rows}


def _sync(home: Home, *more: str) -> tuple[Json, int]:
    """The report of the run that came to its end, and how many it took: a budget may be spent, and the next run goes on."""
    for run in range(1, _MOST_RUNS + 1):
        try:
            return home.sync(*more), run
        except RuntimeError as exc:
            print(f"    run {run}: {exc}", file=sys.stderr)
    return home.sync(*more), _MOST_RUNS + 1


def _calls(report: Json) -> Json:
    return {"total": report["requests"]["total"], "throttled": report["requests"]["throttled"]}


def _set_mood(site: Simulated, mood: Json) -> None:
    httpx2.post(f"{site.url}/_sim/mood", json=mood, timeout=60).raise_for_status()


def main() -> int:
    """Prove this part alone and keep the result; 3 without a corpus."""
    options = argparse.ArgumentParser(description="Sync a corpus from a site with every fault.")
    options.add_argument("--flavor", choices=["cloud", "dc"], default="cloud")
    options.add_argument("--share", type=float, default=SHARE)
    chosen = options.parse_args()
    corpus = os.environ.get("JIRAKB_CORPUS")
    if not corpus or not Path(corpus).is_file():
        print("not run: set JIRAKB_CORPUS to a site file (JSON lines of issues)")
        return 3
    proof, began = Proof(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="jirakb-faults-") as folder:
        prove_with_faults(proof, chosen.flavor, Path(corpus), Path(folder), chosen.share)
    _keep(proof, chosen, time.monotonic() - began)
    return 1 if proof.failed else 0


def _keep(proof: Proof, chosen: argparse.Namespace, seconds: float) -> None:
    RESULTS.mkdir(exist_ok=True)
    facts = {
        "command": f"python -m bench.faults --flavor {chosen.flavor} --share {chosen.share:g}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "version": __version__,
        "processors": os.cpu_count(),
        "seconds": round(seconds),
        "faults": [f"{fault.kind} {fault.status} {fault.retry_after}" for fault in every_fault()],
        "rows": proof.rows,
    }
    written = json.dumps(facts, indent=1, default=str)
    (RESULTS / f"proof-faults-{chosen.flavor}.json").write_text(written + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
