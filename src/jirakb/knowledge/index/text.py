"""Which documents hold the words of a query, and how well? The text index of one knowledge base: tantivy folders.

One entry per document and reader set. Open and restricted text stand in two indexes, and in the second each reader
set counts its words for itself, so that no score tells of text that its reader may not see. Derived from the
knowledge base by its outbox: it can be deleted at any time. Never decides who may read, never reads a passage.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import orjson
import tantivy
from tantivy import Query

from jirakb.documents import Part, PartKind, Readers
from jirakb.errors import CorruptStoreError, KnowledgeBaseBusyError
from jirakb.knowledge.index.columns import LIST_COLUMNS, VALUE_COLUMNS, folded, outbox_head
from jirakb.knowledge.index.conditions import TextPart
from jirakb.knowledge.index.words import analyzer, compound_parts, indexed_text
from jirakb.knowledge.prepare import decompress, load_parts

LAYOUT = 8
"""Raised when the schema or the analyzer changes, or indexes may hold a fault: one of another layout is made anew."""
OPEN, RESTRICTED = "open", "restricted"
SUMMARY_WEIGHT = 12
"""The summary's words count so often in the one field: adding up the scores of two fields ranks worse. Of 4 to 24, from 12
on nothing changed."""
_HEAP_BYTES = 32_000_000  # of each of the two writers
_COMMIT_CHARS = 64_000_000  # a bulk commits about this often and goes on from there when it is killed
_BATCH = 500
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def schema() -> tantivy.Schema:
    """What an entry has: words to rank by, values to filter by, and the number of its document."""
    fields = tantivy.SchemaBuilder()
    fields.add_text_field("kind", tokenizer_name="raw", index_option="basic")
    fields.add_text_field("base", stored=True, tokenizer_name="raw", index_option="basic")
    fields.add_unsigned_field("seq", stored=True)
    fields.add_text_field("id", tokenizer_name="raw", index_option="basic")  # tantivy deletes by no term but a text
    fields.add_unsigned_field("document", fast=True)
    fields.add_text_field("text", tokenizer_name="words", index_option="freq")
    fields.add_json_field("restricted", tokenizer_name="words", index_option="freq")
    fields.add_json_field("part", tokenizer_name="words", index_option="basic")  # by reader set, then kind of text
    fields.add_text_field("has", tokenizer_name="raw", index_option="basic")  # reader set and kind of each text
    for name in (*VALUE_COLUMNS, *LIST_COLUMNS):
        fields.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in ("updated", "created"):
        fields.add_integer_field(name, indexed=True, fast=True)
    return fields.build()


def open_folder(folder: Path) -> tantivy.Index:
    """The index in a folder, made when it is missing; raises CorruptStoreError when it cannot be read."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with readable():
        index = tantivy.Index(schema(), path=str(folder))
        index.register_tokenizer("words", analyzer())
        index.config_reader(reload_policy="manual")
    return index


@contextmanager
def readable() -> Iterator[None]:
    """What tantivy says of files that are damaged or missing becomes a CorruptStoreError."""
    try:
        yield
    except BaseException as exc:
        if not _tells_of_damage(exc):
            raise
        raise CorruptStoreError(f"The text index cannot be read: {exc}", fix="Delete its folder.") from exc


def _tells_of_damage(error: BaseException) -> bool:
    """A full disk is no damage. Bytes that tantivy trusts make it panic, with an exception that no module offers."""
    is_its = isinstance(error, ValueError | OSError) or type(error).__name__ == "PanicException"
    return is_its and "No space left" not in str(error)


@dataclass(frozen=True, slots=True)
class Position:
    """How far an index has followed the outbox, and whose it is ("" and 0 for a new one)."""

    base: str
    seq: int


def position(searcher: tantivy.Searcher, rules: tantivy.Schema) -> Position:
    """What the index's meta entry says; raises CorruptStoreError when it cannot be read."""
    with readable():
        hits = searcher.search(Query.term_query(rules, "kind", "meta"), 1).hits
        if not hits:
            return Position("", 0)
        entry = searcher.doc(hits[0][1])
    return Position(str(entry.get_first("base")), int(entry.get_first("seq") or 0))


def base_name(connection: apsw.Connection) -> str:
    """What an index of this knowledge base and layout is called in its meta entry."""
    ((base,),) = connection.execute("SELECT value FROM meta WHERE name = 'id'")
    return f"{base}/{LAYOUT}"


def text_folder(folder: Path) -> Path:
    """Where the text index of the knowledge base in `folder` stands."""
    return folder / "text"


