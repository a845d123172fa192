"""What does an ADF document say? Turns Jira Cloud's JSON into the tree of nodes.py.

Accepts anything: unknown nodes are read through to their children or to the words in their attributes, wrong types
count as absent, and what lies deeper than a tree may be is kept as plain words. Never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from jirakb.jira.markup.adf_inlines import InlineReader
from jirakb.jira.markup.adf_values import (
    Node,
    attributes,
    children,
    integer,
    joined_words,
    node_type,
    own_words,
    string,
)
from jirakb.jira.markup.characters import clean
from jirakb.jira.markup.context import MarkupContext
from jirakb.jira.markup.nodes import (
    MAX_DEPTH,
    Block,
    Blocks,
    Cell,
    CodeBlock,
    Heading,
    Inlines,
    Item,
    ItemList,
    ItemMark,
    Paragraph,
    Quote,
    Rule,
    Styled,
    Table,
    Text,
)

_PANEL_TITLES = {"note": "Note:", "warning": "Warning:", "error": "Error:", "success": "Success:", "tip": "Tip:"}
"""An info panel is the plain box and says nothing about its words; the other kinds do."""

_INLINE_TYPES = frozenset(
    (
        *("text", "hardBreak", "mention", "emoji", "date", "status", "inlineCard", "mediaInline"),
        *("inlineExtension", "placeholder", "image"),
    )
)


def parse_adf(doc: object, context: MarkupContext) -> Blocks:
    """The tree of a document, a node, a list of nodes, or a plain string."""
    if isinstance(doc, str):
        return tuple(Paragraph((Text(part),)) for part in clean(doc).split("\n\n") if part.strip())
    nodes = doc if isinstance(doc, list | tuple) else [doc]
    return _Reader(InlineReader(context)).blocks(nodes, 0)


@dataclass(slots=True)
class _Reader:
    """One document under way."""

    inlines: InlineReader

    def blocks(self, nodes: object, depth: int) -> Blocks:
        """Blocks of a list of nodes; inlines among them form paragraphs of their own."""
        if not isinstance(nodes, list | tuple):
            return ()
        if depth >= MAX_DEPTH:
            words = joined_words(nodes)
            return (Paragraph((Text(words),)),) if words else ()
        found: list[Block] = []
        loose: list[object] = []
        for node in nodes:
            if not self.inlines.spend():
                break
            if self._is_inline(node):
                loose.append(node)
                continue
            found += self._paragraph(loose, depth)
            loose = []
            if isinstance(node, dict):
                found += self._block(node, depth)
        found += self._paragraph(loose, depth)
        return tuple(found)

    def _is_inline(self, node: object) -> bool:
        if isinstance(node, str):
            return True
        kind = node_type(node)
        return kind in _INLINE_TYPES or (bool(kind) and kind not in _BLOCKS and not children(node))

    def _block(self, node: Node, depth: int) -> Blocks:
        read = _BLOCKS.get(node_type(node))
        return tuple(read(self, node, depth + 1)) if read else self.blocks(node.get("content"), depth + 1)

    def _paragraph(self, nodes: object, depth: int) -> Blocks:
        content = self._inlines(nodes, depth)
        return (Paragraph(content),) if content else ()

    def _inlines(self, nodes: object, depth: int) -> Inlines:
        return self.inlines.read(nodes, depth) if isinstance(nodes, list | tuple) and nodes else ()

    def paragraph(self, node: Node, depth: int) -> Iterator[Block]:
        yield from self._paragraph(node.get("content"), depth)

    def heading(self, node: Node, depth: int) -> Iterator[Block]:
        content = self._inlines(node.get("content"), depth)
        if content:
            yield Heading(min(max(integer(attributes(node).get("level"), 1), 1), 6), content)

    def code(self, node: Node, depth: int) -> Iterator[Block]:
        del depth
        words = clean("".join(string(child.get("text")) for child in children(node) if isinstance(child, dict)))
        yield CodeBlock(words or joined_words(node.get("content")), string(attributes(node).get("language")).lower())

    def quote(self, node: Node, depth: int) -> Iterator[Block]:
        content = self.blocks(node.get("content"), depth)
        if content:
            yield Quote(content)

    def panel(self, node: Node, depth: int) -> Iterator[Block]:
        attrs = attributes(node)
        title = string(attrs.get("title")) or _PANEL_TITLES.get(string(attrs.get("panelType")), "")
        head = _bold(title)
        content = self.blocks(node.get("content"), depth)
        if head or content:
            yield Quote(head + content)

    def expand(self, node: Node, depth: int) -> Iterator[Block]:
        yield from _bold(string(attributes(node).get("title")))
        yield from self.blocks(node.get("content"), depth)

    def bullets(self, node: Node, depth: int) -> Iterator[Block]:
        if items := self._items(node, depth):
            yield ItemList(items)

    def numbers(self, node: Node, depth: int) -> Iterator[Block]:
        start = integer(attributes(node).get("order"), 1)
        if items := self._items(node, depth):
            yield ItemList(items, ordered=True, start=min(max(start, 0), 99_999_999))

    def lone_item(self, node: Node, depth: int) -> Iterator[Block]:
        """An item without its list, as Jira's editor lets one copy it."""
        if items := self._items({"content": [node]}, depth):
            yield ItemList(items)

    def _items(self, node: Node, depth: int) -> tuple[Item, ...]:
        """The items of a list; a list directly inside a list belongs to the item before it."""
        items: list[Item] = []
        for child in children(node):
            kind = node_type(child)
            if items and kind in _LISTS and isinstance(child, dict):
                items[-1] = Item(items[-1].content + self._block(child, depth), items[-1].mark)
            elif kind in _ITEMS and isinstance(child, dict):
                items += self._item(child, depth)
            else:
                items += [Item(content) for content in (self.blocks([child], depth),) if content]
        return tuple(items)

    def _item(self, node: Node, depth: int) -> Iterator[Item]:
        content = self.blocks(node.get("content"), depth + 1)
        mark = _mark(node)
        if content or mark:
            yield Item(content, mark)

    def table(self, node: Node, depth: int) -> Iterator[Block]:
        rows = [self._row(row, depth) for row in children(node)]
        kept = tuple(row for row in rows if row)
        if kept:
            yield Table(kept)

    def lone_row(self, node: Node, depth: int) -> Iterator[Block]:
        yield from self.table({"content": [node]}, depth)

    def _row(self, row: object, depth: int) -> tuple[Cell, ...]:
        if node_type(row) != "tableRow":
            content = self.blocks([row], depth)
            return (Cell(content),) if content else ()
        return tuple(self._cell(cell, depth + 1) for cell in children(row))

    def _cell(self, cell: object, depth: int) -> Cell:
        if not isinstance(cell, dict) or node_type(cell) not in ("tableCell", "tableHeader"):
            return Cell(self.blocks([cell], depth))
        attrs = attributes(cell)
        return Cell(
            self.blocks(cell.get("content"), depth + 1),
            heading=node_type(cell) == "tableHeader",
            columns=integer(attrs.get("colspan"), 1),
            rows=integer(attrs.get("rowspan"), 1),
        )

    def rule(self, node: Node, depth: int) -> Iterator[Block]:
        yield Rule()
        yield from self.blocks(node.get("content"), depth)

    def inline(self, node: Node, depth: int) -> Iterator[Block]:
        """A block that shows as a line of its own: a card, a picture, an extension without a body."""
        yield from self._paragraph([{**node, "content": None}], depth)
        yield from self.blocks(node.get("content"), depth)

    def media_group(self, node: Node, depth: int) -> Iterator[Block]:
        """Each file, each caption on a line of its own; a link around the picture may stand on either."""
        for child in children(node):
            if isinstance(child, dict):
                yield from self._block(_with_marks_of(node, child) if node_type(child) == "media" else child, depth)

    def original(self, node: Node, depth: int) -> Iterator[Block]:
        """Jira keeps a node that its editor does not know in an attribute."""
        yield from self.blocks([own_words(node), attributes(node).get("originalValue")], depth)
        yield from self.blocks(node.get("content"), depth)


