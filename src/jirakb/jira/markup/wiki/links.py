"""What does [..] or !..! in a wiki text lead to: a page, a person, a file? Or is it only words in brackets?

Words in brackets stay words unless they name a target that Jira would follow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jirakb.jira.markup.context import MarkupContext
from jirakb.jira.markup.nodes import Image, Inline, Link, Text

_ADDRESS = re.compile(r"[a-zA-Z][\w+.-]*://\S|mailto:\S|www\.\S+\.")
_TARGET = re.compile(r"[a-zA-Z][\w+.-]*://|mailto:|tel:|file:|www\.|//?\w|#\S|\^\S|~\S|\S+\.\w{2,}/\S")
_USER = re.compile(r"~[\w.:@+-]+")
_FILE = re.compile(r"\^[^\\^|]*\.\w{1,8}")
_CARDS = frozenset(("smart-link", "smart-card", "block-card", "inline-card", "smart-embed", "embed-card"))
_PICTURE = re.compile(r"!(?<!\w!)(https?://[^!\s|]+|[^!\n|*\"<>?{}]+\.\w{1,5})(?:\|([^!\n]*))?!(?!\w)")
_SAID = re.compile(r"\b(?:alt|title)\s*=\s*\"?([^\",|]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LinkedWords:
    """Words, still in wiki markup, that lead to a URL; without one they only lose their brackets."""

    words: str
    url: str
    title: str = ""


def read_link(inner: str, context: MarkupContext) -> Inline | LinkedWords | None:
    """What the words between brackets mean; None where the brackets are words too."""
    parts = [part.strip() for part in inner.split("|")]
    if len(parts) > 1 and parts[-1] in _CARDS:
        parts.pop()
    if len(parts) == 1:
        return _bare(parts[0], context)
    return _named(parts, context)


def _bare(target: str, context: MarkupContext) -> Inline | None:
    if _USER.fullmatch(target):
        return context.mention(target[1:])
    if _FILE.fullmatch(target):
        return context.attachment(target[1:], shown=False)
    if not _ADDRESS.match(target) or " " in target:
        return None
    if target.startswith("mailto:"):
        return Link(target, (Text(target.removeprefix("mailto:")),))
    return Link(f"http://{target}" if target.startswith("www.") else target, (Text(target),))


def _named(parts: list[str], context: MarkupContext) -> Inline | LinkedWords | None:
    """Words and a target; a third part is the link's title, unless the words hold a pipe themselves."""
    *words, target = parts
    title = ""
    if len(words) > 1 and not _TARGET.match(target) and _TARGET.match(words[-1]):
        title, target = target, words.pop()
    label = " | ".join(words)
    if not target:
        return LinkedWords(label, "") if label else None
    if not _TARGET.match(target):
        return None
    return _leading(label, target, title, context)


def _leading(label: str, target: str, title: str, context: MarkupContext) -> Inline | LinkedWords:
    if target[0] == "~":
        return context.mention(target[1:])
    if target[0] == "^":
        name = target[1:]
        url = context.attachments.get(name, "")
        return LinkedWords(label if url else f"{label} ({name})", url, title)
    if target[0] == "#":
        return LinkedWords(label, "")
    if target.startswith("www."):
        target = "http://" + target
    return LinkedWords(label or target, context.absolute(target), title)


def picture(text: str, position: int, context: MarkupContext) -> tuple[Inline, int] | None:
    """The picture that begins at an exclamation mark, and where it ends."""
    found = _PICTURE.match(text, position)
    if not found:
        return None
    name, said = found[1].strip(), _SAID.search(found[2] or "")
    shown = Image(name, name) if "://" in name else context.attachment(name)
    return _with_words(shown, said[1].strip()) if said else shown, found.end()


def _with_words(shown: Inline, words: str) -> Inline:
    """A picture with what it is said to show; where it has no URL to keep its name in, the name stays."""
    match shown:
        case Image(url=url):
            return Image(url, words)
        case Text(value=name):
            return Text(f"{name} ({words})")
        case _:
            return shown
