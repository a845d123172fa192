"""What does HTML inside an {html} macro say? Trackers that moved to Jira left their texts so.

Knows the tags of prose; any other tag is kept as the words it is. Never loads anything, never runs anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from itertools import islice

from jirakb.jira.markup.characters import clean
from jirakb.jira.markup.nodes import (
    Block,
    Blocks,
    Cell,
    CodeBlock,
    CodeSpan,
    Heading,
    Image,
    Inline,
    Item,
    ItemList,
    Link,
    Paragraph,
    Quote,
    Rule,
    Style,
    Styled,
    Table,
    Text,
)

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s[^<>]*)?)/?>")
_ATTRIBUTE = re.compile(r"""(href|src|alt)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_DEEPEST = 14
_MOST = 100_000
"""Tags of one text that are read; those that follow are words."""
_STYLES: dict[str, Style] = {
    "strong": "strong", "b": "strong", "em": "em", "i": "em", "cite": "em", "strike": "strike", "del": "strike",
    "s": "strike", "u": "underline", "ins": "underline", "sub": "sub", "sup": "sup",
}  # fmt: skip
_INLINE = frozenset((*_STYLES, "a", "code", "tt", "kbd", "span", "font"))
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_TABLE = ("table", "tbody", "thead", "tr", "td", "th")
_PROSE = ("p", "div", "pre", "ul", "ol", "li", "blockquote", "html", "body", "dl", "dt", "dd", "center")
_BLOCK = frozenset((*_HEADINGS, *_TABLE, *_PROSE))
_EMPTY = frozenset(("br", "hr", "img"))
_KNOWN = _INLINE | _BLOCK | _EMPTY


@dataclass(slots=True)
class _Element:
    """An open tag with what it holds so far."""

    tag: str
    url: str = ""
    inlines: list[Inline] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    rows: list[tuple[Cell, ...]] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)

    def end_paragraph(self) -> None:
        """Turn loose inlines into a paragraph."""
        if any(not isinstance(inline, Text) or inline.value.strip() for inline in self.inlines):
            self.blocks.append(Paragraph(tuple(self.inlines)))
        self.inlines = []


def parse_html(source: str) -> Blocks:
    """The tree of an HTML text."""
    parser = _Parser()
    source = _without_comments(source)
    position = 0
    for found in islice(_TAG.finditer(source), _MOST):
        parser.words(source[position : found.start()])
        position = found.end()
        parser.tag(found)
    parser.words(source[position:])
    return parser.finish()


def _without_comments(source: str) -> str:
    first, *others = source.split("<!--")
    rests = (other.partition("-->") for other in others)
    return "".join((first, *(after if end else before for before, end, after in rests)))


