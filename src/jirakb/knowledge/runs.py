"""Where does each connector stand? The connectors, runs, listings and omissions in `kb.sqlite`: a checkpoint is a run's
listing with its finished rows, written in the transaction that stores the documents. Decides nothing about syncing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from typing import Literal

import apsw
import orjson
from ulid import ULID

from jirakb.documents import IssueRef, Omission
from jirakb.knowledge.store import KnowledgeBase, milliseconds, moment, query
from jirakb.report import Report

RunKind = Literal["full", "incremental", "window"]
RunState = Literal["listing", "fetching", "pruning", "complete", "incomplete", "stopped", "failed"]


class Done(IntEnum):
    """What became of a listed issue."""

    TO_FETCH = 0
    INDEXED = 1
    UNCHANGED = 2
    OMITTED = 3
    GONE = 4


@dataclass(frozen=True, slots=True)
class Connector:
    """Who feeds the knowledge base: one site, one query, and up to where it was read."""

    id: str
    site: str
    flavor: str
    base_url: str
    query: str
    reading: str
    watermark: datetime | None
    census_at: datetime | None


@dataclass(frozen=True, slots=True)
class Tally:
    """What a run stored so far; kept with each transaction, so that a resumed run reports the whole."""

    fetched: int = 0
    comments: int = 0
    attachments: int = 0
    sections: int = 0
    passages: int = 0
    reused: int = 0
    deleted: int = 0
    newest: int = 0  # epoch milliseconds of the newest `updated` seen

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(
            fetched=self.fetched + other.fetched,
            comments=self.comments + other.comments,
            attachments=self.attachments + other.attachments,
            sections=self.sections + other.sections,
            passages=self.passages + other.passages,
            reused=self.reused + other.reused,
            deleted=self.deleted + other.deleted,
            newest=max(self.newest, other.newest),
        )


@dataclass(frozen=True, slots=True)
class Run:
    """One sync of one connector. `site_time` is the site's clock when its listing began."""

    id: str
    connector: str
    kind: RunKind
    state: RunState
    started: datetime
    site_time: datetime | None
    reading: str
    census: bool
    tally: Tally


