"""Where is the truth of one knowledge base? In `kb.sqlite`: this file opens it, writes issues into it and takes them out.

One library (apsw) opens the file. One connection writes, under a lock of this process and the lease of the folder; every
thread reads over a connection of its own. Never ranks, embeds or talks to a site.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import apsw
import orjson
from ulid import ULID

from jirakb.documents import Readers, join_parts
from jirakb.errors import CorruptStoreError, DiskFullError, NotFoundError, SettingsError
from jirakb.knowledge.files import forget_attachments
from jirakb.knowledge.lease import Lease
from jirakb.knowledge.prepare import (
    PreparedDocument,
    PreparedIssue,
    PreparedSection,
    decompress,
    load_parts,
)

SCHEMA_VERSION = 1
NO_EMBEDDER = "none"
BUSY_MS = 60_000  # a reader or writer waits this long for another transaction


@dataclass(frozen=True, slots=True)
class Counts:
    """What a knowledge base holds."""

    issues: int
    documents: int
    passages: int
    waiting: int

    @property
    def vectors_ready(self) -> float:
        """The share of passages that have their vector; 1.0 where there is none to make."""
        return 1.0 if not self.passages else 1.0 - self.waiting / self.passages


@dataclass(frozen=True, slots=True)
class Stored:
    """What storing one issue did."""

    changed: bool
    sections: int = 0
    passages: int = 0
    reused: int = 0


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as it is read back, already cut to what the reader may see."""

    id: str
    kind: str
    key: str
    title: str
    url: str
    updated: datetime
    markdown: str
    metadata: dict[str, object]