@dataclass(slots=True)
class _Parser:
    """The stack of open elements; the first is the text itself."""

    stack: list[_Element] = field(default_factory=lambda: [_Element("")])

    def words(self, raw: str) -> None:
        if not raw:
            return
        text = clean(unescape(raw)) if "&" in raw else raw
        if any(element.tag == "pre" for element in self.stack):
            self.stack[-1].inlines.append(Text(text))
        else:
            self.stack[-1].inlines.append(Text(_SPACE.sub(" ", text)))

    def tag(self, found: re.Match[str]) -> None:
        name = found[2].lower()
        if name not in _KNOWN or (len(self.stack) > _DEEPEST and not found[1] and name not in _EMPTY):
            self.words(found[0] if name not in _KNOWN else "")
        elif found[1]:
            self._close(name)
        else:
            self._open(name, found[3] or "")

    def _open(self, name: str, given: str) -> None:
        top = self.stack[-1]
        attributes = {m[1].lower(): clean(unescape(m[2] or m[3] or m[4] or "")) for m in _ATTRIBUTE.finditer(given)}
        if name == "br":
            top.inlines.append(Text("\n"))
        elif name == "img":
            self._image(attributes)
        elif name == "hr":
            top.end_paragraph()
            top.blocks.append(Rule())
        else:
            if name in _BLOCK:
                self._close_inlines()
                self.stack[-1].end_paragraph()
            self.stack.append(_Element(name, attributes.get("href", "")))

    def _image(self, attributes: dict[str, str]) -> None:
        url, name = attributes.get("src", ""), attributes.get("alt", "")
        self.stack[-1].inlines.append(Image(url, name or url) if url else Text(name))

    def _close_inlines(self) -> None:
        """A block ends the inlines that were left open."""
        while len(self.stack) > 1 and self.stack[-1].tag in _INLINE:
            self._end()

    def _close(self, name: str) -> None:
        """Close down to the element of this name; a closing tag that closes nothing says nothing."""
        if any(element.tag == name for element in self.stack):
            while self.stack[-1].tag != name:
                self._end()
            self._end()

    def finish(self) -> Blocks:
        while len(self.stack) > 1:
            self._end()
        self.stack[0].end_paragraph()
        return tuple(self.stack[0].blocks)

    def _end(self) -> None:
        """Close the innermost element into the one around it."""
        element, parent = self.stack.pop(), self.stack[-1]
        if element.tag in _INLINE:
            parent.inlines += _inline(element)
            parent.blocks += element.blocks
            return
        if element.tag != "pre" and element.tag not in _HEADINGS:
            element.end_paragraph()
        _place(element, parent)


def _inline(element: _Element) -> Iterator[Inline]:
    content = tuple(element.inlines)
    if element.tag == "a" and element.url:
        yield Link(element.url, content)
    elif element.tag in ("code", "tt", "kbd"):
        yield CodeSpan(_words(content))
    elif element.tag in _STYLES and content:
        yield Styled(_STYLES[element.tag], content)
    else:
        yield from content


def _place(element: _Element, parent: _Element) -> None:
    """Put a closed block where it belongs."""
    tag = element.tag
    content = tuple(element.blocks)
    if tag == "li":
        parent.items.append(Item(content))
    elif tag in ("td", "th"):
        parent.cells.append(Cell(content, heading=tag == "th"))
    elif tag == "tr":
        parent.rows.append((*element.cells, *((Cell(content),) if content else ())))
    else:
        parent.blocks += _blocks(element, content)
        if tag in ("tbody", "thead"):
            parent.rows += element.rows
            element.rows = []
    if element.items or element.rows or (element.cells and tag != "tr"):
        parent.blocks += _strays(element)


def _blocks(element: _Element, content: Blocks) -> Iterator[Block]:
    if element.tag in _HEADINGS:
        yield Heading(_HEADINGS[element.tag], tuple(element.inlines))
    elif element.tag == "pre":
        code = "\n".join([_words(tuple(element.inlines)), *(b.text for b in content if isinstance(b, CodeBlock))])
        yield CodeBlock(code.strip("\n"))
        content = tuple(block for block in content if not isinstance(block, CodeBlock))
    if element.tag == "blockquote" and content:
        yield Quote(content)
    else:
        yield from content
    if element.tag in ("ul", "ol") and element.items:
        yield ItemList(tuple(element.items), ordered=element.tag == "ol")
        element.items = []
    if element.tag == "table" and element.rows:
        yield Table(tuple(element.rows))
        element.rows = []


def _strays(element: _Element) -> Iterator[Block]:
    """Items without a list, rows and cells without a table."""
    if element.items:
        yield ItemList(tuple(element.items))
    if element.rows:
        yield Table(tuple(element.rows))
    if element.cells and element.tag != "tr":
        yield Table((tuple(element.cells),))


def _words(inlines: tuple[Inline, ...]) -> str:
    """The words of inlines inside preformatted text."""
    out: list[str] = []
    for inline in inlines:
        match inline:
            case Text(value) | CodeSpan(value):
                out.append(value)
            case Image():
                out.append(inline.name)
            case Link() | Styled():
                out.append(_words(inline.content))
    return "".join(out)