class Runs:
    """The runs of one knowledge base."""

    def __init__(self, base: KnowledgeBase) -> None:
        self._base = base

    def connector(self, *, site: str, flavor: str, base_url: str, query: str) -> Connector:
        """The connector of this site and query, made when it is new."""
        identity = hashlib.blake2b(f"{site}\n{query}".encode(), digest_size=8).hexdigest()
        with self._base.transaction() as tx:
            tx.execute(_UPSERT_CONNECTOR, (identity, site, flavor, base_url, query))
        return self.connectors(identity)[0]

    def connectors(self, only: str | None = None) -> list[Connector]:
        """All connectors, or the one."""
        sql = "SELECT id, site, flavor, base_url, query, reading, watermark, census_at FROM connector"
        rows = query(self._base.reader(), f"{sql} WHERE ?1 IS NULL OR id = ?1 ORDER BY id", (only,))
        return [
            Connector(identity, site, flavor, base_url, name, reading, _moment(watermark), _moment(census))
            for identity, site, flavor, base_url, name, reading, watermark, census in rows
        ]

    def begin(self, connector: str, kind: RunKind, *, reading: str, census: bool, now: datetime) -> Run:
        """A new run in place of unfinished ones, whose listings are dropped; a window run leaves the others alone."""
        run = Run(str(ULID.from_datetime(now)), connector, kind, "listing", now, None, reading, census, Tally())
        with self._base.transaction() as tx:
            self._abandon(tx, connector, now, only_windows=kind == "window")
            tx.execute(
                "INSERT INTO run (id, connector, kind, state, started, reading, census) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (run.id, connector, kind, run.state, milliseconds(now), reading, int(census)),
            )
        return run

    def _abandon(self, tx: apsw.Connection, connector: str, now: datetime, *, only_windows: bool) -> None:
        sql = f"SELECT id FROM run WHERE connector = ? AND {_UNFINISHED} AND (kind = 'window' OR NOT ?)"
        rows = tx.execute(sql, (connector, only_windows)).fetchall()
        for (run,) in rows:
            tx.execute("UPDATE run SET state = 'failed', finished = ? WHERE id = ?", (milliseconds(now), run))
            tx.execute("DELETE FROM listing WHERE run = ?", (run,))

    def unfinished(self, connector: str) -> Run | None:
        """The full or incremental run that was interrupted, if one was."""
        sql = "SELECT id, connector, kind, state, started, site_time, reading, census, report FROM run WHERE connector = ?"
        unfinished = f"{sql} AND {_UNFINISHED} AND kind <> 'window' ORDER BY started DESC LIMIT 1"
        for identity, owner, kind, state, started, site_time, reading, census, report in query(
            self._base.reader(), unfinished, (connector,)
        ):
            tally = Tally(**orjson.loads(report).get("tally", {}))
            return Run(identity, owner, kind, state, moment(started), _moment(site_time), reading, bool(census), tally)
        return None

    def last(self, connector: str) -> tuple[str, str] | None:
        """Id and state of the connector's latest run."""
        sql = "SELECT id, state FROM run WHERE connector = ? ORDER BY started DESC LIMIT 1"
        row = self._base.reader().execute(sql, (connector,)).fetchone()
        return (row[0], row[1]) if row else None

    # The listing

    def add_listed(self, run: Run, refs: Iterable[IssueRef], site_time: datetime) -> Run:
        """Add one page of the listing; an issue listed before stays as it is. The site's clock of the first page stays.

        An issue that is stored under another key is listed as changed: a project's new key moves no time of update.
        """
        first = run.site_time or site_time
        with self._base.transaction() as tx:
            tx.execute("UPDATE run SET site_time = ? WHERE id = ?", (milliseconds(first), run.id))
            for ref in refs:
                updated = milliseconds(ref.updated) if ref.updated else None
                tx.execute(_ADD_LISTED, (run.id, ref.number, updated, ref.key, run.connector))
        return replace(run, site_time=first)

    def add_unreadable(self, run: Run, omissions: Iterable[tuple[int, Omission]]) -> None:
        """Add rows of the listing that name no issue: they are counted and told, and nothing is fetched for them."""
        with self._base.transaction() as tx:
            for number, omission in omissions:
                tx.execute(_ADD_DONE, (run.id, number, int(Done.OMITTED)))
                self.omit(tx, run, number, (omission,))

    def forget_unreadable(self, run: Run) -> None:
        """Forget the rows of earlier listings that named no issue, now that a complete listing has none of them."""
        with self._base.transaction() as tx:
            tx.execute(_FORGET_UNREADABLE, (run.connector, run.id))

    def lists_unreadable(self, run: Run) -> bool:
        """Whether the listing has a row that names no issue: any issue that it lacks may be that one."""
        sql = "SELECT 1 FROM listing WHERE run = ? AND number < -1 LIMIT 1"
        return bool(query(self._base.reader(), sql, (run.id,)))

    def failed(self, connector: str) -> list[int]:
        """The issues that could not be read, or not all of them, when they were last fetched."""
        sql = "SELECT DISTINCT number FROM omission WHERE connector = ? AND class = 'failed' AND number >= 0"
        return [number for (number,) in query(self._base.reader(), sql, (connector,))]

    def retry(self, run: Run, numbers: Iterable[int]) -> None:
        """List these issues again, whatever became of them."""
        with self._base.transaction() as tx:
            tx.executemany(_RETRY, [(run.id, number) for number in numbers])

    def forget(self, run: Run, numbers: Iterable[int]) -> None:
        """Forget what was missing of issues that the query no longer admits."""
        with self._base.transaction() as tx:
            for number in numbers:
                self.omit(tx, run, number, ())

    def to_fetch(self, run: Run, after: int, limit: int) -> list[int]:
        """The next listed numbers above `after` that are still to be fetched, ascending."""
        sql = "SELECT number FROM listing WHERE run = ? AND done = 0 AND number > ? ORDER BY number LIMIT ?"
        return [row[0] for row in self._base.reader().execute(sql, (run.id, after, limit))]

    def known_updates(self, run: Run, after: int, limit: int) -> list[tuple[int, datetime | None, datetime]]:
        """Listed issues still to fetch that the connector has: (number, listed update time, stored update time)."""
        rows = self._base.reader().execute(_KNOWN_UPDATES, (run.id, after, run.connector, limit))
        return [(number, _moment(listed), moment(stored)) for number, listed, stored in rows]

    def mark(self, tx: apsw.Connection, run: Run, numbers: Sequence[int], done: Done) -> None:
        """Say what became of these listed issues."""
        tx.executemany(
            "UPDATE listing SET done = ? WHERE run = ? AND number = ?", [(int(done), run.id, n) for n in numbers]
        )

    def tallied(self, run: Run) -> dict[Done, int]:
        """How many listed issues stand where."""
        rows = self._base.reader().execute("SELECT done, count(*) FROM listing WHERE run = ? GROUP BY done", (run.id,))
        found = {Done(done): count for done, count in rows}
        return {done: found.get(done, 0) for done in Done}

    # Omissions

    def omit(self, tx: apsw.Connection, run: Run, number: int, omissions: Iterable[Omission]) -> None:
        """Replace what is known to be missing of one issue."""
        tx.execute("DELETE FROM omission WHERE connector = ? AND number = ?", (run.connector, number))
        tx.executemany(
            "INSERT INTO omission VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(run.connector, number, o.key, o.kind, o.cls, o.reason, o.detail, run.id) for o in omissions],
        )

    def omit_projects(self, run: Run, omissions: Iterable[Omission], *, returned: bool) -> None:
        """Replace what is known of hidden projects. After one has `returned` a census is due: its issues may be others."""
        with self._base.transaction() as tx:
            self.omit(tx, run, OF_PROJECTS, omissions)
            if returned:
                tx.execute("UPDATE connector SET census_at = NULL WHERE id = ?", (run.connector,))

    def omitted_projects(self, connector: str) -> set[str]:
        """The keys of the projects that were hidden when they were last asked for."""
        sql = "SELECT key FROM omission WHERE connector = ? AND number = ?"
        return {str(key) for (key,) in self._base.reader().execute(sql, (connector, OF_PROJECTS))}

    def omissions(self, connector: str, limit: int = 1000) -> list[Omission]:
        """What of the connector's issues is not indexed now, and why; at most `limit`."""
        sql = "SELECT key, kind, class, reason, detail FROM omission WHERE connector = ? ORDER BY number LIMIT ?"
        return [Omission(*row) for row in self._base.reader().execute(sql, (connector, limit))]

    def omission_count(self, connector: str, *, failed: bool) -> int:
        """How many omissions the connector has; with `failed` only those that are faults."""
        sql = "SELECT count(*) FROM omission WHERE connector = ? AND (NOT ? OR class = 'failed')"
        row = self._base.reader().execute(sql, (connector, failed)).fetchone()
        return int(row[0]) if row else 0

    # Census

    def missing(self, run: Run, after: int, limit: int, hidden: Iterable[str] = ()) -> list[tuple[int, int]]:
        """Issues that the connector has and a complete listing lacks, but for those of hidden projects: (row, number) with
        rows above `after`."""
        bindings = (run.connector, after, run.id, limit, _json_list(hidden))
        return [(row, number) for row, number in query(self._base.reader(), _MISSING, bindings)]

    def missing_by_project(self, run: Run) -> dict[str, int]:
        """How many of the connector's issues a complete listing lacks, by the keys of their projects."""
        rows = query(self._base.reader(), _MISSING_BY_PROJECT, (run.connector, run.id))
        return {str(project): int(count) for project, count in rows}

    def claimed_by_project(self, connector: str) -> dict[str, int]:
        """How many issues the connector has, by the keys of their projects."""
        rows = query(self._base.reader(), _CLAIMED_BY_PROJECT, (connector,))
        return {str(project): int(count) for project, count in rows}

    # Progress and end

    def save(self, tx: apsw.Connection, run: Run) -> None:
        """Keep the run's state and tally with what the transaction stores."""
        report = orjson.dumps({"tally": _tally_json(run.tally)}).decode()
        tx.execute("UPDATE run SET state = ?, report = ? WHERE id = ?", (run.state, report, run.id))

    def finish(self, run: Run, report: Report, *, now: datetime, watermark: datetime | None, census: bool) -> None:
        """End a run: its watermark, census, reading and report are kept and its listing goes, all at once."""
        with self._base.transaction() as tx:
            tx.execute(
                "UPDATE run SET state = ?, finished = ?, report = ? WHERE id = ?",
                (run.state, milliseconds(now), orjson.dumps(report.to_json()).decode(), run.id),
            )
            if watermark is not None:
                tx.execute("UPDATE connector SET watermark = ? WHERE id = ?", (milliseconds(watermark), run.connector))
            if run.kind == "full":
                tx.execute("UPDATE connector SET reading = ? WHERE id = ?", (run.reading, run.connector))
            if census:
                tx.execute("UPDATE connector SET census_at = ? WHERE id = ?", (milliseconds(now), run.connector))
            tx.execute("DELETE FROM listing WHERE run = ?", (run.id,))


