"""A small knowledge base that is filled and changed by throwing dice, and what its rows say of each issue.

Every text holds a word of its own, so that one that leaks is known by name. Reads nothing that is derived from the rows.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from jirakb.documents import Document, DocumentKind, Fields, Part, RawIssue, Readers
from jirakb.knowledge.backlog import embed_block
from jirakb.knowledge.embed import Vectors
from jirakb.knowledge.prepare import PreparedIssue, compress, decompress, load_parts, prepare_document
from jirakb.knowledge.search import Searcher
from jirakb.knowledge.store import KnowledgeBase

WORDS = ("alpha", "bravo", "delta", "foxtrot", "golf", "hotel", "kilo", "lima", "tango")
PRINCIPALS = ("p1", "p2", "p3")
PROJECTS, TYPES, STATUSES = ("ABC", "XYZ"), ("Bug", "Task"), ("Open", "In Progress", "")
PEOPLE, LABELS, COMPONENTS = ("Ann Lee", "Bob", ""), ("Red", "Green", "Blue"), ("Engine", "User Interface")
EPOCH = datetime(2023, 11, 20, tzinfo=UTC)
NOW = EPOCH + timedelta(days=60)
ISSUES = 24

Dice = random.Random


class WordVectors:
    """A text's vector is the sum of its words' vectors, which are drawn from a hash."""

    identity = "words"
    dimensions = 16

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One vector for each text."""
        rows = np.stack([sum(map(self._word, text.lower().split() or [""])) for text in texts])
        made: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return made

    def _word(self, word: str) -> Any:
        if word not in self._known:
            seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
            self._known[word] = np.random.default_rng(seed).normal(size=self.dimensions)
        return self._known[word]


class World:
    """A knowledge base that is filled and changed by throwing dice."""

    def __init__(self, folder: Path, dice: Dice) -> None:
        self.dice = dice
        self.base = KnowledgeBase.open(folder, create=True)
        self.embedder = WordVectors()
        self.base.use_embedder(self.embedder.identity)
        self.searcher = Searcher(self.base, self.embedder, clock=lambda: NOW)
        self._secrets = 0
        for number in range(1, ISSUES + 1):
            self._put(number)
        self._settle()

    def close(self) -> None:
        """Close the knowledge base."""
        self.searcher.close()
        self.base.close()

    def change(self) -> None:
        """Store an issue anew, or take one out."""
        number = self.dice.randint(1, ISSUES + 4)
        rows: Any = self.base.reader().execute("SELECT id FROM issue WHERE number = ?", (number,))
        found = [int(issue) for (issue,) in rows]
        if found and self.dice.random() < 0.3:
            with self.base.transaction() as tx:
                self.base.release(tx, "connector", found[0])
        else:
            self._put(number)
        self._settle()

    def _settle(self) -> None:
        while embed_block(self.base, self.embedder):
            pass
        self.rows = Rows.of(self.base)

    def _put(self, number: int) -> None:
        documents = tuple(self._documents(number))
        issue = documents[0]
        prepared = PreparedIssue(
            raw=RawIssue(number, issue.key, issue.updated, b"{}"), payload_zstd=compress(b"{}"),
            content=hashlib.blake2b(repr(documents).encode(), digest_size=16).digest(),
            documents=tuple(map(prepare_document, documents)), omissions=(),
            former_keys=(f"OLD-{number}",) if number % 3 == 0 else (),
        )  # fmt: skip
        with self.base.transaction() as tx:
            self.base.put(tx, "connector", "x", prepared)

    def _documents(self, number: int) -> Iterator[Document]:
        dice, own = self.dice, self._readers(0.2)
        key = f"{PROJECTS[number % 2]}-{number}"
        fields = Fields(
            project=PROJECTS[number % 2], project_name=f"Project {PROJECTS[number % 2]}", type=dice.choice(TYPES),
            status=dice.choice(STATUSES), priority="High", assignee=dice.choice(PEOPLE), reporter=dice.choice(PEOPLE),
            labels=tuple(dice.sample(LABELS, dice.randint(0, 2))),
            components=tuple(dice.sample(COMPONENTS, dice.randint(0, 1))),
            created=EPOCH + timedelta(days=dice.randint(0, 59)) if dice.random() < 0.9 else None,
            updated=EPOCH + timedelta(days=dice.randint(0, 59), minutes=number),
        )  # fmt: skip
        url = f"https://x/browse/{key}"
        parts = [Part("description", "Description", self._text(), url, own)] if dice.random() < 0.7 else []
        parts += [
            Part("comment", "Comments", self._text(), f"{url}?focusedCommentId={at}", self._readers(0.3) | own, str(at))
            for at in range(dice.randint(0, 3))
        ]
        creator = dice.choice(PEOPLE)
        yield self._document(number, "issue", key, url, parts, fields, own, {"creator": creator} if creator else {})
        if dice.random() < 0.3:
            at = f"https://x/file/{number}"
            yield self._document(
                number, "attachment", key, at, [Part("text", "", self._text(), at, own)], fields, own, {}
            )

    def _document(
        self, number: int, kind: DocumentKind, key: str, url: str, parts: Sequence[Part], fields: Fields, own: Readers,
        metadata: dict[str, object],
    ) -> Document:  # fmt: skip
        assert fields.updated is not None
        name = f"x:{number}" if kind == "issue" else f"x:{number}/attachment/1"
        return Document(
            id=name, kind=kind, site="x", number=number, key=key, title=self._text(), url=url, updated=fields.updated,
            head="---\n---\n", parts=tuple(parts), fields=fields, readers=own, metadata=metadata,
        )  # fmt: skip

    def _readers(self, chance: float) -> Readers:
        return frozenset(name for name in PRINCIPALS if self.dice.random() < chance)

    def _text(self) -> str:
        self._secrets += 1
        return " ".join([*self.dice.choices(WORDS, k=self.dice.randint(0, 4)), f"secret{self._secrets}x"])


