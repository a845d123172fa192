"""Random histories of a site, its faults and broken-off syncs: whatever happened, in the end the index equals the site."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from hypothesis import HealthCheck, Phase, settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from tests.flow.history import CutOffError, FakeClock, FragileBase, FragileConnector, HashVectors, Trap, assert_sound
from tests.flow.world import CREDENTIALS

from jirakb.errors import DeletionBrakeError, SiteError
from jirakb.jira.client.retries import Budget
from jirakb.knowledge.search import Searcher
from jirakb.report import Report
from jirakb.settings import Settings
from jirakb.simulator.issues import Issue
from jirakb.simulator.server import serve
from jirakb.simulator.site import Site
from jirakb.simulator.state import Flavor
from jirakb.simulator.switches import Fault, FaultKind, Switches
from jirakb.sync import Wish, sync

PROJECTS = ("PUMP", "HALL")
LONGEST_LAG = 300  # seconds, less than the overlap of an incremental sync
STARTS = (
    datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 40, tzinfo=UTC),  # twenty minutes before the account's clock leaps forward
    datetime(2026, 10, 25, 0, 40, tzinfo=UTC),  # and before it falls back
)
PICKS = strategies.integers(0, 999)


class Histories(RuleBasedStateMachine):
    """A site of two projects and the knowledge base that follows it."""

    flavor: Flavor = "cloud"

    @initialize(start=strategies.sampled_from(STARTS), seed=PICKS, page=strategies.sampled_from((None, 3)))
    def begin(self, start: datetime, seed: int, page: int | None) -> None:
        self.stack = ExitStack()
        self.clock = FakeClock(start)
        switches = Switches(seed=seed, page_limit=page)
        self.site = Site(self.flavor, clock=self.clock.now, monotonic=self.clock.seconds, switches=switches)
        self.running = self.stack.enter_context(serve(self.site))
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.settings = Settings(self.folder, gateway_url=self.running.gateway_url, connections=1, brake_count=3)
        self.base: FragileBase | None = None
        self.words = 0
        self.gone_words: set[str] = set()
        self.known_keys: dict[str, int] = {}
        self.was_hidden = False
        for project in (*PROJECTS, *PROJECTS, PROJECTS[0]):
            self.create(project)

    # The site lives

    def word(self) -> str:
        """A word that no other text holds."""
        self.words += 1
        return f"zq{self.words:04d}x"

    def visible(self) -> list[Issue]:
        """The issues that the account sees."""
        lost = self.site.accounts.users["agent"].lost
        return [issue for issue in self.site.issues.values() if issue.project not in lost]

    def pick(self, at: int) -> Issue:
        return self.visible()[at % len(self.visible())]

    def has_issues(self) -> bool:
        return bool(self.visible())

    def comments(self) -> list[tuple[int, str, str]]:
        """Issue, id and text of each comment that the account sees."""
        return [
            (issue.number, comment["id"], comment["body"])
            for issue in self.visible()
            for comment in issue.stored().get("comment", ())
        ]

    @rule(project=strategies.sampled_from(PROJECTS))
    def create(self, project: str) -> None:
        self.site.create(project, f"A pump {self.word()}", description=f"h3. Steps\nTurn it {self.word()}.")

    @precondition(has_issues)
    @rule(at=PICKS)
    def edit(self, at: int) -> None:
        issue = self.pick(at)
        self.gone_words.update(issue.stored()["summary"].split()[-1:])
        self.site.edit(issue.number, summary=f"Another pump {self.word()}")

    @precondition(has_issues)
    @rule(at=PICKS, role=strategies.sampled_from((None, None, "Developers")))
    def comment(self, at: int, role: str | None) -> None:
        self.site.comment(self.pick(at).number, f"Seen {self.word()}", role=role)

    @precondition(lambda self: self.comments())
    @rule(at=PICKS)
    def edit_comment(self, at: int) -> None:
        number, id_, body = self.comments()[at % len(self.comments())]
        self.gone_words.update(body.split()[-1:])
        self.site.edit_comment(number, id_, f"Seen again {self.word()}")

    @precondition(lambda self: self.comments())
    @rule(at=PICKS)
    def delete_comment(self, at: int) -> None:
        number, id_, body = self.comments()[at % len(self.comments())]
        self.gone_words.update(body.split()[-1:])
        self.site.delete_comment(number, id_)

    @precondition(has_issues)
    @rule(at=PICKS)
    def label(self, at: int) -> None:
        self.site.label(self.pick(at).number, "noted")

    @precondition(has_issues)
    @rule(at=PICKS, project=strategies.sampled_from(PROJECTS))
    def move(self, at: int, project: str) -> None:
        self.site.move(self.pick(at).number, project)

    @precondition(has_issues)
    @rule(at=PICKS)
    def delete(self, at: int) -> None:
        self.site.delete(self.pick(at).number)

    @precondition(has_issues)
    @rule(at=PICKS, level=strategies.sampled_from((None, "Secret")))
    def restrict(self, at: int, level: str | None) -> None:
        self.site.restrict(self.pick(at).number, level)

    @precondition(lambda self: len(self.visible()) > 1)
    @rule(at=PICKS, other=PICKS)
    def link(self, at: int, other: int) -> None:
        one, two = self.pick(at), self.pick(other)
        if one.number != two.number:
            self.site.link(one.number, two.number)

    @precondition(has_issues)
    @rule(at=PICKS)
    def attach(self, at: int) -> None:
        self.site.attach(self.pick(at).number, "log.txt", "pressure", mime="text/plain")

    @rule(project=strategies.sampled_from(PROJECTS))
    def lose(self, project: str) -> None:
        self.site.lose(project)
        self.was_hidden = True

    @rule(project=strategies.sampled_from(PROJECTS))
    def allow(self, project: str) -> None:
        self.site.allow(project=project)

    # Time and trouble

    @rule(seconds=strategies.sampled_from((1, 45, 200, 700, 4000)))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(seconds=strategies.sampled_from((0, 2, 90, LONGEST_LAG)))
    def lag(self, seconds: int) -> None:
        self.site.switches.index_lag = seconds

    @rule(
        kind=strategies.sampled_from(("status", "html", "reset", "truncate", "empty")), times=strategies.integers(1, 8)
    )
    def trouble(self, kind: FaultKind, times: int) -> None:
        status = 429 if kind == "status" else 503
        wait = "2" if status == 429 else None
        self.site.switches.faults = [Fault(status, share=0.4, kind=kind, times=times, retry_after=wait)]

    @precondition(lambda self: not self.site.accounts.users["agent"].lost)
    @rule()
    def sync_while_others_edit(self) -> None:
        self.site.switches.edit_every = 3
        self.sync()
        self.site.switches.edit_every = 0

    # The knowledge base follows

    @rule(prune=strategies.sampled_from(("auto", "auto", "always")), full=strategies.sampled_from((False, False, True)))
    def sync_again(self, prune: str, full: bool) -> None:
        self.sync(prune=prune, full=full)

    @rule(
        steps=strategies.integers(1, 40), full=strategies.booleans(), prune=strategies.sampled_from(("never", "always"))
    )
    def sync_that_is_cut_off(self, steps: int, full: bool, prune: str) -> None:
        self.sync(steps=steps, prune=prune, full=full, confirm_deletions=True)

    @precondition(lambda self: not self.site.accounts.users["agent"].lost)
    @rule(at=PICKS, steps=strategies.integers(4, 24))
    def sync_that_is_cut_off_after_changes(self, at: int, steps: int) -> None:
        for number in range(4):
            self.create(PROJECTS[number % 2])
            self.edit(at + number)
        self.sync(steps=steps, prune="never")

    @rule(minutes=strategies.integers(1, 30))
    def sync_of_a_window(self, minutes: int) -> None:
        self.sync(since=self.clock.now() - timedelta(minutes=minutes), until=self.clock.now())

    @rule()
    def close(self) -> None:
        if self.base is not None:
            self.base.close()
            self.base = None

    def sync(self, *, steps: int = 0, **wish: object) -> Report | None:
        """A sync that may fail or be cut off (even `steps`: while it stores, odd ones: while it reads); the report of one
        that came to its end."""
        base = self.opened()
        base.trap = Trap(0 if steps % 2 else steps // 2)
        with closing(self.connector(Trap(steps // 2 if steps % 2 else 0))) as source:
            try:
                report = sync(
                    source, base, Wish(query=source.query, **wish),  # type: ignore[arg-type]
                    settings=self.settings, embedder=HashVectors(), clock=self.clock.now,
                )  # fmt: skip
            except (SiteError, CutOffError):
                report = None
            except DeletionBrakeError as stopped:
                report = cast(Report, stopped.report)
        base.trap = Trap()
        self.note(report)
        return report

    def opened(self) -> FragileBase:
        if self.base is None:
            opened = FragileBase.open(self.folder / "kb", create=True)
            assert isinstance(opened, FragileBase)
            self.base = opened
        return self.base

    def connector(self, trap: Trap) -> FragileConnector:
        connector = FragileConnector(
            self.running.base_url, projects=("*",), credentials=CREDENTIALS[self.flavor], settings=self.settings,
            timing=self.clock.timing, budget=Budget(attempts=4, throttles=4),
        )  # fmt: skip
        connector.trap = trap
        return connector

    def note(self, report: Report | None) -> None:
        """Check what holds after every sync, however it ended, and remember the keys that were indexed."""
        if report is not None:
            counts = report.counts
            assert counts.listed == counts.indexed + counts.unchanged + counts.omitted
        assert_sound(self.opened())
        indexed = {document.key: int(document.id.rpartition(":")[2]) for document in self.opened().each_document()}
        self.known_keys = {k: n for k, n in self.known_keys.items() if n in indexed.values()} | indexed

    # In the end

    def teardown(self) -> None:
        if not hasattr(self, "stack"):
            return
        try:
            self.settle()
            self.check_documents()
            self.check_search()
            assert self.running.record.violations == []
        finally:
            self.close()
            self.stack.close()

    def settle(self) -> None:
        """Faults end and the site's search catches up. Then an incremental sync is enough for all that was in sight all
        the time (the one before ends what was broken off), and a census for the rest."""
        self.site.switches.faults = []
        self.clock.advance(LONGEST_LAG + 1)
        for _ in range(2):
            assert self.sync(prune="never") is not None
        if not self.was_hidden:
            self.check_present()
        report = self.sync(prune="always", confirm_deletions=True)
        assert report is not None
        assert (report.state, report.failed) == ("complete", 0)
        assert report.counts.listed == len(self.visible())

    def check_present(self) -> None:
        """Every issue in sight is indexed as it is now."""
        for issue in self.visible():
            (document,) = self.opened().documents(issue.key)
            for text in self.texts(issue):
                assert text in document.markdown

    def check_documents(self) -> None:
        base = self.opened()
        self.check_present()
        documents = list(base.each_document())
        assert sorted(document.key for document in documents) == sorted(issue.key for issue in self.visible())
        whole = "".join(document.markdown for document in documents)
        assert not [word for word in self.gone_words if word in whole]
        for key, number in self.known_keys.items():
            assert base.documents(key)[0].id.endswith(f":{number}"), key

    def texts(self, issue: Issue) -> list[str]:
        stored = issue.stored()
        turned = stored["description"].split()[-1]
        return [stored["summary"], turned, *(comment["body"] for comment in stored.get("comment", ()))]

    def check_search(self) -> None:
        base = self.opened()
        assert base.counts().waiting == 0
        with closing(Searcher(base)) as searcher:

            def find(word: str) -> set[str]:
                return {hit.key for hit in searcher.search(word, principals=None, mode="text").hits}

            for issue in self.visible():
                assert issue.key in find(self.texts(issue)[1].strip("."))
            for word in sorted(self.gone_words)[:5]:
                assert not find(word)


def run(flavor: Flavor, examples: int, steps: int, *, is_fixed: bool) -> None:
    machine: Callable[[], RuleBasedStateMachine] = type(f"Histories_{flavor}", (Histories,), {"flavor": flavor})
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=is_fixed,
            phases=[Phase.generate] if is_fixed else list(Phase),  # a failure of a fixed run is found again anyway
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def begun(flavor: Flavor) -> Histories:
    """A history told by hand; its knowledge base is up to date. `teardown` checks how it ends."""
    history = cast(Histories, type("Told", (Histories,), {"flavor": flavor})())
    history.begin(STARTS[0], 0, None)
    history.sync()
    return history


@pytest.mark.parametrize("flavor", ["cloud", "dc"])
def test_a_sync_that_is_cut_off_at_any_step_loses_nothing(flavor: Flavor) -> None:
    history = begun(flavor)
    for steps in range(10, 44, 2):
        history.create("PUMP")
        history.edit(steps)
        history.sync(steps=steps, prune="never")
        history.wait(4000)  # longer than the overlap, which would find again what was lost
        history.create("HALL")
        history.sync(prune="never")
    history.teardown()


@pytest.mark.parametrize("flavor", ["cloud", "dc"])
def test_what_search_shows_late_is_found_by_the_overlap(flavor: Flavor) -> None:
    history = begun(flavor)
    history.lag(LONGEST_LAG)
    history.create("PUMP")
    history.wait(90)
    history.lag(0)
    history.create("HALL")
    history.sync()
    history.teardown()


@pytest.mark.parametrize("flavor", ["cloud", "dc"])
def test_an_issue_edited_while_it_was_out_of_sight_is_read_again_by_the_next_census(flavor: Flavor) -> None:
    history = begun(flavor)
    history.edit(0)
    history.lose("PUMP")
    history.wait(4000)
    history.create("HALL")
    report = history.sync(prune="never")
    assert report is not None
    assert report.counts.indexed == 1
    history.allow("PUMP")
    history.teardown()


@pytest.mark.parametrize("flavor", ["cloud", "dc"])
def test_whatever_happened_the_index_equals_the_site(flavor: Flavor) -> None:
    run(flavor, examples=6, steps=30, is_fixed=True)


@pytest.mark.proof
@pytest.mark.timeout(0)
@pytest.mark.skipif("JIRAKB_HISTORIES" not in os.environ, reason="JIRAKB_HISTORIES says how many histories to try")
@pytest.mark.parametrize("flavor", ["cloud", "dc"])
def test_long_and_other_histories_end_the_same_way(flavor: Flavor) -> None:
    run(flavor, examples=int(os.environ["JIRAKB_HISTORIES"]), steps=80, is_fixed=False)
