"""Which shapes does ADF allow, and how are stray ones made to fit? Knows nothing of wiki markup."""

from collections.abc import Iterable, Iterator
from typing import Any

Node = dict[str, Any]
Mark = dict[str, Any]

HARD_BREAK = "hardBreak"
_INLINE = frozenset({"text", HARD_BREAK, "mention", "emoji", "inlineCard"})
_CODE_COMPANIONS = frozenset({"code", "link"})
_LEAVES = frozenset({"paragraph", "bulletList", "orderedList", "codeBlock", "mediaSingle"})
LIST_ITEM_CHILDREN = _LEAVES
QUOTE_CHILDREN = _LEAVES | {"mediaGroup"}
PANEL_CHILDREN = QUOTE_CHILDREN | {"heading", "rule"}
CELL_CHILDREN = PANEL_CHILDREN | {"panel", "blockquote"}


def text(value: str, *marks: Mark) -> Node:
    """Make a text node; `value` must not be empty."""
    return {"type": "text", "text": value, "marks": list(marks)} if marks else {"type": "text", "text": value}


def paragraph(content: list[Node]) -> Node:
    """Make a paragraph of inline nodes."""
    return {"type": "paragraph", "content": content}


def code_block(value: str, language: str = "") -> Node:
    """Make a code block, empty when `value` is."""
    node: Node = {"type": "codeBlock", "attrs": {"language": language}} if language else {"type": "codeBlock"}
    node["content"] = [text(value)] if value else []
    return node


def panel(kind: str, content: list[Node]) -> Node:
    """Make a panel; one without content holds an empty paragraph."""
    return {"type": "panel", "attrs": {"panelType": kind}, "content": content or [paragraph([])]}


def quote(content: list[Node]) -> Node:
    """Make a block quote; one without content holds an empty paragraph."""
    return {"type": "blockquote", "content": content or [paragraph([])]}


def is_inline(node: Node) -> bool:
    """Say whether the node stands inside a paragraph."""
    return node["type"] in _INLINE


def paragraphs(nodes: Iterable[Node]) -> list[Node]:
    """Group runs of inline nodes into paragraphs; blocks among them stand between."""
    blocks: list[Node] = []
    run: list[Node] = []
    for node in nodes:
        if is_inline(node):
            run.append(node)
            continue
        blocks += _run(run)
        run = []
        blocks.append(node)
    return blocks + _run(run)


def _run(nodes: list[Node]) -> list[Node]:
    inline = tidy(nodes)
    return [paragraph(inline)] if inline else []


def tidy(nodes: list[Node]) -> list[Node]:
    """Merge equal neighbours and drop breaks and blanks at both ends; a run of blanks only becomes nothing."""
    start, end = 0, len(nodes)
    while start < end and _is_blank(nodes[start]):
        start += 1
    while end > start and _is_blank(nodes[end - 1]) and _is_loose(nodes, end - 1, start):
        end -= 1
    return merged(nodes[start:end])


def _is_blank(node: Node) -> bool:
    return node["type"] == HARD_BREAK or (node["type"] == "text" and not node["text"].strip())


def _is_loose(nodes: list[Node], at: int, start: int) -> bool:
    """Trailing blanks of a line with words stay, as Jira keeps them; those of an empty last line go."""
    return nodes[at]["type"] == HARD_BREAK or at == start or nodes[at - 1]["type"] == HARD_BREAK


def merged(nodes: Iterable[Node]) -> list[Node]:
    """Join neighbouring texts with the same marks."""
    result: list[Node] = []
    pending: list[str] = []
    for node in nodes:
        if pending and node["type"] == "text" and node.get("marks") == result[-1].get("marks"):
            pending.append(node["text"])
            continue
        _close(result, pending)
        pending = [node["text"]] if node["type"] == "text" else []
        result.append(node)
    _close(result, pending)
    return result


def _close(result: list[Node], pending: list[str]) -> None:
    if len(pending) > 1:
        result[-1] = {**result[-1], "text": "".join(pending)}


def marked(nodes: list[Node], mark: Mark) -> list[Node]:
    """Put a mark on every text below, except where the schema forbids it."""
    return [_marked(node, mark) for node in nodes]


def _marked(node: Node, mark: Mark) -> Node:
    if node["type"] == "text":
        return _marked_text(node, mark)
    if node["type"] != "codeBlock" and "content" in node:
        return {**node, "content": marked(node["content"], mark)}
    return node


def _marked_text(node: Node, mark: Mark) -> Node:
    marks = node.get("marks", [])
    kinds = {known["type"] for known in marks}
    if mark["type"] in kinds or ("code" in kinds and mark["type"] not in _CODE_COMPANIONS):
        return node
    return {**node, "marks": [*marks, mark]}


def fitted(nodes: list[Node], allowed: frozenset[str]) -> list[Node]:
    """Rewrite the blocks that a container may not hold as ones that it may, losing no word."""
    return [fit for node in nodes for fit in _fit(node, allowed)]


def _fit(node: Node, allowed: frozenset[str]) -> Iterator[Node]:
    kind = node["type"]
    if kind in allowed:
        yield node
    elif kind == "heading":
        yield paragraph(node["content"])
    elif kind == "mediaGroup":
        yield paragraph([text(media["attrs"].get("alt") or media["attrs"]["id"]) for media in node["content"]])
    else:
        yield from fitted(_inside(node), allowed)


def _inside(node: Node) -> list[Node]:
    if node["type"] == "table":
        return [block for row in node["content"] for cell in row["content"] for block in cell["content"]]
    return list(node.get("content", []))
