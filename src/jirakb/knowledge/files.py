"""Which rows go with an attachment that is gone? Removes them within a transaction of the caller."""

from __future__ import annotations

from collections.abc import Iterable

import apsw


def forget_attachments(tx: apsw.Connection, issue: int) -> None:
    """Remove what was read of the attachments of an issue (its row), which itself is about to go."""
    rows = tx.execute(
        "SELECT a.site, a.number, a.id FROM attachment a JOIN issue i ON i.site = a.site AND i.number = a.number "
        "WHERE i.id = ?",
        (issue,),
    ).fetchall()
    remove(tx, [(str(site), int(str(number)), str(id_)) for site, number, id_ in rows])


def remove(tx: apsw.Connection, attachments: Iterable[tuple[str, int, str]]) -> None:
    """Remove attachments, given as (site, issue number, id), and the texts that no other one has."""
    for attachment in attachments:
        row = tx.execute(_REMOVE, attachment).fetchone()
        if row:
            tx.execute(_REMOVE_UNUSED, (row[0], row[0]))


_REMOVE = "DELETE FROM attachment WHERE site = ? AND number = ? AND id = ? RETURNING sha256"
_REMOVE_UNUSED = (
    "DELETE FROM file_text WHERE sha256 = ? AND NOT EXISTS (SELECT 1 FROM attachment WHERE sha256 = ? LIMIT 1)"
)