class TextIndex:
    """The text index of the knowledge base in `folder`, to be kept up with its outbox. Needs the lease."""

    def __init__(self, folder: Path) -> None:
        self._folder = text_folder(folder)
        self._shards: _Shards | None = None

    def is_behind(self, connection: apsw.Connection) -> bool:
        """Whether there is something to follow, be it that the index is missing."""
        return self._ready(connection).seq != outbox_head(connection)

    def waiting(self, connection: apsw.Connection) -> int:
        """How many rows of the outbox it has still to follow; all of them before it was opened. Opens nothing."""
        return outbox_head(connection) - (self._shards.seq if self._shards else 0)

    def follow(self, connection: apsw.Connection) -> int:
        """Index what the outbox says has changed, and commit; how many outbox rows that were."""
        try:
            return self._follow(connection)
        except CorruptStoreError:  # found while writing: made anew, once
            self._discard()
            return self._follow(connection)

    def _follow(self, connection: apsw.Connection) -> int:
        shards = self._ready(connection)
        head, done, written = outbox_head(connection), 0, 0
        while shards.seq < head:
            batch = _read_batch(connection, shards.seq, head)
            written += shards.write(batch.entries)
            done += batch.rows
            shards.seq = batch.last
            if written > _COMMIT_CHARS or shards.seq >= head:
                shards.commit()
                written = 0
        return done

    def close(self) -> None:
        """Let merges end and give the folder back."""
        if self._shards is not None:
            self._shards.close()
            self._shards = None

    def _ready(self, connection: apsw.Connection) -> _Shards:
        """The open index; one that is missing, broken, another's or ahead of its knowledge base is made anew."""
        base = base_name(connection)
        if self._shards is not None and self._folder.exists():
            return self._shards
        self.close()
        try:
            self._shards = _Shards(self._folder, base)
            usable = self._shards.seq <= outbox_head(connection)
        except CorruptStoreError:
            usable = False
        if not usable or self._shards is None:
            self._discard()
            self._shards = _Shards(self._folder, base, new=True)
        return self._shards

    def _discard(self) -> None:
        self.close()
        shutil.rmtree(self._folder, ignore_errors=True)


class _Shards:
    """The two indexes with their writers. What is written is visible after `commit`, with `seq`."""

    def __init__(self, folder: Path, base: str, *, new: bool = False) -> None:
        self._base = base
        self._schema = schema()
        self._indexes = {name: open_folder(folder / name) for name in (OPEN, RESTRICTED)}
        places = [position(index.searcher(), self._schema) for index in self._indexes.values()]
        if not new and {place.base for place in places} != {base}:
            raise CorruptStoreError("The text index is of another knowledge base or layout.", fix="Delete it.")
        self.seq = min(place.seq for place in places)
        self._writers = {name: _writer(index) for name, index in self._indexes.items()}
        if new:
            self.commit()

    def write(self, entries: Iterable[Entry]) -> int:
        """Put entries into their indexes; one without text only removes its document. The characters written."""
        written = 0
        for entry in entries:
            if entry.number is None:
                for writer in self._writers.values():
                    writer.delete_documents_by_term("id", str(entry.document))
            else:
                name = RESTRICTED if entry.number else OPEN
                self._writers[name].add_document(_tantivy_document(entry))
                written += len(entry.text)
        return written

    def commit(self) -> None:
        for writer in self._writers.values():
            writer.delete_documents_by_term("kind", "meta")
            entry = tantivy.Document()
            entry.add_text("kind", "meta")
            entry.add_text("base", self._base)
            entry.add_unsigned("seq", self.seq)
            writer.add_document(entry)
            with readable():  # what is deleted is looked for in the segments that are there
                writer.commit()

    def close(self) -> None:
        for writer in self._writers.values():
            with suppress(CorruptStoreError), readable():  # the folder was deleted under the writer, or is damaged
                writer.rollback()
                writer.wait_merging_threads()


def _writer(index: tantivy.Index) -> tantivy.IndexWriter:
    """A writer of the index, whose first operation is spent on nothing.

    tantivy gives a new writer's first operation the stamp of the last commit. A merge that was cut off when the last writer
    was closed runs with that stamp: it takes segments of that commit to have the operation, and a first deletion is lost.
    """
    try:
        writer = index.writer(_HEAP_BYTES, 1)
    except ValueError as exc:
        raise KnowledgeBaseBusyError("Another process writes into this text index.") from exc
    writer.delete_documents_by_term("id", "")
    return writer


@dataclass(frozen=True, slots=True)
class Entry:
    """What is written for a document and one of its reader sets; without a number, the document's entries go."""

    document: int
    number: int | None = None
    kind: str = ""
    text: str = ""
    parts: Mapping[TextPart, str] = field(default_factory=dict)
    updated: int = 0
    created: int | None = None
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Batch:
    entries: Iterator[Entry]
    rows: int
    last: int


