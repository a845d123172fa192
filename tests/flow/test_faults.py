"""Every kind of trouble at once: the sync still ends complete, and the site has nothing to complain of."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.flow.history import FakeClock
from tests.flow.world import CREDENTIALS

from jirakb.errors import SiteError
from jirakb.jira.connector import JiraConnector
from jirakb.knowledge.store import KnowledgeBase
from jirakb.report import Report
from jirakb.settings import Settings
from jirakb.simulator.app import App
from jirakb.simulator.server import Running, serve
from jirakb.simulator.site import Site
from jirakb.simulator.state import Flavor
from jirakb.simulator.switches import Fault, Switches, every_fault
from jirakb.sync import Wish, sync

ISSUES = 40
SETTLED = 120  # seconds after which the site's search shows everything


class SmallBatches(JiraConnector):
    """Fetches few issues a call, so that a small site takes many."""

    @property
    def batch_limit(self) -> int:
        return 3


@dataclass
class Troubled:
    """A site with every fault, on a clock that moves when somebody waits."""

    site: Site
    running: Running
    clock: FakeClock
    base: KnowledgeBase
    settings: Settings

    def sync(self, **wish: object) -> Report:
        with closing(self.connector()) as source:
            wanted = Wish(query=source.query, **wish)  # type: ignore[arg-type]
            return sync(source, self.base, wanted, settings=self.settings, embedder=None, clock=self.clock.now)

    def sync_to_the_end(self, **wish: object) -> Report:
        """As somebody would who runs the command again; the budgets leave a run in a hundred without an end."""
        for _ in range(3):
            try:
                return self.sync(**wish)
            except SiteError:
                continue
        return self.sync(**wish)

    def connector(self) -> JiraConnector:
        return SmallBatches(
            self.running.base_url, projects=("*",), credentials=CREDENTIALS[self.site.flavor], settings=self.settings,
            timing=self.clock.timing,
        )  # fmt: skip

    def check(self) -> None:
        """The index is the site."""
        documents = {document.key: document.markdown for document in self.base.each_document()}
        assert documents.keys() == {issue.key for issue in self.site.issues.values()}
        for issue in self.site.issues.values():
            stored = issue.stored()
            assert stored["summary"] in documents[issue.key]
            for comment in stored["comment"]:
                assert comment["body"] in documents[issue.key]


@pytest.fixture(params=["cloud", "dc"])
def flavor(request: pytest.FixtureRequest) -> Flavor:
    return request.param  # type: ignore[no-any-return]


def troubled(flavor: Flavor, seed: int, folder: Path, stack: ExitStack) -> Troubled:
    clock = FakeClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
    switches = Switches(seed=seed, inline_comment_cap=2)
    site = Site(flavor, clock=clock.now, monotonic=clock.seconds, switches=switches)
    for number in range(ISSUES):
        key = site.create("PUMP" if number % 3 else "HALL", f"Pump {number} stops")
        for again in range(number % 5):
            site.comment(key, f"Seen again in hall {number}, time {again}.")
    clock.advance(3600)
    running = stack.enter_context(serve(site, app=App(site, sleep=clock.advance)))
    base = KnowledgeBase.open(folder / "kb", create=True)
    stack.callback(base.close)
    settings = Settings(folder, gateway_url=running.gateway_url, connections=2, brake_count=5)
    return Troubled(site, running, clock, base, settings)


def trouble(switches: Switches, share: float) -> None:
    switches.faults = every_fault(share)
    switches.short_pages = switches.flicker = share
    switches.index_lag = 20


@pytest.mark.parametrize("seed", range(3))
def test_with_every_fault_at_once_the_index_still_equals_the_site(flavor: Flavor, seed: int, tmp_path: Path) -> None:
    with ExitStack() as stack:
        world = troubled(flavor, seed, tmp_path, stack)
        trouble(world.site.switches, 0.05)
        report = world.sync_to_the_end()
        assert (report.state, report.failed, report.counts.listed) == ("complete", 0, ISSUES)
        world.check()

        world.site.switches.edit_every = 3
        world.sync_to_the_end(full=True)
        world.site.switches.edit_every = 0
        world.clock.advance(SETTLED)
        report = world.sync_to_the_end(prune="always")
        assert (report.state, report.failed, report.counts.deleted) == ("complete", 0, 0)
        world.check()
        assert world.running.record.violations == []


def test_each_fault_alone_costs_nothing_but_calls(flavor: Flavor, tmp_path: Path) -> None:
    with ExitStack() as stack:
        world = troubled(flavor, 1, tmp_path, stack)
        for fault in every_fault():
            fault.share, fault.every = 0, 4
            world.site.switches.faults = [fault]
            report = world.sync_to_the_end(full=True)
            assert (report.state, report.failed) == ("complete", 0), fault
            assert fault.struck, fault
            world.check()
        assert world.running.record.violations == []


def test_an_answer_to_nobody_is_asked_again_and_ends_no_run(flavor: Flavor, tmp_path: Path) -> None:
    with ExitStack() as stack:
        world = troubled(flavor, 2, tmp_path, stack)
        anonymous = Fault(every=4, kind="anonymous")
        world.site.switches.faults = [anonymous]
        report = world.sync()
        assert (report.counts.listed, report.counts.indexed) == (ISSUES, ISSUES)
        statuses = Counter(seen.endpoint for seen in world.running.record.requests)
        assert statuses["GET myself"] <= 1 + anonymous.struck
        assert world.running.record.refused.total() == 0
