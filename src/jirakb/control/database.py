"""Where do the control tables stand, and are they of this version? Opens SQLite in the home, or PostgreSQL by its URL. Reads no row."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError, SQLAlchemyError

from jirakb.errors import CorruptStoreError, DatabaseUnavailableError, SettingsError, UsageError

HEAD_REVISION = "0005"
_MIGRATION_LOCK = 7_341_902_118  # any number that no other program asks this database for
FILE = "control.sqlite"
_CONNECT_SECONDS = 10  # else a host that answers nothing holds a request for minutes


def open_database(home: Path, url: str = "") -> Engine:
    """The control database, migrated: `control.sqlite` in the home (made when it is missing), or PostgreSQL at `url`.

    Raises CorruptStoreError, DatabaseUnavailableError or SettingsError with what to do.
    """
    _make_home(home)
    engine = _postgres(url) if url else _sqlite(home)
    try:
        with reachable(engine), _migrating(home, url), engine.begin() as connection:
            _migrate(connection)
        if not url:
            (home / FILE).chmod(0o600)
    except (SQLAlchemyError, CorruptStoreError, DatabaseUnavailableError):
        engine.dispose()
        raise
    return engine


@contextmanager
def reachable(engine: Engine) -> Iterator[None]:
    """Names the database where it cannot be read or reached within the block."""
    where = engine.url.render_as_string(hide_password=True)
    try:
        yield
    except OperationalError as exc:
        if engine.dialect.name == "sqlite" and "malformed" in str(exc.orig):
            raise _damaged(engine, exc) from exc
        raise DatabaseUnavailableError(
            f"The control database {where} cannot be used: {_first_line(exc)}.",
            fix="Check that it runs, that the disk has room, and JIRAKB_DATABASE_URL.",
        ) from exc
    except DatabaseError as exc:
        if engine.dialect.name == "sqlite" and "not a database" in str(exc.orig):
            raise _damaged(engine, exc) from exc
        raise


def _damaged(engine: Engine, exc: DatabaseError) -> CorruptStoreError:
    return CorruptStoreError(
        f"{engine.url.database}, the list of knowledge bases, cannot be read: {exc.orig}.",
        fix="Restore it from a copy, or choose another home with --home DIR.",
    )


def _make_home(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        (home / "kb").mkdir(exist_ok=True, mode=0o700)
    except OSError as exc:
        raise SettingsError(f"The home {home} cannot be used: {exc}.", fix="Choose another with --home DIR.") from exc


def _sqlite(home: Path) -> Engine:
    engine = create_engine(f"sqlite:///{home / FILE}", connect_args={"timeout": 60})

    @event.listens_for(engine, "connect")
    def _keep_references(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA foreign_keys = ON")

    return engine


def _postgres(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "postgresql":
            raise UsageError("JIRAKB_DATABASE_URL must name a PostgreSQL database.", fix=_URL_FIX)
        wait = {} if "connect_timeout" in parsed.query else {"connect_timeout": _CONNECT_SECONDS}
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"), connect_args=wait, pool_pre_ping=True, pool_size=10
        )  # fmt: skip
    except (ArgumentError, NoSuchModuleError) as exc:
        raise UsageError("JIRAKB_DATABASE_URL is no database URL.", fix=_URL_FIX) from exc


_URL_FIX = "Write it as postgresql://user:password@host:5432/name, or unset it to use SQLite."


@contextmanager
def _migrating(home: Path, url: str) -> Iterator[None]:
    """One process at a time: SQLite's tables are made under a lock of the home; PostgreSQL is locked in the transaction."""
    if url:
        yield
        return
    try:
        file = os.open(home / "control.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise SettingsError(
            f"The home {home} cannot be written to: {exc.strerror}.",
            fix="Make it writable, or name another with --home.",
        ) from exc
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _migrate(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATION_LOCK})
    if inspect(connection).has_table("alembic_version"):
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if version == HEAD_REVISION:
            return
    # Imported here: alembic takes longer to load than most commands take to run.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _first_line(exc: DatabaseError) -> str:
    return str(exc.orig).strip().splitlines()[0] if str(exc.orig).strip() else type(exc.orig).__name__
