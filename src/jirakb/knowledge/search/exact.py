"""What does a query ask for to the letter, and which documents hold it? Quoted phrases, identifiers, paths, versions, codes.

The text index finds where all the words are; here the text itself is looked at, only that of the reader sets it is told.
Never ranks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apsw
import orjson

from jirakb.knowledge.index.words import EMPTY_WORDS
from jirakb.knowledge.prepare import decompress

MOST_CHARS = 300
"""A longer query, or one of several lines, is a report: nothing in it is asked for to the letter."""
MOST_READ = 30
"""So many documents are looked at; where more have all the words, those that have them most often."""
_MOST_ASKED = 5
_QUOTED = re.compile(r'"([^"\n]{2,200})"|\u201c([^\u201d\n]{2,200})\u201d')
_NAME = re.compile(r"\d|[^\W_][._:/\\#@$-]+[^\W_]|_|[a-z][A-Z]|[A-Z]{2}[a-z]")
"""What no plain word has: a digit, a joint within, a capital within."""
_AROUND = "()[]{}<>,;:!?'\"`.*|"
_BESIDE = EMPTY_WORDS | {"caused", "class", "code", "error", "exception", "file", "line", "method", "path", "version"}
"""Words that say what kind of thing is asked for."""


def asked_exactly(query: str) -> tuple[str, ...]:
    """The phrases in quotes; and the names, where the query is nothing but names (`java.lang.Error`, `/etc/hosts`, `9.0.1`)."""
    if len(query) > MOST_CHARS or "\n" in query.strip():
        return ()
    quoted = [(match[1] or match[2]).strip() for match in _QUOTED.finditer(query)]
    words = [word.strip(_AROUND) for word in _QUOTED.sub(" ", query).split()]
    names = [word for word in words if _NAME.search(word)]
    is_all_names = all(word in names or not word or word.lower() in _BESIDE for word in words)
    asked = dict.fromkeys(filter(None, [*quoted, *(names if is_all_names else ())]))
    return tuple(asked)[:_MOST_ASKED]


@dataclass(frozen=True, slots=True)
class Letter:
    """One thing asked for to the letter: small or capital letters and the kind of space do not matter."""

    first: str
    pattern: re.Pattern[str]
    is_word: bool
    """Whether it begins with a letter or a digit, before which no other one may stand."""

    @classmethod
    def of(cls, text: str) -> Letter:
        """As it stands in a text that was rendered: backslashes are not compared, since markdown has some of its own."""
        words = text.lower().replace("\\", "").split() or [text]
        after = r"(?![^\W_])" if words[-1][-1:].isalnum() else ""
        return cls(words[0], re.compile(r"\s+".join(map(re.escape, words)) + after), words[0][:1].isalnum())

    def is_in(self, text: str) -> bool:
        """Whether a text in small letters and without backslashes holds it, not as a part of a longer word."""
        # Looking for the first word and then at what follows is many times as fast as a pattern for all of it.
        at = text.find(self.first)
        while at >= 0:
            if not (self.is_word and at and text[at - 1].isalnum()) and self.pattern.match(text, at):
                return True
            at = text.find(self.first, at + 1)
        return False


def shares_held(
    connection: apsw.Connection, sets: frozenset[int], asked: Sequence[str], documents: Sequence[int]
) -> dict[int, float]:
    """The share of what is asked that each of the documents holds in text of these reader sets; those with none left out."""
    letters = [Letter.of(text) for text in asked]
    held: dict[int, set[int]] = {}
    for document, text in _texts(connection, sets, documents):
        held.setdefault(document, set()).update(at for at, letter in enumerate(letters) if letter.is_in(text))
    return {document: len(found) / len(letters) for document, found in held.items() if found}


def best_first(documents: Sequence[int], scores: Mapping[int, float], most: int = MOST_READ) -> list[int]:
    """At most so many of the documents, those with the best scores."""
    return sorted(documents, key=lambda document: (-scores.get(document, 0.0), -document))[:most]


def _texts(connection: apsw.Connection, sets: frozenset[int], documents: Sequence[int]) -> Iterator[tuple[int, str]]:
    numbers = orjson.dumps(list(documents)).decode()
    titles: Any = connection.execute(_TITLES, (numbers,))
    for document, readers, title in titles:
        if readers in sets:
            yield int(document), _plain(title)
    rows: Any = connection.execute(_SECTIONS, (numbers,))
    for document, readers, text in rows:
        if readers in sets:
            yield int(document), _plain(decompress(text).decode())


def _plain(text: str) -> str:
    return text.lower().replace("\\", "")


_TITLES = "SELECT id, readers, title FROM document WHERE id IN (SELECT value FROM json_each(?))"
_SECTIONS = "SELECT document, readers, text_zstd FROM section WHERE document IN (SELECT value FROM json_each(?))"
