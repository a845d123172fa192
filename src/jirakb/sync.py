"""START HERE: how a site becomes, and stays, a knowledge base.

    list ids -> compare with what is stored -> fetch bodies side by side -> render, split -> store with the checkpoint
             -> take out what is gone -> let the text index and the vectors catch up

A run is a listing in the knowledge base. Each stored window marks its rows in the transaction that stores its documents;
an interrupted run goes on with the rows that are left, and only a run that came to its end moves the watermark.
Knows nothing of Jira, HTTP, threads of a service or the command line.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import apsw

from jirakb.documents import Omission, RawIssue
from jirakb.errors import DeletionBrakeError, RunStoppedError, SkippedIssueError, empty_window
from jirakb.fetch import Window, fetch_windows
from jirakb.knowledge.embed import Embedder
from jirakb.knowledge.followers import Followers
from jirakb.knowledge.kept import Kept
from jirakb.knowledge.models import use_model
from jirakb.knowledge.prepare import PreparedIssue, prepare
from jirakb.knowledge.runs import Connector, Done, Run, RunKind, Runs, RunState, Tally
from jirakb.knowledge.store import KnowledgeBase, milliseconds, moment
from jirakb.progress import GoOn, Stages, Watch, unhindered, unwatched
from jirakb.report import Report, RunCounts
from jirakb.settings import Settings
from jirakb.source import HiddenProject, Listing, SiteInfo, Source

Prune = Literal["auto", "always", "never"]
COMPARE_BLOCK = 1000  # update times compared at once
ASK_BLOCK = 1000  # missing issues that the site is asked for at once
PRUNE_BLOCK = 200  # issues taken out per transaction
LEASE_SECONDS = 2.0  # a search that brings the indexes up to date holds the lease for less


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for. `query` names the connector; `since` and `until` make a window run.

    `reading` names the parts of an issue that are read (comments, attachments): other parts than before need a full run.
    """

    query: str
    reading: str = ""
    full: bool = False
    since: datetime | None = None
    until: datetime | None = None
    prune: Prune = "auto"
    confirm_deletions: bool = False
    batch_size: int = 50

    def __post_init__(self) -> None:
        """Raises UsageError for a window that holds no moment."""
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise empty_window(self.since, self.until)

    @property
    def is_window(self) -> bool:
        """Whether only a window of time is read, which neither prunes nor moves the watermark."""
        return self.since is not None or self.until is not None


@dataclass(frozen=True, slots=True)
class Decision:
    """What kind of run is due, and whether it goes on with an interrupted one."""

    kind: RunKind
    census: bool
    resume: Run | None = None


