"""Measures the product: `python -m bench [PART]... [--corpus FILE]` runs the parts named, or all, and writes bench/results/."""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Sequence
from pathlib import Path

from bench.tables import RESULTS

PARTS = ("rendering", "fetching", "pacing", "embedding", "searching", "engines", "relevance", "page")
"""Modules of this folder, each with `run(corpus: Path | None) -> Table`."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run parts and publish what they measured; those whose data is not here say so."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="What is measured, and against whom.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument(
        "--corpus", type=Path, help="issues as JSON lines (.gz); default: $JIRAKB_CORPUS, or the shared data"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="where JSON and plots go")
    given = parser.parse_args(arguments)
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    for part in given.parts or PARTS:
        importlib.import_module(f"bench.{part}").run(given.corpus or shared_corpus()).publish(given.results)


def shared_corpus() -> Path | None:
    """The corpus that the environment names, or that lies beside the checkout; None without one."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    shared = Path(os.environ.get("JIRAKB_SHARED", beside)) / "data" / "titanium.jsonl.gz"
    found = Path(os.environ.get("JIRAKB_CORPUS", shared))
    return found if found.is_file() else None


if __name__ == "__main__":
    main()
