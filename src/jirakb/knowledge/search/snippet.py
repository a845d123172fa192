"""Which lines of a passage does a hit show, and which words in it are marked? Pure text, no store."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

WIDTH = 240
_SHORTEST_PREFIX = 2
_MOST_SPANS = 200
_ON, _OFF = "\ue000", "\ue001"  # private characters stand for the marks until the text around them is cleaned
_HEADING_LINE = re.compile(r"^## .*$", re.MULTILINE)
_TITLE_LINE = re.compile(r"# .*(?:\n+|$)")
_LINE_MARKS = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|`{3,}\w*[ \t]*$)", re.MULTILINE)  # on one line they mean nothing


class Span(NamedTuple):
    """Where a word of the query stands."""

    start: int
    stop: int
    word: str


@dataclass(frozen=True, slots=True)
class Snippet:
    """A short text with **marked** words, and the character of the passage at which it begins to match."""

    text: str
    offset: int


class Marker:
    """Finds the words of one query in texts. `weights` are the words as the index has them, rare ones weigh more."""

    def __init__(self, weights: Mapping[str, float], words: Callable[[str], tuple[str, ...]]) -> None:
        self._weights = weights
        self._words = words
        self._seen: dict[str, str | None] = {}
        self._found: dict[str, list[Span]] = {}
        self._plain = _PlainLetters()
        starts = sorted({_start(word) for word in weights}, key=len, reverse=True)
        # A stem is how its words begin; an unspaced script has no beginnings. Without an assertion before it, an
        # alternative's first letters are looked for ten times as fast.
        spaced = "|".join(re.escape(start) for start in starts if start.isascii())
        unspaced = "|".join(re.escape(start) for start in starts if not start.isascii())
        spaced = rf"(?:{spaced})[^\W_]*" if spaced else ""
        self._pattern = re.compile("|".join(filter(None, (spaced, unspaced))) or r"(?!)")

    def find(self, text: str) -> list[Span]:
        """Where the query's words stand in a text, ascending."""
        if text not in self._found:
            self._found[text] = self._look(text)
        return self._found[text]

    def _look(self, text: str) -> list[Span]:
        spans: list[Span] = []
        plain = self._plain.of(text)
        for match in self._pattern.finditer(plain):
            start, found = match.start(), match.group()
            if found.isascii() and start and plain[start - 1].isalnum():
                continue
            word = self._word(found)
            if word is not None:
                spans.append(Span(start, match.end(), word))
                if len(spans) == _MOST_SPANS:
                    break
        return spans

    def coverage(self, text: str) -> float:
        """How much of the query's weight a text holds."""
        return self._weight(self.find(text))

    def held(self, text: str) -> list[tuple[str, float]]:
        """The query's words that a text holds, with how much each tells, those that tell most first."""
        words = {span.word for span in self.find(text)}
        return sorted(((word, self._weights[word]) for word in words), key=lambda pair: (-pair[1], pair[0]))

    def snippet(self, passage: str) -> Snippet:
        """The stretch of a passage that holds most of the query; its beginning where it holds nothing."""
        spans = self.find(passage)
        if "## " in passage:
            passage = _HEADING_LINE.sub(lambda heading: " " * len(heading.group()), passage)
        body = _body_start(passage)
        spans = [span for span in spans if span.start >= body and passage[span.start] != " "]  # none of a heading
        start, stop = _stretch(passage, self._best(spans), body)
        inside = [span for span in spans if start <= span.start and span.stop <= stop]
        text = _clean(_marked(passage, start, stop, inside))
        before, after = ("... " if start > body else ""), (" ..." if stop < len(passage.rstrip()) else "")
        return Snippet(f"{before}{text}{after}", inside[0].start if inside else start)

    def _word(self, found: str) -> str | None:
        """The word of the query that this is a form of, if it is one."""
        if found not in self._seen:
            self._seen[found] = next((word for word in self._words(found) if word in self._weights), None)
        return self._seen[found]

    def _weight(self, spans: list[Span]) -> float:
        return sum(self._weights[word] for word in {span.word for span in spans})

    def _best(self, spans: list[Span]) -> Span | None:
        """The first of the spans that together, within WIDTH, hold most of the query."""
        best, most, last = None, 0.0, 0
        inside: Counter[str] = Counter()
        for first in spans:
            while last < len(spans) and spans[last].start - first.start < WIDTH:
                inside[spans[last].word] += 1
                last += 1
            held = sum(self._weights[word] for word, times in inside.items() if times)
            if held > most:
                best, most = first, held
            inside[first.word] -= 1
        return best


def _start(word: str) -> str:
    """What the forms of a stem have in common: `happi` stands for happy, too."""
    return word[:-1] if len(word) > _SHORTEST_PREFIX and word.endswith("i") else word


class _PlainLetters(dict[int, str]):
    """Small letters without accents, one for one, so that places stay the same."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        base = unicodedata.normalize("NFKD", letter)[0]
        self[code] = plain = (base if base.isascii() else letter).lower()[0]
        return plain

    def of(self, text: str) -> str:
        return text.lower() if text.isascii() else text.translate(self)


def _body_start(passage: str) -> int:
    """Behind the line with the issue's key and title, if there is anything behind it."""
    title = _TITLE_LINE.match(passage)
    return title.end() if title and passage[title.end() :].strip() else 0


def _stretch(passage: str, first: Span | None, body: int) -> tuple[int, int]:
    """From a little before the first word on; at spaces where it can."""
    start = body if first is None else max(first.start - WIDTH // 4, body)
    stop = min(start + WIDTH, len(passage))
    if first is not None and start > body:
        start = passage.find(" ", start, first.start) + 1 or start
    if stop < len(passage):
        keep = start if first is None else first.stop
        stop = (
            max(passage.rfind(" ", keep, stop), passage.rfind("\n", keep, stop)) if " " in passage[keep:stop] else stop
        )
    return start, stop


def _marked(passage: str, start: int, stop: int, spans: list[Span]) -> str:
    pieces, position = [], start
    for span in spans:
        if span.start < position:  # pairs of an unspaced script overlap
            continue
        pieces += [passage[position : span.start], _ON, passage[span.start : span.stop], _OFF]
        position = span.stop
    return "".join([*pieces, passage[position:stop]]).replace(_OFF + _ON, "")


def _clean(text: str) -> str:
    plain = _LINE_MARKS.sub("", text) if "#" in text or "`" in text else text
    return " ".join(plain.replace("**", "").split()).replace(_ON, "**").replace(_OFF, "**")
