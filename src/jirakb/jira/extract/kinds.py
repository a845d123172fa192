"""What kind of file is it? Judges by the bytes alone: names and stated types are wrong too often. Never reads a text."""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal[
    "pdf", "docx", "xlsx", "pptx", "odt", "ods", "doc", "xls", "ppt", "rtf", "html", "eml",
    "zip", "tar", "gzip", "bzip2", "xz", "text", "image", "unknown",
]  # fmt: skip
ARCHIVES: frozenset[Kind] = frozenset({"zip", "tar"})
"""What holds several files."""
PACKED: frozenset[Kind] = frozenset({"gzip", "bzip2", "xz"})
"""What holds one file."""

_HEAD = 1024
"""How far into a file its mark may stand: some producers put a line before it."""
_MARKS: tuple[tuple[bytes, Kind], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"{\\rtf", "rtf"),
    (b"\x89PNG", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"II*\x00", "image"),
    (b"MM\x00*", "image"),
    (b"BM", "image"),
)
_OFFICE: tuple[tuple[bytes, Kind], ...] = (
    (b"word/", "docx"),
    (b"xl/", "xlsx"),
    (b"ppt/", "pptx"),
    (b"mimetypeapplication/vnd.oasis.opendocument.text", "odt"),
    (b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "ods"),
)
"""Names of members that only these archives have; OpenDocument files begin with a member that says what they are."""
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_STREAMS: tuple[tuple[str, Kind], ...] = (
    ("WordDocument", "doc"),
    ("Workbook", "xls"),
    ("PowerPoint Document", "ppt"),
)
_MAIL_HEADER = re.compile(rb"(?im)^(from|to|cc|subject|date|received|message-id|mime-version|return-path):[ \t]")
_HTML = re.compile(rb"(?i)<(?:!doctype\s+html|html)[\s>]")


def kind_of(data: bytes) -> Kind:
    """The kind of a file; "text" and "unknown" for what has no mark: the decoder decides between them."""
    head = data[:_HEAD]
    if head.lstrip().startswith(b"%PDF-") or (b"%PDF-" in head and b"%%EOF" in data[-_HEAD:]):
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _archive(data)
    if head.startswith(_COMPOUND):
        return next((kind for name, kind in _STREAMS if name.encode("utf-16-le") in data), "unknown")
    if head[257:262] == b"ustar":
        return "tar"
    if head.startswith(b"BZh") and head[4:10] == b"1AY&SY":
        return "bzip2"
    marked = next((kind for mark, kind in _MARKS if head.startswith(mark)), None)
    if marked and not (marked == "image" and _reads_as_text(head)):
        return marked
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image"
    return _text(head)


def _archive(data: bytes) -> Kind:
    if b"[Content_Types].xml" not in data and not data[30:].startswith(b"mimetype"):
        return "zip"
    return next((kind for name, kind in _OFFICE if name in data), "zip")


def _reads_as_text(head: bytes) -> bool:
    """A text may begin with "BM" or "GIF8"; an image holds zeros soon."""
    return b"\x00" not in head


def _text(head: bytes) -> Kind:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"<") and _HTML.search(start):
        return "html"
    headers = start.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    names = {found.lower() for found in _MAIL_HEADER.findall(headers)}
    if _MAIL_HEADER.match(headers) and b"from" in names and names & {b"subject", b"message-id", b"mime-version"}:
        return "eml"
    return "text"