@dataclass(frozen=True, slots=True)
class Text:
    """One text of an issue: of which document, of what kind, for which readers."""

    document: int
    kind: str
    readers: Readers
    words: frozenset[str]


@dataclass(frozen=True)
class Row:
    """An issue as its rows tell it."""

    key: str
    former: frozenset[str]
    facts: dict[str, Any]
    texts: tuple[Text, ...]
    vectors: tuple[Readers, ...]

    def readable(self, principals: Readers | None) -> list[Text]:
        """The texts that this reader may see; none where the issue itself may not be seen."""
        if not self.may_be_seen(principals):
            return []
        return [text for text in self.texts if principals is None or text.readers <= principals]

    def may_be_seen(self, principals: Readers | None) -> bool:
        """Whether the reader may know of the issue."""
        return principals is None or self.facts["readers"] <= principals

    def bodies(self, principals: Readers | None) -> list[frozenset[str]]:
        """The words of each document for each reader set, the title's and key's among them."""
        found: dict[tuple[int, Readers], set[str]] = {}
        for text in self.readable(principals):
            found.setdefault((text.document, text.readers), set()).update(text.words)
        titles = {text.document: text.words for text in self.texts if text.kind in ("summary", "name")}
        return [frozenset(words | titles[document]) for (document, _), words in found.items()]


@dataclass(frozen=True)
class Rows:
    """Every issue of a knowledge base, read row by row."""

    issues: tuple[Row, ...]

    @classmethod
    def of(cls, base: KnowledgeBase) -> Rows:
        """What stands there now."""
        select = base.reader().execute
        sets = {number: frozenset(orjson.loads(held)) for number, held in select("SELECT id, principals FROM readers")}
        vectors: dict[int, list[Readers]] = {}
        for issue, readers in select(
            "SELECT d.issue, p.readers FROM vector v JOIN passage p ON p.id = v.passage JOIN document d ON d.id = p.document"
        ):
            vectors.setdefault(issue, []).append(sets[readers])
        aliases: dict[int, set[str]] = {}
        for key, issue in select("SELECT key, issue FROM alias"):
            aliases.setdefault(issue, set()).add(key)
        documents: dict[int, list[tuple[Any, ...]]] = {}
        for row in select(_DOCUMENTS):
            documents.setdefault(row[1], []).append(row)
        return cls(tuple(
            _row(rows, sets, frozenset(aliases.get(issue, ())), tuple(vectors.get(issue, ())))
            for issue, rows in documents.items()
        ))  # fmt: skip


_NAMES = ("project", "type", "status", "priority", "assignee", "reporter", "labels", "components", "created", "updated")
_DOCUMENTS = f"SELECT id, issue, kind, key, title, readers, parts_zstd, metadata, {', '.join(_NAMES)} FROM document"


def _row(rows: Sequence[tuple[Any, ...]], sets: dict[int, Readers], former: frozenset[str], held: Any) -> Row:
    own = next(row for row in rows if row[2] == "issue")
    facts: dict[str, Any] = dict(zip(_NAMES, own[8:], strict=True))
    facts |= {name: orjson.loads(facts[name]) for name in ("labels", "components")}
    facts |= {"readers": sets[own[5]], "creator": orjson.loads(own[7]).get("creator", "")}
    texts: list[Text] = []
    for row in rows:
        readers = sets[row[5]]
        texts.append(Text(row[0], "summary" if row[2] == "issue" else "name", readers, words_of(f"{row[3]} {row[4]}")))
        texts += [Text(row[0], p.kind, p.readers | readers, words_of(p.text)) for p in load_parts(decompress(row[6]))]
    return Row(own[3], former, facts, tuple(texts), held)


def words_of(text: str) -> frozenset[str]:
    """The words of a text in small letters."""
    return frozenset(re.findall(r"\w+", text.lower()))
