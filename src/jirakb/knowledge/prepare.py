"""What one issue becomes before it is stored: split, hashed, compressed. Pure, so that it can be done outside the
transaction and beside the fetching; never touches the store."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson
import zstandard

from jirakb.documents import Document, Omission, Part, RawIssue, Readers
from jirakb.knowledge.split import Section, embedder_text, split
from jirakb.source import Rendered


@dataclass(frozen=True, slots=True)
class PreparedSection:
    """A section with its text compressed and its passages hashed: (start, stop, hash) each."""

    section: Section
    text_zstd: bytes
    passages: tuple[tuple[int, int, bytes], ...]


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A document with its parts compressed and its sections."""

    document: Document
    parts_zstd: bytes
    sections: tuple[PreparedSection, ...]


@dataclass(frozen=True, slots=True)
class PreparedIssue:
    """Everything that one transaction writes for one issue. `content` is equal when there is nothing to index."""

    raw: RawIssue
    payload_zstd: bytes
    content: bytes
    documents: tuple[PreparedDocument, ...]
    omissions: tuple[Omission, ...]
    former_keys: tuple[str, ...]

    @property
    def comments(self) -> int:
        """How many comments its documents hold."""
        return sum(part.kind == "comment" for d in self.documents for part in d.document.parts)

    @property
    def attachments(self) -> int:
        """How many of its documents are attachments."""
        return sum(d.document.kind == "attachment" for d in self.documents)


_compressors = threading.local()  # a zstd compressor serves one thread at a time


def compress(data: bytes) -> bytes:
    """zstd at its default level: a fifth of the size at hundreds of MB per second."""
    if not hasattr(_compressors, "zstd"):
        _compressors.zstd = zstandard.ZstdCompressor(level=3)
    compressed: bytes = _compressors.zstd.compress(data)
    return compressed


def decompress(data: bytes) -> bytes:
    """What `compress` was given."""
    if not hasattr(_compressors, "unzstd"):
        _compressors.unzstd = zstandard.ZstdDecompressor()
    plain: bytes = _compressors.unzstd.decompress(data)
    return plain


def prepare(raw: RawIssue, rendered: Rendered) -> PreparedIssue:
    """Split, hash and compress one rendered issue."""
    documents = tuple(prepare_document(document) for document in rendered.documents)
    return PreparedIssue(
        raw=raw,
        payload_zstd=compress(raw.payload),
        content=_content_hash(documents),
        documents=documents,
        omissions=rendered.omissions,
        former_keys=rendered.former_keys,
    )


def prepare_document(document: Document) -> PreparedDocument:
    """Split, hash and compress one document."""
    return PreparedDocument(
        document=document,
        parts_zstd=compress(dump_parts(document.parts)),
        sections=tuple(_prepare_section(document, section) for section in split(document)),
    )


def _prepare_section(document: Document, section: Section) -> PreparedSection:
    passages = tuple(
        (start, stop, passage_hash(document.title, document.key, section.text[start:stop]))
        for start, stop in section.passages
    )
    return PreparedSection(section, compress(section.text.encode()), passages)


def passage_hash(title: str, key: str, text: str) -> bytes:
    """Names the text given to the embedder, so that an unchanged passage keeps its vector."""
    return hashlib.blake2b(embedder_text(title, key, text).encode("utf-8"), digest_size=16).digest()


def dump_parts(parts: Iterable[Part]) -> bytes:
    """Parts as the JSON that the store keeps."""
    return orjson.dumps([[p.kind, p.heading, p.text, p.url, sorted(p.readers), p.id] for p in parts])


def load_parts(data: bytes) -> tuple[Part, ...]:
    """The parts of a stored document."""
    rows: list[list[Any]] = orjson.loads(data)
    return tuple(
        Part(kind=kind, heading=heading, text=text, url=url, readers=Readers(readers), id=part_id)
        for kind, heading, text, url, readers, part_id in rows
    )


def _content_hash(documents: tuple[PreparedDocument, ...]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for prepared in documents:
        document = prepared.document
        facts = [
            document.id,
            document.key,
            document.title,
            document.url,
            document.head,
            sorted(document.readers),
        ]
        digest.update(orjson.dumps([facts, document.metadata]))
        digest.update(dump_parts(document.parts))
    return digest.digest()
