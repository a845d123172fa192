"""What does a paragraph of ADF say? Text with marks, mentions, dates, cards and media become inlines.

Neighbours that share a mark come under one style, so that it is written once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from jirakb.jira.markup.adf_values import (
    Node,
    attributes,
    children,
    joined_words,
    node_type,
    own_words,
    string,
)
from jirakb.jira.markup.characters import clean
from jirakb.jira.markup.context import MarkupContext
from jirakb.jira.markup.nodes import MAX_DEPTH, CodeSpan, Image, Inline, Inlines, Link, Style, Styled, Text

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STYLES: Mapping[str, Style] = {"strong": "strong", "em": "em", "strike": "strike", "underline": "underline"}

_SIGNS: Mapping[str, str] = {
    ":check_mark:": "✅", ":warning:": "⚠️", ":cross_mark:": "❌", ":info:": "ℹ️", ":question:": "❓",
    ":question_mark:": "❓", ":plus:": "➕", ":minus:": "➖", ":yellow_star:": "⭐", ":red_star:": "⭐",
    ":green_star:": "⭐", ":blue_star:": "⭐", ":light_bulb_on:": "💡", ":light_bulb_off:": "💡", ":flag_on:": "🚩",
    ":flag_off:": "🏳️",
}  # fmt: skip
"""Emoji of Atlassian's own, whose text is but their name."""

Mark = tuple[str, str, str]
"""A style to open: ("link", href, title), ("style", name, "") or ("code", "", "")."""

_Leaf = tuple[tuple[Mark, ...], Inline]


_LONGEST = 1_000_000
"""Nodes read of one document. Only JSON that contains itself is longer; the rest of it is left out."""


@dataclass(slots=True)
class InlineReader:
    """Reads inlines with what the context knows of users, files and the site; counts the nodes of a document."""

    context: MarkupContext
    left: int = _LONGEST

    def spend(self) -> bool:
        """Count one node; False when the document has no end."""
        self.left -= 1
        return self.left > 0

    def read(self, nodes: list[object] | tuple[object, ...], depth: int = 0) -> Inlines:
        """The inlines of a list of nodes."""
        leaves: list[_Leaf] = []
        for node in nodes:
            self._collect(node, leaves, depth)
        return self._nested(leaves, 0)

    def _collect(self, node: object, leaves: list[_Leaf], depth: int) -> None:
        if isinstance(node, str):
            leaves.append(((), Text(clean(node))))
        if not isinstance(node, dict) or not self.spend():
            return
        read = _INLINES.get(node_type(node))
        inline = read(self, node) if read else Text(clean(own_words(node)))
        if not (isinstance(inline, Text) and not inline.value):
            leaves.append((_marks(node, inline), inline))
        self._collect_below(node, leaves, depth)

    def _collect_below(self, node: Node, leaves: list[_Leaf], depth: int) -> None:
        """Children of an inline: none by the schema, but their words count."""
        below = children(node)
        original = attributes(node).get("originalValue")
        if original is not None:
            below = [original, *below]
        if depth >= MAX_DEPTH:
            words = clean(joined_words(below))
            leaves += [((), Text(words))] if words else []
            return
        for child in below:
            self._collect(child, leaves, depth + 1)
            if children(child) and child is not below[-1]:
                leaves.append(((), Text("\n")))

    def _nested(self, leaves: list[_Leaf], level: int) -> Inlines:
        """Leaves under their styles, neighbours with the same outer mark together."""
        found: list[Inline] = []
        for mark, group in groupby(leaves, key=lambda leaf: leaf[0][level] if len(leaf[0]) > level else None):
            members = list(group)
            if mark is None:
                found += _merged([inline for _, inline in members])
            else:
                found.append(self._wrapped(mark, self._nested(members, level + 1)))
        return tuple(found)

    def _wrapped(self, mark: Mark, content: Inlines) -> Inline:
        kind, value, title = mark
        return (
            Link(self.context.absolute(value), content, title)
            if kind == "link"
            else Styled(_STYLE_NAMES[value], content)
        )

    def _text(self, node: Node) -> Inline:
        value = clean(string(node.get("text")))
        return CodeSpan(value) if "code" in _mark_types(node) and value.strip() else Text(value)

    def _line_break(self, node: Node) -> Inline:
        del node
        return Text("\n")

    def _mention(self, node: Node) -> Inline:
        attrs = attributes(node)
        return self.context.mention(clean(string(attrs.get("id"))), clean(string(attrs.get("text"))).strip())

    def _emoji(self, node: Node) -> Inline:
        attrs = attributes(node)
        name, sign = string(attrs.get("shortName")), string(attrs.get("text"))
        return Text(clean(_SIGNS.get(name, name) if sign in ("", name) else sign))

    def _date(self, node: Node) -> Inline:
        return Text(clean(_iso_date(attributes(node).get("timestamp"))))

    def _status(self, node: Node) -> Inline:
        label = clean(string(attributes(node).get("text"))).strip()
        return Styled("strong", (Text(f"[{label}]"),)) if label else Text("")

    def _card(self, node: Node) -> Inline:
        attrs = attributes(node)
        data = attrs.get("data")
        data = data if isinstance(data, dict) else {}
        url = string(attrs.get("url")) or string(attrs.get("textUrl")) or string(data.get("url"))
        label = clean(string(data.get("name")) or string(attrs.get("text"))).strip()
        if not url:
            return Text(label or clean(_query(attrs)))
        return Link(self.context.absolute(url), (Text(label),) if label else ())

    def _media(self, node: Node) -> Inline:
        attrs = attributes(node)
        url = string(attrs.get("url")) or string(attrs.get("src"))
        name = clean(string(attrs.get("alt")) or string(attrs.get("__fileName"))).strip()
        if url:
            return Image(self.context.absolute(url), name or url)
        return self.context.attachment(name, clean(string(attrs.get("id"))))

    def _extension(self, node: Node) -> Inline:
        """What an app shows instead of the text; its key and parameters are not words."""
        return Text(clean(string(attributes(node).get("text"))))

    def _nothing(self, node: Node) -> Inline:
        del node
        return Text("")


