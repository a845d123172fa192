from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.service.command import Ended, Home

from jirakb.jira.client.sender import Sender
from jirakb.knowledge.store import KnowledgeBase
from jirakb.simulator.server import serve
from jirakb.simulator.site import Site

Run = Callable[..., Ended]


def text_of(home: Home, key: str) -> str:
    with closing(KnowledgeBase.open(home.kb)) as base:
        return base.documents(key)[0].markdown


def test_a_rebuild_needs_no_site_and_leaves_the_same_answers(jirakb: Run, tmp_path: Path) -> None:
    site = Site("dc")
    for number in range(3):
        key = site.create("PUMP", f"Pump {number} stops", description=f"Turn valve v{number}x.")
        site.comment(key, "The gasket was worn.")
    with serve(site) as running:
        home = Home(tmp_path / "home", running)
        assert jirakb(home, *home.sync_options()).code == 0
        before = jirakb(home, "show", "PUMP-2").out
    ended = jirakb(home, "rebuild", "--json")  # the site is shut down
    assert ended.code == 0, ended.err
    assert "3 rebuilt" in ended.err
    report = ended.json
    assert (report["kind"], report["kb"], report["site"]) == ("rebuild", "default", running.base_url)
    assert (report["counts"]["indexed"], report["counts"]["comments"]) == (3, 3)
    assert report["requests"] == {"total": 0, "throttled": 0, "by_endpoint": {}}
    assert jirakb(home, "show", "PUMP-2").out == before
    assert [hit["key"] for hit in jirakb(home, "search", "v1x", "--json").json["hits"]] == ["PUMP-2"]


def test_a_rebuild_sends_nothing_even_where_the_site_answers(
    jirakb: Run, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    jirakb(home, *home.sync_options())
    asked = home.running.record.total

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a call was sent")

    monkeypatch.setattr(Sender, "send", refuse)
    assert jirakb(home, "rebuild").code == 0
    assert home.running.record.total == asked


def test_results_go_to_stdout_and_messages_to_stderr(jirakb: Run, home: Home) -> None:
    jirakb(home, *home.sync_options())
    ended = jirakb(home, "rebuild")
    assert (ended.code, ended.out) == (0, "")
    assert jirakb(home, "rebuild", "--json").out.count("\n") == 1


def test_what_failed_before_is_told_again_with_exit_3(jirakb: Run, home: Home) -> None:
    (number,) = (issue.number for issue in home.running.site.issues.values() if issue.key == "PUMP-2")
    jirakb(home, *home.sync_options())
    with closing(KnowledgeBase.open(home.kb)) as base, base.transaction() as tx:
        row = "SELECT id, ?, 'PUMP-2', 'attachment', 'failed', 'download_failed', 'a.log', 'r' FROM connector"
        tx.execute(f"INSERT INTO omission {row}", (number,))
        tx.execute("UPDATE connector SET reading = '{\"attachments\": 100}'")
    ended = jirakb(home, "rebuild", "--json")
    assert ended.code == 3
    assert [(o["key"], o["reason"]) for o in ended.json["omissions"]] == [("PUMP-2", "download_failed")]
    assert "download_failed" in ended.err


def test_the_model_is_the_one_that_made_the_vectors_unless_another_is_named(jirakb: Run, home: Home) -> None:
    jirakb(home, *home.sync_options())
    assert jirakb(home, "rebuild", "--json").json["counts"]["embedded"] == 0
    counts = jirakb(home, "rebuild", "--embeddings", "minilm", "--json").json["counts"]
    assert counts["embedded"] == counts["passages"] > 0
    again = jirakb(home, "rebuild", "--json").json["counts"]
    assert again["embedded"] == counts["embedded"]
    assert jirakb(home, "search", "water does not flow", "--mode", "vector", "--json").json["vectors_ready"] == 1.0


def test_from_jira_the_next_sync_reads_everything_and_the_command_says_so(jirakb: Run, home: Home) -> None:
    jirakb(home, *home.sync_options())
    ended = jirakb(home, "rebuild", "--from", "jira", "--json")
    assert ended.code == 0
    assert "jirakb sync --base-url" in ended.err
    assert ended.json["due"][0]["site"] == home.running.base_url
    report = jirakb(home, *home.sync_options()).json
    assert (report["kind"], report["counts"]["fetched"]) == ("full", 10)


def test_a_knowledge_base_that_is_not_there_is_not_found(jirakb: Run, home: Home) -> None:
    for origin in ("raw", "jira"):
        ended = jirakb(home, "rebuild", "--from", origin, "--kb", "nowhere")
        assert ended.code == 6
        assert "Traceback" not in ended.err


def test_a_kept_answer_that_is_damaged_is_named(jirakb: Run, home: Home) -> None:
    jirakb(home, *home.sync_options())
    with closing(KnowledgeBase.open(home.kb)) as base, base.transaction() as tx:
        tx.execute("UPDATE raw SET payload_zstd = x'00' WHERE issue = (SELECT id FROM issue WHERE key = 'PUMP-2')")
    ended = jirakb(home, "rebuild")
    assert ended.code == 1
    assert "PUMP-2" in ended.err
    assert "--from jira" in ended.err
    assert "Pump 1 stops" in text_of(home, "PUMP-2")


def test_a_query_that_jira_refuses_is_refused_before_a_knowledge_base_is_made(jirakb: Run, home: Home) -> None:
    for more, said in ((("--jql", "bogus = 1"), "bogus"), (("--project", "TYPO"), "TYPO")):
        options = [option for option in home.sync_options() if option not in ("--project", "*")]
        ended = jirakb(home, *options, "--project", "PUMP", *more)
        assert (ended.code, said in ended.err) == (2, True), ended.err
        assert jirakb(home, "status", "--json").json == {"kbs": []}


def test_a_project_that_was_lost_ends_with_3_and_keeps_what_is_indexed(jirakb: Run, home: Home) -> None:
    options = [option for option in home.sync_options() if option not in ("--project", "*")]
    options += ["--project", "PUMP", "--project", "HALL"]
    assert jirakb(home, *options).code == 0
    home.running.site.lose("HALL")
    ended = jirakb(home, *options, "--prune", "always")
    assert ended.code == 3
    assert [(o["key"], o["class"], o["reason"]) for o in ended.json["omissions"]] == [
        ("HALL", "failed", "project_lost")
    ]
    assert "--confirm-deletions" in ended.json["omissions"][0]["detail"]
    assert "flicker" in text_of(home, "HALL-1")
