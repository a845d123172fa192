"""Which characters of plain words must be escaped, so that CommonMark reads them as themselves? As few as possible.

Works on one paragraph at once: whether a `*` or `_` is harmless depends on the others around it. MARK stands for
markup written elsewhere and counts as punctuation.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from jirakb.jira.markup.characters import MARK

# Split so that each begins with a character: the regular expression engine then skips what cannot match.
_INSIDE = re.compile(r"[\\`<&*~]|\](?=\()|_(?:(?<!\w_)|(?!\w))")
_AT_START = r"(?:#{1,6}(?!\S)|>|[-+](?!\S)|\d{1,9}[.)](?!\S)|[-=]+[ \t]*$|[-|:][|: \t-]*$|\[)"
_FIRST_LINE = re.compile(_AT_START, re.MULTILINE)
_NEXT_LINE = re.compile("\n" + _AT_START, re.MULTILINE)
_TOKEN = re.compile(
    rf"(?P<back>\\)(?=[!-/:-@\[-`{{-~{MARK}]|$)"
    r"|(?P<always>`|\](?=\()|<(?=[A-Za-z/!?])|&(?=#?\w{1,32};))"
    r"|^(?P<fence>~{3,})|^(?P<number>\d{1,9})(?=[.)](?!\S))"
    r"|^(?P<start>\#(?=\#{0,5}(?!\S))|>|[-+*](?!\S)|(?:(?P<line>[-=_*])(?=(?:[ \t]*(?P=line))*[ \t]*$))"
    r"|[|:-](?=[|: \t-]*$)|\[(?=[ xX]\][ \t])|\[(?=[^\[\]]*\]:))"
    r"|(?P<run>\*+|~+|(?<![\w])_++|(?<!_)_++(?!\w))",
    re.MULTILINE,
)
_RUN = re.compile(r"\*+|~+|(?<![\w])_++|(?<!_)_++(?!\w)")
_MARKS = "\\`*_~<&[]"
_AT_ANY_START = re.compile(r"(?<=[0-9])[.)]|^[-+=|:#>]", re.MULTILINE)
_MANY = 100_000
"""Characters of markup in one paragraph from which on each is escaped, without a look at its neighbours."""
_BRACKET = re.compile(r"\\.|[\[\]]", re.DOTALL)
_BALANCED = re.compile(r"[^\[\]\\]*+(?:\[[^\[\]\\]*+\][^\[\]\\]*+)*+")


def escape(text: str, *, strict: Collection[str] = (), edge: str = " ") -> str:
    """The text with backslashes where CommonMark would take a character for markup.

    `strict` names the delimiters that markup of this paragraph uses itself: of those, each that could open or close
    is escaped; of the others only an opener with a closer behind it. `edge` is what stands at the ends of the text,
    and MARK where line breaks will be written as tags.
    """
    if not (_INSIDE.search(text) or _FIRST_LINE.match(text) or _NEXT_LINE.search(text)):
        return text
    if len(text) > _MANY and sum(map(text.count, _MARKS)) > _MANY:
        return _all_escaped(text)
    runs = _dangerous_runs(text if edge == " " else text.replace("\n", edge), strict, edge)

    def replace(found: re.Match[str]) -> str:
        kind = found.lastgroup
        whole = found.group()
        if kind == "number":
            return whole + "\\"
        if kind == "run" and _run_start(text, found.start()) not in runs:
            return whole
        if kind in ("run", "fence"):
            return "\\" + "\\".join(whole)
        return "\\" + whole

    return _TOKEN.sub(replace, text)


def _run_start(text: str, position: int) -> int:
    """Where the run at this position began: its first character may have been escaped for standing first on its line."""
    return position - 1 if position and text[position - 1] == text[position] else position


def _all_escaped(text: str) -> str:
    for mark in _MARKS:
        text = text.replace(mark, "\\" + mark)
    return _AT_ANY_START.sub(lambda found: "\\" + found[0], text)


def escape_brackets(text: str) -> str:
    """Escaped text made fit for the inside of a link's brackets."""
    if _BALANCED.fullmatch(text):
        return text
    return _BRACKET.sub(lambda found: found[0] if found[0][0] == "\\" else "\\" + found[0], text)


def _dangerous_runs(text: str, strict: Collection[str], edge: str) -> set[int]:
    """Where runs of `*`, `_`, `~` start that must be escaped."""
    dangerous: set[int] = set()
    openers: dict[str, list[int]] = {}
    last_closer: dict[str, int] = {}
    for found in _RUN.finditer(text):
        start, end = found.span()
        char = text[start]
        before = text[start - 1] if start else edge
        after = text[end] if end < len(text) else edge
        opens, closes = may_open(char, before, after), may_open(char, after, before)
        if char in strict and (opens or closes):
            dangerous.add(start)
            continue
        if opens:
            openers.setdefault(char, []).append(start)
        if closes:
            last_closer[char] = start
    for char, starts in openers.items():
        last = last_closer.get(char, -1)
        dangerous.update(start for start in starts if start < last)
    return dangerous


def may_open(char: str, before: str, after: str) -> bool:
    """Whether a delimiter between two characters could open emphasis, under any reading of what punctuation is."""
    if after.isspace():
        return False
    if char == "_":
        return not is_word(before)
    return not is_certain_punctuation(after) or not is_word(before)


def surely_opens(before: str, after: str) -> bool:
    """Whether a `*` between two characters opens emphasis, under every reading of what punctuation is."""
    if after.isspace():
        return False
    return is_word(after) or before.isspace() or is_certain_punctuation(before)


def is_word(char: str) -> bool:
    """Letters, digits and the marks upon them."""
    return char.isalnum() or unicodedata.category(char)[0] in "LMN"


def is_certain_punctuation(char: str) -> bool:
    """What every version of CommonMark calls punctuation (versions differ on symbols)."""
    return (
        char == MARK
        or (char.isascii() and not char.isalnum() and not char.isspace())
        or (not char.isascii() and unicodedata.category(char)[0] == "P")
    )
