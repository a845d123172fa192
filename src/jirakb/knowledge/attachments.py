"""What was read of attachments before? Keeps it in the knowledge base, so that no file is fetched or read a second time.

A cache with transactions of its own: what it lacks is read again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from jirakb.documents import AttachmentText, FileText
from jirakb.knowledge.files import remove
from jirakb.knowledge.store import KnowledgeBase, milliseconds, moment


class StoredAttachments:
    """The attachments of one knowledge base. Safe to use from several threads."""

    def __init__(self, base: KnowledgeBase) -> None:
        self._base = base

    def known(self, site: str, number: int) -> Mapping[str, AttachmentText]:
        """What was read of an issue's attachments, by their ids."""
        rows = self._base.reader().execute(_KNOWN, (site, number))
        return {
            id_: AttachmentText(
                id_, name, size, None if at is None else moment(at), sha256, FileText(bytes(pieces), reason)
            )
            for id_, name, size, at, sha256, reason, pieces in rows
        }

    def of_bytes(self, sha256: str) -> FileText | None:
        """What a file of these bytes was read as, whatever its name and issue."""
        sql = "SELECT pieces_zstd, reason FROM file_text WHERE sha256 = ?"
        row = self._base.reader().execute(sql, (sha256,)).fetchone()
        return FileText(bytes(row[0]), str(row[1])) if row else None

    def keep(self, site: str, number: int, text: AttachmentText) -> None:
        """Keep what was read."""
        created = milliseconds(text.created) if text.created else None
        content = (text.sha256, text.content.reason, text.content.packed)
        with self._base.transaction() as tx:
            tx.execute(_KEEP_TEXT, content)
            tx.execute(_KEEP, (site, number, text.id, text.name, text.size, created, text.sha256))

    def forget(self, site: str, number: int, ids: Collection[str]) -> None:
        """Forget attachments of an issue: they were deleted."""
        with self._base.transaction() as tx:
            remove(tx, [(site, number, id_) for id_ in ids])


_KEEP_TEXT = (
    "INSERT INTO file_text VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET reason = excluded.reason, "
    "pieces_zstd = excluded.pieces_zstd WHERE reason != excluded.reason OR pieces_zstd != excluded.pieces_zstd"
)
_KEEP = "INSERT OR REPLACE INTO attachment VALUES (?, ?, ?, ?, ?, ?, ?)"

_KNOWN = """
SELECT a.id, a.name, a.size, a.created, a.sha256, t.reason, t.pieces_zstd
FROM attachment a JOIN file_text t ON t.sha256 = a.sha256 WHERE a.site = ? AND a.number = ?
"""
