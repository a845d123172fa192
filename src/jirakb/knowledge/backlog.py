"""Which passages wait for a vector? This file gives them one, oldest first, a block per transaction; it can be killed
between any two blocks. Never decides which model is used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import apsw

from jirakb.knowledge.embed import Embedder, quantize
from jirakb.knowledge.prepare import decompress
from jirakb.knowledge.split import embedder_text
from jirakb.knowledge.store import KnowledgeBase, query

BLOCK = 512  # passages per transaction: long enough to sort by length, a few seconds of work to lose
CHUNK = 128  # passages embedded between two looks at whether to go on: about a second


@dataclass(frozen=True, slots=True)
class Waiting:
    """A passage without a vector."""

    passage: int
    hash: bytes
    text: str


def embed_block(
    base: KnowledgeBase, embedder: Embedder, *, limit: int = BLOCK, go_on: Callable[[], bool] = lambda: True
) -> int:
    """Embed the oldest `limit` waiting passages; says how many were embedded (0: none waits).

    `go_on` is asked every second or so; when it says no, what is embedded by then is stored.
    """
    waiting = _waiting(base, limit)
    texts = {item.hash: item.text for item in waiting}
    hashes = sorted(texts, key=lambda digest: len(texts[digest]))
    values: dict[bytes, bytes] = {}
    for start in range(0, len(hashes), CHUNK):
        if not go_on():
            break
        chunk = hashes[start : start + CHUNK]
        rows = quantize(embedder.embed([texts[digest] for digest in chunk]))
        values.update((digest, row.tobytes()) for digest, row in zip(chunk, rows, strict=True))
    done = [item for item in waiting if item.hash in values]
    if done:
        _store(base, done, values)
    return len(done)


def _waiting(base: KnowledgeBase, limit: int) -> list[Waiting]:
    with base.snapshot() as reader:
        rows = query(reader, _WAITING, (limit,))
        texts = _section_texts(reader, sorted({row[2] for row in rows}))
    return [
        Waiting(passage, bytes(digest), embedder_text(title, key, texts[section][start:stop]))
        for passage, digest, section, start, stop, title, key in rows
    ]


def _section_texts(reader: apsw.Connection, sections: Sequence[int]) -> dict[int, str]:
    marks = ",".join("?" * len(sections))
    rows = query(reader, f"SELECT id, text_zstd FROM section WHERE id IN ({marks})", tuple(sections))
    return {section: decompress(text).decode() for section, text in rows}


def _store(base: KnowledgeBase, waiting: Sequence[Waiting], values: dict[bytes, bytes]) -> None:
    with base.transaction() as tx:
        for item in waiting:
            tx.execute("DELETE FROM backlog WHERE passage = ?", (item.passage,))
            if tx.changes():  # else the passage went while it was embedded
                tx.execute(
                    "INSERT OR IGNORE INTO vector (passage, hash, value) VALUES (?, ?, ?)",
                    (item.passage, item.hash, values[item.hash]),
                )


_WAITING = """
SELECT p.id, p.hash, p.section, p.start, p.stop, d.title, d.key
FROM backlog b JOIN passage p ON p.id = b.passage JOIN document d ON d.id = p.document
ORDER BY b.passage LIMIT ?
"""
