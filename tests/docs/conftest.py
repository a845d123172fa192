"""Where the repository is, and what its documentation says."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def prose() -> str:
    """The whole documentation as one text."""
    return "\n".join(path.read_text("utf-8") for path in pages())


def pages() -> list[Path]:
    """Every page that a reader is sent to."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def own_files() -> list[Path]:
    """The text files that are ours: what stands in the folders of the checkout, without what tools left there."""
    folders = ("src", "tests", "docs", "bench", "packages")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    found += [path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".")]
    return [path for path in found if path.suffix in TEXTS or path.name in NAMES]


TEXTS = frozenset({".py", ".md", ".toml", ".sql", ".txt", ".jsonl", ".json", ".lock", ".yml", ".yaml", ".csv", ".svg"})
NAMES = frozenset({"Makefile", "LICENSE"})