_UNFINISHED = "state IN ('listing', 'fetching', 'pruning')"

_UPSERT_CONNECTOR = """
INSERT INTO connector (id, site, flavor, base_url, query) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET flavor = excluded.flavor, base_url = excluded.base_url
"""

OF_PROJECTS = -1
"""Stands in place of an issue's number where a whole project is omitted."""

_ADD_LISTED = """
INSERT OR IGNORE INTO listing (run, number, updated)
SELECT ?1, ?2, CASE WHEN ?4 <> '' AND EXISTS (
  SELECT 1 FROM issue i JOIN connector k ON k.site = i.site WHERE k.id = ?5 AND i.number = ?2 AND i.key <> ?4
) THEN 0 ELSE ?3 END
"""

_ADD_DONE = "INSERT OR REPLACE INTO listing (run, number, done) VALUES (?, ?, ?)"

_RETRY = """
INSERT INTO listing (run, number) VALUES (?, ?)
ON CONFLICT (run, number) DO UPDATE SET done = 0, updated = NULL WHERE done IN (2, 3)
"""

_FORGET_UNREADABLE = """
DELETE FROM omission WHERE connector = ?1 AND number < -1
  AND number NOT IN (SELECT number FROM listing WHERE run = ?2)
"""

_KNOWN_UPDATES = """
SELECT l.number, l.updated, i.updated FROM listing l
JOIN connector k ON k.id = ?3
JOIN issue i ON i.site = k.site AND i.number = l.number
JOIN claim c ON c.issue = i.id AND c.connector = k.id
WHERE l.run = ?1 AND l.done = 0 AND l.number > ?2 ORDER BY l.number LIMIT ?4
"""

