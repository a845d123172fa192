"""What is the text of a file? Finds its kind and has it read. Pure: bytes in, pieces out; runs in the worker's process."""

from __future__ import annotations

from collections.abc import Iterator

from jirakb.documents import FileText, Piece
from jirakb.jira.document.lenient import clean, one_line
from jirakb.jira.extract.archives import Member, check_declared, gunzip, tar_members, zip_members
from jirakb.jira.extract.bounds import MAX_TEXT, Allowance, UnreadableError
from jirakb.jira.extract.kinds import Kind, kind_of
from jirakb.jira.extract.office import MIME_TYPES, read_office
from jirakb.jira.extract.plain import decode

_DEEPEST = 1
"""An archive is opened, and files in it; an archive in an archive is only named."""
_ZIPPED: frozenset[Kind] = frozenset({"docx", "xlsx", "pptx", "odt", "ods"})


def read_file(data: bytes) -> FileText:
    """The text of a file, cleaned; else why there is none."""
    try:
        pieces = tuple(_tidy(piece) for piece in _pieces(data, Allowance.of(len(data)), 0))
    except UnreadableError as exc:
        return FileText(reason=exc.reason)
    except MemoryError:
        return FileText(reason="unpacks_too_large")
    kept = tuple(piece for piece in pieces if piece.text)
    if sum(len(piece.text) for piece in kept) > MAX_TEXT:
        return FileText(reason="too_much_text")
    return FileText.of(kept) if kept else FileText(reason="no_text")


def _pieces(data: bytes, allowance: Allowance, depth: int) -> tuple[Piece, ...]:
    kind = kind_of(data)
    if kind in _ZIPPED:
        check_declared(data, allowance)
    if kind in MIME_TYPES:
        return read_office(data, kind)
    if kind == "gzip" and depth <= _DEEPEST:
        return _pieces(gunzip(data, allowance), allowance, depth)
    if kind in ("zip", "tar"):
        return _archive(data, kind, allowance, depth) if depth < _DEEPEST else ()
    text = decode(data) if kind == "text" else None
    return (Piece("", text),) if text else ()


def _archive(data: bytes, kind: Kind, allowance: Allowance, depth: int) -> tuple[Piece, ...]:
    names, found = list[str](), list[Piece]()
    for member in (zip_members if kind == "zip" else tar_members)(data, allowance):
        names.append(f"- {one_line(member.name)} ({member.size} B)")
        found.extend(_of_member(member, allowance, depth))
    return (Piece("Files", "\n".join(names)), *found)


def _of_member(member: Member, allowance: Allowance, depth: int) -> Iterator[Piece]:
    """The text of a file in an archive; one that cannot be read is not worth losing the others."""
    try:
        pieces = _pieces(member.data, allowance, depth + 1) if member.data else ()
    except UnreadableError as exc:
        if exc.reason == "unpacks_too_large":
            raise
        return
    for piece in pieces:
        heading = f"{one_line(member.name)}, {piece.heading}" if piece.heading else one_line(member.name)
        yield Piece(heading, piece.text)


def _tidy(piece: Piece) -> Piece:
    return Piece(one_line(piece.heading), clean(piece.text).strip("\n").rstrip(), piece.anchor)
