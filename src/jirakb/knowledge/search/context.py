"""What of the best hits fits into a language model's context? Whole sections, or whole comments, each with its source.

Never ranks, never cuts a text in the middle.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apsw
import orjson

from jirakb.knowledge.prepare import decompress
from jirakb.knowledge.search.result import Hit, HitSection, Match

MOST_TOKENS = 10_000_000
_BYTES_PER_TOKEN = 3
Count = Callable[[str], int]


def estimated_tokens(text: str) -> int:
    """How many tokens a text has at most for the usual models, without asking one: prose has about four bytes each."""
    return -(-len(text.encode()) // _BYTES_PER_TOKEN)


@dataclass(frozen=True, slots=True)
class Piece:
    """A source in the context: `number` is its mark [1] there; `is_section` when it is not only a part of one."""

    number: int
    key: str
    title: str
    kind: str
    heading: str
    url: str
    section: str
    is_section: bool
    tokens: int

    def to_json(self) -> dict[str, Any]:
        """As in the documentation."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Context:
    """Text for a language model, at most `budget` tokens of it, the sources of its pieces, and how many issues match."""

    text: str
    tokens: int
    budget: int
    sources: tuple[Piece, ...]
    total: int
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As in the documentation."""
        return {
            "text": self.text, "tokens": self.tokens, "budget": self.budget, "total": self.total,
            "sources": [piece.to_json() for piece in self.sources], "notes": list(self.notes),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stored:
    """A section as it is stored: its text and where its parts begin."""

    text: str
    anchors: list[list[Any]]

    def part(self, section: HitSection) -> tuple[str, str]:
        """The heading and text of the part that is cited; "" where it does not stand here."""
        starts = [anchor[0] for anchor in self.anchors]
        for _, _, heading, url in self.anchors:
            if url == section.url and heading == section.heading:
                first = next(a[0] for a in self.anchors if a[3] == url and a[2] == heading)
                after = bisect_right(starts, first)
                stop = starts[after] if after < len(starts) else len(self.text)
                return heading, self.text[first:stop].strip()
        return "", ""


def read_sections(connection: apsw.Connection, sets: frozenset[int], hits: Sequence[Hit]) -> dict[str, Stored]:
    """The sections that hits cite, of these reader sets."""
    wanted = orjson.dumps(
        [int(match.section.id) for hit in hits for match in hit.sections if match.section.id]
    ).decode()
    rows: Any = connection.execute(_SECTIONS, (wanted,))
    return {
        str(number): Stored(decompress(text).decode(), orjson.loads(anchors))
        for number, readers, anchors, text in rows
        if readers in sets
    }


def pack(hits: Sequence[Hit], stored: Mapping[str, Stored], budget: int, count: Count) -> tuple[str, tuple[Piece, ...]]:
    """As many pieces as fit, in the order of the hits, the best place of each hit before the second of any."""
    blocks: list[str] = []
    pieces: list[Piece] = []
    used = 0
    whole: set[str] = set()
    for hit, match in _in_turn(hits):
        section = stored.get(match.section.id)
        if section is None or match.section.id in whole:
            continue
        for block, heading, is_section in _choices(len(pieces) + 1, hit, match, section):
            tokens = count(f"{block}\n\n")
            if used + tokens <= budget:
                whole |= {match.section.id} if is_section else set()
                used += tokens
                blocks.append(block)
                pieces.append(_piece(len(blocks), hit, match, heading, is_section, tokens))
                break
    return "\n\n".join(blocks), tuple(pieces)


def _in_turn(hits: Sequence[Hit]) -> Iterator[tuple[Hit, Match]]:
    deepest = max((len(hit.sections) for hit in hits), default=0)
    for place in range(deepest):
        yield from ((hit, hit.sections[place]) for hit in hits if place < len(hit.sections))


def _choices(number: int, hit: Hit, match: Match, section: Stored) -> Iterator[tuple[str, str, bool]]:
    """The whole section, or else the whole part of it that matched: text, heading, whether it is a section."""
    yield f"[{number}] {hit.key}: {hit.title} <{hit.url}>\n{section.text.strip()}", "", True
    heading, part = section.part(match.section)
    if part:
        yield f"[{number}] {hit.key}: {hit.title} <{match.section.url}>\n{part}", heading, False


def _piece(number: int, hit: Hit, match: Match, heading: str, is_section: bool, tokens: int) -> Piece:
    url = hit.url if is_section and match.kind == "issue" else match.section.url
    return Piece(number, hit.key, hit.title, match.kind, heading, url, match.section.id, is_section, tokens)


_SECTIONS = "SELECT id, readers, anchors, text_zstd FROM section WHERE id IN (SELECT value FROM json_each(?))"
