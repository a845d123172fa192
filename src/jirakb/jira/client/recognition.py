"""Was an answer meant for the account, or for nobody? Both flavors answer callers whom they do not know with an empty success.

Where the site has named the account before, an answer that does not is doubted: it counts only when the account still
stands and the same question, asked again, is answered so again. Sends nothing itself.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping

from jirakb.jira.auth import Door

_BELIEVED = 3
"""An endpoint that leaves the account unnamed so often in a row never names it."""
Key = tuple[str, str]


class Recognition:
    """What the answers of a connector's doors told about who is asking; shared by all its senders and threads."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        """Held by the one thread that makes sure; others that doubt meanwhile wait for what it learns."""
        self._lock = threading.Lock()
        self._naming: dict[Key, set[str]] = {}
        self._unnamed: Counter[tuple[Key, str]] = Counter()
        self._assured: Counter[Key] = Counter()
        self._doubted: set[Key] = set()

    def is_doubtful(self, door: Door, label: str, headers: Mapping[str, str]) -> bool:
        """Whether an answer from that endpoint may have been given to nobody though the site knows the account.

        Never so for a password: to make sure would be one more failed login.
        """
        if not door.authorization or door.kind == "password":
            return False
        key = (door.host, door.authorization)
        with self._lock:
            naming = self._naming.get(key, set())
            if names_account(headers):
                self._naming.setdefault(key, set()).add(label)
                del self._unnamed[key, label]
                return False
            if not naming:
                return False
            if label in naming or names_nobody(headers):
                return True
            self._unnamed[key, label] += 1
            return self._unnamed[key, label] < _BELIEVED

    def doubt(self, door: Door, assurances: int) -> None:
        """An answer may have been given to nobody; it says nothing new when its call was sent before the last assurance."""
        key = (door.host, door.authorization)
        with self._lock:
            if self._assured[key] == assurances:
                self._doubted.add(key)

    def is_doubted(self, door: Door) -> bool:
        """Whether it must be made sure that the account stands before anything else is sent with its secret."""
        with self._lock:
            return (door.host, door.authorization) in self._doubted

    def assurances(self, door: Door) -> int:
        """How often it was made sure that the account stands."""
        with self._lock:
            return self._assured[door.host, door.authorization]

    def assure(self, door: Door) -> None:
        """The account stands."""
        key = (door.host, door.authorization)
        with self._lock:
            self._assured[key] += 1
            self._doubted.discard(key)


def names_account(headers: Mapping[str, str]) -> bool:
    """Whether an answer says for whom it is (`headers` by lower-case names)."""
    return bool(headers.get("x-aaccountid")) or headers.get("x-ausername", "anonymous") != "anonymous"


def names_nobody(headers: Mapping[str, str]) -> bool:
    """Whether an answer says that it was given to a stranger."""
    failed = "AUTHENTICATED_FAILED" in headers.get("x-seraph-loginreason", "")
    return failed or headers.get("x-ausername", "") == "anonymous"
