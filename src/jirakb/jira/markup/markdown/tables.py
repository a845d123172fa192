"""How is a table written as a GitHub pipe table? One line a row, blocks of a cell joined by <br>.

A pipe table has no spans: a cell over several columns or rows is followed by empty ones, so that columns keep in line.
"""

from __future__ import annotations

from collections.abc import Iterator

from jirakb.jira.markup.markdown.inlines import BREAK, code_span, write_inlines
from jirakb.jira.markup.nodes import (
    Block,
    Blocks,
    Cell,
    CodeBlock,
    Heading,
    Inlines,
    ItemList,
    Paragraph,
    Quote,
    Rule,
    Styled,
    Table,
)

_WIDEST_SPAN = 50
_LONGEST_SPAN = 200


def write_table(table: Table) -> str:
    """The table; its first row is the head where it holds a heading cell, else the head is empty."""
    rows = [row for row in _laid_out(table) if row]
    if not rows:
        return ""
    headed = any(cell.heading for cell in table.rows[0])
    width = max(map(len, rows))
    head, body = (rows[0], rows[1:]) if headed else ([], rows)
    lines = [_line(head + [""] * (width - len(head))), "|" + " --- |" * width]
    return "\n".join(lines + [_line(row) for row in body])


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _laid_out(table: Table) -> Iterator[list[str]]:
    """Each row's texts, with empty ones where a span of this or an earlier row lies."""
    covered: dict[int, int] = {}
    for number, row in enumerate(table.rows):
        texts: list[str] = []
        below: dict[int, int] = {}
        for cell in row:
            while covered.get(len(texts), 0):
                texts.append("")
            columns = min(max(cell.columns, 1), _WIDEST_SPAN)
            if cell.rows > 1:
                left = min(cell.rows, _LONGEST_SPAN) - 1
                below.update((column, left) for column in range(len(texts), len(texts) + columns))
            texts += [_cell(cell, head=not number)] + [""] * (columns - 1)
        covered = {column: left - 1 for column, left in covered.items() if left > 1} | below
        yield texts


def _cell(cell: Cell, *, head: bool) -> str:
    """A heading cell is bold: in the head by itself, elsewhere by its words. Jira's own may or may not say so, too."""
    content = cell.content
    if cell.heading and len(content) == 1 and isinstance(content[0], Paragraph):
        words = _unstyled(content[0].content)
        content = (Paragraph(words if head else (Styled("strong", words),)),)
    return cell_text(content)


def _unstyled(inlines: Inlines) -> Inlines:
    match inlines:
        case (Styled("strong", content),):
            return content
    return inlines


def cell_text(blocks: Blocks) -> str:
    """Blocks on one line, fit for a cell."""
    lines = _lines(blocks, several=False)
    if len(lines) > 1:
        lines = _lines(blocks, several=True)
    return "<br>".join(lines).replace("|", "\\|")


def _lines(blocks: Blocks, *, several: bool) -> list[str]:
    return [line for block in blocks for line in _block_lines(block, several=several) if line]


def _block_lines(block: Block, *, several: bool) -> list[str]:
    match block:
        case Paragraph(content):
            return write_inlines(content, in_lines=several).split(BREAK)
        case Heading():
            return write_inlines((Styled("strong", block.content),), in_lines=several).split(BREAK)
        case CodeBlock():
            return [code_span(line) for line in block.text.split("\n")]
        case Quote(content):
            return _lines(content, several=several)
        case ItemList():
            return _item_lines(block, several=several)
        case Table(rows):
            return [" / ".join(" ".join(_lines(cell.content, several=several)) for cell in row) for row in rows]
        case Rule():
            return []


def _item_lines(items: ItemList, *, several: bool) -> list[str]:
    lines: list[str] = []
    for number, item in enumerate(items.items, items.start):
        first, *others = _lines(item.content, several=several) or [""]
        lines += [item_marker(items, item.mark, number) + first, *others]
    return lines


def item_marker(items: ItemList, mark: str, number: int) -> str:
    """What stands before an item's words."""
    shown = {"todo": "[ ] ", "done": "[x] ", "decision": "**Decision:** "}.get(mark, "")
    return (f"{number}. " if items.ordered else "- ") + shown
