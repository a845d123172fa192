"""Does any process serve this home or work for it now? Each that does holds a share of one lock, and who must be alone takes
the whole. The system takes a dead process's share back."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jirakb.errors import SettingsError

_FILE = "service.lock"


class Presence:
    """A share in the home, from its making until `leave`. Waits while somebody is alone in it, which takes moments."""

    def __init__(self, home: Path) -> None:
        self._file: int | None = _open(home)
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def leave(self) -> None:
        """This process does nothing with the home any more."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Nobody serves the home or works for it as long as the block lasts; raises SettingsError when somebody does."""
    file = _open(home)
    try:
        _take_whole(file, home)
        yield
    finally:
        os.close(file)


def _take_whole(file: int, home: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        raise SettingsError(
            f"A process serves {home} or works for it.", fix="Stop each jirakb serve and jirakb worker of this home."
        ) from exc


def _open(home: Path) -> int:
    return os.open(home / _FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
