"""What do documents, sheets, slides, mails and web pages say? Reads them by kreuzberg, page by page where they have pages.

Belongs in the worker's process: the native code below may crash, hang or take all memory on a hostile file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from jirakb.jira.extract.bounds import UnreadableError
from jirakb.jira.extract.kinds import Kind
from jirakb.jira.extract.sampling import Extract

_OPEN_XML = "application/vnd.openxmlformats-officedocument"
MIME_TYPES: Mapping[Kind, str] = {
    "pdf": "application/pdf",
    "docx": f"{_OPEN_XML}.wordprocessingml.document",
    "xlsx": f"{_OPEN_XML}.spreadsheetml.sheet",
    "pptx": f"{_OPEN_XML}.presentationml.presentation",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint",
    "rtf": "application/rtf",
    "html": "text/html",
    "eml": "message/rfc822",
}
_SHEETS: frozenset[Kind] = frozenset({"xlsx", "xls", "ods"})
_PLAIN: frozenset[Kind] = frozenset({"pdf", "html", "eml"})
"""As plain text: a page keeps its lines, and what looks like a title or a table in it is guessed too often."""


def read_office(data: bytes, kind: Kind) -> tuple[Extract, ...]:
    """The text of a file of one of these kinds; raises UnreadableError when it is broken or locked."""
    # Not at the top: a worker that meets texts only need not load its eighty megabytes.
    import kreuzberg

    config = kreuzberg.ExtractionConfig(  # type: ignore[call-arg]  # its stub lacks disable_ocr
        use_cache=False,
        disable_ocr=True,
        enable_quality_processing=False,
        pages=kreuzberg.PageConfig(extract_pages=kind in ("pdf", "pptx")),
        output_format="plain" if kind in _PLAIN else "markdown",
    )
    try:
        found = kreuzberg.extract_bytes_sync(data, MIME_TYPES[kind], config)
    except kreuzberg.KreuzbergError as exc:
        raise UnreadableError("locked_file" if "password" in str(exc).lower() else "broken_file") from exc
    if kind in _SHEETS:
        return tuple(_by_sheet(found.content, [str(name) for name in found.metadata.get("sheet_names") or ()]))
    if found.pages and kind in ("pdf", "pptx"):
        texts = {int(page["page_number"]): str(page["content"]) for page in found.pages}
        return tuple(_page(kind, number, text) for number, text in sorted(texts.items()))
    return (Extract("", found.content),)


def _page(kind: Kind, number: int, text: str) -> Extract:
    if kind == "pptx":
        return Extract(f"Slide {number}", text)
    return Extract(f"Page {number}", re.sub(r"[ \t]+(?=\r?\n|$)", "", text), f"page={number}")


def _by_sheet(content: str, names: list[str]) -> Iterator[Extract]:
    """The sheets of a workbook, whose titles stand in order; a cell that looks like the next title costs a wrong cut only."""
    ends = [at for name, at in _titles(content, names)] + [len(content)]
    titles = _titles(content, names)
    if not titles:
        yield Extract("", content)
    for index, (name, start) in enumerate(titles):
        text = content[start : ends[index + 1]].partition("\n")[2]
        yield Extract(f"Sheet {name}", text)


def _titles(content: str, names: list[str]) -> list[tuple[str, int]]:
    found, at = list[tuple[str, int]](), 0
    for name in names:
        title = f"## {name}"
        start = at if content.startswith(title, at) else content.find(f"\n{title}\n", at) + 1
        if start or content.startswith(title):
            found.append((name, start))
            at = start + len(title)
    return found
