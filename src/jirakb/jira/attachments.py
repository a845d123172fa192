"""Which attachments of an issue are read, and what became of each? Decides, has them downloaded and their text extracted.

What was read once is not read again: an attachment never changes, and the same bytes have the same text. An attachment
that cannot be had costs one omission, never its issue.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import replace
from typing import Literal, Protocol

from jirakb.documents import AttachmentText, FileText, Omission, RawIssue
from jirakb.jira.document.issue import Attachment, parse_attachments
from jirakb.jira.downloads import Missed
from jirakb.jira.extract.extractor import CRASHED, TIMED_OUT, Extractor
from jirakb.source import Batch

_FAILURES = frozenset({CRASHED, TIMED_OUT})
"""Reasons of which the next sync may be free; all others are in the file itself."""
_SIDE_BY_SIDE = 8
"""Issues whose attachments are read at once, of all batches together."""

_IN_MEMORY = 32 * 1024 * 1024
_ROOM_OF_ONE = 1000
"""What an attachment takes besides its packed text, in bytes."""
_LOCKS = 64


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
    """Keeps what was read last, for as long as the process lives: for a connector that is used without a knowledge base."""

    def __init__(self, most: int = _IN_MEMORY) -> None:
        """`most` is how many bytes of packed text are kept."""
        self._lock = threading.Lock()
        self._room = most
        self._held: dict[tuple[str, int, str], AttachmentText] = {}

    def known(self, site: str, number: int) -> Mapping[str, AttachmentText]:
        """See AttachmentTexts."""
        with self._lock:
            return {id_: text for (of, issue, id_), text in self._held.items() if (of, issue) == (site, number)}

    def of_bytes(self, sha256: str) -> FileText | None:
        """See AttachmentTexts."""
        with self._lock:
            return next((text.content for text in self._held.values() if text.sha256 == sha256), None)

    def keep(self, site: str, number: int, text: AttachmentText) -> None:
        """See AttachmentTexts."""
        with self._lock:
            self._drop((site, number, text.id))
            self._held[site, number, text.id] = text
            self._room -= _length(text)
            while self._room < 0:
                self._drop(next(iter(self._held)))

    def forget(self, site: str, number: int, ids: Collection[str]) -> None:
        """See AttachmentTexts."""
        with self._lock:
            for identity in ids:
                self._drop((site, number, identity))

    def _drop(self, place: tuple[str, int, str]) -> None:
        text = self._held.pop(place, None)
        self._room += _length(text) if text else 0


def _length(text: AttachmentText) -> int:
    return _ROOM_OF_ONE + len(text.content.packed)


class AttachmentReader:
    """Reads the attachments of fetched issues. Safe to use from several threads."""

    def __init__(
        self,
        site: str,
        limit: int,
        download: Callable[[Attachment], bytes | Missed],
        extractor: Extractor,
        texts: AttachmentTexts,
    ) -> None:
        """`site` is the site's id, `limit` the bytes above which an attachment is left out. Closes the extractor."""
        self._site = site
        self._limit = limit
        self._download = download
        self._texts = texts
        self._extractor = extractor
        self._locks = tuple(threading.Lock() for _ in range(_LOCKS))
        self._pool = ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="attachments")

    def complete(self, batch: Batch) -> Batch:
        """The batch with the texts of its issues' attachments."""
        contexts = [copy_context() for _ in batch.issues]
        return replace(batch, issues=tuple(self._pool.map(self._complete_in, contexts, batch.issues)))

    def _complete_in(self, context: Context, issue: RawIssue) -> RawIssue:
        return context.run(self._complete, issue)

    def close(self) -> None:
        """Ends the threads and the processes that read files, after what they are at."""
        self._pool.shutdown(cancel_futures=True)
        self._extractor.close()

    def _complete(self, raw: RawIssue) -> RawIssue:
        files = list({file.id: file for file in parse_attachments(raw.payload) if file.id}.values())
        known = self._texts.known(self._site, raw.number)
        gone = known.keys() - {file.id for file in files}
        if gone:
            self._texts.forget(self._site, raw.number, gone)
        results = [self._as_read(known.get(file.id)) or self._read(raw.number, file) for file in files]
        return with_results(raw, files, results)

    def _as_read(self, text: AttachmentText | None) -> AttachmentText | None:
        """What was read before, unless it is worth reading again: images can be read now, or more of a text is wanted."""
        return None if text is None or self._extractor.would_read_more(text.content) else text

    def _read(self, number: int, file: Attachment) -> AttachmentText | Missed:
        refused = refusal(file, self._limit)
        if refused:
            return refused
        data = self._download(file)
        return data if isinstance(data, Missed) else self._extract(number, file, data)

    def _extract(self, number: int, file: Attachment, data: bytes) -> AttachmentText:
        """Two files of the same bytes wait for each other, so that the second finds what the first was read as."""
        sha256 = hashlib.sha256(data).hexdigest()
        with self._locks[int(sha256[:8], 16) % _LOCKS]:
            content = self._texts.of_bytes(sha256)
            if content is None or self._extractor.would_read_more(content):
                content = self._extractor.read(data)
            text = AttachmentText(file.id, file.name, len(data), file.created, sha256, content)
            if content.reason not in _FAILURES:
                self._texts.keep(self._site, number, text)
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
        attachments=tuple(found for found in results if isinstance(found, AttachmentText) and found.content.packed),
        omissions=raw.omissions + tuple(o for file, found in pairs if (o := _omission(raw.key, file, found))),
    )


def _omission(key: str, file: Attachment, found: AttachmentText | Missed) -> Omission | None:
    name = file.name or file.id
    if isinstance(found, Missed):
        detail = f"{name}: {found.detail}" if found.detail else name
        return Omission(key, "attachment", found.cls, found.reason, detail)
    reason, _, detail = found.content.reason.partition(": ")
    if not reason:
        return None
    cls: Literal["excluded", "failed"] = "failed" if reason in _FAILURES else "excluded"
    return Omission(key, "attachment", cls, reason, f"{name}: {detail}" if detail else name)
