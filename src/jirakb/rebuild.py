"""How is a knowledge base made anew from what it keeps, without a call to its sites?

    raw payloads -> render, split -> store, a window per transaction with the progress -> indexes and vectors catch up

For a changed renderer, splitter or model. Broken off anywhere, it goes on behind the last window that was stored. A passage
whose text did not change keeps its vector. Knows nothing of Jira.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import apsw
from ulid import ULID

from jirakb import __version__
from jirakb.documents import Omission, RawIssue
from jirakb.errors import SkippedIssueError
from jirakb.knowledge.embed import Embedder
from jirakb.knowledge.followers import Followers
from jirakb.knowledge.kept import Kept, KeptIssue, Progress
from jirakb.knowledge.models import use_model
from jirakb.knowledge.prepare import PreparedIssue, prepare
from jirakb.knowledge.runs import Connector, Runs, Tally
from jirakb.knowledge.store import NO_EMBEDDER, KnowledgeBase
from jirakb.progress import Stages, Watch, unwatched
from jirakb.report import Report, RunCounts
from jirakb.source import Rendered, RequestCounts

WINDOW = 100  # issues per transaction
LEASE_SECONDS = 2.0  # a search that brings the indexes up to date holds the lease for less


class Renderer(Protocol):
    """Renders the kept issues of one connector."""

    @property
    def reads_attachments(self) -> bool:
        """Whether the text of attachments belongs to the documents."""

    def render(self, raw: RawIssue) -> Rendered:
        """The documents of an issue; raises SkippedIssueError when it cannot be read."""


RendererOf = Callable[[Connector, str, str], Renderer]
"""Of a connector, the parts that it reads and the facts that were kept of its site."""


def rebuild(
    base: KnowledgeBase,
    renderer_of: RendererOf,
    *,
    embedder: Embedder | None,
    only: Collection[str] | None = None,
    name: str = "default",
    watch: Watch = unwatched,
) -> Report:
    """Render, split, index and embed again what the knowledge base keeps, and say what was done.

    `only` are ids of connectors, None means all. Raises KnowledgeBaseBusyError, and the errors of `renderer_of`.
    """
    stages = Stages(time.monotonic, watch)
    with base.lease(LEASE_SECONDS):
        connectors = [c for c in Runs(base).connectors() if only is None or c.id in only]
        flow = _Flow.of(base, renderer_of, connectors, stages)
        with Followers(base, None, stages) as followers:
            progress = flow.run()
            followers.catch_up_text()
        if embedder:  # not sooner: vectors would be made of texts that are about to go
            use_model(base, embedder.identity)
        flow.kept.finish()
        with Followers(base, embedder, stages) as followers:
            followers.catch_up_vectors()
    return _report(base, connectors, progress, name, stages)


def ask_for_full_runs(base: KnowledgeBase, only: Collection[str] | None = None) -> list[Connector]:
    """Make the next sync of each connector (or of these) read everything again; which they are."""
    with base.lease(LEASE_SECONDS):
        connectors = [c for c in Runs(base).connectors() if only is None or c.id in only]
        Kept(base).ask_for_full_run([connector.id for connector in connectors])
    return connectors


@dataclass(frozen=True, slots=True)
class _Stored:
    """An issue that was rendered again, or why it was not, and what is missing of it from now on."""

    kept: KeptIssue
    owner: str
    prepared: PreparedIssue | None
    omissions: Sequence[Omission]


@dataclass(frozen=True, slots=True)
class _Flow:
    """One rebuild."""

    base: KnowledgeBase
    kept: Kept
    renderers: Mapping[str, Renderer]
    basis: str
    stages: Stages

    @classmethod
    def of(cls, base: KnowledgeBase, renderer_of: RendererOf, connectors: Sequence[Connector], stages: Stages) -> _Flow:
        """`basis` differs when anything differs that documents are made from, so that no rebuild is half of each."""
        kept = Kept(base)
        renderers: dict[str, Renderer] = {}
        basis = hashlib.blake2b(__version__.encode(), digest_size=16)
        for connector in connectors:
            reading, facts = kept.reading(connector), kept.rendering_facts(connector.id)
            renderers[connector.id] = renderer_of(connector, reading, facts)
            basis.update(repr((connector.id, connector.base_url, reading, facts)).encode())
        return cls(base, kept, renderers, basis.hexdigest(), stages)

    def run(self) -> Progress:
        """Window after window, from where the last rebuild was broken off, if it was one of the same."""
        progress = self._begun()
        total = progress.indexed + progress.failed + self.kept.count(self.renderers, progress.after)
        with self.stages.doing("render"):
            while window := self.kept.window(self.renderers, progress.after, WINDOW):
                progress = self._store([self._render(issue) for issue in window], progress)
                self.stages.show("render", progress.indexed + progress.failed, total)
        return progress

    def _begun(self) -> Progress:
        found = self.kept.progress()
        return found if found and found.basis == self.basis else Progress(str(ULID()), self.basis)

    def _render(self, issue: KeptIssue) -> _Stored:
        """An issue that several connectors claim is rendered as the first of them reads it."""
        owner = next(connector for connector in self.renderers if connector in issue.connectors)
        renderer = self.renderers[owner]
        before = [omission for omission in self.kept.omissions(owner, issue.raw.number) if _stays(omission, renderer)]
        try:
            prepared = prepare(issue.raw, renderer.render(issue.raw))
        except SkippedIssueError as skipped:
            failed = Omission(issue.raw.key, "issue", "failed", skipped.reason, skipped.message)
            return _Stored(issue, owner, None, _joined(before, [failed]))
        return _Stored(issue, owner, prepared, _joined(before, prepared.omissions))

    def _store(self, window: Sequence[_Stored], progress: Progress) -> Progress:
        with self.base.transaction() as tx:
            for issue in window:
                progress = self._store_issue(tx, issue, progress)
            progress = replace(progress, after=window[-1].kept.row)
            self.kept.save(tx, progress)
        return progress

    def _store_issue(self, tx: apsw.Connection, issue: _Stored, progress: Progress) -> Progress:
        raw, prepared = issue.kept.raw, issue.prepared
        self.kept.replace_omissions(tx, issue.owner, raw.number, issue.omissions, progress.run)
        if prepared is None:  # what was indexed of it stays
            return replace(progress, failed=progress.failed + 1)
        stored = self.base.put(tx, issue.owner, issue.kept.site, prepared, anew=True)
        done = Tally(
            comments=prepared.comments,
            attachments=prepared.attachments,
            sections=stored.sections,
            passages=stored.passages,
            reused=stored.reused,
        )
        return replace(progress, indexed=progress.indexed + 1, tally=progress.tally.plus(done))


def _stays(omission: Omission, renderer: Renderer) -> bool:
    """What could not be fetched or read is still missing; what rendering leaves out, it says again."""
    if omission.kind == "comment":
        return False
    return omission.kind == "issue" or renderer.reads_attachments


def _joined(before: Sequence[Omission], new: Sequence[Omission]) -> list[Omission]:
    return [*before, *(omission for omission in new if omission not in before)]


def _with_vector(base: KnowledgeBase, passages: int) -> int:
    return 0 if base.meta("embedder") == NO_EMBEDDER else max(0, passages - base.counts().waiting)


def _report(
    base: KnowledgeBase, connectors: Sequence[Connector], progress: Progress, name: str, stages: Stages
) -> Report:
    runs, tally = Runs(base), progress.tally
    failed = sum(runs.omission_count(connector.id, failed=True) for connector in connectors)
    counts = RunCounts(
        listed=progress.indexed + progress.failed,
        indexed=progress.indexed,
        omitted=progress.failed,
        comments=tally.comments,
        attachments=tally.attachments,
        sections=tally.sections,
        passages=tally.passages,
        embedded=_with_vector(base, tally.passages),
    )
    return Report(
        run=progress.run,
        kb=name,
        site=", ".join(dict.fromkeys(connector.base_url for connector in connectors)),
        flavor=", ".join(dict.fromkeys(connector.flavor for connector in connectors)),
        kind="rebuild",
        state="incomplete" if failed else "complete",
        counts=counts,
        omissions=tuple(omission for connector in connectors for omission in runs.omissions(connector.id)),
        failed=failed,
        requests=RequestCounts(),
        seconds=stages.seconds(),
    )