def sync(
    source: Source,
    base: KnowledgeBase,
    wish: Wish,
    *,
    name: str = "default",
    settings: Settings,
    embedder: Embedder | None,
    watch: Watch = unwatched,
    began: float | None = None,
    go_on: GoOn = unhindered,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Report:
    """Bring the knowledge base up to date with the site and say what was done.

    `began` is the `time.monotonic` of the whole command's beginning, where that was earlier.
    `go_on` is asked before each page, window and block; when it says no, RunStoppedError is raised soon.
    Raises the errors of the source, KnowledgeBaseBusyError, and DeletionBrakeError (which carries the report). Whatever it
    raises, what was committed stays, and the next call goes on from there.
    """
    stages = Stages(time.monotonic, watch, began)
    site = source.identify()
    with base.lease(LEASE_SECONDS):
        if embedder:
            use_model(base, embedder.identity)
        runs = Runs(base)
        connector = runs.connector(site=site.id, flavor=site.flavor, base_url=site.base_url, query=wish.query)
        decision = decide(connector, runs.unfinished(connector.id), wish, clock(), settings)
        run = decision.resume or runs.begin(
            connector.id, decision.kind, reading=wish.reading, census=decision.census, now=clock()
        )
        flow = _Flow(source, base, runs, connector, site, wish, settings, stages, clock, name, go_on)
        flow.keep_rendering_facts()
        with Followers(base, embedder, stages, go_on) as followers:
            run = flow.list_issues(run)
            run = flow.fetch_issues(run, followers)
            run, brake = flow.prune(run)
            report = flow.finish(run, brake, followers)
    if brake:
        brake.report = report
        raise brake
    return report


def decide(connector: Connector, unfinished: Run | None, wish: Wish, now: datetime, settings: Settings) -> Decision:
    """Which run is due: a window when one is asked for, else full the first time or on demand, else incremental, with a
    census when the last is old; full too when other parts of the issues are wanted. An interrupted run of that kind is gone on with."""
    if wish.is_window:
        return Decision("window", census=False)
    other_parts = connector.reading != wish.reading
    kind: RunKind = "full" if wish.full or connector.watermark is None or other_parts else "incremental"
    if unfinished and _goes_on(unfinished, kind, wish):
        return Decision(unfinished.kind, unfinished.census, unfinished)
    return Decision(kind, _census_due(connector, kind, wish, now, settings))


def _goes_on(unfinished: Run, kind: RunKind, wish: Wish) -> bool:
    lacks_census = wish.prune == "always" and not unfinished.census
    return unfinished.kind in (kind, "full") and unfinished.reading == wish.reading and not lacks_census


def _census_due(connector: Connector, kind: RunKind, wish: Wish, now: datetime, settings: Settings) -> bool:
    if wish.prune != "auto":
        return wish.prune == "always"
    if kind == "full" or connector.census_at is None or wish.confirm_deletions:
        return True
    return now - connector.census_at >= timedelta(hours=settings.census_hours)


def brakes(missing: int, total: int, settings: Settings) -> bool:
    """Whether so many deletions are doubtful: more than the brake's share, and more than its count."""
    return missing > settings.brake_count and missing > settings.brake_share * total


def next_watermark(run: Run, before: datetime | None) -> datetime | None:
    """Up to where the connector has read: the newest change seen, never later than the site's clock at the listing's
    start (an issue changed after it may have been fetched before), never earlier than before."""
    if run.kind == "window" or run.site_time is None:
        return before
    newest = moment(run.tally.newest) if run.tally.newest else before or run.site_time
    reached = min(newest, run.site_time)
    return max(reached, before) if before else reached


def _project_omission(project: HiddenProject) -> Omission:
    """An archived project was put away on purpose; a lost one is for somebody to look at."""
    cls: Literal["excluded", "failed"] = "excluded" if project.reason == "project_archived" else "failed"
    kept = "What is indexed of it stays; --confirm-deletions takes it out."
    return Omission(project.key, "issue", cls, project.reason, f"{project.detail} {kept}")


@dataclass(frozen=True, slots=True)
class _Flow:
    """One run, verb by verb; each takes the run as it stands and gives it back as it then stands."""

    source: Source
    base: KnowledgeBase
    runs: Runs
    connector: Connector
    site: SiteInfo
    wish: Wish
    settings: Settings
    stages: Stages
    clock: Callable[[], datetime]
    name: str
    go_on: GoOn

    def _check(self) -> None:
        if not self.go_on():
            raise RunStoppedError("The run was stopped.", fix="Resume it: what was committed stays.")

    def keep_rendering_facts(self) -> None:
        """At the beginning, since a run that is killed has stored issues, and at the end: a source may have learned more."""
        Kept(self.base).keep_rendering_facts(self.connector.id, self.source.rendering_facts())

    # List

    def list_issues(self, run: Run) -> Run:
        """Write the listing: what changed, and with a census everything."""
        if run.state == "listing":
            run = self._list(run)
        if run.kind != "window":
            self._retry_failed(run)
        return self._enter(run, "fetching")

    def _list(self, run: Run) -> Run:
        with self.stages.doing("list"):
            return self._list_all(run) if run.kind == "full" else self._list_changed(run)

    def _list_all(self, run: Run) -> Run:
        run = self._add_pages(run, self.source.list_all())
        self.runs.forget_unreadable(run)
        return run

    def _retry_failed(self, run: Run) -> None:
        """What failed before, in this run or an earlier one, is read again; unless the query no longer admits it."""
        failed = self.runs.failed(run.connector)
        if not failed:
            return
        admitted = self.source.still_listed(failed)
        self.runs.retry(run, sorted(admitted))
        self.runs.forget(run, [number for number in failed if number not in admitted])

    def _list_changed(self, run: Run) -> Run:
        """What the window of time brings. A census compares all issues: one that was edited while the account could not
        see it, or that search showed too late, stands in no window."""
        since, until = self._window(run)
        run = self._add_pages(run, self.source.list_updated(since, until))
        if run.census:
            run = self._list_all(run)
        if run.kind == "incremental":
            self._skip_unchanged(run)
        return run

    def _window(self, run: Run) -> tuple[datetime, datetime | None]:
        if run.kind == "window":
            return self.wish.since or moment(0), self.wish.until
        watermark = self.connector.watermark or moment(0)
        return watermark - timedelta(minutes=self.settings.overlap_minutes), None

    def _skip_unchanged(self, run: Run) -> None:
        after = -1
        while rows := self.runs.known_updates(run, after, COMPARE_BLOCK):
            after = rows[-1][0]
            unknown = [number for number, listed, _ in rows if listed is None]
            asked = self.source.updated_times(unknown) if unknown else {}
            same = [number for number, listed, stored in rows if (listed or asked.get(number)) == stored]
            with self.base.transaction() as tx:
                self.runs.mark(tx, run, same, Done.UNCHANGED)

    def _add_pages(self, run: Run, pages: Iterator[Listing]) -> Run:
        listed = 0
        for page in pages:
            self._check()
            self.base.check_room(self.settings.disk_reserve)
            run = self.runs.add_listed(run, page.refs, page.site_time)
            self.runs.add_unreadable(run, page.omissions)
            listed += len(page.refs) + len(page.omissions)
            self.stages.show("list", listed)
        return run

    # Fetch, render, store

    def fetch_issues(self, run: Run, followers: Followers) -> Run:
        """Fetch what is listed and not done; where a listed issue turns out to be gone, list and fetch once more."""
        if run.state != "fetching":
            return run
        run = self._fetch_listed(run, followers)
        if self.runs.tallied(run)[Done.GONE]:
            # When an issue is deleted while pages are walked, later rows move up, and one may slip past the walk unseen.
            run = self._fetch_listed(self._list(run), followers)
        return self._enter(run, "pruning")

    def _fetch_listed(self, run: Run, followers: Followers) -> Run:
        """Store each window with its mark; wait where the indexes lag far behind."""
        total = self.runs.tallied(run)[Done.TO_FETCH]
        done = 0
        with self.stages.doing("fetch"):
            for window in fetch_windows(self.source, self._windows(run, followers), self.settings.connections):
                self._check()
                with self.stages.doing("render"):
                    run = self._store(run, window)
                done += len(window.numbers)
                self.stages.show("fetch", done, total)
        return run

    def _windows(self, run: Run, followers: Followers) -> Iterator[tuple[int, ...]]:
        size = max(self.source.batch_limit, self.wish.batch_size)
        after = -1
        while numbers := self.runs.to_fetch(run, after, size):
            after = numbers[-1]
            followers.let_come_nearer(
                changes=self.settings.index_backlog, passages=self.settings.embed_backlog
            )  # fmt: skip
            yield tuple(numbers)

    def _store(self, run: Run, window: Window) -> Run:
        self.base.check_room(self.settings.disk_reserve)
        left_out = self._omissions_by_number(window)
        prepared = [self._prepare(raw, left_out) for batch in window.batches for raw in batch.issues]
        tally = run.tally
        with self.base.transaction() as tx:
            for issue in prepared:
                if issue is not None:
                    tally = tally.plus(self._store_issue(tx, run, issue))
            for number, omissions in left_out.items():
                self.runs.omit(tx, run, number, omissions)
            self.runs.mark(tx, run, tuple(left_out), Done.OMITTED)
            self._mark_gone(tx, run, window, {p.raw.number for p in prepared if p} | left_out.keys())
            run = replace(run, tally=tally)
            self.runs.save(tx, run)
        return run

    def _prepare(self, raw: RawIssue, left_out: dict[int, list[Omission]]) -> PreparedIssue | None:
        if not self._is_wanted(raw):
            return None
        try:
            return prepare(raw, self.source.render(raw))
        except SkippedIssueError as skipped:
            left_out[raw.number] = [Omission(raw.key, "issue", "failed", skipped.reason, skipped.message)]
            return None

    def _is_wanted(self, raw: RawIssue) -> bool:
        """A site compares minutes, a window run's limits are exact."""
        since, until = self.wish.since, self.wish.until
        return (since is None or raw.updated >= since) and (until is None or raw.updated < until)

    def _store_issue(self, tx: apsw.Connection, run: Run, issue: PreparedIssue) -> Tally:
        stored = self.base.put(tx, run.connector, self.site.id, issue)
        self.runs.omit(tx, run, issue.raw.number, issue.omissions)
        self.runs.mark(tx, run, (issue.raw.number,), Done.INDEXED if stored.changed else Done.UNCHANGED)
        seen = Tally(fetched=1, newest=milliseconds(issue.raw.updated))
        if not stored.changed:
            return seen
        return seen.plus(
            Tally(
                comments=issue.comments,
                attachments=issue.attachments,
                sections=stored.sections,
                passages=stored.passages,
                reused=stored.reused,
            )
        )

    def _omissions_by_number(self, window: Window) -> dict[int, list[Omission]]:
        found: dict[int, list[Omission]] = {}
        for batch in window.batches:
            for number, omission in batch.omissions:
                found.setdefault(number, []).append(omission)
        return found

    def _mark_gone(self, tx: apsw.Connection, run: Run, window: Window, accounted: Iterable[int]) -> None:
        gone = set(window.numbers) - set(accounted)
        for number in gone:
            self.runs.omit(tx, run, number, ())
        self.runs.mark(tx, run, sorted(gone), Done.GONE)

    def _enter(self, run: Run, state: RunState) -> Run:
        run = replace(run, state=state)
        with self.base.transaction() as tx:
            self.runs.save(tx, run)
        return run

    # Prune

    def prune(self, run: Run) -> tuple[Run, DeletionBrakeError | None]:
        """With a complete listing, take out what it lacks; nothing on doubt, and nothing of a hidden project."""
        proves = run.census and not self.runs.lists_unreadable(run)
        lacking = self.runs.missing_by_project(run) if proves else {}
        if lacking:
            self.source.identify()  # an account that has become anonymous lists nothing: ask before believing it
        had = self.runs.claimed_by_project(run.connector) if lacking else {}
        hidden = self._hidden_projects(run, lacking)
        missing, total = sum(lacking[key] for key in lacking.keys() - hidden), sum(had.values())
        if not missing:
            return run, None
        if brakes(missing, total, self.settings) and not self.wish.confirm_deletions:
            return run, DeletionBrakeError(
                f"{missing} of {total} issues are no longer listed by {self.site.base_url}; nothing was deleted.",
                fix="Check the account's permissions and the query. If it is right, run the same command with --confirm-deletions.",
            )
        with self.stages.doing("prune"):
            return self._take_out(run, missing, hidden), None

    def _hidden_projects(self, run: Run, lacking: Mapping[str, int]) -> frozenset[str]:
        """The projects that the site hides: what is indexed of them stays, and the report says so, until the user confirms
        that it is to go."""
        told = self.runs.omitted_projects(run.connector)
        found = self.source.hidden_projects(told | lacking.keys())
        hidden = () if self.wish.confirm_deletions else found
        if told or hidden:
            returned = bool(told - {project.key for project in found}) and not run.census
            self.runs.omit_projects(run, [_project_omission(project) for project in hidden], returned=returned)
        return frozenset(project.key for project in hidden)

    def _take_out(self, run: Run, total: int, hidden: frozenset[str]) -> Run:
        """A listing can miss an issue while others are deleted, so the site is asked for each; what it still has stays."""
        after = 0
        while rows := self.runs.missing(run, after, ASK_BLOCK, hidden):
            after = rows[-1][0]
            listed = self.source.still_listed([number for _, number in rows])
            gone = [row for row in rows if row[1] not in listed]
            for start in range(0, len(gone), PRUNE_BLOCK):
                self._check()
                run = self._release(run, gone[start : start + PRUNE_BLOCK])
                self.stages.show("prune", run.tally.deleted, total)
        return run

    def _release(self, run: Run, rows: Sequence[tuple[int, int]]) -> Run:
        run = replace(run, tally=run.tally.plus(Tally(deleted=len(rows))))
        with self.base.transaction() as tx:
            for issue, number in rows:
                self.base.release(tx, run.connector, issue)
                self.runs.omit(tx, run, number, ())
            self.runs.save(tx, run)
        return run

    # Finish

    def finish(self, run: Run, brake: DeletionBrakeError | None, followers: Followers) -> Report:
        """End the run when its text can be found; then wait for the vectors."""
        followers.catch_up_text()
        self.keep_rendering_facts()
        failed = self.runs.omission_count(run.connector, failed=True)
        state: RunState = "stopped" if brake else "incomplete" if failed else "complete"
        run = replace(run, state=state)
        watermark = next_watermark(run, self.connector.watermark)
        counts = self._counts(run)
        report = self._report(run, counts, failed, watermark, followers)
        self.runs.finish(
            run,
            report,
            now=self.clock(),
            watermark=watermark,
            census=run.census and brake is None,
        )
        followers.catch_up_vectors()
        return self._report(run, counts, failed, watermark, followers)

    def _counts(self, run: Run) -> RunCounts:
        done = self.runs.tallied(run)
        tally = run.tally
        return RunCounts(
            listed=done[Done.INDEXED] + done[Done.UNCHANGED] + done[Done.OMITTED],
            fetched=tally.fetched,
            indexed=done[Done.INDEXED],
            unchanged=done[Done.UNCHANGED],
            deleted=tally.deleted,
            omitted=done[Done.OMITTED],
            comments=tally.comments,
            attachments=tally.attachments,
            sections=tally.sections,
            passages=tally.passages,
        )

    def _report(
        self, run: Run, counts: RunCounts, failed: int, watermark: datetime | None, followers: Followers
    ) -> Report:
        return Report(
            run=run.id,
            kb=self.name,
            site=self.site.base_url,
            flavor=self.site.flavor,
            kind=run.kind,
            state=run.state,
            counts=replace(counts, embedded=run.tally.reused + followers.embedded),
            omissions=tuple(self.runs.omissions(run.connector)),
            failed=failed,
            requests=self.source.requests(),
            seconds=self.stages.seconds(),
            watermark=watermark,
        )
