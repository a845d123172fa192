"""How does a knowledge base leave as files? One markdown file per issue and attachment, or one JSON-lines file."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from jirakb.errors import UsageError
from jirakb.knowledge.store import StoredDocument
from jirakb.report import utc_text

LONGEST_NAME = 100
"""Characters of a key, host or file name that are kept: together with an id they stay below a file system's 255."""
LONGEST_STEM = 200
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")
"""What a name may not begin with on Windows, whatever its ending."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def export_markdown(documents: Iterable[StoredDocument], out: Path) -> int:
    """Write `SITE-HOST/KEY.md` for each issue (attachments: `KEY.NAME.md`); says how many files were written."""
    written: set[Path] = set()
    for document in documents:
        folder = out / _safe(urlsplit(document.url).netloc)
        folder.mkdir(parents=True, exist_ok=True)
        name = _safe(document.key)
        if document.kind != "issue":
            name = f"{name}.{_safe(document.id.rpartition('/')[2])}-{_safe(document.title)[:80]}"
        path = folder / f"{_bounded(name, document.id)}.md"
        if path in written:  # a stale key, or keys that differ only in letters that a file name cannot have
            marked = f"{name}.{_safe(document.id.rpartition(':')[2])}"
            path = folder / f"{_bounded(marked, document.id)}.md"
        _write(path, document.markdown.encode())
        written.add(path)
    return len(written)


def export_jsonl(documents: Iterable[StoredDocument], out: Path) -> int:
    """Write `documents.jsonl`, one document per line; says how many."""
    count = 0
    path = out / "documents.jsonl"
    draft = path.with_suffix(".part")
    with draft.open("wb") as file:
        for document in documents:
            count += 1
            file.write(orjson.dumps(document_json(document)) + b"\n")
    draft.replace(path)
    return count


def document_json(document: StoredDocument) -> dict[str, object]:
    """A document with the names of the contract."""
    return {
        "id": document.id,
        "key": document.key,
        "kind": document.kind,
        "title": document.title,
        "url": document.url,
        "updated": utc_text(document.updated),
        "markdown": document.markdown,
        "metadata": document.metadata,
    }


def prepare_folder(out: Path) -> None:
    """Make the folder to export into; raises UsageError when that cannot be."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise UsageError(f"{out} cannot be written to: {exc}.", fix="Choose another folder with --out.") from exc
    if not os.access(out, os.W_OK):
        raise UsageError(f"{out} cannot be written to.", fix="Choose another folder with --out.")


def _safe(name: str) -> str:
    """A name from a site as a file's name: it can leave no folder, hide nowhere, and stands for no device."""
    safe = _UNSAFE.sub("_", name).lstrip(".")[:LONGEST_NAME] or "_"
    return f"_{safe}" if _DEVICE.match(safe) else safe


def _bounded(stem: str, identity: str) -> str:
    """The stem of a file's name, cut where it would be too long; then a mark of the document keeps it apart from others."""
    if len(stem) <= LONGEST_STEM:
        return stem
    return f"{stem[: LONGEST_STEM - 17]}.{hashlib.sha256(identity.encode()).hexdigest()[:16]}"


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(path.name + ".part")
    draft.write_bytes(content)
    draft.replace(path)
