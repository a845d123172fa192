"""Which secrets did the site refuse? Asked before each call, so that a refused one is not sent again by any thread.

A wrong password counts towards the CAPTCHA that locks its account; a token that died gets no better by repetition.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from jirakb.errors import InsufficientPermissionsError
from jirakb.jira.auth import Door
from jirakb.jira.client.recognition import Recognition

_PASSWORDS_AT_ONCE = 3
"""A password that was changed while calls are under way fails so often at most, fewer than lock an account."""
_FINAL = frozenset({"captcha"})
"""Refusals of the account rather than of the door."""


class Refusals:
    """The refusals of a connector so far; shared by all its senders and threads."""

    def __init__(self) -> None:
        self.recognition = Recognition()
        self._lock = threading.Lock()
        self._by_door: dict[tuple[str, str], InsufficientPermissionsError] = {}
        self._passwords = threading.BoundedSemaphore(_PASSWORDS_AT_ONCE)

    def turn(self, door: Door) -> AbstractContextManager[object]:
        """Lets few calls at once carry a password, until it is known how each was received; others pass."""
        return self._passwords if door.kind == "password" else nullcontext()

    def check(self, door: Door) -> None:
        """Raises what the site said when it refused this secret at this door, or the account altogether."""
        if not door.authorization:
            return
        with self._lock:
            known = self._by_door.get((door.host, door.authorization)) or self._by_door.get(("", door.authorization))
        if known:
            raise copy.copy(known)

    @contextmanager
    def noting(self, door: Door) -> Iterator[None]:
        """Remembers a refusal of the secret that is raised meanwhile; errors of another kind (a missing right or scope) pass."""
        try:
            yield
        except InsufficientPermissionsError as exc:
            if door.authorization and (exc.code in _FINAL or exc.code == "credentials_refused"):
                with self._lock:
                    self._by_door.setdefault(("" if exc.code in _FINAL else door.host, door.authorization), exc)
            raise
