"""What does each kind of run do? Joins the saved connector, its source and its knowledge base, and lets the flow do the work.

Every kind can be broken off anywhere and begun again: where it stands is kept in the knowledge base.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass

from jirakb.control.catalog import Catalog, Entry
from jirakb.control.connectors import Connectors, SavedConnector
from jirakb.control.runs import RunRecord, RunRecords
from jirakb.engine.attention import Attention
from jirakb.engine.claims import Claims, connector_of
from jirakb.engine.outcome import Outcome, of_report
from jirakb.engine.sources import kept_site, source_of
from jirakb.errors import (
    InsufficientPermissionsError,
    KnowledgeBaseBusyError,
    NotFoundError,
    RunStoppedError,
    SiteError,
)
from jirakb.jira.client.retries import Budget
from jirakb.jira.connector import JiraConnector
from jirakb.jira.guard import Guard
from jirakb.jira.pacing import Pacers
from jirakb.jira.sitefields import FieldMemory
from jirakb.knowledge.attachments import StoredAttachments
from jirakb.knowledge.embed import Embedder
from jirakb.knowledge.followers import Followers
from jirakb.knowledge.lease import Lease
from jirakb.knowledge.models import Models
from jirakb.knowledge.opening import opened, readable
from jirakb.knowledge.runs import Runs
from jirakb.knowledge.store import KnowledgeBase
from jirakb.progress import Stages
from jirakb.rebuild import rebuild
from jirakb.report import Report
from jirakb.settings import Settings
from jirakb.sync import LEASE_SECONDS, Prune, Wish, sync


@dataclass(frozen=True)
class Calls:
    """What all calls to sites have in common: the pace, what is remembered of the sites' fields, the addresses that may be
    called, what one call may cost."""

    pacers: Pacers
    field_memory: FieldMemory
    guard: Guard
    budget: Budget


class Work:
    """Does the runs of one worker, each in a thread of its own."""

    def __init__(
        self, settings: Settings, connectors: Connectors, runs: RunRecords, catalog: Catalog, calls: Calls
    ) -> None:
        self._settings = settings
        self._calls = calls
        self._connectors = connectors
        self._runs = runs
        self._catalog = catalog
        self._models = Models(settings)

    def do(self, run: RunRecord, attention: Attention) -> Outcome:
        """Do one run to its end; raises the errors of its kind, and RunStoppedError when it was asked to stop."""
        doing: dict[str, Callable[[RunRecord, Attention], Outcome]] = {
            "rebuild": self._rebuild,
            "embed": self._embed,
            "delete": self._delete,
        }
        try:
            return doing.get(run.kind, self._sync)(run, attention)
        except SiteError as error:
            if attention.goes_on():
                raise
            raise RunStoppedError(error.message, fix=error.fix) from error  # a stopped source fails so

    # Sync

    def _sync(self, run: RunRecord, attention: Attention) -> Outcome:
        return of_report(self._read(run, attention, full=bool(run.wish.get("full"))))

    def _read(self, run: RunRecord, attention: Attention, *, full: bool) -> Report:
        began = time.monotonic()
        saved, entry = self._connector(run), self._catalog.get(run.kb, run.tenant)
        self._stop_if_paused(run, saved)
        with (
            self._credentials(saved) as credentials,
            closing(self._source(saved, credentials)) as source,
        ):
            attention.read_from(source)
            with self._begun(source, saved, entry) as base:
                report = sync(
                    source,
                    base,
                    _wish(run, saved, source, full=full),
                    name=entry.name,
                    settings=self._settings,
                    embedder=self._models.named(saved.config.embeddings),
                    watch=attention.watch,
                    began=began,
                    go_on=attention.goes_on,
                )
                self._release_former(base, saved, attention)
        return report

    def _source(self, saved: SavedConnector, credentials: Mapping[str, str]) -> JiraConnector:
        calls = self._calls
        return source_of(
            saved.config, credentials, self._settings, calls.budget,
            pacers=calls.pacers, guard=calls.guard, field_memory=calls.field_memory,
        )  # fmt: skip

    def _stop_if_paused(self, run: RunRecord, saved: SavedConnector) -> None:
        """A run may be asked for in the moment in which its connector is paused; that moment's resume counts as well."""
        if saved.state != "paused":
            return
        self._runs.pause(run.id)
        if self._connectors.get(run.tenant, saved.id).state != "paused":
            self._runs.resume(run.id)
        raise RunStoppedError(f"Connector {saved.id} is paused.", fix="Resume it.")

    @contextmanager
    def _credentials(self, saved: SavedConnector) -> Iterator[dict[str, str]]:
        """What signs in. Refused though others were given meanwhile: the run begins again with those."""
        credentials = self._connectors.credentials(saved.tenant, saved.id)
        try:
            yield credentials
        except InsufficientPermissionsError as error:
            if self._connectors.credentials(saved.tenant, saved.id) == credentials:
                raise
            raise RunStoppedError("The credentials were changed meanwhile.") from error

    @contextmanager
    def _begun(self, source: JiraConnector, saved: SavedConnector, entry: Entry) -> Iterator[KnowledgeBase]:
        """The knowledge base, opened when the site has admitted the account, which remembers whose run this is."""
        site = source.identify()
        with opened(entry.folder, entry.name, create=True) as base:
            with base.lease(LEASE_SECONDS):
                owned = connector_of(
                    base, site=site.id, flavor=site.flavor, base_url=site.base_url, name=source.query
                )  # fmt: skip
                Claims(base).add(saved.id, owned)
            if Runs(base).connectors(owned)[0].watermark is None:
                source.validate_connector_settings()  # later, a project that is no longer shown stops no sync
            source.keep_attachments_in(StoredAttachments(base))
            yield base

    def _release_former(self, base: KnowledgeBase, saved: SavedConnector, attention: Attention) -> None:
        claims = Claims(base)
        if len(claims.of(saved.id)) > 1:
            with base.lease(LEASE_SECONDS), _indexed(base, None, attention):
                claims.release_former(saved.id, attention.goes_on)

    def _connector(self, run: RunRecord) -> SavedConnector:
        if run.connector is None:
            raise NotFoundError(f"Run {run.id} names no connector.")
        return self._connectors.get(run.tenant, run.connector)

    # Rebuild, embed

    def _rebuild(self, run: RunRecord, attention: Attention) -> Outcome:
        if run.wish.get("from") == "jira":
            return of_report(self._read(run, attention, full=True))
        entry = self._catalog.get(run.kb, run.tenant)
        with opened(entry.folder, entry.name) as base:
            report = rebuild(
                base,
                kept_site(base),
                embedder=self._models.maker_of(base),
                only=Claims(base).of(run.connector) if run.connector else None,
                name=entry.name,
                watch=attention.watch,
            )
        return of_report(report, connector=None)

    def _embed(self, run: RunRecord, attention: Attention) -> Outcome:
        entry = self._catalog.get(run.kb, run.tenant)
        with opened(entry.folder, entry.name) as base:
            with base.lease(LEASE_SECONDS), _indexed(base, self._models.maker_of(base), attention) as followers:
                followers.catch_up_vectors()
            return Outcome("end", "complete", result={"counts": {"embedded": followers.embedded}})

    # Delete

    def _delete(self, run: RunRecord, attention: Attention) -> Outcome:
        others = [other for other in self._runs.of_kb(run.kb) if other.id != run.id and other.state == "running"]
        if run.connector is None:
            return self._delete_base(run, others)
        if any(other.connector == run.connector for other in others):
            raise KnowledgeBaseBusyError("A run of the connector has still to stop.")
        folder = self._settings.home / "kb" / run.kb
        if (folder / "kb.sqlite").exists():
            with opened(folder, run.kb) as base, base.lease(LEASE_SECONDS), _indexed(base, None, attention):
                keep = run.wish.get("documents") == "keep"
                Claims(base).release_all(run.connector, attention.goes_on, keep=keep)
        if not attention.goes_on():
            raise RunStoppedError("The run was stopped.")
        self._connectors.erase(run.tenant, run.connector)
        return Outcome("end", "complete")

    def _delete_base(self, run: RunRecord, others: list[RunRecord]) -> Outcome:
        folder = self._settings.home / "kb" / run.kb
        if others:
            raise KnowledgeBaseBusyError("A run of the knowledge base has still to stop.")
        if folder.exists():
            with readable(folder, run.kb), Lease(folder, LEASE_SECONDS):
                shutil.rmtree(folder)
        for connector in run.wish.get("connectors", ()):
            self._connectors.erase(run.tenant, connector)
        return Outcome("end", "complete")


@contextmanager
def _indexed(base: KnowledgeBase, embedder: Embedder | None, attention: Attention) -> Iterator[Followers]:
    """At the end of the block, what it stored or took out can be seen in the text index."""
    stages = Stages(time.monotonic, attention.watch)
    with Followers(base, embedder, stages, attention.goes_on) as followers:
        yield followers
        followers.catch_up_text()


def _wish(run: RunRecord, saved: SavedConnector, source: JiraConnector, *, full: bool) -> Wish:
    confirms = bool(run.wish.get("confirm_deletions"))
    counts: Prune = "always" if run.kind == "census" or run.wish.get("census") or confirms else "auto"
    return Wish(
        query=source.query,
        reading=source.reading,
        full=full,
        prune="never" if counts == "auto" and saved.prune_minutes else counts,
        confirm_deletions=confirms,
        batch_size=saved.config.batch_size,
    )
