from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.service.command import Ended, Home

from jirakb.simulator.server import serve
from jirakb.simulator.site import Site
from jirakb.simulator.switches import Fault

Run = Callable[..., Ended]
REPORT = {"run", "kb", "site", "flavor", "kind", "counts", "omissions", "requests", "seconds", "watermark"}
COUNTS = {
    *("listed", "fetched", "indexed", "unchanged", "deleted", "omitted"),
    *("comments", "attachments", "sections", "passages", "embedded"),
}
STAGES = {"total", "list", "fetch", "render", "index", "embed", "prune"}


def test_a_sync_ends_with_0_and_its_last_line_is_the_report(jirakb: Run, home: Home) -> None:
    ended = jirakb(home, *home.sync_options())
    assert ended.code == 0
    report = ended.json
    assert set(report) == REPORT
    assert set(report["counts"]) == COUNTS
    assert set(report["requests"]) == {"total", "throttled", "by_endpoint"}
    assert {"total", "list", "fetch"} <= set(report["seconds"]) <= STAGES
    assert (report["kind"], report["flavor"], report["kb"]) == ("full", "cloud", "default")
    assert report["site"] == home.running.base_url
    assert report["counts"]["listed"] == report["counts"]["indexed"] == 10
    assert sum(report["requests"]["by_endpoint"].values()) == report["requests"]["total"]
    assert all("/rest/" not in endpoint for endpoint in report["requests"]["by_endpoint"])


def test_results_go_to_stdout_and_messages_to_stderr(jirakb: Run, home: Home) -> None:
    options = [option for option in home.sync_options() if option != "--json"]
    ended = jirakb(home, *options)
    assert ended.out == ""
    assert "10 listed, 10 indexed" in ended.err
    assert jirakb(home, *options, "--json").out.count("\n") == 1


def test_secrets_are_neither_printed_nor_kept(jirakb: Run, home: Home) -> None:
    said = [
        jirakb(home, *home.sync_options(*more)) for more in ((), ("--prune", "always"), ("--base-url", "nowhere://x"))
    ]
    said.append(jirakb(home, "status", "--json"))
    for ended in said:
        assert "sim-token" not in ended.out + ended.err
    files = [path for path in home.folder.rglob("*") if path.is_file()]
    assert len(files) > 2
    for path in files:
        assert b"sim-token" not in path.read_bytes(), path.name


def test_the_home_is_for_its_owner_alone(jirakb: Run, home: Home) -> None:
    jirakb(home, *home.sync_options())
    assert home.folder.stat().st_mode & 0o077 == 0
    for file in (home.kb / "kb.sqlite", home.folder / "pacing.sqlite", home.folder / "control.sqlite"):
        assert file.stat().st_mode & 0o077 == 0, file


@pytest.mark.parametrize("way", ["variable", "file"])
def test_a_token_may_stand_in_the_environment_or_in_a_file(jirakb: Run, home: Home, tmp_path: Path, way: str) -> None:
    options = ["sync", "--base-url", home.running.base_url, "--email", "agent@example.com", "--project", "PUMP"]
    (tmp_path / "token").write_text("sim-token\n")
    if way == "file":
        options += ["--token-file", str(tmp_path / "token")]
    else:
        home.settings["JIRAKB_TOKEN"] = "sim-token"
    ended = jirakb(home, *options, "--embeddings", "none", "--json")
    assert ended.code == 0, ended.err
    assert ended.json["counts"]["indexed"] == 8


def without(options: list[str], *names: str) -> list[str]:
    """The options but for some that take a value."""
    kept = list(options)
    for name in names:
        at = kept.index(name)
        del kept[at : at + 2]
    return kept


@pytest.mark.parametrize(
    ("drop", "add", "says"),
    [
        (["--email", "--token"], [], "no token"),
        (["--token"], ["--token", "wrong"], "credentials"),
        (["--token"], ["--token-file", "no-such-file"], "no-such-file"),
        (["--project"], [], "--project"),
        (["--base-url"], ["--base-url", "no address"], "https://"),
        (["--base-url"], ["--base-url", "ftp://jira.example.com"], "https://"),
        (["--base-url"], ["--base-url", "https://me:sim-token@jira.example.com"], "credentials"),
        (["--base-url"], ["--base-url", "http://jira.example.com"], "http"),
        (["--base-url"], [], "--base-url"),
        ([], ["--project", "NOSUCH", "--jql", "this is (no JQL"], ""),
        ([], ["--batch-size", "0"], "--batch-size"),
        ([], ["--prune", "sometimes"], "--prune"),
        ([], ["--start-ts", "1e30"], "--start-ts"),
        ([], ["--start-ts", "5", "--end-ts", "3"], "--end-ts"),
        ([], ["--start-ts", "5", "--end-ts", "5"], "--end-ts"),
        ([], ["--timezone-offset", "99"], "timezone"),
        ([], ["--no-such-option"], "--no-such-option"),
    ],
)
def test_what_the_user_must_change_ends_with_2_and_says_what(
    jirakb: Run, home: Home, drop: list[str], add: list[str], says: str
) -> None:
    ended = jirakb(home, *without(home.sync_options(), *drop), *add)
    assert ended.code == 2, ended.err
    assert says.lower() in ended.err.lower()
    assert "Traceback" not in ended.err
    assert "sim-token" not in ended.out + ended.err
    assert not (home.folder / "kb").exists(), "a knowledge base was made for a sync that could not begin"


