"""What is kept of each issue, and how far has a rebuild come? Reads raw payloads in windows and remembers the last one stored.

Never renders, and never decides when to rebuild.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field

import apsw
import orjson
import zstandard

from jirakb.documents import Omission, RawIssue
from jirakb.errors import CorruptStoreError
from jirakb.knowledge.prepare import decompress
from jirakb.knowledge.runs import Connector, Tally
from jirakb.knowledge.store import KnowledgeBase, moment, query

_PROGRESS = "rebuild"
_RENDERING = "rendering:"


@dataclass(frozen=True, slots=True)
class KeptIssue:
    """One issue as it was fetched, with the connectors that claim it. `row` is its place in the knowledge base."""

    row: int
    site: str
    connectors: frozenset[str]
    raw: RawIssue


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rebuild has come: every issue up to row `after` is stored. `basis` names what it renders with."""

    run: str
    basis: str
    after: int = 0
    indexed: int = 0
    failed: int = 0
    tally: Tally = field(default_factory=Tally)


class Kept:
    """The raw payloads of one knowledge base, and the progress of its rebuild."""

    def __init__(self, base: KnowledgeBase) -> None:
        self._base = base

    def count(self, connectors: Collection[str], after: int = 0) -> int:
        """How many issues these connectors claim, beyond row `after`."""
        rows = query(self._base.reader(), _COUNT, (after, _list(connectors)))
        return int(rows[0][0])

    def window(self, connectors: Collection[str], after: int, limit: int) -> list[KeptIssue]:
        """The next issues of these connectors beyond row `after`, ascending."""
        rows = query(self._base.reader(), _WINDOW, (after, _list(connectors), limit))
        return [
            KeptIssue(row, site, frozenset(claims.split(" ")), RawIssue(number, key, moment(updated), _plain(key, raw)))
            for row, site, number, key, updated, raw, claims in rows
        ]

    def rendering_facts(self, connector: str) -> str:
        """What `keep_rendering_facts` was given for a connector, "" where nothing was."""
        rows = query(self._base.reader(), "SELECT value FROM meta WHERE name = ?", (_RENDERING + connector,))
        return str(rows[0][0]) if rows else ""

    def keep_rendering_facts(self, connector: str, facts: str) -> None:
        """Keep what rendering a connector's issues depends on besides them, for a rebuild that does not ask the site."""
        if facts != self.rendering_facts(connector):
            with self._base.transaction() as tx:
                tx.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_RENDERING + connector, facts))

    def reading(self, connector: Connector) -> str:
        """Which parts a connector reads: those of its last complete full run, before its first of the one under way."""
        sql = "SELECT reading FROM run WHERE connector = ? ORDER BY kind = 'full' DESC, started DESC LIMIT 1"
        rows = query(self._base.reader(), sql, (connector.id,)) if not connector.reading else []
        return str(rows[0][0]) if rows else connector.reading

    def progress(self) -> Progress | None:
        """The rebuild that was broken off, if one was."""
        rows = query(self._base.reader(), "SELECT value FROM meta WHERE name = ?", (_PROGRESS,))
        if not rows:
            return None
        found = orjson.loads(rows[0][0])
        return Progress(**{**found, "tally": Tally(**found["tally"])})

    def save(self, tx: apsw.Connection, progress: Progress) -> None:
        """Keep how far the rebuild is, with what the transaction stores."""
        tx.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_PROGRESS, orjson.dumps(asdict(progress)).decode()))

    def finish(self) -> None:
        """The rebuild has come to its end."""
        with self._base.transaction() as tx:
            tx.execute("DELETE FROM meta WHERE name = ?", (_PROGRESS,))

    def omissions(self, connector: str, number: int) -> list[Omission]:
        """What is known to be missing of one issue."""
        sql = "SELECT key, kind, class, reason, detail FROM omission WHERE connector = ? AND number = ? ORDER BY rowid"
        return [Omission(*row) for row in query(self._base.reader(), sql, (connector, number))]

    def replace_omissions(
        self, tx: apsw.Connection, connector: str, number: int, omissions: Iterable[Omission], run: str
    ) -> None:
        """Say what is missing of one issue from now on."""
        tx.execute("DELETE FROM omission WHERE connector = ? AND number = ?", (connector, number))
        tx.executemany(
            "INSERT INTO omission VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(connector, number, o.key, o.kind, o.cls, o.reason, o.detail, run) for o in omissions],
        )

    def ask_for_full_run(self, connectors: Collection[str]) -> None:
        """Make the next sync of these connectors read everything again."""
        sql = "UPDATE connector SET watermark = NULL, census_at = NULL WHERE id IN (SELECT value FROM json_each(?))"
        with self._base.transaction() as tx:
            tx.execute(sql, (_list(connectors),))


def _plain(key: str, packed: bytes) -> bytes:
    try:
        return decompress(bytes(packed))
    except zstandard.ZstdError as exc:
        raise CorruptStoreError(
            f"What was kept of {key} is damaged: {exc}.",
            fix="Run jirakb rebuild --from jira, then jirakb sync.",
            key=key,
        ) from exc


def _list(texts: Iterable[str]) -> str:
    return orjson.dumps(sorted(texts)).decode()


_CLAIMED = "EXISTS (SELECT 1 FROM claim c WHERE c.issue = i.id AND c.connector IN (SELECT value FROM json_each(?2)))"

_COUNT = f"SELECT count(*) FROM issue i WHERE i.id > ?1 AND {_CLAIMED}"

_WINDOW = f"""
SELECT i.id, i.site, i.number, i.key, i.updated, r.payload_zstd,
  (SELECT group_concat(c.connector, ' ') FROM claim c WHERE c.issue = i.id)
FROM issue i JOIN raw r ON r.issue = i.id WHERE i.id > ?1 AND {_CLAIMED} ORDER BY i.id LIMIT ?3
"""
