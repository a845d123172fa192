"""A knowledge base of any size from a seed: texts of invented words, vectors around invented subjects, readers and projects.

What the machinery of a search costs at a size that no corpus here has; never a judge of relevance. Never measures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jirakb.documents import Document, Fields, Part, RawIssue, Readers
from jirakb.knowledge.embed import Vectors, quantize
from jirakb.knowledge.index import vectorfile
from jirakb.knowledge.index.text import TextIndex
from jirakb.knowledge.prepare import PreparedIssue, compress, prepare_document
from jirakb.knowledge.runs import Runs
from jirakb.knowledge.store import KnowledgeBase

DIMENSIONS = 384
GROUPS = 20
PROJECTS = ("AAA", "BBB", "CCC", "DDD")
SITE = "https://synthetic.example"
WORDS_EACH = 640
"""Of an issue: about five passages."""
_VOCABULARY = 60_000
_SUBJECTS = 2_000
_SPREAD = 1.1
"""How far a passage's vector is from its subject: the tenth nearest of a query has a cosine of about .6, as among real ones."""
_EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
_BLOCK = 500


class GivenVectors:
    """Stands for an embedder where the vectors are invented: of a text that was not given it knows none."""

    identity = "synthetic"
    dimensions = DIMENSIONS

    def __init__(self) -> None:
        self._known: dict[str, NDArray[np.float32]] = {}

    def give(self, text: str, vector: NDArray[np.float32]) -> None:
        """Let a text have this vector."""
        self._known[text] = vector

    def embed(self, texts: Sequence[str]) -> Vectors:
        """The vectors that were given."""
        return np.stack([self._known[text] for text in texts])


@dataclass(frozen=True)
class Invention:
    """Words and vectors by a seed."""

    seed: int = 1

    def words(self, number: int, count: int) -> list[str]:
        """Some words of issue `number`, frequent ones often, as in texts."""
        dice = np.random.default_rng((self.seed, 1, number))
        ranks = np.minimum((_VOCABULARY ** dice.random(count)).astype(np.int64), _VOCABULARY - 1)
        return [_word(rank) for rank in ranks.tolist()]

    def vectors(self, first: int, count: int) -> Vectors:
        """The vectors of passages `first` and after."""
        dice = np.random.default_rng((self.seed, 2, first))
        rows = self._subjects[dice.integers(0, _SUBJECTS, count)]
        return _unit(rows + _SPREAD * _unit(dice.normal(size=rows.shape)))

    def question(self, number: int) -> tuple[str, NDArray[np.float32]]:
        """A query of six words, two of them frequent, and its vector near some passages."""
        dice = np.random.default_rng((self.seed, 3, number))
        ranks = [*dice.integers(3, 60, 2).tolist(), *dice.integers(60, 8_000, 4).tolist()]
        subject = self._subjects[dice.integers(0, _SUBJECTS)]
        return " ".join(map(_word, ranks)), _unit(subject + 0.8 * _unit(dice.normal(size=DIMENSIONS)))

    @cached_property
    def _subjects(self) -> Vectors:
        return _unit(np.random.default_rng((self.seed, 4)).normal(size=(_SUBJECTS, DIMENSIONS)))


def build(folder: Path, passages: int, invention: Invention) -> KnowledgeBase:
    """A knowledge base with at least so many passages and all its indexes; the caller closes it."""
    base = KnowledgeBase.open(folder, create=True)
    base.use_embedder(GivenVectors.identity)
    connector = Runs(base).connector(site=SITE, flavor="dc", base_url=SITE, query="all").id
    number = 0
    with base.lease():
        while base.counts().passages < passages:
            with base.transaction() as tx:
                for _ in range(_BLOCK):
                    number += 1
                    base.put(tx, connector, SITE, _issue(number, invention))
        give_vectors(base, invention)
        index = TextIndex(base.folder)
        index.follow(base.reader())
        index.close()
        with base.snapshot() as connection:
            vectorfile.update(base.folder, connection, DIMENSIONS)
    return base


def add(base: KnowledgeBase, numbers: Iterable[int], word: str, invention: Invention) -> None:
    """Store further issues, each with this word in its text; vectors and indexes are left to follow."""
    connector = Runs(base).connector(site=SITE, flavor="dc", base_url=SITE, query="all").id
    with base.transaction() as tx:
        for number in numbers:
            base.put(tx, connector, SITE, _issue(number, invention, word))


def group_of(number: int) -> int:
    """Every third issue is for one of the groups alone, the others (0) are for everybody."""
    return 0 if number % 3 else 1 + number // 3 % GROUPS


def _issue(number: int, invention: Invention, word: str = "") -> PreparedIssue:
    words = [*invention.words(number, WORDS_EACH), word]
    project = PROJECTS[number % len(PROJECTS)]
    key, url = f"{project}-{number}", f"{SITE}/browse/{number}"
    readers: Readers = frozenset({f"group:{group_of(number)}"}) if group_of(number) else frozenset()
    moment = _EPOCH + timedelta(minutes=number)
    fields = Fields(project=project, project_name=project, type="Bug", status="Open", created=moment, updated=moment)
    part = Part("description", "Description", " ".join(words[8:]), url, readers)
    document = Document(
        id=f"{SITE}:{number}", kind="issue", site=SITE, number=number, key=key, title=" ".join(words[:8]), url=url,
        updated=moment, head="---\n---\n", parts=(part,), fields=fields, readers=readers,
    )  # fmt: skip
    content = hashlib.blake2b(key.encode(), digest_size=16).digest()
    raw = RawIssue(number, key, moment, b"{}")
    return PreparedIssue(raw, compress(b"{}"), content, (prepare_document(document),), (), ())


def give_vectors(base: KnowledgeBase, invention: Invention) -> None:
    """Give the passages that wait for a vector an invented one."""
    for rows in _blocks(base):
        codes = quantize(invention.vectors(rows[0][0], len(rows)))
        values = [(passage, digest, code.tobytes()) for (passage, digest), code in zip(rows, codes, strict=True)]
        with base.transaction() as tx:
            tx.executemany("INSERT INTO vector (passage, hash, value) VALUES (?, ?, ?)", values)
            tx.executemany("DELETE FROM backlog WHERE passage = ?", [(passage,) for passage, _ in rows])


def _blocks(base: KnowledgeBase) -> Iterator[list[tuple[int, bytes]]]:
    last = 0
    while rows := base.reader().execute(_WAITING, (last, 20 * _BLOCK)).fetchall():
        found: list[Any] = list(rows)
        yield found
        last = int(found[-1][0])


def _word(rank: int) -> str:
    """A word of small letters for each rank, longer ones for rarer words; no stemmer takes anything off."""
    letters, rank = "", rank + 20
    while rank:
        rank, at = divmod(rank, 20)
        letters += "bcdfghjklmnpqrtvwxzs"[at] + "aou"[at % 3]
    return letters


def _unit(rows: NDArray[Any]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)
    return unit


_WAITING = """
SELECT p.id, p.hash FROM backlog b JOIN passage p ON p.id = b.passage WHERE p.id > ? ORDER BY p.id LIMIT ?
"""
