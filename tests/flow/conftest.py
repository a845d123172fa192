from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.flow.hostile import Impostor, Liar, MakeVictim, Victim
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
        settings = replace(
            Settings.read({"JIRAKB_OCR": "off"}), home=tmp_path, gateway_url=running.gateway_url, brake_count=5
        )
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


@pytest.fixture
def make_victim(flavor: str, tmp_path: Path) -> Iterator[MakeVictim]:
    """Makes a knowledge base that follows a site which answers with these issues and lies."""
    with ExitStack() as closing:

        def make(
            issues: dict[int, bytes] | None = None, lie: Liar | None = None, site: Site | None = None, **options: Any
        ) -> Victim:
            site = site or Site(flavor)  # type: ignore[arg-type]
            running = closing.enter_context(serve(site, app=Impostor(site, issues, lie)))
            base = KnowledgeBase.open(tmp_path / "home" / "kb", create=True)
            closing.callback(base.close)
            settings = replace(
                Settings.read({"JIRAKB_OCR": "off"}), home=tmp_path / "home", gateway_url=running.gateway_url
            )
            return Victim(World(site, running, base, settings), options)

        yield make
