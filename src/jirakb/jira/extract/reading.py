"""What is the text of a file? Finds its kind and has it read. Pure: bytes in, pieces out; runs in the worker's process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from jirakb.documents import FileText
from jirakb.jira.document.lenient import clean, one_line
from jirakb.jira.extract.archives import Member, check_declared, members, unpack
from jirakb.jira.extract.bounds import MAX_TEXT, Allowance, UnreadableError
from jirakb.jira.extract.kinds import ARCHIVES, PACKED, Kind, kind_of
from jirakb.jira.extract.office import MIME_TYPES, read_office
from jirakb.jira.extract.plain import decode
from jirakb.jira.extract.sampling import Extract, cut

NO_OCR = "no_ocr"
"""The reason of an image that nobody looked at: there is no program for it, or it is turned off."""
_DEEPEST = 3
"""An archive is opened, and archives in it, so often; one further in is only named."""
_ZIPPED: frozenset[Kind] = frozenset({"docx", "xlsx", "pptx", "odt", "ods"})
_LISTED_AS = {"no_text": "no text", "broken_file": "broken", "locked_file": "locked", NO_OCR: "an image"}


@dataclass(frozen=True, slots=True)
class Manner:
    """How files are read: to at most so many characters of text, and images by `ocr` (None: not at all)."""

    limit: int = MAX_TEXT
    ocr: Callable[[bytes], str] | None = None


def read_file(data: bytes, manner: Manner) -> FileText:
    """The text of a file, cleaned, with what is to be said of it; else why there is none."""
    try:
        extracts = [_tidy(extract) for extract in _extracts(data, Allowance.of(len(data)), 0, manner)]
        pieces, note = cut([extract for extract in extracts if extract.text], min(manner.limit, MAX_TEXT))
    except UnreadableError as exc:
        return FileText(reason=exc.reason)
    except MemoryError:
        return FileText(reason="unpacks_too_large")
    return FileText.of(pieces, note) if pieces else FileText(reason="no_text")


def _extracts(data: bytes, allowance: Allowance, depth: int, manner: Manner) -> tuple[Extract, ...]:
    kind = kind_of(data)
    if kind in _ZIPPED:
        check_declared(data, allowance)
    if kind in MIME_TYPES:
        return read_office(data, kind)
    if kind == "image":
        return _image(data, depth, manner)
    if kind in PACKED | ARCHIVES and depth >= _DEEPEST:
        raise UnreadableError("nested_too_deep")
    if kind in PACKED:
        return _extracts(unpack(data, kind, allowance), allowance, depth + 1, manner)
    if kind in ARCHIVES:
        return _archive(data, kind, allowance, depth)
    text = decode(data) if kind == "text" else None
    return (Extract("", text, by_lines=True),) if text else ()


def _image(data: bytes, depth: int, manner: Manner) -> tuple[Extract, ...]:
    """Images in archives are only named: there may be thousands."""
    if manner.ocr is None or depth:
        raise UnreadableError(NO_OCR)
    text = manner.ocr(data)
    return (Extract("", text),) if text else ()


def _archive(data: bytes, kind: Kind, allowance: Allowance, depth: int) -> tuple[Extract, ...]:
    names, found = list[str](), list[Extract]()
    for member in members(data, kind, allowance):
        extracts, why = _of_member(member, allowance, depth)
        names.append(f"- {one_line(member.name)} ({member.size} B)" + (f": {why}" if why else ""))
        found.extend(extracts)
    if allowance.members_left < 0:
        names.append("- and more: not all files of so large an archive are looked at")
    return (Extract("Files", "\n".join(names)), *found)


def _of_member(member: Member, allowance: Allowance, depth: int) -> tuple[tuple[Extract, ...], str]:
    """The text of a file in an archive, or why it has none; one that cannot be read is not worth losing the others."""
    if member.data is None:
        return (), "locked or broken"
    try:
        found = _extracts(member.data, allowance, depth + 1, Manner()) if member.data else ()
    except UnreadableError as exc:
        if exc.reason == "unpacks_too_large":
            raise
        return (), _LISTED_AS.get(exc.reason, "an archive too far in")
    return tuple(_named(one_line(member.name), found)), "" if found else "no text"


def _named(name: str, extracts: tuple[Extract, ...]) -> Iterator[Extract]:
    for extract in extracts:
        yield replace(extract, heading=f"{name}, {extract.heading}" if extract.heading else name, anchor="")


def _tidy(extract: Extract) -> Extract:
    return replace(extract, heading=one_line(extract.heading), text=clean(extract.text).strip("\n").rstrip())
