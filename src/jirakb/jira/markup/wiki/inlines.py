"""What do the words of a wiki text say? Styles, links, mentions, pictures, monospace; everything else is words.

One pass: a regular expression finds the next character that may be markup, a rule decides. A search for a closing
character that fails is not made again on that line, so time grows with length only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from jirakb.jira.markup.context import MarkupContext
from jirakb.jira.markup.nodes import Block, Blocks, CodeSpan, Inline, Inlines, Link, Paragraph, Style, Styled, Text
from jirakb.jira.markup.wiki.budget import Budget
from jirakb.jira.markup.wiki.links import LinkedWords, picture, read_link
from jirakb.jira.markup.wiki.macros import KEPT, KEPT_SPAN, Kept

_DEEPEST = 6
_BEFORE = r"\s(\[{\"'|>,;:!?*_+^~\-"
_START = re.compile(
    r"(?P<escape>\\[\\{}\[\]*_+^~!?|#-])"
    r"|(?P<mono>\{\{)|\{(?P<forced>[*_+^~-])\}"
    r"|(?P<url>(?:https?|ftp)://[^\s<>\"{}|\\^`\[\]" + KEPT + KEPT_SPAN + r"]+(?:\|smart-(?:link|card)\b)?)"
    r"|(?P<link>\[)(?=[^\[\]\n]+\])|(?P<image>!)(?=[^\s!|])|(?P<cite>\?\?)(?=[^\s?])"
    r"|(?P<icon>\((?<!\S\()[/!x?*+-]\)(?!\S))"
    r"|(?P<style>[*_+^~-])(?<![^" + _BEFORE + r"].)(?<!__)(?=[^\s>])(?!(?P=style))"
    r"|" + KEPT_SPAN + r"(?P<span>\d+)" + KEPT_SPAN
)
_STYLES: dict[str, Style] = {
    "*": "strong", "_": "em", "+": "underline", "^": "sup", "~": "sub", "-": "strike",
}  # fmt: skip
_CLOSERS = {
    char: re.compile(
        rf"\{{{re.escape(char)}\}}|(?<=[^\s{re.escape(char)}]){re.escape(char)}(?![\w{'-' if char == '-' else ''}])"
    )
    for char in _STYLES
}
_FORCED = {char: re.compile(re.escape("{" + char + "}")) for char in _STYLES}
_CITE = re.compile(r"(?<=[^\s?])\?\?(?!\w)")
_MONO = re.compile(r"\}\}(?!\})")
_ICONS = {"/": "✅", "!": "⚠️", "x": "❌", "?": "❓", "*": "⭐", "+": "➕", "-": "➖"}
_SPAN = re.compile(f"{KEPT_SPAN}(\\d+){KEPT_SPAN}")
_LINK = re.compile(r"\[([^\[\]\n]+)\]")
_KEPT = re.compile(f"{KEPT}(\\d+){KEPT}")
_ESCAPED = re.compile(r"\\([{}\[\]*_+^~!?|#-])")
_URL_END = ".,;:!?'*_+~-"


@dataclass(frozen=True, slots=True)
class InlineParser:
    """Reads words with what the context knows and what was set aside."""

    context: MarkupContext
    kept: Kept
    budget: Budget = field(default_factory=Budget)

    def flow(self, text: str) -> Blocks:
        """Paragraphs of words, with the blocks that were set aside among them."""
        if KEPT not in text:
            return self._paragraph(text)
        pieces = _KEPT.split(text)
        found: list[Block] = list(self._paragraph(pieces[0]))
        for number, words in zip(pieces[1::2], pieces[2::2], strict=True):
            blocks = self.kept[int(number)]
            found += blocks if isinstance(blocks, tuple) else ()
            found += self._paragraph(words)
        return tuple(found)

    def _paragraph(self, text: str) -> Blocks:
        text = text.strip()
        if not text:
            return ()
        return (Paragraph(self.parse(text)),)

    def parse(self, text: str, depth: int = 0) -> Inlines:
        """The inlines of a text."""
        first = _START.search(text)
        return tuple(_Words(self, text, depth).read(first)) if first else (Text(text),)


@dataclass(slots=True)
class _Words:
    """One text under way: the inlines found, the words since, and which closers are known to be missing."""

    parser: InlineParser
    text: str
    depth: int
    position: int = 0
    line_end: int = -1
    found: list[Inline] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    missing: dict[str, int] = field(default_factory=dict)

    def read(self, start: re.Match[str] | None) -> list[Inline]:
        """All inlines from the first character that may be markup."""
        while start and self.parser.budget.spend(1):
            if start.start() > self.position:
                self.pending.append(self.text[self.position : start.start()])
            self.position = start.end()
            _RULES[start.lastgroup or ""](self, start)
            start = _START.search(self.text, self.position)
        self.pending.append(self.text[self.position :])
        self._end_words()
        return self.found

    def _end_words(self) -> None:
        if words := "".join(self.pending):
            self.found.append(Text(words))
        self.pending = []

    def _add(self, inline: Inline, position: int) -> None:
        """An inline, after the words before it; reading goes on at the position."""
        self.position = position
        if isinstance(inline, Text):
            self.pending.append(inline.value)
            return
        self._end_words()
        self.found.append(inline)

    def _closer(self, closer: re.Pattern[str], kind: str, start: int) -> re.Match[str] | None:
        """The closing mark on this line, if there is one."""
        if self.missing.get(kind, -1) >= start:
            return None
        if self.line_end < start:
            end = self.text.find("\n", start)
            self.line_end = end if end >= 0 else len(self.text)
        found = closer.search(self.text, start, self.line_end)
        if not found:
            self.missing[kind] = self.line_end
        return found

    def escape(self, start: re.Match[str]) -> None:
        char = start["escape"][1]
        self.pending.append("\n" if char == "\\" else char)

    def mono(self, start: re.Match[str]) -> None:
        closer = self._closer(_MONO, "mono", start.end())
        words = self.text[start.end() : closer.start()] if closer else ""
        if closer and words.strip():
            self._add(CodeSpan(self._unescaped(words.strip())), closer.end())
        else:
            self.pending.append(start[0])

    def _unescaped(self, words: str) -> str:
        words = _SPAN.sub(lambda found: self._kept_words(found[1]), words)
        return _ESCAPED.sub(r"\1", words)

    def _kept_words(self, number: str) -> str:
        span = self.parser.kept[int(number)]
        return span.value if isinstance(span, CodeSpan) else ""

    def span(self, start: re.Match[str]) -> None:
        self._add(CodeSpan(self._kept_words(start["span"])), start.end())

    def url(self, start: re.Match[str]) -> None:
        whole = start["url"]
        url = whole.partition("|")[0]
        trimmed = url.rstrip(_URL_END)
        if trimmed.endswith(")") and "(" not in trimmed:
            trimmed = trimmed.rstrip(")" + _URL_END)
        if trimmed.endswith(("://", ":/", ":")) or "://" not in trimmed:
            self.pending.append(url)
        elif trimmed != url:
            self._add(Link(trimmed), start.start() + len(trimmed))
        else:
            self._add(Link(url), start.end())

    def link(self, start: re.Match[str]) -> None:
        inner = _LINK.match(self.text, start.start())
        link = read_link(inner[1], self.parser.context) if inner else None
        if inner is None or link is None:
            self.pending.append("[")
        elif isinstance(link, LinkedWords):
            content = self.parser.parse(link.words, self.depth + 1) if self.depth < _DEEPEST else (Text(link.words),)
            self._end_words()
            self.found += [Link(link.url, content, link.title)] if link.url else content
            self.position = inner.end()
        else:
            self._add(link, inner.end())

    def image(self, start: re.Match[str]) -> None:
        shown = picture(self.text, start.start(), self.parser.context)
        if shown:
            self._add(*shown)
        else:
            self.pending.append("!")

    def cite(self, start: re.Match[str]) -> None:
        self._styled(start, self._closer(_CITE, "cite", start.end() + 1), "em", "— ")

    def icon(self, start: re.Match[str]) -> None:
        self.pending.append(_ICONS[start["icon"][1]])

    def forced(self, start: re.Match[str]) -> None:
        char = start["forced"]
        self._styled(start, self._closer(_FORCED[char], "{" + char, start.end() + 1), _STYLES[char])

    def style(self, start: re.Match[str]) -> None:
        char = start["style"]
        self._styled(start, self._closer(_CLOSERS[char], char, start.end() + 1), _STYLES[char])

    def _styled(self, start: re.Match[str], closer: re.Match[str] | None, style: Style, lead: str = "") -> None:
        if closer is None or self.depth >= _DEEPEST:
            self.pending.append(start[0])
            return
        content = self.parser.parse(self.text[start.end() : closer.start()], self.depth + 1)
        self._add(Styled(style, (Text(lead), *content) if lead else content), closer.end())


_RULES: Mapping[str, Callable[[_Words, re.Match[str]], None]] = {
    "escape": _Words.escape,
    "mono": _Words.mono,
    "forced": _Words.forced,
    "url": _Words.url,
    "link": _Words.link,
    "image": _Words.image,
    "cite": _Words.cite,
    "icon": _Words.icon,
    "style": _Words.style,
    "span": _Words.span,
}
