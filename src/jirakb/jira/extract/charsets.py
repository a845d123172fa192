"""In which code page is a text that is no Unicode? Guesses from its own declaration, then from what its bytes look like."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

_SAMPLE = 64 * 1024
"""Bytes that are looked at; all of the text must then decode."""
_FEWEST = 6
"""Characters beyond ASCII below which nothing is guessed."""
_DECLARED = re.compile(rb"(?i)(?:charset|encoding|coding)\s*[:=]\s*[\"']?([a-z][a-z0-9_-]{2,20})")
_KNOWN = re.compile(
    r"(?i)(utf-?8|us-ascii|iso-?8859-\d{1,2}|windows-\d{3,4}|cp\d{3,4}|koi8-[ru]|shift[_-]?jis|sjis|euc-?(jp|kr)"
    r"|iso-2022-(jp|kr)|gb2312|gbk|gb18030|big5)"
)
"""Code pages that texts declare; others in the standard library do not even hold texts."""
_PAIR = re.compile(rb"[\x80-\xff][\x40-\xff]")
_RUN = re.compile(rb"[\x80-\xff]+")
_KANA = re.compile("[\u3041-\u30fe]")
_FAR = re.compile("[^\x00-\x7f]")


def in_escapes(data: bytes) -> str | None:
    """The text in the code page of Japanese mails, which is seven bits wide and switched by escapes; None for any other."""
    return _decoded(data, "iso2022_jp") if b"\x1b$B" in data or b"\x1b$@" in data else None


def in_declared(data: bytes) -> str | None:
    """The text in the code page that it names in its first lines; None where it names none, or not the truth."""
    found = _DECLARED.search(data[:1024])
    name = found[1].decode() if found else ""
    return _decoded(data, name) if _KNOWN.fullmatch(name) else None


def in_guessed(data: bytes) -> str | None:
    """The text in an East Asian or Cyrillic code page, where its bytes look much like one; None for what is none."""
    sample = data[:_SAMPLE]
    if len(_PAIR.findall(sample)) < _FEWEST:
        return None
    name = next((name for name, looks_like in _GUESSES if looks_like(sample)), "")
    return _decoded(data, name) if name else None


def _decoded(data: bytes, name: str) -> str | None:
    """Strictly, but for a character that was cut in two at the end."""
    try:
        return data.decode(name)
    except UnicodeDecodeError as exc:
        return data[: exc.start].decode(name) if exc.start >= len(data) - 3 else None
    except LookupError:
        return None


def _is_japanese(name: str) -> Callable[[bytes], bool]:
    """Kana are a third of Japanese, and come from bytes that others hardly use."""

    def looks_like(sample: bytes) -> bool:
        text = sample.decode(name, "ignore")
        beyond = len(_FAR.findall(text))
        return len(_KANA.findall(text)) > max(3, beyond // 5) and _loses_little(sample, name)

    return looks_like


def _is_of_pairs(name: str, first: int, last: int, share: float) -> Callable[[bytes], bool]:
    """Most characters begin with a byte of the common rows of that code page."""

    def looks_like(sample: bytes) -> bool:
        runs = _RUN.findall(sample)
        leads = Counter(run[place] for run in runs for place in range(0, len(run) - 1, 2))
        common = sum(count for lead, count in leads.items() if first <= lead <= last)
        long = sum(map(len, runs)) >= 2 * len(runs)
        return long and common >= share * leads.total() and _loses_little(sample, name)

    return looks_like


def _is_big5(sample: bytes) -> bool:
    """Many second bytes are ASCII, so that runs tell nothing; elsewhere few are."""
    pairs = _PAIR.findall(sample)
    common = sum(0xA4 <= pair[0] <= 0xC6 for pair in pairs)
    plain = sum(pair[1] < 0x80 for pair in pairs)
    much = len(pairs) * 10 > len(sample) and common > 0.75 * len(pairs) and plain > 0.1 * len(pairs)
    return much and _loses_little(sample, "big5")


def _is_cyrillic(first: int, last: int) -> Callable[[bytes], bool]:
    """Words of many bytes above ASCII, most of them small letters."""

    def looks_like(sample: bytes) -> bool:
        runs = _RUN.findall(sample)
        count = sum(map(len, runs))
        small = sum(first <= byte <= last for run in runs for byte in run)
        return count > 3 * len(runs) and small > 0.6 * count

    return looks_like


def _loses_little(sample: bytes, name: str) -> bool:
    return sample.decode(name, "replace").count("\ufffd") <= 1


_GUESSES: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("cp932", _is_japanese("cp932")),
    ("euc_jp", _is_japanese("euc_jp")),
    ("cp949", _is_of_pairs("cp949", 0xB0, 0xC8, 0.95)),
    ("big5", _is_big5),
    ("gb18030", _is_of_pairs("gb18030", 0xA1, 0xD7, 0.85)),
    ("cp1251", _is_cyrillic(0xE0, 0xFF)),
    ("koi8-r", _is_cyrillic(0xC0, 0xDF)),
)
