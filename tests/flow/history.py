"""What a random history is made of: a clock that a test moves, work that is cut off, and an index to compare with a site."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import apsw
import numpy as np
from numpy.typing import NDArray

from jirakb.jira.connector import JiraConnector
from jirakb.jira.pacing import Timing
from jirakb.knowledge.prepare import decompress
from jirakb.knowledge.store import NO_EMBEDDER, KnowledgeBase
from jirakb.source import Batch, Listing


class CutOffError(Exception):
    """The process would have ended here."""


class FakeClock:
    """One clock for the site, the connector and the sync. Each look at it takes a millisecond; sleeping moves it on."""

    def __init__(self, start: datetime) -> None:
        self._start = self._now = start
        self._lock = threading.Lock()

    def now(self) -> datetime:
        self.advance(0.001)
        return self._now

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now += timedelta(seconds=seconds)

    def seconds(self) -> float:
        return (self.now() - self._start).total_seconds()

    def epoch(self) -> float:
        return self.now().astimezone(UTC).timestamp()

    @property
    def timing(self) -> Timing:
        return Timing(monotonic=self.seconds, now=self.epoch, sleep=self.advance, chance=lambda: 0.5)


def cut_off() -> None:
    """End the work here, as a crash would."""
    raise CutOffError


@dataclass
class Trap:
    """Does something at the n-th step of a piece of work, by default cuts it off; 0 never does. Counts the steps; with a
    `phase` only those of a run in that state."""

    at: int = 0
    deed: Callable[[], object] = cut_off
    phase: str = ""
    passed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def step(self) -> None:
        """One step further."""
        with self.lock:
            self.passed += 1
            is_due = self.passed == self.at
        if is_due:
            self.deed()


class FragileBase(KnowledgeBase):
    """A knowledge base whose transactions have a step right before and right after they are committed."""

    trap = Trap()
    thread = 0

    def arm(self, trap: Trap) -> None:
        """Count the steps of this thread from now on: nobody would hear the followers."""
        self.trap, self.thread = trap, threading.get_ident()

    @contextmanager
    def transaction(self) -> Iterator[apsw.Connection]:
        with super().transaction() as tx:
            yield tx
            self._step()
        self._step()

    def _step(self) -> None:
        if threading.get_ident() == self.thread and self.trap.phase in ("", self._phase()):
            self.trap.step()

    def _phase(self) -> str:
        """The state of the latest run."""
        found = self.reader().execute("SELECT state FROM run ORDER BY started DESC, id DESC LIMIT 1").fetchone()
        return str(found[0]) if found else ""


class FragileConnector(JiraConnector):
    """A connector with a step at each page that it lists, and around each fetch; it fetches two issues a call."""

    trap = Trap()

    @property
    def batch_limit(self) -> int:
        return 2

    def list_all(self) -> Iterator[Listing]:
        return self._fragile(super().list_all())

    def list_updated(self, since: datetime, until: datetime | None = None) -> Iterator[Listing]:
        return self._fragile(super().list_updated(since, until))

    def fetch(self, numbers: Sequence[int]) -> Batch:
        self.trap.step()
        batch = super().fetch(numbers)
        self.trap.step()
        return batch

    def _fragile(self, pages: Iterator[Listing]) -> Iterator[Listing]:
        for page in pages:
            self.trap.step()
            yield page


class HashVectors:
    """A vector for each text, told by its words alone."""

    identity = "hash-1"
    dimensions = 8

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.stack([self._row(text) for text in texts])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def _row(self, text: str) -> NDArray[np.float64]:
        seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
        return np.random.default_rng(seed).normal(size=self.dimensions)


def assert_sound(base: KnowledgeBase) -> None:
    """Nothing twice, nothing without its owner, no passage without text, every passage with a vector or in the backlog."""
    reader = base.reader()
    for table, owner, column in _OWNED:
        lost = f"SELECT count(*) FROM {table} WHERE {column} NOT IN (SELECT id FROM {owner})"
        assert reader.execute(lost).fetchone() == (0,), f"a {table} without its {owner}"
    assert reader.execute(_WITHOUT_RAW).fetchone() == (0,), "an issue without what the site sent"
    assert reader.execute(_WITHOUT_CLAIM).fetchone() == (0,), "an issue that nobody claims"
    if base.meta("embedder") != NO_EMBEDDER:
        assert reader.execute(_WITHOUT_VECTOR).fetchone() == (0,), "a passage without a vector that waits for none"
    for text, start, stop in reader.execute(_PASSAGES):
        assert decompress(bytes(text)).decode()[start:stop].strip(), "a passage without text"


_OWNED = (
    ("document", "issue", "issue"),
    ("section", "document", "document"),
    ("passage", "section", "section"),
    ("passage", "document", "document"),
    ("vector", "passage", "passage"),
    ("backlog", "passage", "passage"),
    ("claim", "issue", "issue"),
    ("alias", "issue", "issue"),
    ("raw", "issue", "issue"),
)
_WITHOUT_RAW = "SELECT count(*) FROM issue WHERE id NOT IN (SELECT issue FROM raw)"
_WITHOUT_CLAIM = "SELECT count(*) FROM issue WHERE id NOT IN (SELECT issue FROM claim)"
_WITHOUT_VECTOR = """
SELECT count(*) FROM passage
WHERE id NOT IN (SELECT passage FROM vector) AND id NOT IN (SELECT passage FROM backlog)
"""
_PASSAGES = "SELECT s.text_zstd, p.start, p.stop FROM passage p JOIN section s ON s.id = p.section"
