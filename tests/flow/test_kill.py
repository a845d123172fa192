"""Syncs that are killed, interrupted, or meet another: what was committed stays, and the next run ends as if nothing had been."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
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


@pytest.fixture(scope="module", params=["cloud", "dc"])
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


def kill_after(home: Home, fetches: int, seconds: float) -> None:
    """Begin a sync and kill it, so many seconds after the site was asked for so many windows (0: for anything)."""
    record = home.running.record
    record.clear()
    endpoint = FETCHES[home.running.site.flavor]
    with home.start(*home.sync_options()) as process:
        wait_for(lambda: record.total > 0 and record.by_endpoint.get(endpoint, 0) >= fetches)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate()


def stored(home: Home) -> int:
    """How many issues are committed; 0 where not even a knowledge base is."""
    found = home.run("status", "--json").json["kbs"]
    return int(found[0]["issues"]) if found else 0


def test_killed_at_random_moments_the_sync_loses_nothing_and_does_nothing_twice(home: Home, undisturbed: Home) -> None:
    home.running.site.switches.latency = 0.1
    chance = random.Random(SEED)
    for fetches in (0, 1, 2):
        kill_after(home, fetches, chance.uniform(0.0, 0.2))
    before = stored(home)
    assert 0 < before < ISSUES
    home.running.site.switches.latency = 0.0
    home.running.record.clear()
    ended = home.sync()
    assert ended.code == 0
    counts = ended.json["counts"]
    assert counts["listed"] == counts["indexed"] + counts["unchanged"] + counts["omitted"] == ISSUES
    assert home.running.record.by_endpoint[FETCHES[home.running.site.flavor]] <= -(-(ISSUES - before) // 100)
    assert home.documents() == undisturbed.documents()
    assert home.status()["passages"] == undisturbed.status()["passages"]
    assert home.sync().json["counts"]["indexed"] == 0


def test_after_the_derived_indexes_are_deleted_a_search_finds_the_same(undisturbed: Home) -> None:
    before = undisturbed.run("search", "v42x hall", "--json")
    assert [hit["key"] for hit in before.json["hits"]][:1] == ["PUMP-22"]
    for path in undisturbed.kb.iterdir():
        if not path.name.startswith("kb.sqlite") and path.name != "lock":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    after = undisturbed.run("search", "v42x hall", "--json")
    assert after.json["hits"] == before.json["hits"]


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
    assert home.documents() == undisturbed.documents()


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


def test_while_the_site_says_wait_a_second_sync_is_refused_and_ctrl_c_ends_the_first(
    home: Home, start: Callable[..., subprocess.Popen[str]]
) -> None:
    fetches = FETCHES[home.running.site.flavor]
    home.running.site.switches.faults = [throttle(every=1, endpoints=(fetches,), retry_after="60")]
    first = start(*home.sync_options())
    wait_for(lambda: 429 in home.running.record.by_status)
    second = home.sync("--prune", "never")
    assert second.code == 2
    assert str(first.pid) in second.err
    assert "--kb" in second.err
    assert interrupted(first) < 2


def test_killed_while_embedding_the_next_run_makes_the_missing_vectors(running: Running, tmp_path: Path) -> None:
    if not running.site.cloud:
        pytest.skip("embedding knows no flavor")
    home = Home(tmp_path / "home", running, embeddings="minilm")
    with home.start(*home.sync_options()) as process:
        wait_for(lambda: vectors(home) > 0 or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    before = home.status()
    assert 0 < before["vectors_ready"] < 1
    assert home.sync().code == 0
    after = home.status()
    assert after["vectors_ready"] == 1
    assert after["issues"] == ISSUES
    assert vectors(home) == after["passages"]
    assert home.run("search", "the device does not run", "--mode", "vector", "--json").json["total"] > 0


def vectors(home: Home) -> int:
    """How many vectors are stored so far."""
    folder = home.folder / "kb"
    for path in folder.glob("*/kb.sqlite") if folder.exists() else ():
        base = KnowledgeBase.open(path.parent)
        ((count,),) = base.reader().execute("SELECT count(*) FROM vector").fetchall()
        base.close()
        return int(str(count))
    return 0
