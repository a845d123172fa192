"""Other embedded engines with the same passages: each finds ten issues by words and by meaning, filtered. Never measures."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import apsw
import numpy as np

from bench.synthetic import DIMENSIONS, group_of
from jirakb.knowledge.prepare import decompress
from jirakb.knowledge.store import KnowledgeBase

POOL = 60  # of each way, as the product has it
_RRF = 60
_BLOCK = 5_000


@dataclass(frozen=True)
class Passages:
    """What every engine is given, row by row."""

    numbers: list[int]
    issues: list[int]
    projects: list[str]
    texts: list[str]
    vectors: Any

    @classmethod
    def of(cls, base: KnowledgeBase) -> Passages:
        """The passages of a knowledge base."""
        rows: list[Any] = base.reader().execute(_PASSAGES).fetchall()
        values = np.frombuffer(b"".join(row[6] for row in rows), dtype=np.int8).reshape(-1, DIMENSIONS)
        texts = [decompress(row[5]).decode()[row[3] : row[4]] for row in rows]
        return cls([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows], texts, values)

    def rows(self) -> Iterator[tuple[int, int, str, int, str, Any]]:
        """(number, issue, project, group, text, vector) of each."""
        for at, number in enumerate(self.numbers):
            issue = self.issues[at]
            yield number, issue, self.projects[at], group_of(issue), self.texts[at], self.vectors[at]

    def nearest(self, vector: Any) -> set[int]:
        """The ten nearest, by unrounded arithmetic."""
        blocks = range(0, len(self.numbers), 50_000)
        scores = np.concatenate([self.vectors[at : at + 50_000].astype(np.float32) @ vector for at in blocks])
        return {self.numbers[row] for row in np.argpartition(-scores, 10)[:10].tolist()}


class Rival(Protocol):
    """An engine that was filled when it was made."""

    def __init__(self, folder: Path, passages: Passages) -> None: ...

    def search(self, text: str, vector: Any, project: str | None, groups: Sequence[int]) -> list[int]:
        """The ten best issues."""
        ...

    def recall(self, vector: Any, passages: Passages) -> float:
        """The share of the ten nearest passages that it finds without a filter."""
        ...


def fused(*rankings: Iterable[int]) -> list[int]:
    """Ten issues by reciprocal ranks, each by its best passage."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for place, issue in enumerate(dict.fromkeys(ranking)):
            scores[issue] = scores.get(issue, 0.0) + 1.0 / (_RRF + place)
    return sorted(scores, key=lambda issue: -scores[issue])[:10]


def _module(name: str) -> Any:
    """A module of the extra `compare`, whose types nobody has here."""
    return importlib.import_module(name)


