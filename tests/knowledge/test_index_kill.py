"""A process that is killed while it indexes leaves nothing that differs: texts, vectors and documents agree on reopening."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jirakb.knowledge.index import vectorfile
from jirakb.knowledge.index.text import text_folder

if TYPE_CHECKING:
    from conftest import Shelf

INDEXES = """
import sys
from contextlib import closing
from pathlib import Path
from jirakb.knowledge.index import text, vectorfile
from jirakb.knowledge.store import KnowledgeBase

text._COMMIT_CHARS, text._BATCH, vectorfile._READ_ROWS = 2_000, 5, 10  # so that there is much to be killed between
with closing(KnowledgeBase.open(Path(sys.argv[1]))) as base, base.lease():
    print("begun", flush=True)
    with closing(text.TextIndex(base.folder)) as index:
        index.follow(base.reader())
    with base.snapshot() as connection:
        vectorfile.update(base.folder, connection, 32)
    print("ended", flush=True)
"""


def rows(shelf: Shelf, sql: str) -> list[Any]:
    return list(shelf.base.reader().execute(sql))


def indexed_until_killed(folder: Path, seconds: float) -> bool:
    """Index in another process and kill it; whether it had come to its end."""
    with subprocess.Popen([sys.executable, "-c", INDEXES, str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        return "ended" in process.stdout.read()


def change_some(shelf: Shelf, dice: random.Random, words: dict[str, str], first: int) -> None:
    """Forty issues more, and some of the earlier ones anew or gone."""
    for key in dice.sample(sorted(words), len(words) // 10):
        shelf.remove(key)
        del words[key]
    for key in dice.sample(sorted(words), len(words) // 3):
        words[key] = f"word{dice.randint(1, 5)}x"
    for number in range(first, first + 40):
        words[f"ABC-{number}"] = f"word{dice.randint(1, 5)}x"
    for key, word in words.items():
        shelf.put(key, f"{word} title", description=f"about {word} and more")
    shelf.embed()


def assert_agreeing(shelf: Shelf, words: dict[str, str]) -> None:
    searcher = shelf.searcher()
    for word in sorted(set(words.values())):
        holding = {key for key, held in words.items() if held == word}
        by_words = searcher.search(word, principals=None, mode="text", limit=100)
        assert {hit.key for hit in by_words.hits} == holding
        assert by_words.total == len(holding)
        by_meaning = searcher.search(f"{word} title", principals=None, mode="vector", limit=100)
        assert {hit.key for hit in by_meaning.hits[: len(holding)]} <= words.keys()
    with shelf.base.snapshot() as connection:
        matrix = vectorfile.load(shelf.folder, vectorfile.base_name(connection), shelf.embedder.dimensions)
        matrix = vectorfile.follow(matrix, connection)
    stored = {passage: bytes(value) for passage, value in rows(shelf, "SELECT passage, value FROM vector")}
    living = {passage for (passage,) in rows(shelf, "SELECT id FROM passage")}
    scanned = dict(
        zip(matrix.passages.tolist(), (row.tobytes() for b in matrix.blocks for row in b.values), strict=True)
    )
    assert stored.keys() == living
    assert {passage: scanned[passage] for passage in living} == stored


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_random_moments_the_indexes_agree_with_the_documents(shelf: Shelf, seed: int) -> None:
    dice = random.Random(seed)
    words: dict[str, str] = {}
    ended = 0
    for step in range(4):
        change_some(shelf, dice, words, 1 + 40 * step)
        ended += indexed_until_killed(shelf.folder, dice.uniform(0.0, 0.25))
        assert text_folder(shelf.folder).exists() or not step
    assert ended < 4, "no process was killed before its end"
    assert_agreeing(shelf, words)
