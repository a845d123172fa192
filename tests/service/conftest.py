"""A site worth asking about, a home that follows it, and `jirakb` run in this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.service.command import Ended, Home, call_main

from jirakb.simulator.server import Running, serve
from jirakb.simulator.site import Site


class PumpSite(Site):
    """Ten issues of two projects; HALL-2 was last touched a hundred days ago."""

    def fill(self, days_back: list[int]) -> None:
        kinds = (("Bug", "High", "ann"), ("Task", "Low", "bob"))
        for number in range(8):
            kind, priority, assignee = kinds[number % 2]
            self.create(
                "PUMP", f"Pump {number} stops at night", type=kind, priority=priority, assignee=assignee,
                description=f"h3. Steps\nTurn valve v{number}x.", status="Done" if number == 3 else "To Do",
            )  # fmt: skip
        self.label("PUMP-1", "leak", "noise")
        self.comment("PUMP-2", "The gasket of the manifold was worn.")
        self.create("HALL", "Lamps of the hall flicker")
        days_back[0] = 100
        self.create("HALL", "An old boiler hums")
        days_back[0] = 0


@pytest.fixture
def running() -> Iterator[Running]:
    """The site, for one test to change."""
    yield from _served()


@pytest.fixture(scope="module")
def still() -> Iterator[Running]:
    """The site, for many tests that only read."""
    yield from _served()


def _served() -> Iterator[Running]:
    days = [0]
    site = PumpSite("cloud", clock=lambda: datetime.now(UTC) - timedelta(days=days[0]))
    site.fill(days)
    with serve(site) as running:
        yield running


@pytest.fixture
def home(running: Running, tmp_path: Path) -> Home:
    """An empty home."""
    return Home(tmp_path / "home", running)


@pytest.fixture(scope="module")
def synced(still: Running, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home that holds the whole site, with vectors; for tests that only read."""
    home = Home(tmp_path_factory.mktemp("synced") / "home", still, embeddings="minilm")
    assert home.sync().code == 0
    return home


@pytest.fixture
def jirakb(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Runs a command in this process, on a home."""

    def run(home: Home, *arguments: str) -> Ended:
        for name in [name for name in os.environ if name.startswith("JIRAKB_")]:
            monkeypatch.delenv(name)
        for name, value in home.env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["jirakb", *arguments])
        capfd.readouterr()
        code = call_main()
        said = capfd.readouterr()
        return Ended(code, said.out, said.err)

    return run
