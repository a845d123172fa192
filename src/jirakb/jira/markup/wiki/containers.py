"""Which parts of a wiki text lie in a {quote}, a {panel} or a box? Nests them; blocks.py reads what they hold.

A macro that closes nothing, or that nothing closes, vanishes; its words stay where they are. A name that may well be
a word in braces ({note}, {info}) counts as a macro only in pairs.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice

from jirakb.jira.markup.nodes import Block, Blocks, Paragraph, Quote, Styled, Text
from jirakb.jira.markup.wiki.blocks import parse_blocks
from jirakb.jira.markup.wiki.budget import MOST, as_written
from jirakb.jira.markup.wiki.inlines import InlineParser
from jirakb.jira.markup.wiki.macros import parameters

_MACRO = re.compile(
    r"\{(?<![\\{$]\{)(quote|panel|info|note|tip|warning|expand|section|column|excerpt)(?:(?=\})|:([^{}\n]*))\}",
    re.IGNORECASE,
)
_ALWAYS = frozenset(("quote", "panel"))
_QUOTED = frozenset(("quote", "panel", "info", "note", "tip", "warning"))
_TITLES = {"note": "Note:", "tip": "Tip:", "warning": "Warning:"}
_DEEPEST = 4
_A_MACRO = 2


@dataclass(slots=True)
class _Container:
    """A container under way."""

    name: str
    title: str = ""
    content: list[Block] = field(default_factory=list)

    def closed(self) -> Blocks:
        """Its blocks, as a quote where it is a box."""
        head = (Paragraph((Styled("strong", (Text(self.title),)),)),) if self.title else ()
        content = (*head, *self.content)
        return (Quote(content),) if content and self.name in _QUOTED else content


def parse_containers(text: str, inlines: InlineParser) -> Blocks:
    """The blocks of a text from which code was set aside."""
    macros = list(islice(_MACRO.finditer(text), MOST)) if "{" in text else []
    if not macros:
        return parse_blocks(text, inlines)
    counts = Counter(macro[1].lower() for macro in macros)
    macros = [m for m in macros if m[1].lower() in _ALWAYS or counts[m[1].lower()] > 1]
    return _nested(text, macros, inlines)


def _nested(text: str, macros: list[re.Match[str]], inlines: InlineParser) -> Blocks:
    stack = [_Container("")]
    position = 0
    pending: list[str] = []
    in_row = False
    for macro in macros:
        piece = text[position : macro.start()]
        position = macro.end()
        pending.append(piece)
        in_row = _ends_in_row(piece, in_row)
        if in_row:
            pending.append(_title_in_row(macro))
            continue
        if not inlines.budget.spend(_A_MACRO):
            position = macro.start() - sum(map(len, pending))
            stack[-1].content += as_written(text[position:], inlines.kept)
            return _all_closed(stack)
        stack[-1].content += parse_blocks("".join(pending), inlines)
        pending = []
        _turn(stack, macro)
    pending.append(text[position:])
    stack[-1].content += parse_blocks("".join(pending), inlines)
    return _all_closed(stack)


def _all_closed(stack: list[_Container]) -> Blocks:
    """The blocks of the text, when it has ended; what nothing closed is no box."""
    while len(stack) > 1:
        unclosed = stack.pop()
        stack[-1].content += _Container("", unclosed.title, unclosed.content).closed()
    return tuple(stack[0].content)


def _ends_in_row(piece: str, in_row: bool) -> bool:
    """Whether the line that a piece ends in is a table's row: a macro in a cell must not tear the row."""
    line_start = piece.rfind("\n")
    return piece[line_start + 1 :].lstrip().startswith("|") if line_start >= 0 or not in_row else in_row


def _turn(stack: list[_Container], macro: re.Match[str]) -> None:
    """Close the container that this macro closes, or open one."""
    name = macro[1].lower()
    if macro[2] is None and any(container.name == name for container in stack):
        while True:
            closed = stack.pop()
            if closed.name == name:
                stack[-1].content += closed.closed()
                return
            stack[-1].content += _Container("", closed.title, closed.content).closed()
    opened = _Container(name, _title(macro) or _TITLES.get(name, ""))
    if len(stack) <= _DEEPEST:
        stack.append(opened)
    else:
        stack[-1].content += _Container("", opened.title).closed()


def _title(macro: re.Match[str]) -> str:
    options = parameters(macro[2] or "")
    return options.get("title") or (options.get("") if macro[1].lower() == "expand" else "") or ""


def _title_in_row(macro: re.Match[str]) -> str:
    title = _title(macro)
    return f"*{title}* " if title else ""
