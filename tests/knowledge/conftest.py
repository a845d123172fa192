"""A knowledge base that a test fills by hand, and an embedder without a model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from jirakb.documents import EVERYONE, Document, DocumentKind, Fields, Part, RawIssue, Readers
from jirakb.knowledge.backlog import embed_block
from jirakb.knowledge.index.text import TextIndex
from jirakb.knowledge.prepare import PreparedIssue, compress, prepare_document
from jirakb.knowledge.search import Searcher
from jirakb.knowledge.store import KnowledgeBase

EPOCH = datetime(2024, 1, 1, tzinfo=UTC)


class WordVectors:
    """A text's vector is the sum of its words' vectors, which are drawn from a hash: near texts share words."""

    dimensions = 32

    def __init__(self, identity: str) -> None:
        self.identity = identity

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.stack([sum(map(self._word, text.lower().split() or [""])) for text in texts])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def _word(self, word: str) -> NDArray[np.float64]:
        seed = hashlib.blake2b(f"{self.identity}{word}".encode(), digest_size=8).digest()
        return np.random.default_rng(int.from_bytes(seed, "big")).normal(size=self.dimensions)


class Shelf:
    """A knowledge base in a folder, with verbs for tests. Issue ABC-N was updated N hours after `epoch`."""

    epoch = EPOCH

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = KnowledgeBase.open(folder, create=True)
        self.use_model("words-1")
        self._searchers: list[Searcher] = []

    def use_model(self, identity: str) -> None:
        self.embedder = WordVectors(identity)
        self.base.use_embedder(identity)

    def put(self, key: str, title: str = "", *comments: tuple[str, Readers] | str, **more: object) -> None:
        """Store an issue; a comment is a text, or a text with its readers. `more`: description, fields, readers,
        former, attachments (file name, text)."""
        self.put_document(self.document(key, title, *comments, **more), **more)

    def put_document(self, issue: Document, **more: object) -> None:
        """Store an issue that was made by hand."""
        key = issue.key
        named: Sequence[tuple[str, str]] = more.get("attachments", ())  # type: ignore[assignment]
        attachments = [self._attachment(issue, at, name, text) for at, (name, text) in enumerate(named)]
        prepared = PreparedIssue(
            raw=RawIssue(issue.number, key, issue.updated, b"{}"),
            payload_zstd=compress(b"{}"),
            content=hashlib.blake2b(repr((issue, attachments)).encode(), digest_size=16).digest(),
            documents=tuple(prepare_document(document) for document in (issue, *attachments)),
            omissions=(),
            former_keys=tuple(more.get("former", ())),  # type: ignore[arg-type]
        )
        with self.base.transaction() as tx:
            self.base.put(tx, "connector", "x", prepared)

    def document(self, key: str, title: str, *comments: tuple[str, Readers] | str, **more: object) -> Document:
        number = int(key.rpartition("-")[2])
        readers: Readers = more.get("readers", EVERYONE)  # type: ignore[assignment]
        url = f"https://x/browse/{key}"
        parts = [Part("description", "Description", str(more.get("description", "")), url, readers)]
        for at, comment in enumerate(comments):
            text, own = (comment, EVERYONE) if isinstance(comment, str) else comment
            parts.append(Part("comment", "Comments", text, f"{url}?focusedCommentId={at}", own | readers, str(at)))
        updated = EPOCH + timedelta(hours=number)
        fields: dict[str, object] = {"project": key.rpartition("-")[0], "created": EPOCH, "updated": updated}
        fields |= more.get("fields", {})  # type: ignore[operator]
        return self._made(f"x:{number}", "issue", number, key, title, url, parts, Fields(**fields), readers)  # type: ignore[arg-type]

    def _attachment(self, issue: Document, at: int, name: str, text: str) -> Document:
        url = f"https://x/attachment/{issue.number}/{at}"
        parts = [Part("text", "Text", text, url, issue.readers)]
        return self._made(
            f"{issue.id}/attachment/{at}", "attachment", issue.number, issue.key, name, url, parts, issue.fields,
            issue.readers,
        )  # fmt: skip

    def _made(
        self, name: str, kind: DocumentKind, number: int, key: str, title: str, url: str, parts: list[Part],
        fields: Fields, readers: Readers,
    ) -> Document:  # fmt: skip
        assert fields.updated is not None
        return Document(
            id=name, kind=kind, site="x", number=number, key=key, title=title, url=url, updated=fields.updated,
            head="---\n---\n", parts=tuple(parts), fields=fields, readers=readers,
        )  # fmt: skip

    def remove(self, key: str) -> None:
        ((issue,),) = self.base.reader().execute("SELECT id FROM issue WHERE key = ?", (key,)).fetchall()
        with self.base.transaction() as tx:
            self.base.release(tx, "connector", int(issue))  # type: ignore[call-overload]

    def embed(self) -> None:
        while embed_block(self.base, self.embedder):
            pass

    def index(self) -> int:
        """Let the text index follow; how many changes it followed."""
        index = TextIndex(self.folder)
        with self.base.lease():
            done = index.follow(self.base.reader())
            index.close()
        return done

    def searcher(self) -> Searcher:
        searcher = Searcher(self.base, self.embedder)
        self._searchers.append(searcher)
        return searcher

    def close(self) -> None:
        for searcher in self._searchers:
            searcher.close()
        self.base.close()


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path / "kb")
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """For the tests of one module that only read."""
    made = Shelf(tmp_path_factory.mktemp("shared") / "kb")
    yield made
    made.close()


@pytest.fixture
def second_shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path / "second")
    yield made
    made.close()
