"""A home and its worker: disks that fill up, a queue that is lost, and what the files of the home hold."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.engine.house import LOGIN, TENANT, House, house, made_site, wait_for

from jirakb.control.runs import RunRecord
from jirakb.engine.open import open_service


def test_a_full_disk_stops_the_run_with_a_clear_word_and_the_next_goes_on(closed: House) -> None:
    """The reserve is more than any disk has: what the program sees of a disk that is full."""
    running = closed.serve(made_site(150))
    connector = closed.connector(running)
    roomy = closed.service.worker
    cramped = replace(closed.settings, disk_reserve=1 << 60)
    service = open_service(cramped)
    service.worker.start()
    ended = closed.ended(closed.service.desk.sync(TENANT, connector.id))
    service.close()
    assert ended.error is not None
    assert (ended.state, ended.error["error"]) == ("failed", "DiskFullError")
    assert "Make room" in ended.error["fix"]
    roomy.start()
    assert closed.sync(connector).state == "complete"
    assert len(closed.keys(connector)) == 150


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of three megabytes, in memory; only root may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("this user may not mount a disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_disk_that_fills_up_while_it_is_written_to_has_a_clear_end_and_recovers(small_disk: Path) -> None:
    with house(small_disk / "home", disk_reserve=0) as made:
        made.service.worker.start()
        site = made_site(0)
        for number in range(300):
            site.create("PUMP", f"Pump {number}", description=random.Random(number).randbytes(8000).hex())
        connector = made.connector(made.serve(site))
        run = made.service.desk.sync(TENANT, connector.id)
        wait_for(lambda: shutil.disk_usage(small_disk).free < 100_000 or made.run(run).finished)
        time.sleep(2.0)
        subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
        ended = made.ended(run)
        assert ended.error is not None
        assert (ended.state, ended.error["error"]) == ("failed", "DiskFullError")
        assert made.sync(connector).state == "complete"
        assert len(made.keys(connector)) == 300


def test_a_run_whose_queue_was_lost_is_done_all_the_same(closed: House) -> None:
    running = closed.serve(made_site(20))
    connector = closed.connector(running)
    closed.service.worker.start()
    run = closed.service.desk.sync(TENANT, connector.id)
    closed.service.worker.stop()
    for file in closed.settings.home.glob("work.sqlite*"):
        file.unlink()
    closed.service.worker.start()
    assert closed.ended(run).state == "complete"


def test_no_file_of_the_home_holds_a_credential(closed: House) -> None:
    closed.service.worker.start()
    running = closed.serve(made_site(20))
    login = {**LOGIN, "jira_api_token": "sim-token-PLANTED-7f3a"}
    connector = closed.connector(running, login=login)
    wait_for(lambda: closed.ended(closed.service.desk.sync(TENANT, connector.id)))
    secret = login["jira_api_token"].encode()
    files = [path for path in closed.settings.home.rglob("*") if path.is_file()]
    assert {"control.sqlite", "work.sqlite"} <= {path.name for path in files}
    assert [path.name for path in files if secret in path.read_bytes()] == []


def test_the_queue_stores_an_id_and_a_number_and_no_pickle(closed: House) -> None:
    closed.service.worker.start()
    running = closed.serve(made_site(5))
    run: RunRecord = closed.sync(closed.connector(running))
    with sqlite3.connect(closed.settings.home / "work.sqlite") as queue:
        rows = queue.execute(
            "SELECT i.inputs, s.serialization FROM workflow_status s JOIN workflow_input i USING (workflow_uuid)"
        ).fetchall()
    queue.close()
    assert rows == [(f'{{"namedArgs":{{}},"positionalArgs":["{run.id}",0]}}', "portable_json")]
