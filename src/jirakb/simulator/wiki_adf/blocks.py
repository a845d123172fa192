"""Which lines make a heading, a rule, a quote, a list, a table or a paragraph? Reads line by line, never looks back."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from jirakb.simulator.wiki_adf.colors import hex_color, panel_type
from jirakb.simulator.wiki_adf.inline import inline
from jirakb.simulator.wiki_adf.lists import LIST_LINE, ListTree
from jirakb.simulator.wiki_adf.macros import Macro, Page, lift_raw, lift_rich, parameters
from jirakb.simulator.wiki_adf.nodes import (
    CELL_CHILDREN,
    HARD_BREAK,
    PANEL_CHILDREN,
    QUOTE_CHILDREN,
    Node,
    code_block,
    fitted,
    marked,
    panel,
    paragraph,
    paragraphs,
    quote,
    text,
)
from jirakb.simulator.wiki_adf.tables import continues, row, table

_HEADING = re.compile(r"h([1-6])\.\s+(.*)", re.DOTALL)
_QUOTE = re.compile(r"bq\.\s+(.*)", re.DOTALL)
_RULE = re.compile(r"-{4,5}(?:\s+|$)")
_LINE_STARTS = frozenset("hb-*#|")
_LINE_ENDS = re.compile(r"\r\n?")


def document(source: str, page: Page) -> list[Node]:
    """Convert a whole text to the blocks of a document."""
    clean = _LINE_ENDS.sub("\n", source.replace("\0", "\ufffd"))
    return _Blocks(page).read(lift_raw(clean, page))


@dataclass(frozen=True)
class _Blocks:
    """Reads text as blocks; macros inside are read by a new one of its kind."""

    page: Page

    def read(self, source: str) -> list[Node]:
        lines = lift_rich(source, self.page).split("\n")
        result: list[Node] = []
        at = 0
        while at < len(lines):
            line = lines[at].lstrip()
            at = self._start(line)(lines, at, result) if line else at + 1
        return result

    def _start(self, line: str) -> Callable[[list[str], int, list[Node]], int]:
        if line[0] not in _LINE_STARTS:
            return self._paragraph
        if line[0] == "|":
            return self._table
        for pattern, read in ((_HEADING, self._heading), (_QUOTE, self._quotation), (_RULE, self._rule)):
            if pattern.match(line):
                return read
        return self._list if _opens_list(line) else self._paragraph

    def _inline(self, line: str) -> list[Node]:
        return inline(line, self.page, self._expand)

    def _heading(self, lines: list[str], at: int, result: list[Node]) -> int:
        match = _HEADING.match(lines[at].lstrip())
        assert match is not None
        for block in paragraphs(self._inline(match[2])):
            attrs = {"level": int(match[1])}
            is_title = block["type"] == "paragraph"
            result.append({"type": "heading", "attrs": attrs, "content": block["content"]} if is_title else block)
        return at + 1

    def _quotation(self, lines: list[str], at: int, result: list[Node]) -> int:
        match = _QUOTE.match(lines[at].lstrip())
        assert match is not None
        result.append(quote(fitted(paragraphs(self._inline(match[1])), QUOTE_CHILDREN)))
        return at + 1

    def _rule(self, lines: list[str], at: int, result: list[Node]) -> int:
        line = lines[at].lstrip()
        match = _RULE.match(line)
        assert match is not None
        result.append({"type": "rule"})
        lines[at] = line[match.end() :]
        return at

    def _paragraph(self, lines: list[str], at: int, result: list[Node]) -> int:
        nodes: list[Node] = []
        while at < len(lines) and (line := lines[at].lstrip()):
            if nodes and self._start(line) != self._paragraph:
                break
            nodes += [{"type": HARD_BREAK}, *self._inline(line)] if nodes else self._inline(line)
            at += 1
        result += paragraphs(nodes)
        return at

    def _list(self, lines: list[str], at: int, result: list[Node]) -> int:
        tree = ListTree()
        while at < len(lines) and (line := lines[at].lstrip()):
            match = LIST_LINE.match(line)
            if match is None and self._start(line) not in (self._paragraph, self._table):
                break
            if match is not None and not _RULE.match(line):
                tree.add(match[1], self._inline(match[2].lstrip()))
            elif not self._more(tree, line):
                break
            at += 1
        result += tree.blocks()
        return at

    def _more(self, tree: ListTree, line: str) -> bool:
        """Add a line without a bullet to the last item; false when it is a rule, which ends the list."""
        if _RULE.match(line):
            return False
        tree.more(self._inline(line))
        return True

    def _table(self, lines: list[str], at: int, result: list[Node]) -> int:
        rows: list[Node] = []
        while at < len(lines) and lines[at].lstrip().startswith("|"):
            taken = [lines[at].strip()]
            at += 1
            while at < len(lines) and continues(taken[-1], lines[at]):
                taken.append(lines[at])
                at += 1
            rows.append(row("\n".join(taken), self._cell))
        result += table(rows)
        return at

    def _cell(self, source: str) -> list[Node]:
        return fitted(self._cell_blocks(source), CELL_CHILDREN)

    def _cell_blocks(self, source: str) -> list[Node]:
        if "\n" in source or source.lstrip()[:1] in _LINE_STARTS:
            return self.read(source.lstrip().lstrip("|"))
        return paragraphs(self._inline(source.strip()))

    def _expand(self, number: int) -> list[Node]:
        """Return the nodes of a lifted macro, inline ones where it holds a single paragraph of coloured text."""
        macro = self.page.macros[number]
        if macro.name in {"code", "noformat"}:
            return _code(macro)
        content = self.read(macro.body)
        if macro.name == "color":
            return _colored(content, macro.params)
        if macro.name == "quote":
            return [quote(fitted(content, QUOTE_CHILDREN))]
        return [self._panel(macro, content)]

    def _panel(self, macro: Macro, content: list[Node]) -> Node:
        params = parameters(macro.params)
        title = [_title(params["title"])] if params.get("title") else []
        return panel(panel_type(params.get("bgcolor", "")), title + fitted(content, PANEL_CHILDREN))


def _opens_list(line: str) -> bool:
    """A run of two or three dashes is a dash, unless a list is open already."""
    match = LIST_LINE.match(line)
    return match is not None and (match[1] == "-" or match[1][0] != "-")


def _title(title: str) -> Node:
    return paragraph([text(title, {"type": "strong"})])


def _code(macro: Macro) -> list[Node]:
    params = parameters(macro.params) if macro.name == "code" else {}
    block = code_block(macro.body.strip(), params.get("", "").lower())
    return [_title(params["title"]), block] if params.get("title") else [block]


def _colored(content: list[Node], color: str) -> list[Node]:
    code = hex_color(color)
    shown = marked(content, {"type": "textColor", "attrs": {"color": code}}) if code else content
    if shown and shown[0]["type"] == "paragraph":
        return [*shown[0]["content"], *shown[1:]]
    return shown
