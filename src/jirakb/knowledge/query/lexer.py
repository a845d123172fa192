"""Which words and signs is a query made of, and where does each stand? Never knows what they mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from jirakb.errors import UsageError

LONGEST = 100_000
"""A query in the language is at most this many characters long."""
_WINDOW = 60  # characters shown on either side of a mistake
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<quoted>"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')
    |(?P<sign>!=|!~|<=|>=|&&|\|\||[=~<>()!,&|])
    |(?P<word>(?:[^\s"'=~<>()!,&|\\]|\\.)++)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}

Kind = Literal["word", "quoted", "sign", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a quoted text (both without their escapes), a sign, or the end; and at which character it begins."""

    kind: Kind
    text: str
    at: int

    def __str__(self) -> str:
        if self.kind == "end":
            return "the query ends"
        return f"found {shortened(self.text)!r}"

    @property
    def word(self) -> str:
        """The word in small letters, "" for everything that is quoted or no word."""
        return self.text.casefold() if self.kind == "word" else ""


def tokenize(query: str) -> list[Token]:
    """The tokens of a query, an end behind them; raises UsageError."""
    if len(query) > LONGEST:
        raise UsageError(f"The query is longer than {LONGEST:,} characters.", fix="Ask for less at a time.")
    tokens, position = [], 0
    while position < len(query):
        match = _TOKEN.match(query, position)
        if match is None:
            raise mistake(query, position, _unreadable(query[position]))
        position = match.end()
        if match.lastgroup != "space":
            tokens.append(_token(match))
    return [*tokens, Token("end", "", len(query))]


def _token(match: re.Match[str]) -> Token:
    text = match.group()
    if match.lastgroup == "sign":
        return Token("sign", text, match.start())
    if match.lastgroup == "quoted":
        return Token("quoted", _unescaped(text[1:-1]), match.start())
    return Token("word", _unescaped(text), match.start())


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    code, letter = match.groups()
    if code:
        return chr(int(code, 16)).encode("utf-8", "replace").decode()
    return _ESCAPED.get(letter, letter)


def _unreadable(character: str) -> str:
    if character in "\"'":
        return "this quotation mark is never closed"
    return "nothing follows this backslash"


def mistake(query: str, at: int, what: str) -> UsageError:
    """What is wrong at a character of the query, with the piece of the query and a mark under that character."""
    start = max(at - _WINDOW, query.rfind("\n", 0, at) + 1, 0)
    stop = query.find("\n", at)
    stop = min(at + _WINDOW, len(query) if stop < 0 else stop)
    piece = "".join(character if character.isprintable() else "\ufffd" for character in query[start:stop])
    before, after = ("... " if start else ""), (" ..." if stop < len(query) else "")
    mark = " " * (len(before) + at - start) + "^"
    return UsageError(
        f"The query cannot be read at character {at + 1}: {what}.\n  {before}{piece}{after}\n  {mark}",
        fix="docs/reference/query.md describes the language; without --query the words are searched as they stand.",
    )


def shortened(text: str) -> str:
    """A text that is not too long for a message."""
    return text if len(text) <= _WINDOW else text[:_WINDOW] + "..."
