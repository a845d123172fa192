"""What does one line of wiki markup say? Returns inline nodes, and blocks where an image or a macro stands in the line.

Every delimiter looks only at its neighbours, and the ends of a kind are listed once for a span, so that a line of any
length is read in linear time. Spans nest to a fixed depth; below it their signs are plain text.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from jirakb.simulator.wiki_adf.links import EMOTICONS, Link, image, link, mention, url_end
from jirakb.simulator.wiki_adf.macros import Page
from jirakb.simulator.wiki_adf.nodes import HARD_BREAK, Mark, Node, marked, text

_DEEPEST = 9
_MAYBE = re.compile(r"[*_+^~?{\[!\\(\0]|-|[:;][()DP]|://")
_TOKEN = re.compile(
    r"\0(?P<macro>[0-9]+)\0"
    r"|(?P<hard>\\\\)"
    r"|\\(?P<escape>[*_\-+^~?{}\[\]!|#(])"
    r"|(?P<dash>(?<![^\s])-{2,3}(?!\S))"
    r"|(?P<span>(?<![^\W_])(?:\?\?|[*_+^~-])(?=\S))"
    r"|\{\{(?P<mono>[^\n{}\0]+(?:\{[^\n{}\0]*\}[^\n{}\0]*)?)\}\}"
    r"|\[(?P<link>[^\[\]\n]+)\]"
    r"|(?<![^\W_])!(?P<image>[^\s!|\0][^!|\n\0]*)(?P<size>\|[^!\n\0]*)?!(?![^\W_])"
    r"|(?P<url>\b(?:https?|ftp)://(?=[^\s|\]\[{}!]))"
    r"|(?P<emoticon>(?<![^\W_])\((?:[!/xyni?+*-]|\*[rgby]|on|off|flag|flagoff)\)|(?<!\S)(?::[()DP]|;\))(?![^\W_]))"
)
_MARKS: dict[str, Mark] = {
    "*": {"type": "strong"},
    "_": {"type": "em"},
    "??": {"type": "em"},
    "-": {"type": "strike"},
    "+": {"type": "underline"},
    "^": {"type": "subsup", "attrs": {"type": "sup"}},
    "~": {"type": "subsup", "attrs": {"type": "sub"}},
}
_CODE: Mark = {"type": "code"}
_DASHES = {"--": "–", "---": "—"}

Expand = Callable[[int], list[Node]]


@dataclass
class _Reader:
    """One span under reading; `ends` remembers where each delimiter may close."""

    source: str
    page: Page
    expand: Expand
    depth: int
    ends: dict[str, list[int]] = field(default_factory=dict)

    def nodes(self) -> Iterator[Node]:
        done = position = 0
        while match := _TOKEN.search(self.source, position):
            found = self._read(match)
            position = match.start() + 1 if found is None else found[1]
            if found is None:
                continue
            if match.start() > done:
                yield text(self.source[done : match.start()])
            yield from found[0]
            done = position
        if done < len(self.source):
            yield text(self.source[done:])

    def _read(self, match: re.Match[str]) -> tuple[list[Node], int] | None:
        """Return the nodes of a token and where it ends, or None when it is plain text."""
        kind = match.lastgroup
        if kind == "span":
            return self._span(match[0], match.start())
        if kind == "url":
            end = url_end(self.source, match.start())
            address = self.source[match.start() : end]
            return [text(address, {"type": "link", "attrs": {"href": address}})], end
        nodes = self._image(match) if match["image"] else self._simple(str(kind), match)
        return None if nodes is None else (nodes, match.end())

    def _image(self, match: re.Match[str]) -> list[Node] | None:
        node = image(match["image"], match["size"] or "", self.page.attachments)
        return None if node is None else [node]

    def _simple(self, kind: str, match: re.Match[str]) -> list[Node] | None:
        value = match[kind]
        if kind == "macro":
            return self.expand(int(value))
        if kind == "hard":
            return [{"type": HARD_BREAK}]
        if kind == "mono":
            return [text(value, _CODE)]
        if kind == "link":
            return self._link(link(value, self.page.attachments))
        if kind == "emoticon":
            return [EMOTICONS[value]]
        return [text(_DASHES.get(value, value))]

    def _link(self, found: Link | None) -> list[Node] | None:
        if found is None:
            return None
        if found.node is not None:
            return [found.node]
        if found.person:
            return mention(found.person, found.label, self.page.users)
        label = self._inside(found.label) if found.label != found.href else [text(found.label)]
        return marked(label, {"type": "link", "attrs": {"href": found.href}}) if label else None

    def _span(self, sign: str, start: int) -> tuple[list[Node], int] | None:
        first = start + len(sign)
        if self.depth >= _DEEPEST or self.source.startswith(sign[0], first):
            return None
        end = self._end(sign, first)
        if end is None or self.source[end - 1].isspace():
            return None
        content = self._inside(self.source[first:end])
        if sign == "??":
            content = [text("— "), *content]
        return marked(content, _MARKS[sign]), end + len(sign)

    def _inside(self, source: str) -> list[Node]:
        return list(_Reader(source, self.page, self.expand, self.depth + 1).nodes())

    def _end(self, sign: str, first: int) -> int | None:
        """Return the next place where the sign ends a word; ends before whitespace only are refused by the caller."""
        if sign not in self.ends:
            pattern = re.escape(sign) + r"(?![^\W_])"
            self.ends[sign] = [match.start() for match in re.finditer(pattern, self.source)]
        places = self.ends[sign]
        at = bisect_left(places, first + 1)
        return places[at] if at < len(places) else None


def inline(source: str, page: Page, expand: Expand) -> list[Node]:
    """Read one line; `expand` returns the nodes of a lifted macro by its number."""
    if not _MAYBE.search(source):
        return [text(source)] if source else []
    return list(_Reader(source, page, expand, 0).nodes())
