"""What is each line of a wiki text: a heading, an item, a table's row, a quotation, a rule, or more of a paragraph?

One pass over the lines; the words of each block are read by inlines.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from jirakb.jira.markup.nodes import Block, Blocks, Heading, Quote, Rule, Table
from jirakb.jira.markup.wiki.inlines import InlineParser
from jirakb.jira.markup.wiki.lists import ListBuilder
from jirakb.jira.markup.wiki.tables import RowSplitter

_LINE = re.compile(
    r"[ \t]*(?:(?P<blank>$)|h(?P<heading>[1-6])\.(?=\s|[A-Z*]|$)|bq\.(?P<quote>\s)"
    r"|(?P<item>-|[*#][*#-]*|-[*#][*#-]*)[ \t]+(?=\S)|(?P<row>\|)|(?P<rule>-{4,5}[ \t]*$)|(?P<empty>[*#-]{1,6}[ \t]*$))"
)
_ANY_BLOCK = re.compile(r"^[ \t]*(?:h[1-6]\.|bq\.|[*#|-]|$)", re.MULTILINE)


def parse_blocks(text: str, inlines: InlineParser, *, tables: bool = True) -> Blocks:
    """The blocks of a text without containers; without `tables` a pipe is a pipe."""
    text = text.strip("\n")
    if not text.strip():
        return ()
    if not _ANY_BLOCK.search(text):
        return inlines.flow(text)
    parser = _Lines(inlines, tables=tables)
    for line in text.split("\n"):
        parser.line(line)
    return parser.finish()


@dataclass(slots=True)
class _Lines:
    """The block under way: a paragraph, a list or a table; at most one of them is open."""

    inlines: InlineParser
    tables: bool
    blocks: list[Block] = field(default_factory=list)
    paragraph: list[str] = field(default_factory=list)
    items: ListBuilder = field(default_factory=ListBuilder)
    rows: list[str] = field(default_factory=list)

    def line(self, line: str) -> None:
        found = _LINE.match(line)
        kind = found.lastgroup if found else None
        if found is None or kind is None or (kind == "row" and not self.tables):
            self._more(line)
        elif kind == "item":
            self._close(keep=self.items)
            self.items.add(found["item"], line[found.end() :])
        elif kind == "row":
            self._close(keep=self.rows)
            self.rows.append(line.strip())
        elif kind == "empty" and self.paragraph:
            self._more(line if line.strip("*#- \t") else "")
        else:
            self._close()
            self._single(kind, found, line)

    def _single(self, kind: str, found: re.Match[str], line: str) -> None:
        """A block of one line."""
        rest = line[found.end() :]
        if kind == "heading":
            head, *others = self.inlines.flow(rest) or (None,)
            if head is not None:
                content = self.inlines.parse(rest) if not others else ()
                self.blocks += self._heading(int(found["heading"]), rest) if not content else [
                    Heading(int(found["heading"]), content)
                ]
        elif kind == "quote":
            if content_blocks := self.inlines.flow(rest):
                self.blocks.append(Quote(content_blocks))
        elif kind == "rule":
            self.blocks.append(Rule())