def test_a_setting_that_is_no_number_ends_with_2(jirakb: Run, home: Home) -> None:
    home.settings["JIRAKB_BRAKE_COUNT"] = "many"
    ended = jirakb(home, *home.sync_options())
    assert ended.code == 2
    assert "JIRAKB_BRAKE_COUNT" in ended.err


def test_an_issue_that_cannot_be_read_ends_with_3_until_it_can(jirakb: Run, tmp_path: Path) -> None:
    site = Site("cloud")
    site.create("PUMP", "A pump")
    with serve(site) as running:
        home = Home(tmp_path / "home", running)
        site.switches.faults = [Fault(kind="truncate", every=1, endpoints=("POST issue/bulkfetch",))]
        failed = jirakb(home, *home.sync_options())
        site.switches.faults = []
        healed = jirakb(home, *home.sync_options())
    assert failed.code == 3, failed.err
    (omission,) = failed.json["omissions"]
    assert set(omission) == {"key", "kind", "class", "reason", "detail"}
    assert (omission["kind"], omission["class"]) == ("issue", "failed")
    assert failed.json["counts"]["omitted"] == failed.json["counts"]["listed"] == 1
    assert "not indexed" in failed.err
    assert (healed.code, healed.json["omissions"], healed.json["counts"]["indexed"]) == (0, [], 1)


def test_the_brake_ends_with_4_and_deletes_only_when_confirmed(jirakb: Run, home: Home) -> None:
    home.settings["JIRAKB_BRAKE_COUNT"] = "2"
    jirakb(home, *home.sync_options())
    for number in range(1, 6):
        home.running.site.delete(f"PUMP-{number}")
    stopped = jirakb(home, *home.sync_options("--prune", "always"))
    assert stopped.code == 4
    assert "--confirm-deletions" in stopped.err
    assert stopped.json["counts"]["deleted"] == 0
    assert jirakb(home, "status", "--json").json["kbs"][0]["issues"] == 10
    confirmed = jirakb(home, *home.sync_options("--prune", "always", "--confirm-deletions"))
    assert (confirmed.code, confirmed.json["counts"]["deleted"]) == (0, 5)


def test_a_window_run_reads_what_was_asked_for_and_moves_nothing(jirakb: Run, home: Home) -> None:
    first = jirakb(home, *home.sync_options()).json
    now = time.time()
    report = jirakb(home, *home.sync_options("--start-ts", str(now - 3600), "--end-ts", str(now + 60), "--full")).json
    assert (report["kind"], report["counts"]["listed"]) == ("window", 9)
    assert report["watermark"] == first["watermark"]
    later = jirakb(home, *home.sync_options("--start-ts", str(now + 7200))).json
    assert later["counts"]["listed"] == 0


def test_each_kb_has_its_own_documents(jirakb: Run, home: Home) -> None:
    jirakb(home, *home.sync_options("--kb", "one"))
    jirakb(home, *without(home.sync_options("--kb", "two"), "--project"), "--project", "HALL")
    found = jirakb(home, "status", "--json").json["kbs"]
    assert {kb["name"]: kb["issues"] for kb in found} == {"one": 10, "two": 2}
    assert jirakb(home, "show", "PUMP-1", "--kb", "two").code == 6


@pytest.fixture(scope="module", autouse=True)
def refused(still: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Ended]]:
    """A sync of a site where nothing listens: it needs a while, so it runs while the other tests do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        home = Home(tmp_path_factory.mktemp("refused"), still)  # type: ignore[arg-type]
        process = home.start(*without(home.sync_options(), "--base-url"), "--base-url", url)

        def ended() -> Ended:
            out, err = process.communicate(timeout=120)
            return Ended(process.returncode, out, err)

        yield ended
        process.kill()
        process.communicate()


def test_a_site_that_does_not_answer_ends_with_5(refused: Callable[[], Ended]) -> None:
    ended = refused()
    assert ended.code == 5
    assert "tries" in ended.err
    assert set(ended.json) == {"error"}


def test_the_same_options_in_another_order_are_the_same_connector(jirakb: Run, home: Home) -> None:
    options = without(home.sync_options(), "--project")
    jirakb(home, *options, "--project", "PUMP", "--project", "HALL")
    again = jirakb(home, *options, "--project", "HALL", "--project", "PUMP")
    assert again.json["kind"] == "incremental"
    assert len(jirakb(home, "status", "--json").json["kbs"][0]["connectors"]) == 1
