"""Which passages wait for a vector? This file gives them one, oldest first, a block per transaction; it can be killed
between any two blocks. Never decides which model is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import apsw
import numpy as np

from jirakb.knowledge.embed import Embedder, quantize
from jirakb.knowledge.prepare import decompress
from jirakb.knowledge.split import embedder_text
from jirakb.knowledge.store import KnowledgeBase, query

BLOCK = 512  # passages per transaction: long enough to sort by length, a few seconds of work to lose


@dataclass(frozen=True, slots=True)
class Waiting:
    """A passage without a vector."""

    passage: int
    hash: bytes
    text: str


def embed_block(base: KnowledgeBase, embedder: Embedder, limit: int = BLOCK) -> int:
    """Embed the oldest `limit` waiting passages; says how many there were (0: none waits)."""
    waiting = _waiting(base, limit)
    if not waiting:
        return 0
    texts = {item.hash: item.text for item in waiting}
    rows = quantize(embedder.embed(list(texts.values())))
    _store(
        base, waiting, {digest: row.tobytes() for digest, row in zip(texts, np.ascontiguousarray(rows), strict=True)}
    )
    return len(waiting)


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
