"""Does a text match a text query? Words, phrases and wildcards, by regular expressions; no stemming, no relevance."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from jirakb.simulator.jql import messages

TextMatcher = Callable[[str], bool]

_TERM = re.compile(
    r'(?P<sign>[-+!]?)(?:"(?P<phrase>(?:[^"\\]|\\.)*)"|(?P<word>(?:[^\s"\\]|\\.)+))|(?P<stray>\S)', re.DOTALL
)
_BOOST = re.compile(r"(?<!\\)[~^][0-9.]*$")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PIECES = re.compile(r"[\w*?]+")


class TextQueryError(Exception):
    """A text that is no text query; the argument is the message for Jira's answer."""


@dataclass(frozen=True, slots=True)
class _Term:
    pattern: re.Pattern[str]
    excluded: bool


def compile_text(query: str, field: str) -> TextMatcher:
    """Compile a query as Jira's `~` reads it; raises TextQueryError.

    All words must occur, in any order and case; "OR" makes alternatives; \\"a phrase\\" must occur as it stands;
    `wor*` and `w?rd` are wildcards; -word must not occur. A word holding punctuation is a phrase of its pieces.
    """
    if not query.strip():
        raise TextQueryError(messages.text_missing(field))
    groups = [group for group in _groups(query, field) if group]
    # Nothing but punctuation finds nothing, as in a search engine whose query came out empty.
    return lambda text: any(_matches(group, text) for group in groups)


def _matches(group: list[_Term], text: str) -> bool:
    return all((term.pattern.search(text) is None) is term.excluded for term in group)


def _groups(query: str, field: str) -> list[list[_Term]]:
    groups: list[list[_Term]] = [[]]
    operator_pending = True
    negated = False
    for match in _TERM.finditer(query):
        if match["stray"]:
            raise TextQueryError(messages.text_unreadable(query, field))
        word = match["word"]
        if word in ("AND", "OR"):
            if operator_pending:
                raise TextQueryError(messages.text_unreadable(query, field))
            operator_pending = True
            if word == "OR":
                groups.append([])
            continue
        operator_pending = word == "NOT" or word in ("+", "-", "!")
        if operator_pending:
            negated = word != "+"
            continue
        pattern = _pattern(match, query, field)
        if pattern is not None:
            groups[-1].append(_Term(pattern, negated or match["sign"] in ("-", "!")))
        negated = False
    if operator_pending:
        raise TextQueryError(messages.text_unreadable(query, field))
    return groups


def _pattern(match: re.Match[str], query: str, field: str) -> re.Pattern[str] | None:
    """Compile one term; None when it holds no letter or digit."""
    if match["phrase"] is not None:
        pieces = re.findall(r"\w+", _ESCAPED.sub(r"\1", match["phrase"]))
    else:
        word = _BOOST.sub("", match["word"])
        if word[:1] in ("*", "?"):
            raise TextQueryError(messages.wildcard_first(query, field))
        pieces = _PIECES.findall(_ESCAPED.sub(_literally, word))
    spelled = [re.escape(piece).replace(r"\*", r"\w*").replace(r"\?", r"\w") for piece in pieces]
    if not any(spelled):
        return None
    return re.compile(r"(?<!\w)" + r"\W+".join(spelled) + r"(?!\w)", re.IGNORECASE)


def _literally(match: re.Match[str]) -> str:
    return " " if match[1] in "*?" else match[1]
