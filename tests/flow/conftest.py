from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.flow.world import World

from jirakb.knowledge.store import KnowledgeBase
from jirakb.settings import Settings
from jirakb.simulator.server import serve
from jirakb.simulator.site import Site


@pytest.fixture(params=["cloud", "dc"])
def flavor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[[Site], World]]:
    opened: list[object] = []

    def make(site: Site) -> World:
        context = serve(site, port=0)
        running = context.__enter__()
        opened.append(context)
        base = KnowledgeBase.open(tmp_path / "kb", create=True)
        settings = replace(Settings.read({}), home=tmp_path, gateway_url=running.gateway_url, brake_count=5)
        return World(site, running, base, settings)

    yield make
    for context in opened:
        context.__exit__(None, None, None)  # type: ignore[attr-defined]


@pytest.fixture
def world(flavor: str, make_world: Callable[[Site], World]) -> Iterator[World]:
    site = Site(flavor)  # type: ignore[arg-type]
    for number in range(1, 13):
        key = site.create("PUMP", f"Pump {number} stops", description=f"h3. Steps\nTurn valve {number}.")
        site.comment(key, f"Seen again in hall {number}.")
    made = make_world(site)
    yield made
    assert made.running.record.violations == []
    made.base.close()