def _query(attrs: Node) -> str:
    """The query of a card that lists issues."""
    source = attrs.get("datasource")
    parameters = source.get("parameters") if isinstance(source, dict) else None
    return string(parameters.get("jql")) if isinstance(parameters, dict) else ""


def _iso_date(timestamp: object) -> str:
    """The UTC day of a time in milliseconds; what is no time stays as it is."""
    shown = string(timestamp)
    try:
        return (_EPOCH + timedelta(milliseconds=float(shown))).date().isoformat() if shown else ""
    except (ValueError, OverflowError):
        return shown


def _mark_types(node: Node) -> list[str]:
    marks = node.get("marks")
    return [node_type(mark) for mark in marks] if isinstance(marks, list | tuple) else []


def _marks(node: Node, inline: Inline) -> tuple[Mark, ...]:
    """A node's styles, the link outermost; a style twice counts once."""
    marks = node.get("marks")
    found: dict[Mark, None] = {}
    for mark in marks if isinstance(marks, list | tuple) else ():
        if known := _mark(mark):
            found[known] = None
    if isinstance(inline, Link):
        found = {mark: None for mark in found if mark[0] != "link"}
    return tuple(sorted(found, key=lambda mark: mark[0]))[:6]


def _mark(mark: object) -> Mark | None:
    kind, attrs = node_type(mark), attributes(mark)
    if kind == "link" and (href := string(attrs.get("href"))):
        return "link", href, string(attrs.get("title"))
    if kind in _STYLES:
        return "style", kind, ""
    if kind == "subsup" and attrs.get("type") in ("sub", "sup"):
        return "style", attrs["type"], ""
    return None


def _merged(inlines: list[Inline]) -> Iterator[Inline]:
    """Neighbouring texts as one, neighbouring monospace as one."""
    for kind, group in groupby(inlines, key=type):
        if kind in (Text, CodeSpan):
            yield kind("".join(inline.value for inline in group if isinstance(inline, Text | CodeSpan)))
        else:
            yield from group


_STYLE_NAMES: Mapping[str, Style] = {**_STYLES, "sub": "sub", "sup": "sup"}
_INLINES: Mapping[str, Callable[[InlineReader, Node], Inline]] = {
    "text": InlineReader._text,
    "hardBreak": InlineReader._line_break,
    "mention": InlineReader._mention,
    "emoji": InlineReader._emoji,
    "date": InlineReader._date,
    "status": InlineReader._status,
    "inlineCard": InlineReader._card,
    "blockCard": InlineReader._card,
    "embedCard": InlineReader._card,
    "applicationCard": InlineReader._card,
    "media": InlineReader._media,
    "mediaInline": InlineReader._media,
    "image": InlineReader._media,
    "extension": InlineReader._extension,
    "bodiedExtension": InlineReader._extension,
    "multiBodiedExtension": InlineReader._extension,
    "inlineExtension": InlineReader._extension,
    "rule": InlineReader._nothing,
}
