"""Histories of a site, its faults and broken-off syncs, by chance and by hand: whatever happened, the index equals the site."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.flow.histories import plan, tell
from tests.flow.history import Trap
from tests.flow.life import LONG_LAG, Life, Setting

from jirakb.simulator.state import Flavor

SEED, STEPS = 4100, 500
FLAVORS = pytest.mark.parametrize("flavor", ["cloud", "dc"])


@pytest.mark.parametrize(("flavor", "seed", "steps"), list(plan(SEED, STEPS)))
def test_whatever_happened_the_index_equals_the_site(flavor: Flavor, seed: int, steps: int) -> None:
    told = tell(flavor, seed, steps)
    assert not told.wrong, f"{told.wrong}\n{told.steps}"
    assert told.tale.checked > 0


@pytest.fixture
def life(flavor: Flavor) -> Iterator[Life]:
    """A history told by hand; its knowledge base is up to date, and it is settled in the end."""
    with Life(Setting(flavor)) as life:
        life.sync()
        yield life
        life.settle()


@FLAVORS
def test_a_sync_that_is_cut_off_at_any_step_loses_nothing(life: Life) -> None:
    for steps in range(1, 9):
        life.create("PUMP")
        life.edit(steps)
        life.edit(steps + 1)
        assert life.sync(while_storing=Trap(steps, phase="fetching"), prune="never") is None or steps > 5
        life.wait(4000)  # longer than the overlap, which would find again what was lost
        life.create("HALL")
        life.sync(prune="never")


@FLAVORS
def test_what_search_shows_late_is_found_by_the_overlap(life: Life) -> None:
    life.lag(300)
    life.create("PUMP")
    life.look()
    life.wait(90)
    life.lag(0)
    life.create("HALL")
    first = life.synced(prune="never")
    life.wait(300)
    second = life.synced(prune="never")
    assert (first.counts.indexed, second.counts.indexed) == (1, 1)


@FLAVORS
def test_what_search_shows_later_than_the_overlap_is_found_by_the_next_census(life: Life) -> None:
    life.lag(LONG_LAG)
    life.create("PUMP")
    life.look()
    life.wait(LONG_LAG - 60)
    life.lag(0)
    life.create("HALL")
    life.sync(prune="never")
    life.wait(61)
    missed, found = life.synced(prune="never"), life.synced(prune="always")
    assert (missed.counts.indexed, found.counts.indexed) == (0, 1)


@FLAVORS
def test_an_issue_edited_while_it_was_out_of_sight_is_read_again_by_the_next_census(life: Life) -> None:
    life.edit(0)
    life.lose("PUMP")
    life.wait(4000)
    life.create("HALL")
    report = life.synced(prune="never")
    assert report.counts.indexed == 1
    life.show_all()
    found = life.synced(prune="always")
    assert found.counts.indexed == 1


@FLAVORS
def test_what_failed_is_read_again_when_it_can_be_read_whatever_its_time(life: Life) -> None:
    life.break_issue(0)
    failed = life.synced(prune="never")
    life.wait(4000)
    life.create("HALL")
    still = life.synced(prune="never")
    life.mend_issues()
    mended = life.synced(prune="never")
    assert [report.failed for report in (failed, still, mended)] == [1, 1, 0]
    assert mended.counts.indexed == 1


@FLAVORS
def test_what_failed_and_is_deleted_then_is_no_longer_told(life: Life) -> None:
    life.break_issue(0)
    life.sync(prune="never")
    life.delete(0)
    report = life.synced(prune="always")
    assert (report.failed, report.counts.deleted) == (0, 1)


@pytest.mark.parametrize("skew", [-7200.0, 200_000.0])
def test_our_own_clock_may_be_wrong(skew: float) -> None:
    with Life(Setting("cloud", zone="America/Los_Angeles", skew=skew)) as life:
        life.sync()
        for number in range(3):
            life.edit(number)
            life.wait(700)
            report = life.synced(prune="never")
            assert report.counts.indexed == 1
        life.settle()


def test_a_history_that_goes_wrong_is_told() -> None:
    told = tell("cloud", SEED, 0)
    assert not told.wrong
    with Life(Setting("cloud")) as life:
        life.sync()
        with life.opened().transaction() as tx:
            tx.execute("UPDATE document SET status = 'Done' WHERE id = 1")
        with pytest.raises(AssertionError, match="status"):
            life.settle()
