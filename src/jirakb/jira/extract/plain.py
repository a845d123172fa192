"""What do the bytes of a text file say? Finds the encoding; says so when they are no text at all."""

from __future__ import annotations

import codecs
import re

from jirakb.jira.extract.charsets import in_declared, in_escapes, in_guessed

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
_HOLE = re.compile(rb"\x00+")
_TEXT_PER_HOLE = 500
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]{0,30}[ -/]{0,5}[@-~]|\][^\x07\x1b]{0,200}(?:\x07|\x1b\\))")
"""Colours, cursor movements and window titles in the output of a terminal."""
_SAMPLE = 4096


def decode(data: bytes) -> str | None:
    """The text, in Unicode with or without marks, in the code page that it names or looks like, else in a Western one;
    None for what is no text."""
    text = _in_unicode(data)
    if text is None:
        text = _in_bytes(data)
    return _TERMINAL.sub("", text) if text and "\x1b" in text else text


def _in_unicode(data: bytes) -> str | None:
    for mark, encoding in _MARKED:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    encoding = _wide(data[:_SAMPLE])
    if not encoding or len(_CONTROL.findall(data[:_SAMPLE])) > _MOST_CONTROLS * len(data[:_SAMPLE]):
        return None
    return data.decode(encoding, "replace")


def _wide(sample: bytes) -> str:
    """The UTF-16 without a mark that a sample is in: of ASCII in it every second byte is zero."""
    half = len(sample) // 2
    low, high = sample[::2].count(0), sample[1::2].count(0)
    if half < 2 or min(low, high) * 20 > half:
        return ""
    return "utf-16-le" if high * 5 >= half * 2 else "utf-16-be" if low * 5 >= half * 2 else ""


def _in_bytes(data: bytes) -> str | None:
    data = _without_holes(data)
    if b"\x00" in data or len(_CONTROL.findall(data)) > _MOST_CONTROLS * len(data):
        return None
    guesses = (guess(data) for guess in (in_escapes, _utf8, in_declared, in_guessed))
    return next((text for text in guesses if text is not None), None) or _western(data)


def _without_holes(data: bytes) -> bytes:
    """A log that was cut off by a crash has holes of zeros; a file with many of them is no text."""
    if b"\x00" not in data:
        return data
    filled, holes = _HOLE.subn(b"", data)
    return filled if holes <= 1 + len(filled) // _TEXT_PER_HOLE else data


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