class KnowledgeBase:
    """One knowledge base in one folder. Open it with `KnowledgeBase.open`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "kb.sqlite"
        self._write_lock = threading.RLock()
        self._writer: apsw.Connection | None = None
        self._readers = threading.local()
        self._opened: list[apsw.Connection] = []

    @classmethod
    def open(cls, folder: Path, *, create: bool = False) -> KnowledgeBase:
        """The knowledge base in `folder`; raises NotFoundError when there is none and `create` is false."""
        base = cls(folder)
        if not base.path.exists():
            if not create:
                raise NotFoundError(f"There is no knowledge base in {folder}.", fix="Run jirakb sync first.")
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        base._migrate()
        return base

    def close(self) -> None:
        """Close every connection of this object."""
        with self._write_lock:
            for connection in [*self._opened, *([self._writer] if self._writer else [])]:
                connection.close()
            self._opened.clear()
            self._writer = None
        self._readers = threading.local()

    def check_room(self, reserve: int) -> None:
        """Raises DiskFullError when the disk has less than `reserve` bytes left."""
        free = shutil.disk_usage(self.folder).free
        if free < reserve:
            raise DiskFullError(
                f"The disk of {self.folder} has {free >> 20} MB left; {reserve >> 20} MB are kept free.",
                fix="Make room, or choose another home; what was stored stays. JIRAKB_DISK_RESERVE sets the limit.",
            )

    def lease(self, patience: float = 0.0) -> Lease:
        """The right to write, to be held with `with`; raises KnowledgeBaseBusyError when another process still has it
        after `patience` seconds."""
        return Lease(self.folder, patience)

    # Connections and transactions

    def reader(self) -> apsw.Connection:
        """This thread's connection for reading."""
        connection: apsw.Connection | None = getattr(self._readers, "connection", None)
        if connection is None:
            connection = _connect(self.path, apsw.SQLITE_OPEN_READONLY)
            self._readers.connection = connection
            with self._write_lock:
                self._opened.append(connection)
        return connection

    @contextmanager
    def snapshot(self) -> Iterator[apsw.Connection]:
        """This thread's reader within one consistent state."""
        connection = self.reader()
        if connection.in_transaction:  # a caller further up has opened the snapshot
            yield connection
            return
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("ROLLBACK")

    @contextmanager
    def transaction(self) -> Iterator[apsw.Connection]:
        """The writing connection within one transaction: all of it is kept, or on an error nothing. Not nested."""
        with self._write_lock:
            if self._writer is None:
                self._writer = _connect(self.path, apsw.SQLITE_OPEN_READWRITE)
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")

    def _migrate(self) -> None:
        connection = _connect(self.path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
        try:
            version = _one(connection, "PRAGMA user_version")
            if version > SCHEMA_VERSION:
                raise SettingsError(
                    f"The knowledge base in {self.folder} was made by a newer version of jirakb.",
                    fix="Upgrade jirakb, or sync into another home.",
                )
            if version < SCHEMA_VERSION:
                self._create(connection)
        finally:
            connection.close()

    def _create(self, connection: apsw.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        if _one(connection, "PRAGMA user_version") == 0:  # no other process was faster
            connection.execute(files("jirakb.knowledge").joinpath("schema.sql").read_text("utf-8"))
            facts = {"id": str(ULID()), "embedder": NO_EMBEDDER, "created": datetime.now(UTC).isoformat()}
            connection.executemany("INSERT INTO meta VALUES (?, ?)", list(facts.items()))
            connection.execute("INSERT INTO readers VALUES (0, '[]')")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
        self.path.chmod(0o600)

    # Facts

    def meta(self, name: str) -> str:
        """A fact about this knowledge base: id, created, embedder."""
        return str(_one(self.reader(), "SELECT value FROM meta WHERE name = ?", (name,)))

    def counts(self) -> Counts:
        """How many issues, documents, passages, and passages without a vector."""
        with self.snapshot() as reader:
            issues, documents, passages, waiting = (
                _one(reader, f"SELECT count(*) FROM {table}") for table in ("issue", "document", "passage", "backlog")
            )
        return Counts(issues, documents, passages, waiting)

    def readable_counts(self, principals: Readers) -> Counts:
        """The same of what these principals may read: what is hidden is not counted either."""
        with self.snapshot() as reader:
            rows = reader.execute("SELECT id, principals FROM readers").fetchall()
            sets = [number for number, held in rows if may_read(Readers(orjson.loads(str(held))), principals)]
            return Counts(*(_one(reader, sql, (orjson.dumps(sets).decode(),)) for sql in _READABLE))

    def has_backlog(self, more_than: int = 0) -> bool:
        """Whether more passages than that wait for a vector."""
        sql = "SELECT 1 FROM backlog LIMIT 1 OFFSET ?"
        return self.reader().execute(sql, (more_than,)).fetchone() is not None

    def use_embedder(self, identity: str) -> None:
        """Say which model makes the vectors, from now on. Another than before makes all of them anew."""
        with self.transaction() as tx:
            if _one(tx, "SELECT value FROM meta WHERE name = 'embedder'") == identity:
                return
            tx.execute("UPDATE meta SET value = ? WHERE name = 'embedder'", (identity,))
            tx.execute("DELETE FROM vector")
            tx.execute("DELETE FROM backlog")
            tx.execute("INSERT INTO backlog SELECT id FROM passage")

    # Writing issues

    def put(
        self, tx: apsw.Connection, connector: str, site: str, issue: PreparedIssue, *, anew: bool = False
    ) -> Stored:
        """Store one issue for a connector: its payload always, its documents when they differ from what is stored, or
        (`anew`) in any case."""
        row = tx.execute(
            "SELECT id, key, content FROM issue WHERE site = ? AND number = ?", (site, issue.raw.number)
        ).fetchone()
        identity = self._put_issue(tx, site, issue, row)
        tx.execute("INSERT OR IGNORE INTO claim VALUES (?, ?)", (connector, identity))
        if row and row[2] == issue.content and not anew:
            return Stored(changed=False)
        reusable = _vectors_of(tx, identity)
        _remove_documents(tx, identity)
        embeds = _one(tx, "SELECT value FROM meta WHERE name = 'embedder'") != NO_EMBEDDER
        writer = _DocumentWriter(tx, identity, embeds=embeds, reusable=reusable)
        for document in issue.documents:
            writer.write(document)
        return Stored(True, writer.sections, writer.passages, writer.reused)

    def _put_issue(
        self, tx: apsw.Connection, site: str, issue: PreparedIssue, row: tuple[int, str, bytes] | None
    ) -> int:
        raw = issue.raw
        updated = milliseconds(raw.updated)
        if row is None:
            tx.execute(
                "INSERT INTO issue (site, number, key, updated, content) VALUES (?, ?, ?, ?, ?)",
                (site, raw.number, raw.key, updated, issue.content),
            )
            identity = tx.last_insert_rowid()
        else:
            identity = row[0]
            tx.execute(
                "UPDATE issue SET key = ?, updated = ?, content = ? WHERE id = ?",
                (raw.key, updated, issue.content, identity),
            )
        former = {*issue.former_keys, *([row[1]] if row and row[1] != raw.key else [])} - {raw.key}
        tx.executemany("INSERT OR IGNORE INTO alias VALUES (?, ?)", [(key, identity) for key in sorted(former)])
        tx.execute("INSERT OR REPLACE INTO raw VALUES (?, ?)", (identity, issue.payload_zstd))
        return identity

    def release(self, tx: apsw.Connection, connector: str, issue: int) -> bool:
        """Take back a connector's claim on an issue; the issue goes with its last claim (then true)."""
        tx.execute("DELETE FROM claim WHERE connector = ? AND issue = ?", (connector, issue))
        if tx.execute("SELECT 1 FROM claim WHERE issue = ? LIMIT 1", (issue,)).fetchone():
            return False
        _remove_documents(tx, issue)
        forget_attachments(tx, issue)
        for table in ("raw", "alias"):
            tx.execute(f"DELETE FROM {table} WHERE issue = ?", (issue,))
        tx.execute("DELETE FROM issue WHERE id = ?", (issue,))
        return True

    # Reading documents

    def documents(self, key: str, principals: Readers | None = None) -> list[StoredDocument]:
        """The issue's document and its attachments', by present or former key; what `principals` may not read is left
        out (None reads all). Raises NotFoundError."""
        with self.snapshot() as reader:
            rows = query(reader, _DOCUMENTS_BY_KEY, (key.strip().upper(), key.strip().upper()))
        documents = [document for row in rows if (document := _read_document(row, principals))]
        if not documents:
            raise NotFoundError(f"No issue {key} in this knowledge base.", key=key)
        return documents

    def each_document(self, principals: Readers | None = None) -> Iterator[StoredDocument]:
        """Every document, in blocks, so that memory stays bounded."""
        last = 0
        while True:
            rows = query(self.reader(), _DOCUMENTS_AFTER, (last, 200))
            if not rows:
                return
            last = rows[-1][0]
            yield from (document for row in rows if (document := _read_document(row, principals)))


class _DocumentWriter:
    """Writes the documents of one issue within a transaction and counts what it wrote."""

    def __init__(self, tx: apsw.Connection, issue: int, *, embeds: bool, reusable: dict[bytes, bytes]) -> None:
        self._tx = tx
        self._issue = issue
        self._embeds = embeds
        self._reusable = reusable
        self.sections = self.passages = self.reused = 0

    def write(self, prepared: PreparedDocument) -> None:
        document = prepared.document
        fields = document.fields
        self._tx.execute(
            _INSERT_DOCUMENT,
            (
                self._issue, document.id, document.kind, document.key, document.title, document.url,
                milliseconds(document.updated), milliseconds(fields.created) if fields.created else None,
                readers_id(self._tx, document.readers),
                fields.project, fields.project_name, fields.type, fields.status, fields.status_category,
                fields.priority, fields.assignee, fields.reporter, fields.resolution,
                _json(fields.labels), _json(fields.components), _json(fields.versions),
                _json(document.metadata), document.head, prepared.parts_zstd,
            ),
        )  # fmt: skip
        row = self._tx.last_insert_rowid()
        for section in prepared.sections:
            self._write_section(row, section)
        self._tx.execute("INSERT INTO outbox (document, gone) VALUES (?, 0)", (row,))

    def _write_section(self, document: int, prepared: PreparedSection) -> None:
        section = prepared.section
        readers = readers_id(self._tx, section.readers)
        anchors = orjson.dumps([[a.offset, a.kind, a.heading, a.url] for a in section.anchors]).decode()
        self._tx.execute(
            "INSERT INTO section (document, readers, overlap, anchors, text_zstd) VALUES (?, ?, ?, ?, ?)",
            (document, readers, section.overlap, anchors, prepared.text_zstd),
        )
        row = self._tx.last_insert_rowid()
        for start, stop, digest in prepared.passages:
            self._tx.execute(
                "INSERT INTO passage (document, section, readers, start, stop, hash) VALUES (?, ?, ?, ?, ?, ?)",
                (document, row, readers, start, stop, digest),
            )
            if self._embeds:
                self._await_vector(self._tx.last_insert_rowid(), digest)
        self.sections += 1
        self.passages += len(prepared.passages)

    def _await_vector(self, passage: int, digest: bytes) -> None:
        value = self._reusable.get(digest) or _value(
            self._tx, "SELECT value FROM vector WHERE hash = ? LIMIT 1", (digest,)
        )
        if value is None:
            self._tx.execute("INSERT INTO backlog VALUES (?)", (passage,))
            return
        self._tx.execute("INSERT INTO vector (passage, hash, value) VALUES (?, ?, ?)", (passage, digest, value))
        self.reused += 1


def readers_id(tx: apsw.Connection, readers: Readers) -> int:
    """The row of a set of principals, made when it is new; 0 is the unrestricted set."""
    if not readers:
        return 0
    principals = orjson.dumps(sorted(readers)).decode()
    found = tx.execute("SELECT id FROM readers WHERE principals = ?", (principals,)).fetchone()
    if found:
        return int(found[0])
    tx.execute("INSERT INTO readers (principals) VALUES (?)", (principals,))
    return tx.last_insert_rowid()


def milliseconds(time: datetime) -> int:
    """Epoch milliseconds of an aware time."""
    return round(time.timestamp() * 1000)


def moment(value: int) -> datetime:
    """The aware UTC time of epoch milliseconds."""
    return datetime.fromtimestamp(value / 1000, UTC)


_INSERT_DOCUMENT = """
INSERT INTO document (issue, name, kind, key, title, url, updated, created, readers, project, project_name, type, status,
  status_category, priority, assignee, reporter, resolution, labels, components, versions, metadata, head, parts_zstd)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_READABLE = tuple(
    f"SELECT count({what}) FROM {rows} WHERE readers IN (SELECT value FROM json_each(?))"
    for what, rows in (
        ("DISTINCT issue", "document"), ("*", "document"), ("*", "passage"),
        ("*", "backlog JOIN passage ON passage.id = backlog.passage"),
    )
)  # fmt: skip
"""Issues, documents, passages and passages without a vector, of some reader sets."""

_DOCUMENT_COLUMNS = """
SELECT d.id, d.name, d.kind, d.key, d.title, d.url, d.updated, d.metadata, d.head, d.parts_zstd, r.principals
FROM document d JOIN readers r ON r.id = d.readers
"""

# By the issue's present key, else by a key it once had.
_DOCUMENTS_BY_KEY = f"""{_DOCUMENT_COLUMNS}
WHERE d.issue = coalesce((SELECT id FROM issue WHERE key = ? ORDER BY id LIMIT 1),
                         (SELECT issue FROM alias WHERE key = ? ORDER BY issue LIMIT 1))
ORDER BY d.kind DESC, d.id
"""

_DOCUMENTS_AFTER = f"{_DOCUMENT_COLUMNS} WHERE d.id > ? ORDER BY d.id LIMIT ?"


def _read_document(row: tuple[Any, ...], principals: Readers | None) -> StoredDocument | None:
    _, name, kind, key, title, url, updated, metadata, head, parts_zstd, whole = row
    if not may_read(Readers(orjson.loads(whole)), principals):
        return None
    parts = load_parts(decompress(bytes(parts_zstd)))
    visible = tuple(part for part in parts if may_read(part.readers, principals))
    return StoredDocument(
        id=name, kind=kind, key=key, title=title, url=url, updated=moment(updated),
        markdown=join_parts(head, visible), metadata=orjson.loads(metadata),
    )  # fmt: skip


def may_read(readers: Readers, principals: Readers | None) -> bool:
    """Whether someone who holds `principals` (None: everything) may read text of these readers."""
    return principals is None or readers <= principals


def _vectors_of(tx: apsw.Connection, issue: int) -> dict[bytes, bytes]:
    rows = tx.execute(
        "SELECT v.hash, v.value FROM document d JOIN passage p ON p.document = d.id JOIN vector v ON v.passage = p.id "
        "WHERE d.issue = ?",
        (issue,),
    )
    return {bytes(digest): bytes(value) for digest, value in rows}


def _remove_documents(tx: apsw.Connection, issue: int) -> None:
    for (document,) in tx.execute("SELECT id FROM document WHERE issue = ?", (issue,)).fetchall():
        passages = "(SELECT id FROM passage WHERE document = ?)"
        tx.execute(f"DELETE FROM vector WHERE passage IN {passages}", (document,))
        tx.execute(f"DELETE FROM backlog WHERE passage IN {passages}", (document,))
        tx.execute("DELETE FROM passage WHERE document = ?", (document,))
        tx.execute("DELETE FROM section WHERE document = ?", (document,))
        tx.execute("DELETE FROM document WHERE id = ?", (document,))
        tx.execute("INSERT INTO outbox (document, gone) VALUES (?, 1)", (document,))


def _connect(path: Path, flags: int) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=flags)
    connection.set_busy_timeout(BUSY_MS)
    if not flags & apsw.SQLITE_OPEN_READONLY:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def query(connection: apsw.Connection, sql: str, bindings: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All rows of a statement, whose columns have the types that the schema gives them."""
    return connection.execute(sql, bindings).fetchall()


def _one(connection: apsw.Connection, sql: str, bindings: tuple[Any, ...] = ()) -> Any:
    row = connection.execute(sql, bindings).fetchone()
    if row is None:
        raise CorruptStoreError(f"A row that every knowledge base has is missing ({sql}).")
    return row[0]


def _value(connection: apsw.Connection, sql: str, bindings: tuple[Any, ...]) -> bytes | None:
    rows = query(connection, sql, bindings)
    return bytes(rows[0][0]) if rows else None


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
