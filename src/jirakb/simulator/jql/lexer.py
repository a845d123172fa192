"""Where does a query's text break into words, and what is no word at all? Never knows the grammar."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from jirakb.simulator.jql.messages import ESCAPES, JqlError, syntax_error

Kind = Literal["word", "quoted", "number", "symbol", "bad", "end"]

_WORD = re.compile(r"\w+")
KEYWORDS = frozenset(
    _WORD.findall("empty null and or not in is cf order by desc asc on before to after from was changed during")
)
RESERVED = frozenset(
    _WORD.findall(
        """
        abort access add alias all alter any as audit avg begin between boolean break byte catch char character check
        checkpoint collate collation column commit connect continue count create current date decimal declare
        decrement default defaults define delete delimiter difference distinct divide do double drop else encoding
        end equals escape exclusive exec execute exists explain false fetch field file first float for function go
        goto grant greater group having identified if immediate increment index initial inner inout input insert int
        integer intersect intersection into isempty isnull join last left less like limit lock long max min minus
        mode modify modulo more multiply next noaudit notin nowait number object of option outer output power
        previous prior privileges public raise raw remainder rename resource return returns revoke right row rowid
        rownum rows select session set share size sqrt start strict string subtract sum synonym table then trans
        transaction trigger true uid union unique update user validate values view when whenever where while with
        """
    )
)

_ESCAPED = r"\\(?:[tnr'\"\\ ]|u[0-9a-fA-F]{4})"
_CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\uffff\ufffe"
_PLAIN = rf"[^\s\\'\"()\[\]=!~<>,&|{{}}*/%+^$#@?;{_CONTROL}]"
_TOKEN = re.compile(
    r"(?P<space>\s+)"
    rf"|(?P<word>(?:{_PLAIN}|{_ESCAPED})+)"
    rf"|(?P<quoted>\"(?:[^\"\\{_CONTROL}]|{_ESCAPED})*\"|'(?:[^'\\{_CONTROL}]|{_ESCAPED})*')"
    r"|(?P<symbol>!=|!~|<=|>=|&&|\|\||[()\[\]=!~<>,&|])"
    r"|(?P<bad>.)",
    re.DOTALL,
)
_NUMBER = re.compile(r"-?[0-9]+")
_ESCAPE = re.compile(_ESCAPED)
_CONTROL_CHARACTER = re.compile(f"[{_CONTROL}]")
_WHITESPACE = re.compile(r"\s")
_BAD_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3}.?|.)?", re.DOTALL)
_SHORT = {"t": "\t", "n": "\n", "r": "\r"}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the query. `text` is unescaped; `keyword` is the lower-case text of an unquoted word, else empty."""

    kind: Kind
    text: str
    start: int
    keyword: str = ""


class Text:
    """The query's text, which knows lines and characters."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = [0] + [match.end() for match in re.finditer("\n", text)]

    def error(self, message: str, at: int) -> JqlError:
        """Make a syntax error at an offset."""
        line = bisect_right(self._lines, at)
        return syntax_error(message, line, at - self._lines[line - 1] + 1)

    def explain(self, token: Token) -> JqlError:
        """Say why a bad token is bad."""
        return self.error(*_fault(self.text, token.start))


def tokens(text: str) -> list[Token]:
    """Break a text into tokens; what is no token is a bad one, and the last is the end."""
    return [*_tokens(text), Token("end", "", len(text))]


def _tokens(text: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(text):
        kind, found, start = match.lastgroup, match[0], match.start()
        match kind:
            case "word" if _NUMBER.fullmatch(found):
                yield Token("number", found, start)
            case "word":
                yield Token("word", unescape(found), start, found.lower())
            case "quoted":
                yield Token("quoted", unescape(found[1:-1]), start)
            case "symbol":
                yield Token("symbol", found, start, found)
            case "bad":
                yield Token("bad", found, start)
                return


def unescape(text: str) -> str:
    """Replace escapes by what they stand for."""
    if "\\" not in text:
        return text
    # Two escaped halves make one character; a half alone is none, and no answer could carry it.
    return _ESCAPE.sub(_unescaped, text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _unescaped(match: re.Match[str]) -> str:
    escape = match[0][1:]
    if escape[0] == "u":
        return chr(int(escape[1:], 16))
    return _SHORT.get(escape, escape)


def _fault(text: str, at: int) -> tuple[str, int]:
    """Return the message for what is wrong at an offset, and the offset it names."""
    character = text[at]
    if character == "\\":
        return _escape_fault(text, at), at
    if character in "'\"":
        return _quote_fault(text, at)
    if _CONTROL_CHARACTER.match(character):
        return _control_fault(text, at), at
    return (
        f"The character '{character}' is a reserved JQL character. You must enclose it in a string "
        f"or use the escape '\\u{ord(character):04x}' instead."
    ), at


def _escape_fault(text: str, at: int) -> str:
    match = _BAD_ESCAPE.match(text, at)
    if match is None or match[0] == "\\":
        return f"The escape sequence has not been completed. {ESCAPES}"
    return f"'{match[0]}' is an illegal JQL escape sequence. {ESCAPES}"


def _control_fault(text: str, at: int) -> str:
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    code = f"{ord(text[at]):04X}"
    return (
        f"The character 'U+{code}' on line {line} at position {column} must be escaped. "
        f"Use the escape '\\u{code.lower()}' instead."
    )


def _quote_fault(text: str, at: int) -> tuple[str, int]:
    """Tell an open quotation from a closed one with something illegal inside."""
    position = at + 1
    while position < len(text):
        if text[position] == "\\":
            match = _ESCAPE.match(text, position)
            if match is None:
                return _escape_fault(text, position), position
            position = match.end()
        elif _CONTROL_CHARACTER.match(text[position]):
            return _control_fault(text, position), position
        else:
            position += 1
    inside = _WHITESPACE.sub(" ", unescape(text[at + 1 :]))
    named = f" '{inside}'" if inside else ""
    return f"The quoted string{named} has not been completed.", at
