"""Where do `{code}`, `{noformat}`, `{quote}`, `{panel}` and `{color}` begin and end? Never looks inside them.

Each macro with both its ends is lifted out of the text and a token stands in its place, so that all later steps can read
line by line. A macro without an end stays in the text as it was typed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_RAW = re.compile(r"\{(code|noformat)(?::([^{}\n]*))?\}")
_RICH = re.compile(r"\{(quote|panel|color|anchor)(?::([^{}\n\0]*))?\}")


@dataclass(frozen=True)
class Macro:
    """One lifted macro: `{name:params}body{name}`."""

    name: str
    params: str
    body: str


@dataclass(frozen=True)
class Page:
    """What the conversion of one text knows: names to look up, and the macros lifted so far."""

    users: Mapping[str, str]
    attachments: Mapping[str, str]
    macros: list[Macro] = field(default_factory=list)

    def token(self, macro: Macro) -> str:
        """Keep a macro and return the token that stands for it."""
        self.macros.append(macro)
        return f"\0{len(self.macros) - 1}\0"


def lift_raw(text: str, page: Page) -> str:
    """Lift the macros whose content is not markup; done once for a text."""
    return _lift(text, _RAW, page)


def lift_rich(text: str, page: Page) -> str:
    """Lift the macros whose content is markup; done again inside each of them."""
    return _lift(text, _RICH, page)


def _lift(text: str, opening: re.Pattern[str], page: Page) -> str:
    """Replace each macro by its token. A name whose end is missing once is missing from there on, so it is asked once."""
    if "{" not in text:
        return text
    pieces: list[str] = []
    endless: set[str] = set()
    done = position = 0
    while match := opening.search(text, position):
        end = _end(text, match, endless)
        position = match.end() if end is None else end
        if end is None:
            continue
        pieces += [text[done : match.start()], _lifted(text, match, end, page)]
        done = end
    return "".join([*pieces, text[done:]]) if pieces else text


def _lifted(text: str, match: re.Match[str], end: int, page: Page) -> str:
    name, params = match[1], match[2] or ""
    if name == "anchor":
        return ""
    return page.token(Macro(name, params, text[match.end() : end - len(name) - 2]))


def _end(text: str, match: re.Match[str], endless: set[str]) -> int | None:
    """Return where the macro ends, or None when it is not one."""
    name, start = match[1], match.start()
    if name in endless or (start and text[start - 1] in "\\{"):
        return None
    if name == "anchor":
        return match.end()
    close = text.find("{" + name + "}", match.end())
    if close < 0:
        endless.add(name)
        return None
    return close + len(name) + 2


def parameters(params: str) -> dict[str, str]:
    """Read `java|title=Foo` as {"": "java", "title": "Foo"}."""
    pairs = (part.partition("=") for part in params.split("|") if part.strip())
    return {key.strip().lower() if sign else "": (value if sign else key).strip() for key, sign, value in pairs}
