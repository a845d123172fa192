"""Who may write into a knowledge base: one process at a time. Held by the system, so that a killed holder leaves none."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from jirakb.errors import KnowledgeBaseBusyError


class Lease:
    """The right to write into the knowledge base in `folder`, for as long as the `with` block lasts.

    Waits up to `patience` seconds for another holder: a search may hold it for a moment.
    """

    def __init__(self, folder: Path, patience: float = 0.0) -> None:
        self._path = folder / "lock"
        self._patience = patience
        self._file: int | None = None

    def __enter__(self) -> Self:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._lock(file)
        except BlockingIOError as exc:
            holder = os.pread(file, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(file)
            raise KnowledgeBaseBusyError(
                f"Process {holder} is writing into the knowledge base in {self._path.parent}.",
                fix="Wait until it has ended, or sync into another knowledge base with --kb NAME.",
            ) from exc
        os.ftruncate(file, 0)
        os.pwrite(file, str(os.getpid()).encode(), 0)
        self._file = file
        return self

    def _lock(self, file: int) -> None:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.05)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
