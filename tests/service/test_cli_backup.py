"""A copy of a home is a home: taken while a sync runs, it is searched, and synced on, like the first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import apsw
import pytest
from tests.engine.house import FETCH, TENANT, House, house, made_site, wait_for
from tests.service.command import Home

from jirakb.simulator.server import Running, serve
from jirakb.simulator.switches import throttle


@pytest.fixture
def running() -> Iterator[Running]:
    with serve(made_site(400)) as running:
        yield running


def test_a_copy_of_a_home_under_a_sync_is_a_sound_home(running: Running, tmp_path: Path) -> None:
    home = Home(tmp_path / "home", running)
    running.site.switches.faults = [throttle(every=2, endpoints=(FETCH,), retry_after="60")]
    syncing = home.start(*home.sync_options())
    wait_for(lambda: stored(home.folder) > 0)
    copied = home.run("backup", "--out", str(tmp_path / "copy"))
    assert (copied.code, syncing.poll()) == (0, None), copied.err
    syncing.kill()
    syncing.communicate()
    running.site.switches.faults = []
    copy = Home(tmp_path / "copy", running)
    assert stored(copy.folder) > 0
    report = copy.sync().json
    assert (report["kind"], report["counts"]["listed"]) == ("full", 400)
    assert copy.run("search", "pump 77", "--json").json["hits"][0]["title"] == "Pump 77 stops"
    assert copy.run("status", "--json").json["kbs"][0]["issues"] == 400
    assert not list((tmp_path / "copy").glob("master.key"))


def stored(home: Path) -> int:
    """The committed issues of the one knowledge base of a home; 0 before there is one."""
    for file in (home / "kb").glob("*/kb.sqlite"):
        with suppress(apsw.Error), closing(apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READWRITE)) as base:
            return int(str(base.execute("SELECT count(*) FROM issue").fetchall()[0][0]))
    return 0


def test_connectors_and_their_credentials_come_back_with_the_key(running: Running, tmp_path: Path) -> None:
    with house(tmp_path / "home") as first:
        connector = first.connector(running)
        site = Home(first.settings.home, running)
        assert site.run("backup", "--out", str(tmp_path / "copy"), "--with-key").code == 0
    assert oct((tmp_path / "copy" / "control.sqlite").stat().st_mode)[-3:] == "600"
    with house(tmp_path / "copy") as second:
        assert_works(second, connector.id)


def assert_works(second: House, connector: str) -> None:
    saved = second.service.connectors.get(TENANT, connector)
    second.service.worker.start()
    assert second.sync(saved).state == "complete"


@pytest.mark.parametrize("where", ["full", "home/within"])
def test_a_copy_goes_to_an_empty_folder_elsewhere(running: Running, tmp_path: Path, where: str) -> None:
    for folder in ("home", "full"):
        (tmp_path / folder).mkdir()
    (tmp_path / "full" / "file").write_text("x")
    ended = Home(tmp_path / "home", running).run("backup", "--out", str(tmp_path / where))
    assert ended.code == 2
    assert (tmp_path / "full" / "file").read_text() == "x"
