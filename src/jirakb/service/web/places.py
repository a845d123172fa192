"""How many configurations may be tried out side by side? A few of one tenant and a few more in all: each holds a thread of the
process for up to a minute, and whoever fills them all must not keep the others from being answered. Tries nothing out itself."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from jirakb.service.web.problems import refusal

MOST_OF_A_TENANT = 2
MOST = 8
_SECONDS = {"Retry-After": "10"}


class Places:
    """The places of one process."""

    def __init__(self, most_of_a_tenant: int = MOST_OF_A_TENANT, most: int = MOST) -> None:
        self._most_of_a_tenant = most_of_a_tenant
        self._most = most
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, tenant: str) -> Iterator[None]:
        """A place for the block; raises 429 where the tenant has its share already, 503 where all are taken."""
        self._take(tenant)
        try:
            yield
        finally:
            with self._lock:
                self._taken[tenant] -= 1
                self._taken += Counter()  # who has none is forgotten

    def _take(self, tenant: str) -> None:
        with self._lock:
            if self._taken[tenant] >= self._most_of_a_tenant:
                raise refusal(
                    429, "too_many_trials", "Other configurations are being tried out: wait for them.", _SECONDS
                )
            if self._taken.total() >= self._most:
                raise refusal(503, "busy", "Too many configurations are being tried out now.", _SECONDS)
            self._taken[tenant] += 1