_MISSING = """
SELECT i.id, i.number FROM claim c JOIN issue i ON i.id = c.issue
WHERE c.connector = ?1 AND i.id > ?2
  AND NOT EXISTS (SELECT 1 FROM listing l WHERE l.run = ?3 AND l.number = i.number AND l.done <> 4)
  AND rtrim(rtrim(i.key, '0123456789'), '-') NOT IN (SELECT value FROM json_each(?5))
ORDER BY i.id LIMIT ?4
"""

_MISSING_BY_PROJECT = """
SELECT rtrim(rtrim(i.key, '0123456789'), '-'), count(*) FROM claim c JOIN issue i ON i.id = c.issue
WHERE c.connector = ?1
  AND NOT EXISTS (SELECT 1 FROM listing l WHERE l.run = ?2 AND l.number = i.number AND l.done <> 4)
GROUP BY 1
"""

_CLAIMED_BY_PROJECT = """
SELECT rtrim(rtrim(i.key, '0123456789'), '-'), count(*) FROM claim c JOIN issue i ON i.id = c.issue
WHERE c.connector = ?1 GROUP BY 1
"""


def _json_list(texts: Iterable[str]) -> str:
    return orjson.dumps(list(texts)).decode()


def _moment(value: int | None) -> datetime | None:
    return None if value is None else moment(value)


def _tally_json(tally: Tally) -> dict[str, int]:
    return {name: getattr(tally, name) for name in Tally.__dataclass_fields__}
