"""What if the server that workers share their pace through is gone? They pace themselves by something nearer until it is back.

Nothing is raised and no run stops; what was learned goes along both ways.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from jirakb.jira.pacing.store import PaceStore

AGAIN_SECONDS = 15.0
"""Between two tries to reach a server that failed."""
_log = logging.getLogger(__name__)


class Sheltered:
    """A store that may fail with `trouble`, and one that takes its place meanwhile. `what` names the first in the log."""

    def __init__(
        self,
        shared: PaceStore,
        trouble: tuple[type[Exception], ...],
        nearer: PaceStore,
        what: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._trouble = trouble
        self._nearer = nearer
        self._what = what
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, bytes] = {}
        self._retry_at: float | None = None
        """When the shared store is tried again; None while it answers."""

    def change(self, site: str, work: Callable[[bytes], bytes]) -> None:
        """In the shared store where it answers, else in the nearer one."""
        if not self._change_shared(site, work):
            self._change_in(self._nearer, site, work)

    def close(self) -> None:
        """Let go of both."""
        self._shared.close()
        self._nearer.close()

    def _change_shared(self, site: str, work: Callable[[bytes], bytes]) -> bool:
        """One thread after the other, so that a server that keeps silent is waited for once, not by each."""
        with self._lock:
            if self._retry_at is not None and self._clock() < self._retry_at:
                return False
            try:
                self._change_in(self._shared, site, work)
            except self._trouble as exc:
                self._fail(exc)
                return False
            self._recover()
            return True

    def _change_in(self, store: PaceStore, site: str, work: Callable[[bytes], bytes]) -> None:
        """What this process has learned counts where nothing is known, as after a restart of the server."""
        after = known = self._known.get(site, b"")

        def change(held: bytes) -> bytes:
            nonlocal after
            after = work(held or known)
            return after

        store.change(site, change)
        self._known[site] = after

    def _fail(self, exc: Exception) -> None:
        if self._retry_at is None:
            _log.warning(
                "The pace is not shared with other workers for now: %s does not answer (%s).",
                self._what,
                type(exc).__name__,
            )
        self._retry_at = self._clock() + AGAIN_SECONDS

    def _recover(self) -> None:
        if self._retry_at is not None:
            _log.warning("The pace is shared through %s again.", self._what)
            self._retry_at = None
