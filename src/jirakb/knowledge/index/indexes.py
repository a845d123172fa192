"""Are the derived indexes up with the knowledge base? Opens them, lets them catch up, and makes lost ones anew.

What may be written is written under the lease; while a sync holds it, a search makes do with what is there. Never ranks.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import apsw
import numpy as np
from numpy.typing import NDArray

from jirakb.errors import CorruptStoreError, KnowledgeBaseBusyError
from jirakb.knowledge.index import filters, text, vectorfile
from jirakb.knowledge.index.filters import Columns, Mask, among, outbox_head
from jirakb.knowledge.index.lookup import TextReader
from jirakb.knowledge.index.vectors import Matrix
from jirakb.knowledge.store import KnowledgeBase

_TAIL_ROWS = 10_000
"""More vectors than this outside of the file are worth the lease."""
_REMEMBERED_READERS = 8


@dataclass(frozen=True)
class View:
    """The indexes as one search sees them, at its snapshot. `text` is None where there is no text index to read."""

    columns: Columns
    matrix: Matrix
    text: TextReader | None
    gone: Sequence[int]
    """Documents that are gone, but not yet from the text index."""
    notes: tuple[str, ...]

    @cached_property
    def rows(self) -> NDArray[np.int32]:
        """The columns' row of each vector, -1 where its document is gone."""
        return self.columns.rows(self.matrix.documents).astype(np.int32)

    @cached_property
    def _readable(self) -> dict[frozenset[int], Mask]:
        return {}

    def readable(self, sets: frozenset[int]) -> Mask:
        """The vectors of these reader sets whose documents are there: the same for every query of a reader."""
        if sets not in self._readable:
            if len(self._readable) >= _REMEMBERED_READERS:
                self._readable.clear()
            documents = np.append(self.columns.readable(sets), False)[self.rows]  # row -1 is a document that is gone
            self._readable[sets] = documents & among(self.matrix.readers, sets)
        return self._readable[sets]


class Indexes:
    """The derived indexes of one knowledge base, shared by the threads that search it."""

    def __init__(self, base: KnowledgeBase, model: str, dimensions: int) -> None:
        self._base = base
        self._model = model
        self._dimensions = dimensions
        self._lock = threading.RLock()
        self._text: TextReader | None = None
        self._columns = filters.empty_columns()
        self._matrix = vectorfile.empty_matrix("", dimensions)
        self._vector_head = -1
        self._filed_head = 0
        self._view: View | None = None

    def catch_up(self) -> None:
        """Bring what is behind up to the knowledge base, if nobody else is at it."""
        connection = self._base.reader()
        with self._lock:
            if not self._is_behind(connection):
                return
            try:
                with self._base.lease():
                    self._follow(connection)
            except KnowledgeBaseBusyError:
                return

    def view(self, connection: apsw.Connection, fields: Collection[str] = ()) -> View:
        """The indexes at this snapshot, with the columns of these fields."""
        with self._lock:
            columns = filters.follow(self._columns, connection, fields)
            matrix = self._matrix_at(connection)
            behind = self._text is None or self._text.seq < columns.seq
            old = self._view
            if old and old.columns is columns and old.matrix is matrix and old.text is self._text and not behind:
                return old
            self._columns, self._matrix = columns, matrix
            self._view = View(columns, matrix, self._text, self._gone(connection), self._notes(behind))
            return self._view

    def forget_text(self) -> None:
        """The text index turned out to be damaged: delete it, so that the next catch_up makes it anew."""
        with self._lock:
            self._text = None
            try:
                with self._base.lease():
                    shutil.rmtree(text.text_folder(self._base.folder), ignore_errors=True)
            except KnowledgeBaseBusyError:
                return

    def _is_behind(self, connection: apsw.Connection) -> bool:
        head = outbox_head(connection)
        if self._text is None or self._text.seq != head:
            self._open_text(connection)
        return self._text is None or self._text.seq != head or self._has_tail(connection)

    def _open_text(self, connection: apsw.Connection) -> None:
        try:
            if self._text is None:
                self._text = TextReader(self._base.folder, text.base_name(connection))
            else:
                self._text.reload()
        except CorruptStoreError:
            self._text = None

    def _has_tail(self, connection: apsw.Connection) -> bool:
        if not self._uses_vectors(connection):
            return False
        if not self._matrix.base:
            self._open_matrix(connection)
        written = max(self._matrix.filed_seq, self._filed_head)
        return vectorfile.vector_head(connection) - written > _TAIL_ROWS

    def _follow(self, connection: apsw.Connection) -> None:
        with closing(text.TextIndex(self._base.folder)) as index:
            index.follow(connection)
        self._open_text(connection)
        if self._uses_vectors(connection):
            with self._base.snapshot():
                self._matrix = vectorfile.update(self._base.folder, connection, self._dimensions)
                self._vector_head = self._filed_head = vectorfile.vector_head(connection)

    def _uses_vectors(self, connection: apsw.Connection) -> bool:
        rows: Any = connection.execute("SELECT value FROM meta WHERE name = 'embedder'")
        return bool(self._model) and bool(next(iter(rows))[0] == self._model)

    def _open_matrix(self, connection: apsw.Connection) -> None:
        self._matrix = vectorfile.load(self._base.folder, vectorfile.base_name(connection), self._dimensions)

    def _matrix_at(self, connection: apsw.Connection) -> Matrix:
        """The matrix with every vector of the snapshot; without rows when they are of another model."""
        if not self._uses_vectors(connection):
            self._vector_head = -1
            return vectorfile.empty_matrix("", self._dimensions) if len(self._matrix) else self._matrix
        head = vectorfile.vector_head(connection)
        if head == self._vector_head and self._matrix.base:
            return self._matrix
        if not self._matrix.base:
            self._open_matrix(connection)
        if not vectorfile.agrees(self._matrix, connection):
            self._matrix = vectorfile.empty_matrix(vectorfile.base_name(connection), self._dimensions)
        self._vector_head = head
        return vectorfile.follow(self._matrix, connection)

    def _gone(self, connection: apsw.Connection) -> Sequence[int]:
        if self._text is None or self._text.seq == self._columns.seq:
            return ()
        rows: Any = connection.execute("SELECT document FROM outbox WHERE seq > ? AND gone", (self._text.seq,))
        return [int(document) for (document,) in rows]

    def _notes(self, behind: bool) -> tuple[str, ...]:
        if self._text is None:
            return ("The text index is being made; this search went by meaning alone.",)
        if behind:
            return ("The text index is behind the knowledge base; the newest changes may be missing.",)
        return ()
