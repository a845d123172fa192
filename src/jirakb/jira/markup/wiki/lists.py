"""How do lines that begin with *, # or - nest? The length of a marker is its depth, its last character its kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from jirakb.jira.markup.nodes import Block, Item, ItemList
from jirakb.jira.markup.wiki.inlines import InlineParser

Entry = tuple[str, list[str]]
"""A marker, and the lines of its item."""


@dataclass(slots=True)
class _Level:
    """An open list: the blocks of each of its items."""

    ordered: bool
    items: list[list[Block]] = field(default_factory=list)

    def closed(self) -> ItemList:
        return ItemList(tuple(Item(tuple(blocks)) for blocks in self.items), ordered=self.ordered)


def build_lists(entries: list[Entry], inlines: InlineParser) -> Iterator[Block]:
    """The lists that consecutive items make."""
    levels: list[_Level] = []
    for marker, lines in entries:
        depth = len(marker)
        ordered = marker[-1] == "#"
        while len(levels) > depth or (len(levels) == depth and levels[-1].ordered != ordered):
            yield from _close(levels)
        while len(levels) < depth:
            if levels and not levels[-1].items:
                levels[-1].items.append([])
            levels.append(_Level(ordered))
        levels[-1].items.append(list(inlines.flow("\n".join(lines))))
    while levels:
        yield from _close(levels)


def _close(levels: list[_Level]) -> Iterator[Block]:
    """End the innermost list: it becomes a block of the item around it, or one of its own."""
    finished = levels.pop().closed()
    if levels:
        levels[-1].items[-1].append(finished)
    else:
        yield finished
