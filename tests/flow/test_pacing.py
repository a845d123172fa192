"""The pace of whole syncs against limits of the site, in real time and real processes: both stay within, together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.service.command import Home

from jirakb.simulator.limits import Limit, burst, user_bucket
from jirakb.simulator.server import Running, serve
from jirakb.simulator.site import Site
from jirakb.simulator.state import Flavor

ISSUES = 26
COMMENTS = "GET issue/{key}/comment"


@pytest.fixture
def start() -> Iterator[object]:
    """A site on which each issue takes a call of its own, for its second comment."""
    opened: list[object] = []

    def begin(flavor: Flavor, limit: Limit) -> Running:
        site = Site(flavor)
        for number in range(ISSUES):
            key = site.create("PUMP", f"Pump {number}")
            site.comment(key, f"Seen in hall {number}.")
            site.comment(key, f"Seen again in hall {number}.")
        site.switches.inline_comment_cap = 1
        site.switches.limits = [limit]
        context = serve(site)
        opened.append(context)
        return context.__enter__()

    yield begin
    for context in opened:
        context.__exit__(None, None, None)  # type: ignore[attr-defined]


@pytest.mark.parametrize("flavor", ["cloud", "dc"])
def test_two_processes_on_one_site_keep_to_its_limit_together(flavor: Flavor, start: object, tmp_path: Path) -> None:
    limit = burst(4, endpoints=(COMMENTS,)) if flavor == "cloud" else user_bucket(20, 5)
    running = start(flavor, limit)  # type: ignore[operator]
    home = Home(tmp_path, running)
    syncs = [home.start(*home.sync_options("--kb", name)) for name in ("one", "two")]
    ended = [process.communicate(timeout=90) for process in syncs]
    assert [process.returncode for process in syncs] == [0, 0], ended
    assert limit.first is not None
    assert limit.last is not None
    seconds = limit.last - limit.first
    assert limit.admitted >= 2 * ISSUES
    assert limit.admitted / (limit.capacity + limit.per_second * seconds) >= 0.8
    assert limit.refused <= (ISSUES if flavor == "cloud" else 0)
    assert running.record.violations == []
