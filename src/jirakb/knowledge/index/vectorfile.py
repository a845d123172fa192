"""Where does the matrix of vectors come from? A file to be mapped into memory, and newer rows from the knowledge base.

The rows of the knowledge base are the truth: the file can be deleted at any time. Never searches.
"""

from __future__ import annotations

import mmap
import os
import secrets
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import apsw
import numpy as np
import orjson

from jirakb.knowledge.index.filters import Integers
from jirakb.knowledge.index.vectors import FACTS, PASSAGE, SEQ, Bytes, Matrix

LAYOUT = 1
_READ_ROWS = 20_000  # of about 400 bytes, at a time
_SAMPLE = 32


def base_name(connection: apsw.Connection) -> str:
    """Whose vectors these are: knowledge base, layout and model."""
    rows: Any = connection.execute(_BASE)
    ((base, model),) = rows
    return f"{base}/{LAYOUT}/{model}"


def vector_head(connection: apsw.Connection) -> int:
    """The last vector row ever written."""
    row: Any = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'vector'").fetchone()
    return int(row[0]) if row else 0


def empty_matrix(base: str, dimensions: int) -> Matrix:
    """A matrix without rows."""
    return Matrix(base, dimensions, (), np.zeros((0, FACTS), dtype=np.int64))


def load(folder: Path, base: str, dimensions: int) -> Matrix:
    """The matrix in the file; empty when it is missing, broken, or of another knowledge base or model."""
    place = _place(folder)
    try:
        head = orjson.loads((place / "head.json").read_bytes())
        count, name = int(head["rows"]), str(head["name"])
        if (head["base"], head["dimensions"]) != (base, dimensions) or not count:
            return empty_matrix(base, dimensions)
        facts = np.fromfile(place / f"{name}.facts", dtype=np.int64, count=count * FACTS)
        values = _mapped(place / f"{name}.values", count * dimensions)
        block = np.frombuffer(values, dtype=np.int8).reshape(count, dimensions)
        return Matrix(base, dimensions, (block,), facts.reshape(count, FACTS), count)
    except (OSError, ValueError, KeyError, TypeError):
        return empty_matrix(base, dimensions)


def agrees(matrix: Matrix, connection: apsw.Connection) -> bool:
    """Whether the matrix holds what the truth holds, by a sample: vectors that were made anew have new rows."""
    if not len(matrix):
        return True
    if matrix.seq > vector_head(connection):
        return False
    sample = matrix.facts[np.linspace(0, len(matrix) - 1, _SAMPLE).astype(np.int64)]
    known = dict(zip(sample[:, PASSAGE].tolist(), sample[:, SEQ].tolist(), strict=True))
    rows: list[Any] = connection.execute(_SEQS, (orjson.dumps(list(known)).decode(),)).fetchall()
    return bool(rows) and all(known[passage] == seq for passage, seq in rows)


def follow(matrix: Matrix, connection: apsw.Connection) -> Matrix:
    """The matrix with the rows that were written since; `connection` must be within a snapshot."""
    new = list(_rows_after(connection, matrix.seq, matrix.dimensions))
    if not new:
        return matrix
    filed = matrix.blocks[: 1 if matrix.filed else 0]
    tail = np.concatenate([*matrix.blocks[len(filed) :], *(block for _, block in new)])
    facts = np.concatenate([matrix.facts, *(facts for facts, _ in new)])
    return Matrix(matrix.base, matrix.dimensions, (*filed, tail), facts, matrix.filed)


def update(folder: Path, connection: apsw.Connection, dimensions: int) -> Matrix:
    """Bring the file up to the truth, anew when they differ or half of it is stale. Needs the lease and a snapshot."""
    base = base_name(connection)
    matrix = load(folder, base, dimensions)
    if not agrees(matrix, connection) or _is_stale(matrix, connection):
        matrix = empty_matrix(base, dimensions)
    _write(_place(folder), matrix, _rows_after(connection, matrix.seq, dimensions))
    return load(folder, base, dimensions)


def _is_stale(matrix: Matrix, connection: apsw.Connection) -> bool:
    ((living,),) = list[Any](connection.execute("SELECT count(*) FROM vector WHERE seq <= ?", (matrix.seq,)))
    return int(living) * 2 < len(matrix)


def _write(place: Path, matrix: Matrix, rows: Iterator[tuple[Integers, Bytes]]) -> None:
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = _head(place)["name"] if matrix.filed else secrets.token_hex(8)
    count = matrix.filed
    with _appending(place / f"{name}.facts") as facts, _appending(place / f"{name}.values") as values:
        facts.truncate(facts.seek(count * FACTS * 8))
        values.truncate(values.seek(count * matrix.dimensions))
        for some_facts, some_values in rows:
            facts.write(some_facts.tobytes())
            values.write(some_values.tobytes())
            count += len(some_facts)
        for file in (facts, values):
            file.flush()
            os.fsync(file.fileno())
    _set_head(place, {"base": matrix.base, "dimensions": matrix.dimensions, "rows": count, "name": name})
    for old in [*place.glob("*.facts"), *place.glob("*.values")]:
        if old.stem != name:
            old.unlink(missing_ok=True)


def _head(place: Path) -> dict[str, Any]:
    head: dict[str, Any] = orjson.loads((place / "head.json").read_bytes())
    return head


def _set_head(place: Path, head: dict[str, object]) -> None:
    """The head is what makes appended rows count: it is replaced last, and at once."""
    new = place / "head.json.new"
    new.write_bytes(orjson.dumps(head))
    new.replace(place / "head.json")


def _appending(path: Path) -> BinaryIO:
    return path.open("r+b" if path.exists() else "w+b")


def _mapped(path: Path, size: int) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)


def _place(folder: Path) -> Path:
    return folder / "vectors"


def _rows_after(connection: apsw.Connection, seq: int, dimensions: int) -> Iterator[tuple[Integers, Bytes]]:
    cursor: Any = connection.execute(_ROWS, (seq, dimensions))
    while rows := list(islice(cursor, _READ_ROWS)):
        facts = np.array([row[:FACTS] for row in rows], dtype=np.int64)
        yield facts, np.frombuffer(b"".join(row[FACTS] for row in rows), dtype=np.int8).reshape(-1, dimensions)


_BASE = "SELECT (SELECT value FROM meta WHERE name = 'id'), (SELECT value FROM meta WHERE name = 'embedder')"
_SEQS = "SELECT passage, seq FROM vector WHERE passage IN (SELECT value FROM json_each(?))"
_ROWS = """
SELECT v.seq, v.passage, p.document, p.readers, v.value
FROM vector v CROSS JOIN passage p ON p.id = v.passage WHERE v.seq > ? AND length(v.value) = ? ORDER BY v.seq
"""
