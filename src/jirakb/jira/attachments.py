"""Which attachments of an issue are read, and what became of each? Decides, has them downloaded and their text extracted.

What was read once is not read again: an attachment never changes, and the same bytes have the same text. An attachment
that cannot be had costs one omission, never its issue.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

from jirakb.documents import AttachmentText, FileText, Omission, RawIssue
from jirakb.jira.downloads import Downloads, Missed
from jirakb.jira.extract.extractor import CRASHED, TIMED_OUT, Extractor
from jirakb.jira.issue import Attachment, parse_attachments
from jirakb.source import Batch

_FAILURES = frozenset({CRASHED, TIMED_OUT})
"""Reasons of which the next sync may be free; all others are in the file itself."""
_SIDE_BY_SIDE = 4
"""Issues of one batch whose attachments are read at once; the pacer holds the calls of all batches together."""


class AttachmentTexts(Protocol):
    """Where what was read is kept. Safe to use from several threads."""

    def known(self, site: str, number: int) -> Mapping[str, AttachmentText]:
        """What was read of an issue's attachments, by their ids."""

    def of_bytes(self, sha256: str) -> FileText | None:
        """What a file of these bytes was read as, whatever its name and issue."""

    def keep(self, site: str, number: int, text: AttachmentText) -> None:
        """Keep what was read."""

    def forget(self, site: str, number: int, ids: Collection[str]) -> None:
        """Forget attachments of an issue: they were deleted."""


class TextsInMemory:
    """Keeps what was read for as long as the process lives: for a connector that is used without a knowledge base."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_issue: dict[tuple[str, int], dict[str, AttachmentText]] = {}

    def known(self, site: str, number: int) -> Mapping[str, AttachmentText]:
        """See AttachmentTexts."""
        with self._lock:
            return dict(self._by_issue.get((site, number), {}))

    def of_bytes(self, sha256: str) -> FileText | None:
        """See AttachmentTexts."""
        with self._lock:
            held = (text for texts in self._by_issue.values() for text in texts.values())
            return next((text.content for text in held if text.sha256 == sha256), None)

    def keep(self, site: str, number: int, text: AttachmentText) -> None:
        """See AttachmentTexts."""
        with self._lock:
            self._by_issue.setdefault((site, number), {})[text.id] = text

    def forget(self, site: str, number: int, ids: Collection[str]) -> None:
        """See AttachmentTexts."""
        with self._lock:
            held = self._by_issue.get((site, number), {})
            for identity in ids:
                held.pop(identity, None)


@dataclass(frozen=True, slots=True)
class AttachmentReader:
    """Reads the attachments of fetched issues. Safe to use from several threads. `limit` is in bytes."""

    site: str
    limit: int
    downloads: Downloads
    extractor: Extractor
    texts: AttachmentTexts

    def complete(self, batch: Batch) -> Batch:
        """The batch with the texts of its issues' attachments."""
        if len(batch.issues) < 2:
            return replace(batch, issues=tuple(map(self._complete, batch.issues)))
        with ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="attachments") as pool:
            return replace(batch, issues=tuple(pool.map(self._complete, batch.issues)))

    def _complete(self, raw: RawIssue) -> RawIssue:
        files = parse_attachments(raw.payload)
        known = self.texts.known(self.site, raw.number)
        gone = known.keys() - {file.id for file in files}
        if gone:
            self.texts.forget(self.site, raw.number, gone)
        results = [known.get(file.id) or self._read(raw.number, file) for file in files]
        return with_results(raw, files, results)

    def _read(self, number: int, file: Attachment) -> AttachmentText | Missed:
        refused = refusal(file, self.limit)
        if refused:
            return refused
        data = self.downloads.get(file)
        if isinstance(data, Missed):
            return data
        sha256 = hashlib.sha256(data).hexdigest()
        content = self.texts.of_bytes(sha256) or self.extractor.read(data)
        text = AttachmentText(file.id, file.name, len(data), file.created, sha256, content)
        if content.reason not in _FAILURES:
            self.texts.keep(self.site, number, text)
        return text


def refusal(file: Attachment, limit: int) -> Missed | None:
    """Why an attachment is not even asked for; None when it is to be read."""
    if file.size == 0:
        return Missed("excluded", "no_text", "It is empty.")
    if file.size is not None and file.size > limit:
        return Missed("excluded", "too_large", f"It has {file.size} bytes; the limit is {limit}.")
    return None


def with_results(raw: RawIssue, files: Sequence[Attachment], results: Sequence[AttachmentText | Missed]) -> RawIssue:
    """The issue with the texts that were found, and an omission for each attachment without."""
    pairs = list(zip(files, results, strict=True))
    return replace(
        raw,
        attachments=tuple(found for found in results if isinstance(found, AttachmentText) and found.content.pieces),
        omissions=tuple(omission for file, found in pairs if (omission := _omission(raw.key, file, found))),
    )


def _omission(key: str, file: Attachment, found: AttachmentText | Missed) -> Omission | None:
    name = file.name or file.id
    if isinstance(found, Missed):
        detail = f"{name}: {found.detail}" if found.detail else name
        return Omission(key, "attachment", found.cls, found.reason, detail)
    if found.content.pieces:
        return None
    reason = found.content.reason
    return Omission(key, "attachment", "failed" if reason in _FAILURES else "excluded", reason, name)
