"""`jirakb backup`: a copy of a home, also while it is worked on. What can be made anew is left out.

Each file is copied as it stood at one moment, so that the copy is a home itself. With PostgreSQL the control tables are
the database's own affair.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated

import apsw
import typer

from jirakb.control.database import FILE as CONTROL
from jirakb.errors import CorruptStoreError, SettingsError, UsageError
from jirakb.service import console, options
from jirakb.settings import Settings

_WAIT_MS = 60_000


def backup(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder to copy to; it must not be there, or be empty.")
    ],
    with_key: Annotated[
        bool,
        typer.Option("--with-key/--without-key", help="Copy the master key too; else saved credentials stay sealed."),
    ] = False,
    home: options.Home = None,
) -> None:
    """Copy a home: knowledge bases, connectors and keys. Syncs and searches may go on meanwhile."""
    from jirakb.control.vault import key_file

    settings = Settings.for_home(home)
    _check(settings, out)
    try:
        count = _copy(settings, out)
        if with_key:
            _copy_key(key_file(settings), out / "master.key")
    except (OSError, sqlite3.Error, apsw.Error) as exc:
        raise CorruptStoreError(f"The copy in {out} is not complete: {exc}.", fix="Remove it and try again.") from exc
    console.say(f"{count} knowledge bases were copied to {out}.")
    if settings.database_url:
        console.say("Connectors, keys and runs stand in PostgreSQL: copy them with pg_dump, after this.")


def _check(settings: Settings, out: Path) -> None:
    if not settings.home.is_dir():
        raise SettingsError(f"There is no home {settings.home}.", fix="Name it with --home DIR.")
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty.", fix="Name a new folder.")
    if out.resolve().is_relative_to(settings.home.resolve()):
        raise UsageError("A copy within the home is none.", fix="Name a folder elsewhere.")


def _copy(settings: Settings, out: Path) -> int:
    """The control tables first: a knowledge base that is not in them yet is only surplus."""
    _make(out)
    _make(out / "kb")
    if not settings.database_url and (settings.home / CONTROL).exists():
        _copy_control(settings.home / CONTROL, out / CONTROL)
    return sum(_copy_base(file, out / "kb" / file.parent.name) for file in _bases(settings.home))


def _bases(home: Path) -> Iterator[Path]:
    yield from sorted((home / "kb").glob("*/kb.sqlite"))


def _copy_control(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source, timeout=_WAIT_MS / 1000)) as there, closing(sqlite3.connect(target)) as here:
        there.backup(here)
    _settle(target)


def _copy_base(source: Path, folder: Path) -> bool:
    """Whether it was still there."""
    try:
        there = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READWRITE)
    except apsw.CantOpenError:  # removed meanwhile
        return False
    _make(folder)
    with closing(there), closing(apsw.Connection(str(folder / source.name))) as here:
        there.set_busy_timeout(_WAIT_MS)
        with here.backup("main", there, "main") as copying:
            while not copying.done:
                copying.step(-1)
    _settle(folder / source.name)
    return True


def _copy_key(source: Path, target: Path) -> None:
    if source.exists():
        shutil.copyfile(source, target)
        _settle(target)


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def _settle(file: Path) -> None:
    """On the disk, and for its owner alone."""
    file.chmod(0o600)
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
