"""Where does the matrix of vectors come from? A file to be mapped into memory, and newer rows from the knowledge base.

The rows of the knowledge base are the truth: the file can be deleted at any time. After a change of model the file goes on
holding the former model's vectors, which no row holds any more, until every passage has one of the new. Never searches.
"""

from __future__ import annotations

import functools
import mmap
import os
import secrets
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import apsw
import numpy as np
import orjson

from jirakb.knowledge.index.vectors import FACTS, Block, Matrix, Numbers
from jirakb.knowledge.store import NO_EMBEDDER

LAYOUT = 3
_READ_ROWS = 20_000  # of about 400 bytes, at a time
_SAMPLE = 32
_HEAD = "head.json"
"""With the checksums of the facts: a damaged one would take a row for another's. Summing a million rows up takes 20 ms; the
vectors have none, as that would read them all on opening, and a damaged one only ranks amiss."""


@dataclass(frozen=True, slots=True)
class Filed:
    """What the file holds: the vectors of which model, in how many dimensions."""

    base: str
    model: str
    dimensions: int


def base_name(connection: apsw.Connection, model: str | None = None) -> str:
    """Whose vectors these are: knowledge base, layout and model (the present one where none is named)."""
    return f"{_owner(connection)}{model_named(connection) if model is None else model}"


def model_in(base: str) -> str:
    """The model in such a name."""
    return base.split("/", 2)[2] if base else ""


def model_named(connection: apsw.Connection) -> str:
    """The model that makes this knowledge base's vectors, or "none"."""
    rows: Any = connection.execute("SELECT value FROM meta WHERE name = 'embedder'")
    ((model,),) = rows
    return str(model)


def dimensions_of(connection: apsw.Connection) -> int:
    """How long the stored vectors are; 0 where there is none."""
    row: Any = connection.execute("SELECT length(value) FROM vector LIMIT 1").fetchone()
    return int(row[0]) if row else 0


