"""What may be asked of the engine? Each question names the tenant, is written down, and is done by some worker. Does nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal

from jirakb.control.catalog import Catalog
from jirakb.control.connectors import Connectors, SavedConnector
from jirakb.control.runs import RequestKind, RunRecord, RunRecords
from jirakb.errors import NotFoundError, RunUnderWayError, SettingsError

_CANCELLED = {"error": "Cancelled", "message": "The run was given up: its connector or knowledge base was removed."}
_READING: tuple[RequestKind, ...] = ("sync", "rebuild")
"""The lanes whose runs may read a site."""


def nobody() -> None:
    """Nobody is told: a worker of another process sees the run when it next looks."""


class Desk:
    """Takes requests down. `tell` is called after each, so that a worker of this process looks at once."""

    def __init__(
        self,
        connectors: Connectors,
        runs: RunRecords,
        catalog: Catalog,
        tell: Callable[[], None] = nobody,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._connectors = connectors
        self._runs = runs
        self._catalog = catalog
        self._tell = tell
        self._clock = clock

    def sync(
        self,
        tenant: str,
        connector_id: str,
        *,
        census: bool = False,
        full: bool = False,
        confirm_deletions: bool = False,
    ) -> RunRecord:
        """Read the site now, with a census on demand. Raises NotFoundError, RunUnderWayError (`key`: its id) and
        SettingsError (no credentials, or paused)."""
        saved = self._connectors.get(tenant, connector_id)
        _check_ready(saved)
        wish = {"full": full, "confirm_deletions": confirm_deletions}
        return self._request(saved, "census" if census else "sync", {name: True for name in wish if wish[name]})

    def pause(self, tenant: str, connector_id: str) -> RunRecord | None:
        """The site is not read until it is resumed; the run that reads it, if any, stops within two seconds."""
        saved = self._connectors.get(tenant, connector_id)
        if saved.state != "needs_credentials":
            self._connectors.set_state(tenant, connector_id, "paused")
        return self._change(tenant, connector_id, self._runs.pause)

    def resume(self, tenant: str, connector_id: str) -> RunRecord | None:
        """Syncs again; the paused run, if any, goes on from its checkpoint. Raises SettingsError without credentials."""
        saved = self._connectors.get(tenant, connector_id)
        if not saved.has_credentials:
            raise _no_credentials(saved)
        self._connectors.set_state(tenant, connector_id, "active")
        return self._change(tenant, connector_id, self._runs.resume)

    def rebuild(
        self, tenant: str, connector_id: str, kb_id: str | None = None, from_: Literal["raw", "jira"] = "raw"
    ) -> RunRecord:
        """Make its documents anew from what is kept, or from Jira; waits behind a run under way."""
        saved = self._connectors.get(tenant, connector_id)
        if kb_id is not None and kb_id != saved.kb:
            raise SettingsError(
                f"Connector {connector_id} does not feed knowledge base {kb_id}.", fix=f"Leave kb_id out, or give {saved.kb}."
            )  # fmt: skip
        if from_ == "jira":
            _check_ready(saved)
        return self._request(saved, "rebuild", {"from": from_})

    def embed(self, tenant: str, kb_id: str) -> RunRecord:
        """Give the passages that wait their vectors."""
        entry = self._catalog.get(kb_id, tenant)
        run = self._runs.request(tenant, entry.id, "embed", self._clock())
        self._tell()
        return run

    def remove(
        self, tenant: str, connector_id: str, documents: Literal["delete", "keep"] = "delete"
    ) -> RunRecord:  # fmt: skip
        """Not found from now on; what it alone has read goes, or stays as it is. Credentials go at once."""
        saved = self._connectors.get(tenant, connector_id)
        run = self._request(saved, "delete", {"documents": documents})
        self._give_up(saved)
        self._tell()
        return run

    def remove_kb(self, tenant: str, kb_id: str) -> RunRecord:
        """The knowledge base and all its connectors are not found from now on; its folder goes."""
        entry = self._catalog.get(kb_id, tenant)
        mine = self._all_of(tenant, kb_id)
        wish = {"connectors": [saved.id for saved in mine]}
        run = self._runs.request(tenant, entry.id, "delete", self._clock(), wish=wish)
        for saved in mine:
            self._give_up(saved)
        self._catalog.forget(kb_id, tenant)
        for other in self._runs.of_kb(kb_id):
            if other.id != run.id:
                self._runs.cancel(other.id, self._clock(), _CANCELLED)
        self._tell()
        return run

    def _request(self, saved: SavedConnector, kind: RequestKind, wish: Mapping[str, Any]) -> RunRecord:
        run = self._runs.request(saved.tenant, saved.kb, kind, self._clock(), connector=saved.id, wish=wish)
        self._tell()
        return run

    def _change(self, tenant: str, connector_id: str, change: Callable[[str], None]) -> RunRecord | None:
        """Change the runs that read the site; what is made anew from what is kept goes on."""
        under_way = [self._runs.unfinished(connector_id, lane) for lane in _READING]
        reading = [run for run in under_way if run and (run.kind != "rebuild" or run.wish.get("from") == "jira")]
        for run in reading:
            change(run.id)
        self._tell()
        return self._runs.get(tenant, reading[0].id) if reading else None

    def _give_up(self, saved: SavedConnector) -> None:
        with suppress(NotFoundError):  # a worker was faster
            self._connectors.mark_removed(saved.tenant, saved.id)
        for lane in _READING:
            if run := self._runs.unfinished(saved.id, lane):
                self._runs.cancel(run.id, self._clock(), _CANCELLED)

    def _all_of(self, tenant: str, kb_id: str) -> list[SavedConnector]:
        found: list[SavedConnector] = []
        while page := self._connectors.page(tenant, kb=kb_id, after=found[-1].id if found else ""):
            found += page
        return found


def schedule_run(runs: RunRecords, saved: SavedConnector, kind: Literal["sync", "census"], now: datetime) -> bool:
    """A run by schedule; whether there was none under way."""
    try:
        runs.request(saved.tenant, saved.kb, kind, now, connector=saved.id, wish={"by": "schedule"})
    except RunUnderWayError:
        return False
    return True


def _check_ready(saved: SavedConnector) -> None:
    if not saved.has_credentials:
        raise _no_credentials(saved)
    if saved.state == "paused":
        raise SettingsError(f"Connector {saved.id} is paused.", fix="Resume it.")


def _no_credentials(saved: SavedConnector) -> SettingsError:
    return SettingsError(f"Connector {saved.id} has no credentials.", fix="Give it credentials.")
