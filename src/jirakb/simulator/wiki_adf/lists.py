"""How do bullets make a tree of lists? Levels jump, kinds mix, and what a list may not hold breaks out of it."""

import re

from jirakb.simulator.wiki_adf.nodes import HARD_BREAK, LIST_ITEM_CHILDREN, Node, fitted, paragraph, paragraphs

LIST_LINE = re.compile(r"([*#-]+)\s+(.*)", re.DOTALL)
_DEEPEST = 10
_BREAK_OUT = frozenset({"panel", "heading", "table", "rule", "mediaGroup"})


class ListTree:
    """One run of list lines, filled from top to bottom."""

    def __init__(self) -> None:
        self._done: list[Node] = []
        self._open: list[Node] = []
        self._run: list[Node] = []

    def add(self, bullets: str, nodes: list[Node]) -> None:
        """Begin an item at the level of its bullets; the last one tells the kind of list."""
        self._flush()
        level = min(len(bullets), _DEEPEST)
        ordered = bullets[-1] == "#"
        self._close(level, ordered)
        while len(self._open) < level:
            self._open_list(ordered)
        self._open[-1]["content"].append(_item())
        self._run = list(nodes)

    def more(self, nodes: list[Node]) -> None:
        """Add a further line to the last item."""
        self._run += [{"type": HARD_BREAK}, *nodes]

    def blocks(self) -> list[Node]:
        """Return the finished lists and what broke out of them; empty items are gone."""
        self._flush()
        return [block for block in self._done if _keep(block)]

    def _close(self, level: int, ordered: bool) -> None:
        del self._open[level:]
        if len(self._open) == level and (self._open[-1]["type"] == "orderedList") != ordered:
            self._open.pop()

    def _open_list(self, ordered: bool) -> None:
        node: Node = {"type": "orderedList", "attrs": {"order": 1}} if ordered else {"type": "bulletList"}
        node["content"] = []
        self._place().append(node)
        self._open.append(node)

    def _place(self) -> list[Node]:
        """Return what the next block is appended to: the last open item, or the document."""
        if not self._open:
            return self._done
        items: list[Node] = self._open[-1]["content"]
        if not items:
            items.append(_item())
        content: list[Node] = items[-1]["content"]
        return content

    def _flush(self) -> None:
        run, self._run = self._run, []
        for block in paragraphs(run):
            self._put(block)

    def _put(self, block: Node) -> None:
        place = self._place()
        if not self._open:
            place.append(block)
        elif block["type"] in _BREAK_OUT:
            if not place:
                place.append(paragraph([]))
            self._open.clear()
            self._done.append(block)
        else:
            place += fitted([block], LIST_ITEM_CHILDREN)


def _item() -> Node:
    return {"type": "listItem", "content": []}


def _keep(block: Node) -> bool:
    """Drop empty items below a list; false when nothing is left of it."""
    if block["type"] not in {"bulletList", "orderedList"}:
        return True
    for item in block["content"]:
        item["content"] = [child for child in item["content"] if _keep(child)]
    block["content"] = [item for item in block["content"] if item["content"]]
    return bool(block["content"])
