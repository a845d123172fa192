"""Which characters never reach a tree: controls, and the few that the converters use as marks of their own."""

from __future__ import annotations

import re

MARK = "\ufdd0"
"""A noncharacter: stands for something already written, or kept for later. No text of a tree contains it."""

_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufdd0-\ufddf]")
_LINE_ENDS = "\x85\u2028\u2029"


def clean(text: str) -> str:
    """The text with newlines as "\\n" and each control character as a space."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNWANTED.sub(_instead, text) if _UNWANTED.search(text) else text


def _instead(found: re.Match[str]) -> str:
    return "\n" if found[0] in _LINE_ENDS else " "