def _with_marks_of(outer: Node, node: Node) -> Node:
    marks, own = outer.get("marks"), node.get("marks")
    both = [mark for found in (marks, own) if isinstance(found, list | tuple) for mark in found]
    return {**node, "marks": both} if both else node


def _mark(node: Node) -> ItemMark:
    match node_type(node):
        case "taskItem" | "blockTaskItem":
            return "done" if attributes(node).get("state") == "DONE" else "todo"
        case "decisionItem":
            return "decision"
    return ""


def _bold(title: str) -> Blocks:
    words = clean(title).strip()
    return (Paragraph((Styled("strong", (Text(words),)),)),) if words else ()


_LISTS = frozenset(("bulletList", "orderedList", "taskList", "decisionList"))
_ITEMS = frozenset(("listItem", "taskItem", "blockTaskItem", "decisionItem"))
_BLOCKS: Mapping[str, Callable[[_Reader, Node, int], Iterator[Block]]] = {
    "paragraph": _Reader.paragraph,
    "caption": _Reader.paragraph,
    "heading": _Reader.heading,
    "codeBlock": _Reader.code,
    "blockquote": _Reader.quote,
    "panel": _Reader.panel,
    "expand": _Reader.expand,
    "nestedExpand": _Reader.expand,
    "bulletList": _Reader.bullets,
    "orderedList": _Reader.numbers,
    "taskList": _Reader.bullets,
    "decisionList": _Reader.bullets,
    "listItem": _Reader.lone_item,
    "taskItem": _Reader.lone_item,
    "blockTaskItem": _Reader.lone_item,
    "decisionItem": _Reader.lone_item,
    "table": _Reader.table,
    "tableRow": _Reader.lone_row,
    "rule": _Reader.rule,
    "bodiedRule": _Reader.rule,
    "mediaSingle": _Reader.media_group,
    "mediaGroup": _Reader.media_group,
    "media": _Reader.inline,
    "blockCard": _Reader.inline,
    "embedCard": _Reader.inline,
    "applicationCard": _Reader.inline,
    "extension": _Reader.inline,
    "bodiedExtension": _Reader.inline,
    "multiBodiedExtension": _Reader.inline,
    "unsupportedBlock": _Reader.original,
    "unsupportedInline": _Reader.original,
}
