"""How do workers share a pace where there is a PostgreSQL database and no Redis? Through one small table of it, over one connection.

The table can be dropped at any time, and is empty after a crash of the database: nothing of it matters for long. Raises the
library's errors: `shelter.py` says what happens then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import psycopg
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from jirakb.errors import UsageError

TROUBLE: tuple[type[Exception], ...] = (psycopg.Error, OSError)
_SECONDS = 3
_MS = 2000
_LOCK = 7_341_902_119  # any number that no other program asks this database for
_PREPARE = (
    f"SET statement_timeout = {_MS}",
    f"SET lock_timeout = {_MS}",
    f"SET idle_in_transaction_session_timeout = {_MS}",
    "SET synchronous_commit = off",
)
_MAKE = "CREATE UNLOGGED TABLE IF NOT EXISTS jirakb_pace (site text PRIMARY KEY, state bytea NOT NULL)"
_READ = "SELECT state FROM jirakb_pace WHERE site = %s"
_ENTER = "INSERT INTO jirakb_pace (site, state) VALUES (%s, '') ON CONFLICT DO NOTHING"
_WRITE = "UPDATE jirakb_pace SET state = %s WHERE site = %s"


class PacesInPostgres:
    """The paces in a database. Safe to use from several threads, which go one after the other."""

    def __init__(self, url: str) -> None:
        self._conninfo = _conninfo(url)
        self._lock = threading.Lock()
        self._connection: psycopg.Connection | None = None

    def change(self, site: str, work: Callable[[bytes], bytes]) -> None:
        """Mostly nothing is to be written, and then no lock is taken."""
        with self._lock:
            try:
                _change(self._opened(), site, work)
            except TROUBLE:
                self._drop()
                raise

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._drop()

    def _opened(self) -> psycopg.Connection:
        if self._connection is None:
            self._connection = _connect(self._conninfo)
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _change(base: psycopg.Connection, site: str, work: Callable[[bytes], bytes]) -> None:
    held = _read(base, site, _READ)
    if work(held) == held:
        return
    with base.transaction():
        base.execute(_ENTER, (site,))
        base.execute(_WRITE, (work(_read(base, site, f"{_READ} FOR UPDATE")), site))


def _read(base: psycopg.Connection, site: str, query: str) -> bytes:
    row = base.execute(query, (site,)).fetchone()
    return bytes(row[0]) if row else b""


def _connect(conninfo: str) -> psycopg.Connection:
    base = psycopg.connect(conninfo, autocommit=True, connect_timeout=_SECONDS, application_name="jirakb pace")
    try:
        for statement in _PREPARE:
            base.execute(statement)
        with base.transaction():  # two that make one table at the same time would be an error
            base.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            base.execute(_MAKE)
    except BaseException:
        base.close()
        raise
    return base


def _conninfo(url: str) -> str:
    try:
        return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    except ArgumentError as exc:
        raise UsageError("JIRAKB_DATABASE_URL is no database URL.", fix=_FIX) from exc


_FIX = "Write it as postgresql://user:password@host:5432/name, or unset it to use SQLite."
