"""What is each line of a wiki text: a heading, an item, a table's row, a quotation, a rule, or more of a paragraph?

One pass over the lines; the words of each block are read by inlines.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from jirakb.jira.markup.nodes import Block, Blocks, Cell, Heading, Paragraph, Quote, Rule, Table
from jirakb.jira.markup.wiki.budget import as_written
from jirakb.jira.markup.wiki.inlines import InlineParser
from jirakb.jira.markup.wiki.lists import Entry, build_lists
from jirakb.jira.markup.wiki.tables import split_row

_LINE = re.compile(
    r"[ \t]*(?:(?P<blank>$)|h(?P<heading>[1-6](?=\.(?:\s|[A-Z*]|$))|[3-6](?=\.\D))\.|bq\.(?P<quote>\s)"
    r"|(?P<item>-|[*#][*#-]{0,5}|-[*#][*#-]{0,4})[ \t]+(?=\S)|(?P<row>\|)|(?P<rule>-{4,5}[ \t]*$)|(?P<empty>(?:--?|[*#][*#-]{0,5})[ \t]+$))"
)
_BLOCK_FIRST = re.compile(r"[ \t]*(?:h[1-6]\.|bq\.|[*#|-])")
_BLOCK_NEXT = re.compile(r"\n[ \t]*(?:h[1-6]\.|bq\.|[*#|-])")
_A_BLOCK = 2
"""What a block costs of the budget."""
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n)+")


def parse_blocks(text: str, inlines: InlineParser, *, tables: bool = True) -> Blocks:
    """The blocks of a text without containers; without `tables` a pipe is a pipe."""
    if not text or text.isspace():
        return ()
    if not (_BLOCK_FIRST.match(text) or _BLOCK_NEXT.search(text)):
        return _paragraphs(text, inlines)
    lines, unread = _Lines(inlines, tables), text.split("\n")
    for number, line in enumerate(unread):
        if not lines.read(line):
            lines.close()
            return (*lines.blocks, *as_written("\n".join(unread[number:]), inlines.kept))
    lines.close()
    return tuple(lines.blocks)


def _paragraphs(text: str, inlines: InlineParser) -> Blocks:
    """The blocks of a text without a line that begins one."""
    found: list[Block] = []
    position = 0
    for gap in _BLANK_LINES.finditer(text):
        if not inlines.budget.spend(_A_BLOCK):
            return (*found, *as_written(text[position:], inlines.kept))
        found += inlines.flow(text[position : gap.start()])
        position = gap.end()
    return (*found, *inlines.flow(text[position:]))


@dataclass(slots=True)
class _Lines:
    """The lines so far: finished blocks, and the one block under way (a paragraph, a list or a table)."""

    inlines: InlineParser
    tables: bool
    blocks: list[Block] = field(default_factory=list)
    paragraph: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)

    def read(self, line: str) -> bool:
        """Take in a line; False when no more markup is to be read, and this line was not."""
        found = _LINE.match(line)
        kind = found.lastgroup if found else None
        if found is None or kind is None or (kind == "row" and not self.tables):
            self._continue(line)
            return True
        if not self.inlines.budget.spend(_A_BLOCK * line.count("|") if kind == "row" else _A_BLOCK):
            return False
        if kind == "item":
            if self.paragraph or self.rows:
                self.close()
            self.entries.append((found["item"], [line[found.end() :]]))
        elif kind == "row":
            if self.paragraph or self.entries:
                self.close()
            self.rows.append([line.strip()])
        else:
            self.close()
            self.blocks += self._single(kind, found, line[found.end() :])
        return True

    def _continue(self, line: str) -> None:
        """More of the paragraph, of the last item, or of a row whose last cell is open."""
        if self.rows and not self.rows[-1][-1].endswith("|"):
            self.rows[-1].append(line.strip())
        elif self.entries:
            self.entries[-1][1].append(line)
        else:
            if self.rows:
                self.close()
            self.paragraph.append(line)

    def _single(self, kind: str, found: re.Match[str], words: str) -> Iterator[Block]:
        """What a block of one line says."""
        content = self.inlines.flow(words)
        if kind == "heading":
            level = int(found["heading"])
            yield from (Heading(level, b.content) if isinstance(b, Paragraph) else b for b in content)
        elif kind == "quote" and content:
            yield Quote(content)
        elif kind == "rule":
            yield Rule()

    def close(self) -> None:
        """Finish the block under way."""
        if self.paragraph:
            self.blocks += self.inlines.flow("\n".join(self.paragraph))
            self.paragraph = []
        if self.entries:
            self.blocks += build_lists(self.entries, self.inlines)
            self.entries = []
        if self.rows:
            self.blocks += self._table()
            self.rows = []

    def _table(self) -> Iterator[Block]:
        rows = tuple(filter(None, (self._row("\n".join(row)) for row in self.rows)))
        if rows:
            yield Table(rows)

    def _row(self, row: str) -> tuple[Cell, ...]:
        return tuple(
            Cell(parse_blocks(text, self.inlines, tables=False), heading=heading) for heading, text in split_row(row)
        )
