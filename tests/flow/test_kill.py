"""Syncs that are killed, interrupted, or meet another: what was committed stays, and the next run ends as if nothing had been."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from tests.flow.history import assert_sound
from tests.service.command import Home

from jirakb.knowledge.store import KnowledgeBase
from jirakb.simulator.server import Running, serve
from jirakb.simulator.site import Site
from jirakb.simulator.state import Flavor
from jirakb.simulator.switches import throttle

ISSUES = 600
SEED = 20261123
FETCHES = {"cloud": "POST issue/bulkfetch", "dc": "POST search"}


def made_site(flavor: Flavor) -> Site:
    site = Site(flavor)
    for number in range(ISSUES):
        key = site.create(("PUMP", "HALL")[number % 2], f"Pump {number} stops", description=f"Valve v{number}x turns.")
        if number % 3 == 0:
            site.comment(key, f"Seen again in hall {number}.")
    return site


CLOUD = pytest.mark.parametrize("running", ["cloud"], indirect=True)
BOTH = pytest.mark.parametrize("running", ["cloud", "dc"], indirect=True)


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    with serve(made_site(request.param)) as running:
        yield running


@pytest.fixture(scope="module")
def undisturbed(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose sync nobody disturbed."""
    home = Home(tmp_path_factory.mktemp("undisturbed"), running)
    assert home.sync().code == 0
    return home


@pytest.fixture
def healthy(running: Running) -> Iterator[Running]:
    """The site, with a clean record, and healthy again afterwards."""
    running.record.clear()
    yield running
    running.site.switches.faults = []
    running.site.switches.latency = 0.0


@pytest.fixture
def home(healthy: Running, tmp_path: Path) -> Home:
    """A home of its own; its syncs use one connection, so that there is something left to kill."""
    return Home(tmp_path / "home", healthy, {"JIRAKB_CONNECTIONS": "1"})


@pytest.fixture
def start(home: Home) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Begins commands that are gone when the test ends."""
    with ExitStack() as stack:

        def begin(*arguments: str) -> subprocess.Popen[str]:
            process = stack.enter_context(home.start(*arguments))
            stack.callback(process.kill)
            return process

        yield begin


def wait_for(happened: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "what the test waits for did not happen"
        time.sleep(0.005)


def kill(home: Home, happened: Callable[[], bool], seconds: float) -> None:
    """Begin a sync and kill it, so many seconds after something happened."""
    with home.start(*home.sync_options()) as process:
        wait_for(lambda: happened() or process.poll() is not None)
        time.sleep(seconds)
        ended = process.poll()
        process.send_signal(signal.SIGKILL)
        told = process.communicate()
    assert ended is None, f"it ended by itself ({ended}): {told}"


def count(home: Home, table: str) -> int:
    """How many rows are committed; 0 where not even a knowledge base is."""
    if not list(home.folder.glob("kb/*/kb.sqlite")):
        return 0
    with closing(KnowledgeBase.open(home.kb)) as base:
        ((rows,),) = base.reader().execute(f"SELECT count(*) FROM {table}").fetchall()
        return int(str(rows))


def documents(home: Home) -> dict[str, str]:
    """Every document by its id."""
    with closing(KnowledgeBase.open(home.kb)) as base:
        found = list(base.each_document())
        assert_sound(base)
    assert len({document.id for document in found}) == len(found)
    return {document.id: document.markdown for document in found}


@BOTH
def test_killed_at_random_moments_the_sync_loses_nothing_and_does_nothing_twice(home: Home, undisturbed: Home) -> None:
    record, fetches = home.running.record, FETCHES[home.running.site.flavor]
    home.running.site.switches.latency = 0.25
    chance = random.Random(SEED)
    kill(home, lambda: record.total > 2, chance.uniform(0.0, 0.5))
    kill(home, lambda: count(home, "listing") > 0, chance.uniform(0.0, 0.5))
    kill(home, lambda: count(home, "issue") > 0, chance.uniform(0.0, 0.3))
    before = count(home, "issue")
    assert 0 < before < ISSUES
    home.running.site.switches.latency = 0.0
    time.sleep(1.0)  # what the killed process had asked is still being answered, and would be counted
    record.clear()
    ended = home.sync()
    assert ended.code == 0
    counts = ended.json["counts"]
    assert counts["listed"] == counts["indexed"] + counts["unchanged"] + counts["omitted"] == ISSUES
    assert record.by_endpoint[fetches] <= -(-(ISSUES - before) // 100)
    assert documents(home) == documents(undisturbed)
    for table in ("section", "passage", "claim"):
        assert count(home, table) == count(undisturbed, table)


@CLOUD
def test_after_the_derived_indexes_are_deleted_a_search_finds_the_same(undisturbed: Home) -> None:
    before = undisturbed.run("search", "v42x", "--json")
    assert [hit["key"] for hit in before.json["hits"]] == ["PUMP-22"]
    for path in undisturbed.kb.iterdir():
        if not path.name.startswith("kb.sqlite") and path.name != "lock":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    after = undisturbed.run("search", "v42x", "--json")
    assert after.json["hits"] == before.json["hits"]


@CLOUD
def test_an_interrupted_sync_ends_with_130_and_the_next_goes_on(
    home: Home, undisturbed: Home, start: Callable[..., subprocess.Popen[str]]
) -> None:
    home.running.site.switches.latency = 0.3
    process = start(*home.sync_options())
    fetches = FETCHES[home.running.site.flavor]
    wait_for(lambda: home.running.record.by_endpoint.get(fetches, 0) >= 2)
    assert interrupted(process) < 2
    home.running.site.switches.latency = 0.0
    assert home.sync().code == 0
    assert documents(home) == documents(undisturbed)


def interrupted(process: subprocess.Popen[str]) -> float:
    """The seconds that a command needs to end after Ctrl-C."""
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Interrupted" in err
    assert "Traceback" not in err
    assert out == ""
    return time.monotonic() - began


@BOTH
def test_while_the_site_says_wait_a_second_sync_is_refused_and_ctrl_c_ends_the_first(
    home: Home, start: Callable[..., subprocess.Popen[str]]
) -> None:
    fetches = FETCHES[home.running.site.flavor]
    home.running.site.switches.latency = 0.3
    first = start(*home.sync_options())
    wait_for(lambda: any((home.folder / "kb").glob("*/kb.sqlite")))  # the query has been checked
    home.running.site.switches.faults = [throttle(every=1, endpoints=(fetches,), retry_after="60")]
    wait_for(lambda: 429 in home.running.record.by_status)
    second = home.sync("--prune", "never")
    assert second.code == 2
    assert str(first.pid) in second.err
    assert "--kb" in second.err
    assert interrupted(first) < 2


@CLOUD
def test_killed_while_embedding_the_next_run_makes_the_missing_vectors(healthy: Running, tmp_path: Path) -> None:
    home = Home(tmp_path / "home", healthy, embeddings="minilm")
    kill(home, lambda: count(home, "vector") > 0, 0.0)
    assert count(home, "backlog") > 0
    assert home.sync().code == 0
    assert count(home, "backlog") == 0
    assert count(home, "vector") == count(home, "passage") >= ISSUES
    assert home.run("search", "the device does not run", "--mode", "vector", "--json").json["total"] > 0
