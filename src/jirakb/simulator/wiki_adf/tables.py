"""Where do the cells of a table row begin and end? Leaves their content to the reader of blocks."""

import re
from collections.abc import Callable, Iterator

from jirakb.simulator.wiki_adf.nodes import Node, marked, paragraph

_BAR = re.compile(r"\\\||\[[^\[\]\n|]*\|[^\[\]\n]*\]|![^\s!|][^!|\n]*\|[^!|\n]*!|(\|\|?)")


def row(source: str, read: Callable[[str], list[Node]]) -> Node:
    """Make one row; `||` before a cell makes it a header."""
    return {"type": "tableRow", "content": [_cell(bar, content, read) for bar, content in _cells(source)]}


def table(rows: list[Node]) -> list[Node]:
    """Make a table of those rows that have cells; nothing when none has."""
    content = [entry for entry in rows if entry["content"]]
    attrs = {"isNumberColumnEnabled": False, "layout": "default"}
    return [{"type": "table", "attrs": attrs, "content": content}] if content else []


def continues(line: str, following: str) -> bool:
    """Say whether the following line still belongs to the last cell of the row."""
    rest = following.strip()
    return bool(rest) and not rest.startswith("|") and not line.rstrip().endswith("|")


def _cells(source: str) -> Iterator[tuple[str, str]]:
    bars = [match for match in _BAR.finditer(source) if match[1]]
    ends = [bar.start() for bar in bars[1:]] + [len(source)]
    for bar, end in zip(bars, ends, strict=True):
        content = source[bar.end() : end]
        if content.strip() or end < len(source):
            yield bar[1], content


def _cell(bar: str, source: str, read: Callable[[str], list[Node]]) -> Node:
    content = read(source) or [paragraph([])]
    if bar == "||":
        return {"type": "tableHeader", "content": marked(content, {"type": "strong"})}
    return {"type": "tableCell", "content": content}
