"""Are the derived indexes up with the knowledge base? Opens them, lets them catch up, and makes lost ones anew.

What may be written is written under the lease; while a sync holds it, a search makes do with what is there. Never ranks.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Collection, Sequence
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
    model: str = ""
    """Whose vectors the matrix holds; "" where there is none to search by."""

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
    """The derived indexes of one knowledge base, shared by the threads that search it.

    `has_model` says of a model's identity whether queries can be embedded by it: no vectors of others are opened.
    """

    def __init__(self, base: KnowledgeBase, has_model: Callable[[str], bool]) -> None:
        self._base = base
        self._has_model = has_model
        self._lock = threading.RLock()
        self._text: TextReader | None = None
        self._columns = filters.empty_columns()
        self._matrix = vectorfile.empty_matrix("", 0)
        self._settled = ""
        """The model of which it is known that no former one serves in its place."""
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
            model = vectorfile.model_in(matrix.base)
            self._view = View(columns, matrix, self._text, self._gone(connection), self._notes(behind), model)
            return self._view

    def model(self, connection: apsw.Connection) -> str:
        """The model whose vectors serve: the present one, or the former one until every passage has a vector of the
        present one; "" where queries cannot be embedded by either."""
        present = vectorfile.model_named(connection)
        with self._lock:
            former = self._former(connection, present)
        if former is not None:
            return former.model
        return present if self._has_model(present) else ""

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
        present = vectorfile.model_named(connection)
        if not self._has_model(present):
            return False
        if self._former(connection, present) is not None:
            return not vectorfile.keeps_former(self._base.folder, connection)
        if self._matrix.base != vectorfile.base_name(connection):
            self._open_matrix(connection, present)
        written = max(self._matrix.filed_seq, self._filed_head)
        return vectorfile.vector_head(connection) - written > _TAIL_ROWS

    def _follow(self, connection: apsw.Connection) -> None:
        with closing(text.TextIndex(self._base.folder)) as index:
            index.follow(connection)
        self._open_text(connection)
        if self._has_model(vectorfile.model_named(connection)):
            with self._base.snapshot():
                self._update_matrix(connection)

    def _update_matrix(self, connection: apsw.Connection) -> None:
        dimensions = vectorfile.dimensions_of(connection)
        if not dimensions or vectorfile.keeps_former(self._base.folder, connection):
            return
        self._matrix = vectorfile.update(self._base.folder, connection, dimensions)
        self._vector_head = self._filed_head = vectorfile.vector_head(connection)

    def _former(self, connection: apsw.Connection, present: str) -> vectorfile.Filed | None:
        """What the file holds of a former model by which queries can be embedded. Once it holds the present one's, or
        nothing, it is not looked at again until the model changes."""
        if self._settled == present:
            return None
        found = vectorfile.filed(self._base.folder, connection)
        if found is not None and found.model != present and self._has_model(found.model):
            return found
        self._settled = present
        return None

    def _open_matrix(self, connection: apsw.Connection, model: str, dimensions: int = 0) -> None:
        name = vectorfile.base_name(connection, model)
        dimensions = dimensions or vectorfile.dimensions_of(connection)
        self._matrix, self._vector_head = vectorfile.load(self._base.folder, name, dimensions), -1

    def _matrix_at(self, connection: apsw.Connection) -> Matrix:
        """The matrix of the model that serves, with every vector of the snapshot where that is the present one; without
        rows when queries cannot be embedded by it."""
        present = vectorfile.model_named(connection)
        former = self._former(connection, present)
        if former is not None:
            if self._matrix.base != former.base:
                self._open_matrix(connection, former.model, former.dimensions)
            return self._matrix
        if not self._has_model(present):
            return vectorfile.empty_matrix("", 0) if len(self._matrix) else self._matrix
        return self._followed(connection, present)

    def _followed(self, connection: apsw.Connection, model: str) -> Matrix:
        head, name = vectorfile.vector_head(connection), vectorfile.base_name(connection)
        if self._matrix.base == name and head == self._vector_head:
            return self._matrix
        dimensions = vectorfile.dimensions_of(connection)
        if self._matrix.base != name or self._matrix.dimensions != dimensions:
            self._open_matrix(connection, model)
        if not vectorfile.agrees(self._matrix, connection):
            self._matrix = vectorfile.empty_matrix(name, dimensions)
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
