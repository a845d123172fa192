"""What do the bytes of a text file say? Finds the encoding; says so when they are no text at all."""

from __future__ import annotations

import codecs
import re

_MARKED = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROL = re.compile(rb"[\x01-\x06\x0e-\x1a\x1c-\x1f\x7f]")
"""Bytes that no text has, but for the few in the output of a terminal."""
_MOST_CONTROLS = 0.02


def decode(data: bytes) -> str | None:
    """The text, in UTF-8, in UTF-16 or UTF-32 with their marks, or in a Western code page; None for what is no text."""
    for mark, encoding in _MARKED:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    if b"\x00" in data or len(_CONTROL.findall(data)) > _MOST_CONTROLS * len(data):
        return None
    return _utf8(data) or _western(data)


def _utf8(data: bytes) -> str | None:
    """The text as UTF-8, which may hold some broken characters (a log cut anywhere), but more whole ones."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    whole = sum(1 for character in text if character > "\x7f") - broken
    return text if broken < whole else None


def _western(data: bytes) -> str:
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")