def _batches(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while batch := list(islice(rows, _BLOCK)):
        yield batch


class FtsAndSqliteVec:
    """SQLite's FTS5, and sqlite-vec's exact scan of int8."""

    def __init__(self, folder: Path, passages: Passages) -> None:
        folder.mkdir()
        self._db = apsw.Connection(str(folder / "rival.sqlite"))
        self._db.enable_load_extension(True)
        self._db.load_extension(_module("sqlite_vec").loadable_path())
        self._db.execute("PRAGMA journal_mode = wal; PRAGMA synchronous = normal")
        self._db.execute("CREATE TABLE passage (id INTEGER PRIMARY KEY, issue INTEGER, project TEXT, readers INTEGER)")
        self._db.execute("CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='porter unicode61')")
        self._db.execute(
            f"CREATE VIRTUAL TABLE nearness USING vec0(id INTEGER PRIMARY KEY, value int8[{DIMENSIONS}] "
            "distance_metric=cosine, project TEXT, readers INTEGER)"
        )
        for batch in _batches(passages.rows()):
            self._fill(batch)

    def _fill(self, batch: Sequence[Any]) -> None:
        with self._db:
            self._db.executemany(
                "INSERT INTO passage VALUES (?, ?, ?, ?)", [(n, i, p, g) for n, i, p, g, _, _ in batch]
            )
            self._db.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", [(r[0], r[4]) for r in batch])
            self._db.executemany(
                "INSERT INTO nearness (id, value, project, readers) VALUES (?, vec_int8(?), ?, ?)",
                [(n, v.tobytes(), p, g) for n, _, p, g, _, v in batch],
            )

    def search(self, text: str, vector: Any, project: str | None, groups: Sequence[int]) -> list[int]:
        """The ten best issues."""
        among = ", ".join(map(str, groups))
        where = f"readers IN ({among})" + (f" AND project = '{project}'" if project else "")
        match = " OR ".join(f'"{word}"' for word in text.split())
        by_words = self._db.execute(
            f"SELECT p.issue FROM words w JOIN passage p ON p.id = w.rowid WHERE words MATCH ? AND {where} "
            f"ORDER BY bm25(words) LIMIT {POOL}",
            (match,),
        )
        near = self._db.execute(
            f"SELECT p.issue FROM (SELECT id FROM nearness WHERE value MATCH vec_int8(?) AND k = {POOL} AND {where}) n "
            "JOIN passage p ON p.id = n.id",
            (_rounded(vector),),
        )
        return fused((int(row[0]) for row in by_words), (int(row[0]) for row in near))

    def recall(self, vector: Any, passages: Passages) -> float:
        """The share of the ten nearest passages that it finds without a filter."""
        rows = self._db.execute("SELECT id FROM nearness WHERE value MATCH vec_int8(?) AND k = 10", (_rounded(vector),))
        return len(passages.nearest(vector) & {int(row[0]) for row in rows}) / 10


class Lance:
    """LanceDB with its full-text index, and an exact scan of float32: its approximate index is for more rows."""

    def __init__(self, folder: Path, passages: Passages) -> None:
        lancedb, pa = _module("lancedb"), _module("pyarrow")

        vector = pa.list_(pa.float32(), DIMENSIONS)
        self._schema = pa.schema([
            ("id", pa.int64()), ("issue", pa.int64()), ("project", pa.string()), ("readers", pa.int64()),
            ("text", pa.string()), ("vector", vector),
        ])  # fmt: skip
        self._table = lancedb.connect(str(folder)).create_table("passages", schema=self._schema)
        for batch in _batches(passages.rows()):
            self._table.add([
                {"id": n, "issue": i, "project": p, "readers": g, "text": t, "vector": v.astype(np.float32)}
                for n, i, p, g, t, v in batch
            ])  # fmt: skip
        self._table.create_fts_index("text", use_tantivy=False)
        for name in ("project", "readers"):
            self._table.create_scalar_index(name, index_type="BITMAP")
        self._table.optimize()

    def search(self, text: str, vector: Any, project: str | None, groups: Sequence[int]) -> list[int]:
        """The ten best issues."""
        among = ", ".join(map(str, groups))
        where = f"readers IN ({among})" + (f" AND project = '{project}'" if project else "")
        asked = (self._table.search(text, query_type="fts"), self._nearest(vector))
        found = [
            ask.where(where, prefilter=True).select(["issue", score]).limit(POOL).to_arrow()["issue"].to_pylist()
            for ask, score in zip(asked, ("_score", "_distance"), strict=True)
        ]
        return fused(*found)

    def recall(self, vector: Any, passages: Passages) -> float:
        """The share of the ten nearest passages that it finds without a filter."""
        found = self._nearest(vector).select(["id", "_distance"]).limit(10).to_arrow()["id"].to_pylist()
        return len(passages.nearest(vector) & set(found)) / 10

    def _nearest(self, vector: Any) -> Any:
        return self._table.search(vector).distance_type("cosine")


class QdrantEdge:
    """qdrant-edge: HNSW over float32, its own BM25 as sparse vectors, reciprocal ranks."""

    def __init__(self, folder: Path, passages: Passages) -> None:
        q = _module("qdrant_edge")
        folder.mkdir()
        self._q = q
        self._bm25 = q.Bm25()
        config = q.EdgeConfig(
            vectors={"dense": q.EdgeVectorParams(size=DIMENSIONS, distance=q.Distance.Cosine)},
            sparse_vectors={"words": q.EdgeSparseVectorParams(modifier=q.Modifier.Idf)},
        )
        self._shard = q.EdgeShard.create(str(folder), config)
        for name, kind in (("project", q.PayloadSchemaType.Keyword), ("readers", q.PayloadSchemaType.Integer)):
            self._shard.update(q.UpdateOperation.create_field_index(name, kind))
        for batch in _batches(passages.rows()):
            self._shard.update(q.UpdateOperation.upsert_points([self._point(*row) for row in batch]))
        self._shard.optimize()
        self._shard.flush()

    def _point(self, number: int, issue: int, project: str, group: int, text: str, vector: Any) -> Any:
        vectors = {"dense": vector.astype(np.float32).tolist(), "words": self._bm25.embed_document(text)}
        return self._q.Point(number, vectors, {"issue": issue, "project": project, "readers": group})

    def search(self, text: str, vector: Any, project: str | None, groups: Sequence[int]) -> list[int]:
        """The ten best issues."""
        q = self._q
        must = [q.FieldCondition("readers", match=q.MatchAny(list(groups)))]
        must += [q.FieldCondition("project", match=q.MatchValue(project))] if project else []
        asked = (self._bm25.embed_query(text), "words"), (vector.tolist(), "dense")
        found = [
            self._shard.query(q.QueryRequest(
                limit=POOL, query=q.Query.Nearest(what, using), filter=q.Filter(must=must), with_payload=["issue"]
            ))
            for what, using in asked
        ]  # fmt: skip
        return fused(*([int(point.payload["issue"]) for point in points] for points in found))

    def recall(self, vector: Any, passages: Passages) -> float:
        """The share of the ten nearest passages that it finds without a filter."""
        request = self._q.QueryRequest(limit=10, query=self._q.Query.Nearest(vector.tolist(), "dense"))
        return len(passages.nearest(vector) & {int(point.id) for point in self._shard.query(request)}) / 10


def _rounded(vector: Any) -> bytes:
    rounded: bytes = np.rint(vector * 127).astype(np.int8).tobytes()
    return rounded


_PASSAGES = """
SELECT p.id, i.number, d.project, p.start, p.stop, s.text_zstd, v.value
FROM passage p JOIN document d ON d.id = p.document JOIN issue i ON i.id = d.issue
JOIN section s ON s.id = p.section JOIN vector v ON v.passage = p.id ORDER BY p.id
"""