def filed(folder: Path, connection: apsw.Connection) -> Filed | None:
    """What the file of this knowledge base holds; None when there is none, or of another one or a former layout."""
    try:
        head = _head(_place(folder))
        base, dimensions, rows = str(head["base"]), int(head["dimensions"]), int(head["rows"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    owner = _owner(connection)
    return Filed(base, base.removeprefix(owner), dimensions) if base.startswith(owner) and rows else None


def keeps_former(folder: Path, connection: apsw.Connection) -> bool:
    """Whether the file holds a former model's vectors, and passages still wait for one of the present model."""
    found = filed(folder, connection)
    if found is None or found.model == model_named(connection) or model_named(connection) == NO_EMBEDDER:
        return False
    return connection.execute("SELECT 1 FROM backlog LIMIT 1").fetchone() is not None


def vector_head(connection: apsw.Connection) -> int:
    """The last vector row ever written."""
    row: Any = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'vector'").fetchone()
    return int(row[0]) if row else 0


def empty_matrix(base: str, dimensions: int) -> Matrix:
    """A matrix without rows."""
    return Matrix(base, dimensions)


def load(folder: Path, base: str, dimensions: int) -> Matrix:
    """The matrix in the files; empty when they are missing, broken, or of another knowledge base or model.

    Everything is mapped, so that the processes of a machine share it.
    """
    place = _place(folder)
    try:
        head = orjson.loads((place / _HEAD).read_bytes())
        count, name = int(head["rows"]), str(head["name"])
        if (head["base"], head["dimensions"]) != (base, dimensions) or not count:
            return empty_matrix(base, dimensions)
        columns = {part: _mapped(place / f"{name}.{part}", *form, count) for part, form in _forms(dimensions).items()}
        if any(zlib.crc32(columns[part].data) != head["sums"][part] for part in FACTS):
            return empty_matrix(base, dimensions)
        return Matrix(base, dimensions, (Block(**columns),), is_filed=True)
    except (OSError, ValueError, KeyError, TypeError):
        return empty_matrix(base, dimensions)


def agrees(matrix: Matrix, connection: apsw.Connection) -> bool:
    """Whether the matrix holds what the truth holds, by a sample: vectors that were made anew have new rows."""
    if not len(matrix):
        return True
    if matrix.seq > vector_head(connection):
        return False
    known: dict[int, int] = {}
    for block in matrix.blocks:
        sample = np.linspace(0, len(block) - 1, _SAMPLE).astype(np.int64)
        known.update(zip(block.passage[sample].tolist(), block.seq[sample].tolist(), strict=True))
    rows: list[Any] = connection.execute(_SEQS, (orjson.dumps(list(known)).decode(),)).fetchall()
    return bool(rows) and all(known[passage] == seq for passage, seq in rows)


def follow(matrix: Matrix, connection: apsw.Connection) -> Matrix:
    """The matrix with the rows that were written since; `connection` must be within a snapshot."""
    new = list(_blocks_after(connection, matrix.seq, matrix.dimensions))
    if not new:
        return matrix
    filed = matrix.blocks[: 1 if matrix.is_filed else 0]
    tail = functools.reduce(Block.joined, [*matrix.blocks[len(filed) :], *new])
    return Matrix(matrix.base, matrix.dimensions, (*filed, tail), matrix.is_filed)


def update(folder: Path, connection: apsw.Connection, dimensions: int) -> Matrix:
    """Bring the file up to the truth, anew when they differ or half of it is stale. Needs the lease and a snapshot.

    A former model's file stays until no passage waits for a vector of the present one.
    """
    base = base_name(connection)
    matrix = load(folder, base, dimensions)
    if keeps_former(folder, connection):
        return matrix
    if not agrees(matrix, connection) or _is_stale(matrix, connection):
        matrix = empty_matrix(base, dimensions)
    _write(_place(folder), matrix, _blocks_after(connection, matrix.seq, dimensions))
    return load(folder, base, dimensions)


def _is_stale(matrix: Matrix, connection: apsw.Connection) -> bool:
    # Counting all goes through an index; counting up to a row would read every vector.
    ((every,), (newer,)) = list[Any](connection.execute(_COUNTS, (matrix.seq,)))
    return (int(every) - int(newer)) * 2 < len(matrix)


def _write(place: Path, matrix: Matrix, blocks: Iterator[Block]) -> None:
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    count = matrix.filed
    head = _head(place) if count else {}
    name: str = head.get("name") or secrets.token_hex(8)
    sums: dict[str, int] = head.get("sums") or dict.fromkeys(FACTS, 0)
    with ExitStack() as stack:
        files = {part: stack.enter_context(_appending(place / f"{name}.{part}")) for part in _forms(matrix.dimensions)}
        for part, (kind, width) in _forms(matrix.dimensions).items():
            files[part].truncate(files[part].seek(count * width * np.dtype(kind).itemsize))
        for block in blocks:
            for part, file in files.items():
                file.write(getattr(block, part).tobytes())
            for part in FACTS:
                sums[part] = zlib.crc32(getattr(block, part).data, sums[part])
            count += len(block)
        for file in files.values():
            file.flush()
            os.fsync(file.fileno())
    _set_head(place, {"base": matrix.base, "dimensions": matrix.dimensions, "rows": count, "name": name, "sums": sums})
    for old in place.iterdir():
        if old.stem != name and old.name != _HEAD:
            old.unlink(missing_ok=True)


def _forms(dimensions: int) -> dict[str, tuple[Any, int]]:
    """The files beside the head: what each row has there, and how much of it."""
    vectors = {"values": (np.int8, dimensions), "signs": (np.uint8, (dimensions + 7) // 8)}
    return {**vectors, **{name: (kind, 1) for name, kind in FACTS.items()}}


def _head(place: Path) -> dict[str, Any]:
    head: dict[str, Any] = orjson.loads((place / _HEAD).read_bytes())
    return head


def _set_head(place: Path, head: dict[str, object]) -> None:
    """The head is what makes appended rows count: it is replaced last, and at once."""
    new = place / f"{_HEAD}.new"
    new.write_bytes(orjson.dumps(head))
    new.replace(place / _HEAD)


def _appending(path: Path) -> BinaryIO:
    return path.open("r+b" if path.exists() else "w+b")


def _mapped(path: Path, kind: Any, width: int, count: int) -> Numbers:
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), count * width * np.dtype(kind).itemsize, access=mmap.ACCESS_READ)
    numbers: Numbers = np.frombuffer(mapped, dtype=kind)
    return numbers if width == 1 else numbers.reshape(count, width)


def _owner(connection: apsw.Connection) -> str:
    """What the name of every matrix of this knowledge base begins with."""
    rows: Any = connection.execute("SELECT value FROM meta WHERE name = 'id'")
    ((base,),) = rows
    return f"{base}/{LAYOUT}/"


def _place(folder: Path) -> Path:
    return folder / "vectors"


def _blocks_after(connection: apsw.Connection, seq: int, dimensions: int) -> Iterator[Block]:
    cursor: Any = connection.execute(_ROWS, (seq, dimensions))
    while rows := list(islice(cursor, _READ_ROWS)):
        *columns, vectors = zip(*rows, strict=True)
        facts = {name: np.array(column, dtype=FACTS[name]) for name, column in zip(FACTS, columns, strict=True)}
        yield Block.of(np.frombuffer(b"".join(vectors), dtype=np.int8).reshape(-1, dimensions), facts)


_COUNTS = "SELECT count(*) FROM vector UNION ALL SELECT count(*) FROM vector WHERE seq > ?"
_SEQS = "SELECT passage, seq FROM vector WHERE passage IN (SELECT value FROM json_each(?))"
_ROWS = """
SELECT v.seq, v.passage, p.document, p.readers, v.value
FROM vector v CROSS JOIN passage p ON p.id = v.passage WHERE v.seq > ? AND length(v.value) = ? ORDER BY v.seq
"""
