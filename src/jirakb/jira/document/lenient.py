"""How is a value read out of JSON that may be missing, null or of another type than documented? Never raises.

Also the hygiene of texts: what leaves here holds no control characters but tab and newline, and no lone surrogates.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

import orjson

_NOT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_IN_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_BREAK = re.compile("\r\n|[\r\x0b\x0c\x85]")
_GAP = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

_NOTHING: Mapping[str, object] = {}
_LARGEST = 2**63 - 1
"""What Jira counts with, and what a database can keep."""


def decode(payload: bytes) -> object:
    """The JSON in `payload`, read as generously as can be; raises ValueError where there is none.

    orjson refuses lone surrogates, raw control characters and NaN, all of which some Jira has sent.
    """
    try:
        return orjson.loads(payload)
    except ValueError:
        return _decode_slowly(payload)


def _decode_slowly(payload: bytes) -> object:
    text = payload.decode("utf-8-sig", "replace")
    try:
        return json.loads(text, strict=False)
    except RecursionError as exc:
        raise ValueError("the JSON is nested too deeply") from exc


def mapping(value: object) -> Mapping[str, object]:
    """The JSON object, or an empty one."""
    return value if isinstance(value, dict) else _NOTHING


def objects(value: object) -> Iterator[Mapping[str, object]]:
    """The JSON objects among the members of an array; nothing where there is no array."""
    if isinstance(value, list):
        yield from (member for member in value if isinstance(member, dict))


def line(value: object) -> str:
    """A name, key or id on one line: control characters and line breaks become a space. "" for what is no text."""
    if isinstance(value, str):
        return one_line(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def lines(value: object) -> tuple[str, ...]:
    """The texts of an array, each on one line, without the empty ones."""
    if not isinstance(value, list):
        return ()
    return tuple(text for member in value if (text := line(member)))


def names(value: object) -> tuple[str, ...]:
    """The names of an array of named things (components, versions), without the empty ones."""
    return tuple(name for member in objects(value) if (name := line(member.get("name"))))


def number(value: object) -> int | None:
    """A whole number of at most 63 bits that is not negative, also from its digits in a text; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if 0 <= value <= _LARGEST else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return None


def one_line(text: str) -> str:
    """The text without line breaks, control characters, lone surrogates and outer spaces."""
    if _NOT_IN_A_LINE.search(text):
        text = _GAP.sub(" ", _SURROGATE.sub("\ufffd", text))
    return text.strip()


def clean(text: str) -> str:
    """The text with "\\n" as its only line break, without control characters but tabs, and without lone surrogates."""
    if not _NOT_TEXT.search(text):
        return text
    text = _LINE_BREAK.sub("\n", text)
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", text))
