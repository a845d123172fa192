"""Which stretches of a wiki text are not wiki markup? {code}, {noformat} and {html} are set aside before anything else.

Each leaves a placeholder, so that the rest can be read line by line; macros that show nothing ({color}, {anchor})
vanish here. Never reads what lies between the macros.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from jirakb.jira.markup.nodes import Block, Blocks, CodeBlock, CodeSpan, Paragraph, Styled, Text
from jirakb.jira.markup.wiki.html import parse_html

KEPT = "\ufdd1"
"""Stands, as KEPT number KEPT, for blocks set aside."""
KEPT_SPAN = "\ufdd2"
"""Stands, as KEPT_SPAN number KEPT_SPAN, for monospaced words set aside."""

_MACRO = re.compile(
    r"\{(?<!\\\{)(?:(?<!(?<!\{)\{\{)(color|anchor|toc)|(?<!\{\{)(code|noformat|html))"
    r"(?:(?=\})|[:.|]([^{}\n]*))\}(?!\}(?!\}))",
    re.IGNORECASE,
)
_MOST = 100_000
"""Macros of one text that are looked at; those that follow are words."""
_VERBATIM = frozenset(("code", "noformat", "html"))
_BLANK_EDGES = re.compile(r"\A(?:[ \t]*\n)+|\s+\Z")
_BLOCK_BEHIND = re.compile(r"[ \t]*(?:h[1-6]\.|bq\.)\s")
_LANGUAGES = {"none": "", "plain": "", "text": "", "console": ""}
_PARAMETER = re.compile(r"\s*(\w+)\s*[=:]\s*(.*?)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Macro:
    """One occurrence of a macro's braces."""

    name: str
    parameters: str
    start: int
    end: int


Kept = list[Blocks | CodeSpan]


def set_aside(text: str) -> tuple[str, Kept]:
    """The text with placeholders, and what they stand for."""
    kept: Kept = []
    if "{" not in text:
        return text, kept
    found = islice(_MACRO.finditer(text), _MOST)
    macros = [Macro((m[1] or m[2]).lower(), m[3] or "", m.start(), m.end()) for m in found]
    if not macros:
        return text, kept
    return "".join(_pieces(text, macros, _closers(macros), kept)), kept


def parameters(text: str) -> dict[str, str]:
    """`java|title=Foo.java` as {"": "java", "title": "Foo.java"}; the first without a name is the macro's value."""
    found: dict[str, str] = {}
    for part in text.split("|"):
        named = _PARAMETER.fullmatch(part)
        name, value = (named[1].lower(), named[2]) if named else ("", part.strip())
        found.setdefault(name, value.strip("\"' "))
    return found


def _closers(macros: list[Macro]) -> dict[int, int]:
    """For each macro that takes its text verbatim, the place in the list of what would close it."""
    closers: dict[int, int] = {}
    following: dict[str, int] = {}
    for place in range(len(macros) - 1, -1, -1):
        name = macros[place].name
        if name in _VERBATIM:
            if name in following:
                closers[place] = following[name]
            following[name] = place
    return closers


def _pieces(text: str, macros: list[Macro], closers: dict[int, int], kept: Kept) -> Iterator[str]:
    """The text between what is set aside, with placeholders."""
    position = place = 0
    while place < len(macros):
        macro = macros[place]
        yield text[position : macro.start]
        position, place = macro.end, place + 1
        if macro.name not in _VERBATIM:
            continue
        closer = closers.get(place - 1)
        if closer is None:
            if _takes_the_rest(text, macro, place == len(macros)):
                yield _keep(_verbatim(macro, text[macro.end :]), kept)
                return
            yield _stray(text, macro, kept)
            continue
        end = macros[closer]
        if end.parameters and end.parameters != macro.parameters:
            yield _stray(text, macro, kept)
            continue
        yield _placeholder(text, macro, end, kept)
        if _BLOCK_BEHIND.match(text, end.end):
            yield "\n"
        position, place = end.end, closer + 1
    yield text[position:]


def _takes_the_rest(text: str, macro: Macro, last: bool) -> bool:
    """Whether a macro that nothing closes means all that follows: the last one, it stands where one begins."""
    begins = macro.start == 0 if macro.name == "html" else _alone(text, macro)
    return last and begins and bool(text[macro.end :].strip())


def _stray(text: str, macro: Macro, kept: Kept) -> str:
    """A macro without its other half: amid words it is one of them."""
    if macro.name == "html" or _alone(text, macro):
        return _titled(macro, kept)
    return text[macro.start : macro.end]


def _titled(macro: Macro, kept: Kept) -> str:
    """What stays of a macro that holds nothing."""
    title = tuple(_title(parameters(macro.parameters))) if macro.name != "html" else ()
    return _keep(title, kept) if title else ""


def _alone(text: str, macro: Macro) -> bool:
    """Whether nothing but white space shares the macro's line."""
    before = text[max(macro.start - 80, 0) : macro.start].rpartition("\n")[2]
    after = text[macro.end : macro.end + 80].partition("\n")[0]
    return not before.strip() and not after.strip()


def _placeholder(text: str, macro: Macro, end: Macro, kept: Kept) -> str:
    body = text[macro.end : end.start]
    if not body.strip():
        return _titled(macro, kept)
    if macro.name != "html" and not macro.parameters and "\n" not in body and not _fills_line(text, macro, end):
        kept.append(CodeSpan(body.strip()))
        return f"{KEPT_SPAN}{len(kept) - 1}{KEPT_SPAN}"
    return _keep(_verbatim(macro, body), kept)


def _fills_line(text: str, macro: Macro, end: Macro) -> bool:
    before = text[max(macro.start - 80, 0) : macro.start].rpartition("\n")[2]
    after = text[end.end : end.end + 80].partition("\n")[0]
    return not before.strip("*# \t-") and not after.strip()


def _keep(blocks: Blocks, kept: Kept) -> str:
    kept.append(blocks)
    return f"{KEPT}{len(kept) - 1}{KEPT}"


def _verbatim(macro: Macro, body: str) -> Blocks:
    if macro.name == "html":
        return parse_html(body)
    return tuple(_code(macro.parameters, body))


def _code(given: str, body: str) -> Iterator[Block]:
    options = parameters(given)
    yield from _title(options)
    language = (options.get("") or options.get("lang") or options.get("language") or "").lower()
    yield CodeBlock(_BLANK_EDGES.sub("", body), _LANGUAGES.get(language, language))


def _title(options: dict[str, str]) -> Iterator[Block]:
    if title := options.get("title"):
        yield Paragraph((Styled("strong", (Text(title),)),))
