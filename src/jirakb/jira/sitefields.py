"""Which fields does a site have, as one account sees them? Asked of the site, or remembered for a while by all workers.

The list is the one long answer that each run wants and that hardly ever changes. Who asks, what the account may read and in
which zone the site counts are asked each time: an answer of before would be believed at the wrong moment. A remembered list
loses no field: an issue with one that it lacks, a choice that names one and a full reading have it asked for anew.
"""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from jirakb.jira.document.fields import FieldCatalog
from jirakb.jira.pacing import PaceStore

_CUSTOM = re.compile(rb'"(customfield_\d+)"\s*:')


@dataclass(frozen=True, slots=True)
class FieldMemory:
    """The lists of all sites, beside what is known of their paces; each counts for so many seconds of the clock `now`."""

    store: PaceStore
    seconds: float
    now: Callable[[], float]

    def read(self, site: str, account: str) -> FieldCatalog | None:
        """What was kept lately of a site for this account, if anything."""
        held: list[bytes] = []

        def look(packed: bytes) -> bytes:
            held.append(packed)
            return packed

        self.store.change(_name(site, account), look)
        return self._unpacked(held[-1]) if held and held[-1] else None

    def keep(self, site: str, account: str, catalog: FieldCatalog) -> None:
        """Remember it from now on."""
        packed = zlib.compress(orjson.dumps({"at": self.now(), "fields": catalog.to_json()}))
        self.store.change(_name(site, account), lambda _: packed)

    def _unpacked(self, packed: bytes) -> FieldCatalog | None:
        """None for what is too old, of a clock that is ahead, or of another release."""
        try:
            kept = orjson.loads(zlib.decompress(packed))
            age = self.now() - kept["at"]
            return FieldCatalog.from_json(kept["fields"]) if 0 <= age < self.seconds else None
        except (zlib.error, ValueError, KeyError, TypeError):
            return None


class SiteFields:
    """The fields of one site for one session. `ask` is one call. Safe to use from several threads."""

    def __init__(self, ask: Callable[[], FieldCatalog], memory: FieldMemory | None, site: str, account: str) -> None:
        self._ask = ask
        self._memory = memory
        self._site = site
        self._account = account
        self._lock = threading.Lock()
        remembered = memory.read(site, account) if memory else None
        self._is_remembered = remembered is not None
        self.catalog = remembered or self._asked()

    def renew(self) -> bool:
        """Ask the site where the list was only remembered; whether it was."""
        with self._lock:
            if not self._is_remembered:
                return False
            self.catalog = self._asked()
            self._is_remembered = False
            return True

    def meet(self, payload: bytes) -> None:
        """An issue came; one with a field that a remembered list lacks has it renewed."""
        if self._is_remembered and {found.decode() for found in _CUSTOM.findall(payload)} - self.catalog.fields.keys():
            self.renew()

    def _asked(self) -> FieldCatalog:
        catalog = self._ask()
        if self._memory:
            self._memory.keep(self._site, self._account, catalog)
        return catalog


def _name(site: str, account: str) -> str:
    return f"fields {site} {account}"
