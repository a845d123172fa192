"""How is a document cut into sections (stored, returned) and passages (embedded, matched)?

Text of different readers never meets: each reader set has a text of its own, made of its parts in document
order, and sections of its own. Never reads the front matter, never counts tokens, never drops a character.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jirakb.documents import Document, Part, Readers
from jirakb.settings import MAX_SECTION_BYTES, MIN_SECTION_BYTES, OVERLAP_BYTES, PASSAGE_CHARS

_CUT_WINDOW = 20 * 1024
"""How far back a section's cut may look for a part's start or a paragraph: a fifth of a section."""
_SENTENCE_END = re.compile(r"[.!?:;。！？](?=\s)|\n")


@dataclass(frozen=True, slots=True)
class Anchor:
    """From `offset` characters on a section is of this part: its kind, heading and where a citation leads."""

    offset: int
    kind: str
    heading: str
    url: str


@dataclass(frozen=True, slots=True)
class Section:
    """A stored piece of one reader set's text; its first `overlap` characters repeat the section before.

    `anchors` ascend and begin at 0. `passages` are (start, stop) in characters, covering all but the overlap.
    """

    readers: Readers
    text: str
    overlap: int
    anchors: tuple[Anchor, ...]
    passages: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ReaderText:
    """All the text of a document that needs exactly these readers, headed by its issue's key and title."""

    readers: Readers
    text: str
    anchors: tuple[Anchor, ...]


def split(document: Document) -> tuple[Section, ...]:
    """The document's sections: those of its own readers first (always at least one), then the others'."""
    return tuple(section for whole in reader_texts(document) for section in _sections(whole))


def reader_texts(document: Document) -> tuple[ReaderText, ...]:
    """One text per reader set; joined without their overlaps, its sections give exactly this text."""
    groups: dict[Readers, list[Part]] = {document.readers: []}
    for part in document.parts:
        if part.text.strip():
            groups.setdefault(part.readers | document.readers, []).append(part)
    return tuple(_reader_text(document, readers, parts) for readers, parts in groups.items())


def embedder_text(title: str, key: str, passage: str) -> str:
    """What the embedder is given: the issue's key and summary, then the passage without that line."""
    head = _head(title, key)
    body = passage.removeprefix(f"# {head}").strip()
    return f"{head}\n{body}" if body else head


def _head(title: str, key: str) -> str:
    return f"{key}: {' '.join(title.split())}"


def _reader_text(document: Document, readers: Readers, parts: Sequence[Part]) -> ReaderText:
    blocks = [f"# {_head(document.title, document.key)}"]
    anchors = [Anchor(0, "summary", "", document.url)]
    length, heading = len(blocks[0]), ""
    for part in parts:
        block = part.text if part.heading == heading else f"## {part.heading}\n{part.text}"
        heading = part.heading
        anchors.append(Anchor(length + 2, part.kind, part.heading, part.url))
        blocks.append(block)
        length += 2 + len(block)
    return ReaderText(readers, "\n\n".join(blocks), tuple(anchors))


def _sections(whole: ReaderText) -> Iterator[Section]:
    starts = [anchor.offset for anchor in whole.anchors]
    overlap_start = 0
    for start, stop in _cuts(whole.text, starts):
        yield Section(
            whole.readers,
            whole.text[overlap_start:stop],
            start - overlap_start,
            _anchors_from(whole.anchors, starts, overlap_start, stop),
            tuple((a - overlap_start, b - overlap_start) for a, b in _passages(whole.text, starts, start, stop)),
        )
        overlap_start = _overlap_start(whole.text, stop)


def _anchors_from(anchors: tuple[Anchor, ...], starts: list[int], start: int, stop: int) -> tuple[Anchor, ...]:
    """The anchors that rule start..stop, counted from start."""
    first = bisect_right(starts, start) - 1
    return tuple(
        Anchor(max(anchor.offset - start, 0), anchor.kind, anchor.heading, anchor.url)
        for anchor in anchors[first : bisect_right(starts, stop - 1)]
    )


def _cuts(text: str, starts: list[int]) -> Iterator[tuple[int, int]]:
    """(start, stop) of each section's own text, in order: none too long with its overlap, none too short."""
    position, left = 0, len(text.encode())
    while True:
        overlap = len(text[_overlap_start(text, position) : position].encode())
        room = MAX_SECTION_BYTES - overlap
        if left <= room:
            yield position, len(text)
            return
        limit = position + _chars_within(text, position, min(room, left - MIN_SECTION_BYTES))
        stop = _section_cut(text, starts, position, limit)
        yield position, stop
        left -= len(text[position:stop].encode())
        position = stop


def _chars_within(text: str, position: int, size: int) -> int:
    """How many characters from `position` on fit into `size` bytes."""
    return len(text[position : position + size].encode()[:size].decode(errors="ignore"))


def _section_cut(text: str, starts: list[int], position: int, limit: int) -> int:
    """The best place to cut at or before `limit`: where a part begins, else a paragraph, line or word."""
    low = limit - min(_CUT_WINDOW, (limit - position) // 2)
    part = starts[bisect_right(starts, limit) - 1]
    if part > low:
        return part
    return _after_last(text, ("\n\n", "\n", " "), low, limit)


def _after_last(text: str, separators: Sequence[str], low: int, limit: int) -> int:
    """Just behind the last of the first separator found between low and limit; limit where none is."""
    for separator in separators:
        found = text.rfind(separator, low, limit)
        if found >= 0:
            return found + len(separator)
    return limit


def _overlap_start(text: str, stop: int) -> int:
    """Where the repetition before `stop` begins: at most OVERLAP_BYTES back, at a line or word if it can."""
    tail = text[max(stop - OVERLAP_BYTES, 0) : stop].encode()[-OVERLAP_BYTES:]
    start = stop - len(tail.decode(errors="ignore"))
    if start == 0:
        return 0
    middle = (start + stop) // 2
    for separator in ("\n", " "):
        found = text.find(separator, start - 1, middle)
        if found >= 0:
            return found + 1
    return start


def _passages(text: str, starts: list[int], start: int, stop: int) -> Iterator[tuple[int, int]]:
    """(start, stop) of the passages of a section's own text, blank ones left out (but never all)."""
    position = start
    while position < stop:
        end = _passage_end(text, starts, position, stop)
        if not text[position:end].isspace():
            yield position, end
        position = end


def _passage_end(text: str, starts: list[int], position: int, stop: int) -> int:
    left = stop - position
    if left <= PASSAGE_CHARS:
        return stop
    # What is left behind the cut should not be a scrap.
    limit = position + min(PASSAGE_CHARS, left - PASSAGE_CHARS // 4)
    middle = position + PASSAGE_CHARS // 2
    part = starts[bisect_right(starts, limit) - 1]
    if part > middle:
        return part
    paragraph = text.rfind("\n\n", middle, limit)
    if paragraph >= 0:
        return paragraph + 2
    ends = [match.end() for match in _SENTENCE_END.finditer(text, middle, limit)]
    return ends[-1] if ends else _after_last(text, (" ",), middle, limit)
