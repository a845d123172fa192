"""Which worker of this host is this process? A number whose lock it holds, so that a restarted worker is the same one again.

With SQLite there is one worker for a home, and a second is refused. The system takes a dead process's lock back.
"""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from jirakb.errors import SettingsError

_MOST = 256


class Slot:
    """The lock of a worker's number, held from `take` until `give_back`."""

    def __init__(self, home: Path, *, shared: bool) -> None:
        self._folder = home / "workers"
        self._shared = shared
        self._file: int | None = None
        self.identity = ""

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give_back()

    def take(self) -> str:
        """The first free number's name. Raises SettingsError when there is none."""
        self._folder.mkdir(exist_ok=True, mode=0o700)
        host = socket.gethostname() if self._shared else "local"
        for number in range(1, _MOST + 1 if self._shared else 2):
            if self._lock(f"{host}-{number}"):
                return self.identity
        raise SettingsError(
            "Another process does the work of this home already.",
            fix="Stop it, or give all of them a PostgreSQL database (JIRAKB_DATABASE_URL) to share.",
        )

    def _lock(self, identity: str) -> bool:
        file = os.open(self._folder / f"{identity}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file, self.identity = file, identity
        return True

    def give_back(self) -> None:
        """Let another process have the number."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
