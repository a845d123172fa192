"""How do the processes of one machine share a pace? Through a small SQLite file in the home, opened by apsw alone.

The file can be deleted at any time. It is not synced to the disk: after a crash of the machine nothing of it matters.
An own table rather than a library's bucket: what is kept is not a count but what the site's answers have taught.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import apsw

from jirakb.jira.pacing.store import PacesInMemory

FILE_NAME = "pacing.sqlite"
_BUSY_MS = 5000
_log = logging.getLogger(__name__)
_PREPARE = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = OFF",
    "PRAGMA wal_autocheckpoint = 100",
    "CREATE TABLE IF NOT EXISTS pace (site TEXT PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID",
)
_READ = "SELECT state FROM pace WHERE site = ?"
_WRITE = "INSERT INTO pace (site, state) VALUES (?, ?) ON CONFLICT (site) DO UPDATE SET state = excluded.state"


class PacesInFile:
    """The paces in a home, in memory as long as there is no such folder: reading a site alone makes none."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._memory = PacesInMemory()
        self._base: apsw.Connection | None = None
        self._is_given_up = False

    def change(self, site: str, work: Callable[[bytes], bytes]) -> None:
        """One process after the other; in memory from the first trouble with the file."""
        with self._lock:
            base = self._opened(site)
            if base is None:
                self._memory.change(site, work)
                return
            try:
                _change(base, site, work)
            except apsw.Error as exc:
                self._give_up(exc)
                self._memory.change(site, work)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._base is not None:
                self._base.close()
                self._base = None

    def _opened(self, site: str) -> apsw.Connection | None:
        if self._base is None and not self._is_given_up and self._home.is_dir():
            try:
                self._base = _open(self._home / FILE_NAME)
                # What was learned before the home was there.
                self._memory.change(site, lambda held: self._hand_over(site, held))
            except apsw.Error as exc:
                self._give_up(exc)
        return self._base

    def _hand_over(self, site: str, held: bytes) -> bytes:
        assert self._base is not None
        _change(self._base, site, lambda known: known or held)
        return held

    def _give_up(self, exc: apsw.Error) -> None:
        _log.warning("The pace is not shared with other processes: %s cannot be used (%s).", FILE_NAME, exc)
        self._is_given_up = True
        if self._base is not None:
            self._base.close()
            self._base = None


def _open(file: Path) -> apsw.Connection:
    try:
        return _connect(file)
    except (apsw.NotADBError, apsw.CorruptError):
        for path in (file, file.with_name(file.name + "-wal"), file.with_name(file.name + "-shm")):
            with suppress(OSError):
                path.unlink(missing_ok=True)
        return _connect(file)


def _connect(file: Path) -> apsw.Connection:
    with suppress(OSError):  # SQLite says it better what is wrong
        file.touch(mode=0o600)
    base = apsw.Connection(str(file))
    try:
        base.set_busy_timeout(_BUSY_MS)
        for statement in _PREPARE:
            base.execute(statement)
    except apsw.Error:
        base.close()
        raise
    return base


def _change(base: apsw.Connection, site: str, work: Callable[[bytes], bytes]) -> None:
    """Mostly nothing is to be written, and then no lock is taken."""
    held = _read(base, site)
    if work(held) == held:
        return
    base.execute("BEGIN IMMEDIATE")
    try:
        base.execute(_WRITE, (site, work(_read(base, site))))
        base.execute("COMMIT")
    except BaseException:
        with suppress(apsw.Error):
            base.execute("ROLLBACK")
        raise


def _read(base: apsw.Connection, site: str) -> bytes:
    row = base.execute(_READ, (site,)).fetchone()
    return bytes(row[0]) if row else b""
