from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import apsw
import httpx2
import pytest
from tests.service.command import Ended, Home

import jirakb as package
from jirakb.knowledge.store import StoredDocument
from jirakb.service.cli import READER_GONE
from jirakb.service.export import export_jsonl, export_markdown

Run = Callable[..., Ended]
COMMANDS = ("sync", "search", "show", "export", "status", "simulate", "demo")


def test_show_prints_the_document_also_for_an_old_key(jirakb: Run, home: Home) -> None:
    jirakb(home, *home.sync_options())
    new = home.running.site.move("PUMP-3", "HALL")
    jirakb(home, *home.sync_options())
    for key in (new, "PUMP-3", "pump-3"):
        ended = jirakb(home, "show", key)
        assert ended.code == 0
        assert ended.out.startswith(f"---\nkey: {new}\n")
        assert "Turn valve v2x." in ended.out
    as_json = jirakb(home, "show", "PUMP-3", "--json").json
    assert set(as_json) == {"id", "key", "kind", "title", "url", "updated", "markdown", "metadata"}


@pytest.mark.parametrize("key", ["PUMP-999", "", "'; --", "../x", "x" * 100_000])
def test_an_unknown_key_ends_with_6(jirakb: Run, synced: Home, key: str) -> None:
    ended = jirakb(synced, "show", "--", key)
    assert ended.code == 6
    assert ended.out == ""


def test_a_home_without_anything_ends_with_6(jirakb: Run, home: Home) -> None:
    assert jirakb(home, "show", "PUMP-1").code == 6
    assert jirakb(home, "search", "pump").code == 6
    assert jirakb(home, "status", "--json").json == {"kbs": []}


def test_status_has_the_names_of_the_contract(jirakb: Run, synced: Home) -> None:
    (kb,) = jirakb(synced, "status", "--json").json["kbs"]
    assert set(kb) == {"name", "issues", "documents", "passages", "vectors_ready", "connectors"}
    assert (kb["name"], kb["issues"], kb["documents"], kb["vectors_ready"]) == ("default", 10, 10, 1.0)
    (connector,) = kb["connectors"]
    assert set(connector) == {"site", "query", "watermark", "last_run"}
    assert connector["site"] == synced.running.base_url
    assert connector["last_run"]["state"] == "complete"
    for_people = jirakb(synced, "status")
    assert "10 issues" in for_people.out


def test_status_names_what_cannot_be_read_beside_the_others(jirakb: Run, home: Home) -> None:
    jirakb(home, *home.sync_options("--kb", "junk"))
    junk = home.kb
    jirakb(home, *home.sync_options("--kb", "whole"))
    for file in junk.glob("kb.sqlite*"):
        file.write_bytes(b"no database" * 500)
    ended = jirakb(home, "status", "--json")
    told = {kb["name"]: kb for kb in ended.json["kbs"]}
    assert (ended.code, told["whole"]["issues"]) == (1, 10)
    assert "is damaged" in told["junk"]["error"]
    assert f"kb/{junk.name}" in told["junk"]["fix"]
    shutil.rmtree(junk)
    for_people = jirakb(home, "status")
    assert for_people.code == 6
    assert "whole: 10 issues" in for_people.out
    assert "junk: There is no knowledge base" in for_people.out


@pytest.mark.parametrize(
    "change", ["title = CAST(x'ff41ff' AS TEXT)", "metadata = '{torn'", "parts_zstd = x'28b52ffd00'"]
)
def test_a_text_that_cannot_be_decoded_is_told_as_damage(
    jirakb: Run, home: Home, tmp_path: Path, change: str
) -> None:  # fmt: skip
    jirakb(home, *home.sync_options())
    with closing(apsw.Connection(str(home.kb / "kb.sqlite"))) as connection:
        connection.execute(f"UPDATE document SET {change}")
    for command in (["export", "--out", str(tmp_path / "out")], ["show", "PUMP-1"]):
        ended = jirakb(home, *command)
        assert ended.code == 1
        assert "'default' is damaged" in ended.err
        assert "fault of jirakb" not in ended.err


def test_an_export_as_markdown_has_a_file_for_each_issue(jirakb: Run, synced: Home, tmp_path: Path) -> None:
    ended = jirakb(synced, "export", "--out", str(tmp_path / "out"), "--json")
    assert ended.json["documents"] == 10
    (folder,) = (tmp_path / "out").iterdir()
    assert "127.0.0.1" in folder.name
    assert (folder / "PUMP-2.md").read_text("utf-8") == jirakb(synced, "show", "PUMP-2").out
    assert len(list(folder.iterdir())) == 10


