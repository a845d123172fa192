"""How is a value read from JSON of which nothing is certain? The absent and the wrong come out as "", 0, {} or []."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Node = dict[str, Any]


def string(value: object) -> str:
    """A string; a number as its digits."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18 else ""


def integer(value: object, default: int) -> int:
    """A whole number of a sensible size."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9:
        return int(value)
    return default


def attributes(node: object) -> Node:
    """A node's attributes."""
    attrs = node.get("attrs") if isinstance(node, dict) else None
    return attrs if isinstance(attrs, dict) else {}


def children(node: object) -> list[Any] | tuple[Any, ...]:
    """A node's children."""
    content = node.get("content") if isinstance(node, dict) else None
    return content if isinstance(content, list | tuple) else ()


def node_type(node: object) -> str:
    """A node's type."""
    kind = node.get("type") if isinstance(node, dict) else None
    return kind if isinstance(kind, str) else ""


def own_words(node: Node) -> str:
    """What a node without children says: its text, or the most telling of its attributes."""
    attrs = attributes(node)
    candidates = (
        node.get("text"),
        *(attrs.get(name) for name in ("text", "title", "name", "alt", "url", "href", "src")),
    )
    return next((value for value in candidates if isinstance(value, str) and value), "")


def joined_words(value: object) -> str:
    """The words of everything below, however deep; each object is read once, so a cycle ends."""
    return "".join(_all_words(value)).strip()


def _all_words(value: object) -> Iterator[str]:
    seen: set[int] = set()
    ahead = [value]
    while ahead:
        item = ahead.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict | list | tuple) and id(item) not in seen:
            seen.add(id(item))
            if isinstance(item, dict):
                yield own_words(item)
                item = children(item)
                yield "\n" if item else ""
            ahead.extend(reversed(item))
