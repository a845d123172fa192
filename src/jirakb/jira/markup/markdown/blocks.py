"""How are blocks written as markdown? One function a kind; a container indents what its blocks wrote."""

from __future__ import annotations

import re

from jirakb.jira.markup.markdown.inlines import BREAK, write_inlines
from jirakb.jira.markup.markdown.tables import item_marker, write_table
from jirakb.jira.markup.nodes import (
    Block,
    Blocks,
    CodeBlock,
    Heading,
    Item,
    ItemList,
    Paragraph,
    Quote,
    Rule,
    Table,
)

_LANGUAGE = re.compile(r"[\w+#.-]{1,40}")
_CLOSING_HASHES = re.compile(r"(?:(?<=\s)|^)(?=#+$)")
_FENCE = re.compile("`{3,}")
_LINE_START = re.compile(r"\n(?!\n)")


def write_blocks(blocks: Blocks, shift: int = 0) -> str:
    """The blocks, a blank line between each two."""
    return "\n\n".join(filter(None, (_write_block(block, shift) for block in blocks)))


def _write_block(block: Block, shift: int) -> str:
    match block:
        case Paragraph(content):
            return write_inlines(content)
        case Heading():
            return _heading(block, shift)
        case CodeBlock():
            return _code(block)
        case Quote(content):
            return _quoted(write_blocks(content, shift))
        case ItemList():
            return _write_list(block, shift)
        case Table():
            return write_table(block)
        case Rule():
            return "---"


def _heading(heading: Heading, shift: int) -> str:
    """One line: a break inside a heading becomes a space."""
    text = write_inlines(heading.content).replace(BREAK, " ")
    level = min(max(heading.level + shift, 1), 6)
    return f"{'#' * level} {_CLOSING_HASHES.sub(chr(92) * 2, text, count=1)}" if text else ""


def _code(code: CodeBlock) -> str:
    """Fenced by more backticks than any run in the text."""
    language = code.language if _LANGUAGE.fullmatch(code.language) else ""
    longest = max(map(len, _FENCE.findall(code.text)), default=2) if "```" in code.text else 2
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{code.text}\n{fence}"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n")) if text else ""


def _write_list(items: ItemList, shift: int) -> str:
    """Tight where every item is a paragraph with at most lists below, else with blank lines between items."""
    separator = "\n" if all(map(_is_tight, items.items)) else "\n\n"
    written: list[str] = []
    for item in items.items:
        marker = item_marker(items, item.mark, items.start + len(written))
        text = _item_body(item, shift, separator)
        if text:
            width = len(marker) if not item.mark else 2
            written.append(marker + _LINE_START.sub("\n" + " " * width, text))
    return separator.join(written)


def _is_tight(item: Item) -> bool:
    head, *rest = item.content or (None,)
    return not isinstance(head, CodeBlock | Quote | Table) and all(map(_may_follow, rest))


def _may_follow(block: Block) -> bool:
    """Whether a paragraph may be followed by this block without a blank line, to CommonMark's mind."""
    return isinstance(block, ItemList) and (not block.ordered or block.start == 1)


def _item_body(item: Item, shift: int, separator: str) -> str:
    if item.content and item.content[0] == Rule():
        return ("***\n\n" + write_blocks(item.content[1:], shift)).rstrip()
    if separator == "\n":
        return "\n".join(filter(None, (write_blocks((block,), shift) for block in item.content)))
    return write_blocks(item.content, shift)