def _read_batch(connection: apsw.Connection, seq: int, head: int) -> _Batch:
    rows: list[Any] = connection.execute(_CHANGES, (seq, head, _BATCH)).fetchall()
    readers: list[Any] = connection.execute("SELECT id, principals FROM readers").fetchall()
    numbers = {Readers(orjson.loads(held)): int(number) for number, held in readers}
    changes = [(int(document), bool(gone)) for _, document, gone in rows]
    return _Batch(_entries(connection, changes, numbers), len(rows), int(rows[-1][0]))


def _entries(
    connection: apsw.Connection, changes: Iterable[tuple[int, bool]], numbers: Mapping[Readers, int]
) -> Iterator[Entry]:
    for document, gone in changes:
        yield Entry(document)
        row = None if gone else connection.execute(_DOCUMENT, (document,)).fetchone()
        if row is not None:
            yield from _entries_of(document, row, numbers)


def _entries_of(document: int, row: tuple[Any, ...], numbers: Mapping[Readers, int]) -> Iterator[Entry]:
    kind, key, title, updated, created, number, zipped, principals, *values = row
    own = Readers(orjson.loads(principals))
    named = tuple(_named(values))
    head = f"{indexed_text(key)}\n" + f"{indexed_text(title)}\n" * SUMMARY_WEIGHT
    parts = load_parts(decompress(zipped))
    kinds = _kinds(own, kind, title, parts)
    for readers, text in _texts(own, parts).items():
        if readers == own or readers in numbers:
            at = number if readers == own else numbers[readers]
            is_own = kind == "issue" and readers == own
            words = head + indexed_text(text) + compound_parts(f"{title}\n{text}")
            shown = kinds.get(readers, {})
            yield Entry(document, at, "own" if is_own else "extra", words, shown, updated, created, named)


def _named(values: list[str]) -> Iterator[tuple[str, str]]:
    """Each field with each of its values, "" where it has none."""
    singles, lists = values[: len(VALUE_COLUMNS)], values[len(VALUE_COLUMNS) :]
    yield from zip(VALUE_COLUMNS, map(folded, singles), strict=True)
    for name, items in zip(LIST_COLUMNS, lists, strict=True):
        yield from ((name, folded(item)) for item in orjson.loads(items) or [""])


_KINDS: dict[PartKind, TextPart] = {
    "description": "description", "environment": "environment", "comment": "comment", "attachments": "attachment",
    "text": "attachment",
}  # fmt: skip


def _kinds(own: Readers, kind: str, title: str, parts: Iterable[Part]) -> dict[Readers, dict[TextPart, str]]:
    """The texts of each reader set by their kind, for those who ask in one kind of text only."""
    found: dict[Readers, dict[TextPart, list[str]]] = {own: {"summary" if kind == "issue" else "attachment": [title]}}
    for part in parts:
        if part.kind in _KINDS and part.text.strip():
            found.setdefault(part.readers | own, {}).setdefault(_KINDS[part.kind], []).append(part.text)
    return {readers: {name: "\n".join(texts) for name, texts in kinds.items()} for readers, kinds in found.items()}


def _texts(own: Readers, parts: Iterable[Part]) -> dict[Readers, str]:
    """The text of each reader set; the document's own has one even when it is empty."""
    blocks: dict[Readers, list[str]] = {own: []}
    for part in parts:
        if part.text.strip():
            blocks.setdefault(part.readers | own, []).append(_TIMESTAMP.sub("", part.text))
    return {readers: "\n".join(texts) for readers, texts in blocks.items()}


def _tantivy_document(entry: Entry) -> tantivy.Document:
    made = tantivy.Document()
    made.add_text("kind", entry.kind)
    made.add_text("id", str(entry.document))
    made.add_unsigned("document", entry.document)
    made.add_integer("updated", entry.updated)
    if entry.created is not None:
        made.add_integer("created", entry.created)
    for name, value in entry.values:
        made.add_text(name, value)
    made.add_json("part", {str(entry.number): {name: _part_text(text) for name, text in entry.parts.items()}})
    for name in entry.parts:
        made.add_text("has", f"{entry.number}.{name}")
    if entry.number:
        made.add_json("restricted", {str(entry.number): entry.text})
    else:
        made.add_text("text", entry.text)
    return made


def _part_text(text: str) -> str:
    return indexed_text(_TIMESTAMP.sub("", text))


_CHANGES = "SELECT seq, document, gone FROM outbox WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
_DOCUMENT = f"""
SELECT d.kind, d.key, d.title, d.updated, d.created, d.readers, d.parts_zstd, r.principals,
  {", ".join((*VALUE_COLUMNS, *LIST_COLUMNS))}
FROM document d JOIN readers r ON r.id = d.readers WHERE d.id = ?
"""
