"""What of a long text is worth keeping? Cuts texts into blocks of lines, and of too many chooses those that say most.

A log repeats itself: lines that differ in numbers only count as the same. What is left out is counted, never hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from jirakb.documents import Piece

SAMPLED = "sampled"
"""The code of what is said about a text of which only a part was kept."""
BLOCK_CHARS = 4000
"""A block: about five passages, cited by the numbers of its lines."""
_EDGE = 8
"""The first and the last part of a text are kept: an eighth of the room for each."""
_LINE_HEAD = 200
"""Characters of a line by which it is compared."""
_VARIABLE = re.compile(r"\b[^\W\d]*\d\w*")
_SEVERE = re.compile(
    r"(?i)\b(?:error|exception|fatal|panic|traceback|caused by|failed|failure|critical|abort(?:ed)?)\b"
)
_MOST_KINDS = 200_000
"""Kinds of lines that are remembered; a text with more is all news."""


@dataclass(frozen=True, slots=True)
class Extract:
    """A text of a file: cited by lines where `by_lines`, else by its heading alone (a page, a sheet)."""

    heading: str
    text: str
    anchor: str = ""
    by_lines: bool = False


@dataclass(frozen=True, slots=True)
class _Block:
    """Some lines of an extract (its number in the file), from line `first` to line `last`."""

    extract: int
    text: str
    first: int
    last: int


def cut(extracts: Sequence[Extract], limit: int) -> tuple[tuple[Piece, ...], str]:
    """The pieces of a file's texts, of at most about `limit` characters in all, and what is to be said of the rest ("")."""
    blocks = [block for number, extract in enumerate(extracts) for block in _blocks(number, extract.text)]
    if sum(len(extract.text) for extract in extracts) <= limit:
        return tuple(_pieces(extracts, blocks)), ""
    kept = _chosen(blocks, limit)
    told = f"{_measure(kept)} of {_measure(blocks)}"
    note = f"{SAMPLED}: {told} were read, limit {limit}"
    told = f"Here stand {told}: the beginning, the end, and what is unlike the rest."
    return (Piece("", told), *_pieces(extracts, kept, partly=True)), note


def sampled_within(note: str) -> int | None:
    """The limit that a text was cut to, by its note; None where nothing was left out."""
    return int(note.rpartition(" ")[2]) if note.startswith(f"{SAMPLED}:") else None


def _blocks(number: int, text: str) -> Iterator[_Block]:
    start, line = 0, 1
    while start < len(text):
        stop = _block_end(text, start)
        block = text[start:stop]
        breaks = block.count("\n")
        last = line + breaks - block.endswith("\n")
        if not block.isspace():
            yield _Block(number, block, line, last)
        start, line = stop, line + breaks


def _block_end(text: str, start: int) -> int:
    """Behind the last line that fits; within a line only where it is longer than a block."""
    limit = start + BLOCK_CHARS
    if limit >= len(text):
        return len(text)
    return text.rfind("\n", start, limit) + 1 or limit


def _chosen(blocks: Sequence[_Block], limit: int) -> list[_Block]:
    """The first, the last, and then the blocks with most news, in their order."""
    order = [*_edge(blocks, limit // _EDGE), *_edge(blocks, limit // _EDGE, step=-1), *_by_news(blocks)]
    room, chosen = limit, set[int]()
    for place in dict.fromkeys(order):
        if len(blocks[place].text) <= room:
            chosen.add(place)
            room -= len(blocks[place].text)
    return [blocks[place] for place in sorted(chosen)]


def _edge(blocks: Sequence[_Block], room: int, *, step: int = 1) -> Iterator[int]:
    for place in range(len(blocks))[::step]:
        room -= len(blocks[place].text)
        yield place
        if room <= 0:
            return


def _by_news(blocks: Sequence[_Block]) -> list[int]:
    seen = set[int]()
    news = [_news(block.text, seen) for block in blocks]
    return sorted(range(len(blocks)), key=lambda place: -news[place])


def _news(text: str, seen: set[int]) -> int:
    """From 0 (all of it was there before) to 8: the share of lines of a new kind, and whether one tells of a failure."""
    kinds = {hash(_VARIABLE.sub("0", line[:_LINE_HEAD])): line for line in text.split("\n")}
    new = [line for kind, line in kinds.items() if kind not in seen]
    if len(seen) < _MOST_KINDS:
        seen.update(kinds)
    share = -(-4 * sum(map(len, new)) // len(text))
    return min(4, share) + 4 * any(_SEVERE.search(line[: 4 * _LINE_HEAD]) for line in new)


def _pieces(extracts: Sequence[Extract], blocks: Iterable[_Block], *, partly: bool = False) -> Iterator[Piece]:
    """A piece for each block that is cited by lines; the others of one extract together."""
    whole: dict[int, list[str]] = {}
    counts: dict[int, int] = {}
    held = list(blocks)
    for block in held:
        whole.setdefault(block.extract, []).append(block.text)
        counts[block.extract] = counts.get(block.extract, 0) + 1
    for block in held:
        extract = extracts[block.extract]
        if extract.by_lines and (partly or counts[block.extract] > 1):
            yield Piece(_with_lines(extract.heading, block), block.text, extract.anchor)
        elif texts := whole.pop(block.extract, None):
            yield Piece(extract.heading, "".join(texts), extract.anchor)


def _with_lines(heading: str, block: _Block) -> str:
    lines = f"ines {block.first}-{block.last}" if block.last > block.first else f"ine {block.first}"
    return f"{heading}, l{lines}" if heading else f"L{lines}"


def _measure(blocks: Sequence[_Block]) -> str:
    """How much that is; a line that was cut counts once."""
    lines = sum(block.last - block.first + 1 for block in blocks)
    twice = sum((after.extract, after.first) == (before.extract, before.last) for before, after in pairwise(blocks))
    return f"{lines - twice} lines ({sum(len(block.text) for block in blocks)} characters)"