def test_an_export_as_json_lines_has_a_line_for_each_document(jirakb: Run, synced: Home, tmp_path: Path) -> None:
    jirakb(synced, "export", "--out", str(tmp_path), "--format", "jsonl")
    rows = [json.loads(line) for line in (tmp_path / "documents.jsonl").read_text("utf-8").splitlines()]
    assert {row["key"] for row in rows} == {"HALL-1", "HALL-2", *(f"PUMP-{number}" for number in range(1, 9))}
    assert set(rows[0]) == {"id", "key", "kind", "title", "url", "updated", "markdown", "metadata"}


@pytest.mark.parametrize("write", [export_markdown, export_jsonl])
def test_an_export_leaves_its_folder_for_no_name(
    tmp_path: Path, write: Callable[[Iterable[StoredDocument], Path], int]
) -> None:
    hostile = [
        "../../evil",
        "/etc/evil",
        "..",
        ".",
        "",
        "P/../../evil",
        "a\\b",
        "x\0y",
        "\u202e",
        "x" * 5000,
        ".hidden",
    ]
    made = [document(number, name) for number, name in enumerate(hostile)]
    out = tmp_path / "a" / "b" / "out"
    out.mkdir(parents=True)
    assert write(made, out) == len(made)
    assert all(path.is_relative_to(out) for path in tmp_path.rglob("*") if path.is_file())
    assert sum(path.read_text("utf-8").count("The text of") for path in out.rglob("*") if path.is_file()) == len(made)


def document(number: int, name: str) -> StoredDocument:
    """A document whose key (or, every second time, whose attachment's name) and host come from somebody unkind."""
    kind, key, title = ("issue", name, "A pump") if number % 2 else ("attachment", f"PUMP-{number}", name)
    return StoredDocument(
        id=f"site:{number}/attachment/{number}", kind=kind, key=key, title=title,
        url=f"https://{'..' if number % 3 else 'x'}/browse/{key}", updated=datetime(2026, 1, 1, tzinfo=UTC),
        markdown=f"The text of {number}\n", metadata={},
    )  # fmt: skip


def test_an_export_into_a_place_that_cannot_be_ends_with_2(jirakb: Run, synced: Home, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert jirakb(synced, "export", "--out", str(tmp_path / "file")).code == 2


def test_every_command_explains_itself(jirakb: Run, home: Home) -> None:
    whole = jirakb(home, "--help")
    assert whole.code == 0
    for command in COMMANDS:
        assert command in whole.out
        ended = jirakb(home, command, "--help")
        assert (ended.code, ended.err) == (0, "")
        assert "Usage:" in ended.out


def test_the_installed_command_says_its_version(home: Home) -> None:
    command = Path(sys.executable).with_name("jirakb")
    ended = subprocess.run([command, "--version"], capture_output=True, text=True, env=home.env, check=True)
    assert ended.stdout == f"jirakb {package.__version__}\n"


@pytest.mark.parametrize(("form", "file"), [("md", "{site}/PUMP-1.md.part"), ("jsonl", "documents.part")])
def test_a_full_disk_is_named_by_the_folder_that_is_exported_into(
    jirakb: Run, synced: Home, tmp_path: Path, form: str, file: str
) -> None:
    draft = tmp_path / file.format(site=synced.running.base_url.removeprefix("http://").replace(":", "_"))
    draft.parent.mkdir(parents=True, exist_ok=True)
    draft.symlink_to("/dev/full")
    ended = jirakb(synced, "export", "--out", str(tmp_path), "--format", form)
    assert ended.code == 2
    assert f"The disk of {tmp_path} is full." in ended.err


@pytest.mark.parametrize("arguments", [("show", "PUMP-1"), ("search", "pump"), ("search", "pump", "--json")])
def test_a_reader_that_goes_away_is_no_fault(synced: Home, arguments: tuple[str, ...]) -> None:
    with synced.start(*arguments) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(60) == READER_GONE
        assert process.stderr is not None
        assert process.stderr.read() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_simulated_site_says_where_it_is_and_ends_at_a_signal(home: Home, number: signal.Signals) -> None:
    with home.start("simulate", "--flavor", "dc", "--port", "0") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["flavor"] == "dc"
        assert httpx2.get(f"{told['base_url']}/rest/api/2/serverInfo").json()["deploymentType"] == "Server"
        process.send_signal(number)
        assert process.wait(10) in (0, 130)


def test_the_demonstration_works(home: Home) -> None:
    ended = home.run("demo", "--once", seconds=200)
    assert ended.code == 0, ended.err
    assert "The demonstration worked." in ended.err
    assert ended.out.count("/browse/") >= 8
