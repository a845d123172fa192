"""What a hostile site can do: end a run with a clear error. Never a crash, a credential, or a full disk."""

from __future__ import annotations

import gzip
import json
import sys
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from tests.flow.hostile import (
    FINE,
    NAMES,
    NASTY,
    OMITTED,
    REFUSED,
    USAGE,
    MakeVictim,
    answer,
    bodies,
    elsewhere,
    files_below,
    issue,
)
from tests.service.command import call_main

from jirakb.simulator.messages import Answer, Request

# ---- bodies that are too deep, too large, or that never end


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return opening * depth + closing * depth


DEEP = nested(100_000)


@pytest.mark.parametrize("depth", [300, 1000, 100_000])
def test_a_body_that_is_nested_deeply_costs_at_most_its_issue(flavor: str, make_victim: MakeVictim, depth: int) -> None:
    deep = nested(depth)
    panels = b'{"type":"doc","version":1,"content":[%s]}' % nested(depth, b'{"type":"panel","content":[', b"]}")
    holes = {"summary": deep, "description": panels, "environment": deep, "customfield_1": deep, "attachment": deep}
    issues = {
        number: orjson.dumps(issue(number, **{name: "HOLE"})).replace(b'"HOLE"', body)
        for number, (name, body) in enumerate(holes.items(), 1)
    }
    comments = b'{"comments":[{"id":"1","body":%s}],"total":1}' % deep
    issues[8] = orjson.dumps(issue(8, comment="HOLE")).replace(b'"HOLE"', comments)
    issues[9] = orjson.dumps(issue(9))
    victim = make_victim(issues)
    report = victim.sync()
    assert report.counts.indexed + report.counts.omitted == report.counts.listed == 7
    assert "PUMP-9" in victim.world.indexed()
    assert {omission.reason for omission in report.omissions} <= {"bad_body"}


@pytest.mark.parametrize("endpoint", ["serverInfo", "myself", "field", "search", "issue/"])
def test_an_answer_that_is_nested_deeply_is_a_clear_error(flavor: str, make_victim: MakeVictim, endpoint: str) -> None:
    def lie(name: str, request: Request) -> Answer | None:
        return answer(DEEP) if name.partition(" ")[2].startswith(endpoint) else None

    victim = make_victim(bodies(issue(1)), lie)
    assert victim.exit_code() in (FINE, OMITTED, USAGE, REFUSED)
    refused = make_victim(
        bodies(issue(1)), lambda name, request: (made := lie(name, request)) and replace(made, status=400)
    )
    assert refused.exit_code() in (OMITTED, USAGE, REFUSED) or (flavor, endpoint) == ("dc", "issue/")


def test_a_gigantic_answer_is_given_up_at_the_limit(flavor: str, make_victim: MakeVictim) -> None:
    plain = b'{"issues":[],"isLast":true,"x":"' + b"x" * 3_000_000 + b'"}'
    bomb = gzip.compress(bytes(300_000_000), 9)
    assert len(bomb) < 300_000
    for sent, headers in ((plain, {}), (bomb, {"Content-Encoding": "gzip"}), (bomb * 9, {"Content-Encoding": "gzip"})):
        made = Answer(200, sent, "application/octet-stream", headers)
        victim = make_victim({}, lambda name, request, made=made: made if "search" in name else None,  # type: ignore[misc]
                             max_response_bytes=1_000_000)  # fmt: skip
        assert victim.exit_code() == REFUSED
    assert victim.world.base.path.stat().st_size < 1_000_000


def test_an_attachment_that_is_a_bomb_costs_itself_alone(flavor: str, make_victim: MakeVictim) -> None:
    bomb = gzip.compress(gzip.compress(bytes(100_000_000), 9), 9)
    packed = Answer(200, gzip.compress(bytes(50_000_000), 9), "text/plain", {"Content-Encoding": "gzip"})
    files = [{"id": "7", "filename": "a.gz", "size": len(bomb)}, {"id": "8", "filename": "b.log", "size": 10}]

    def lie(name: str, request: Request) -> Answer | None:
        if "attachment" not in name:
            return None
        return packed if "/8" in name else Answer(200, bomb, "application/gzip")

    victim = make_victim(bodies(issue(1, attachment=files)), lie)
    report = victim.sync()
    assert (report.counts.indexed, report.failed) == (1, 0)
    assert sorted(omission.reason for omission in report.omissions) == ["too_large", "unpacks_too_large"]


@pytest.mark.parametrize("how", ["new tokens", "one token", "no issues", "growing total", "the same page"])
def test_a_listing_that_never_ends_is_given_up(flavor: str, make_victim: MakeVictim, how: str) -> None:
    calls = []

    def lie(name: str, request: Request) -> Answer | None:
        if not name.endswith(("search/jql", "POST search")):
            return None
        calls.append(name)
        assert len(calls) < 5000
        rows = [] if how == "no issues" else [{"id": "1"}, {"id": "2"}]
        token = "same" if how == "one token" else f"token {len(calls)}"
        start = 0 if how == "the same page" else 2 * len(calls) - 2
        return answer({"issues": rows, "nextPageToken": token, "startAt": start, "total": 10**6 + len(calls)})

    victim = make_victim(bodies(issue(1), issue(2)), lie)
    ends_by_itself = flavor == "dc" and how == "no issues"
    assert victim.exit_code() == (FINE if ends_by_itself else REFUSED)
    assert len(calls) < 500


def test_comments_that_never_end_are_given_up(flavor: str, make_victim: MakeVictim) -> None:
    asked = []

    def lie(name: str, request: Request) -> Answer | None:
        if not name.endswith("/comment"):
            return None
        asked.append(name)
        assert len(asked) < 5000
        start = int(request.first("startAt"))
        rows = [{"id": str(number), "body": "and so on"} for number in range(start, start + 100)]
        return answer({"comments": rows, "startAt": start, "total": start + 10**6})

    endless = issue(1, comment={"comments": [{"id": "1", "body": "x"}], "total": 10**6})
    victim = make_victim(bodies(endless, issue(2)), lie, max_response_bytes=1_000_000)
    assert victim.exit_code() == OMITTED
    assert victim.world.indexed() == {"PUMP-2"}


def test_comment_pages_of_wrong_types_cost_at_most_their_issue(flavor: str, make_victim: MakeVictim) -> None:
    cut = {"comments": [{"id": "1", "body": "x"}], "total": 5}
    issues = bodies(*(issue(number, comment=cut) for number in range(1, len(NASTY) + 4)))
    ids: tuple[object, ...] = (*NASTY, {"comments": [{"id": ["x"]}, {"id": {}}, 7, None]}, {"comments": NASTY, "total": "9"},
                               {"comments": [{"id": "1"}] * 9, "startAt": -5, "total": 2**70})  # fmt: skip

    def lie(name: str, request: Request) -> Answer | None:
        if not name.endswith("/comment"):
            return None
        return answer(json.dumps(ids[int(name.split("/")[1]) - 1]).encode())

    victim = make_victim(issues, lie)
    assert victim.exit_code() in (FINE, OMITTED)
    assert victim.world.indexed() | {o.key for o in victim.sync().omissions} >= {f"PUMP-{n}" for n in (7, 8)}


# ---- credentials


@pytest.mark.parametrize("status", [302, 308])
def test_no_call_follows_the_site_elsewhere(flavor: str, make_victim: MakeVictim, status: int) -> None:
    with elsewhere() as other:
        for endpoint in ("serverInfo", "myself", "field", "search", "issue/", "_edge"):

            def lie(name: str, request: Request, endpoint: str = endpoint) -> Answer | None:
                to = {"Location": f"{other.url}/rest/api/2/{endpoint}"}
                return Answer(status, b"", headers=to) if name.partition(" ")[2].startswith(endpoint) else None

            assert make_victim(bodies(issue(1)), lie).exit_code() in (FINE, OMITTED, USAGE, REFUSED)
        assert other.calls == []


def test_what_a_site_says_of_itself_leads_nowhere_else(flavor: str, make_victim: MakeVictim) -> None:
    with elsewhere() as other:

        def lie(name: str, request: Request) -> Answer | None:
            if name.endswith("serverInfo"):
                kind = "Cloud" if flavor == "cloud" else "Server"
                urls = {"baseUrl": other.url, "displayUrl": other.url, "self": other.url}
                return answer({"deploymentType": kind, "version": "9", **urls}, Link=f"<{other.url}>; rel=next")
            return None

        file = {"id": "7", "filename": "a.log", "size": 4, "content": f"{other.url}/a", "self": other.url}
        victim = make_victim(bodies({**issue(1, attachment=[file]), "self": other.url}), lie)
        assert victim.exit_code() in (FINE, OMITTED)
        assert other.calls == []


def test_files_elsewhere_are_fetched_without_credentials(flavor: str, make_victim: MakeVictim) -> None:
    with elsewhere(b"the pump whistles") as other:

        def lie(name: str, request: Request) -> Answer | None:
            headers = {"Location": f"{other.url}/file", "Set-Cookie": "JSESSIONID=secret; Path=/"}
            return Answer(303, b"", headers=headers) if "attachment" in name else None

        victim = make_victim(bodies(issue(1, attachment=[{"id": "7", "filename": "a.log", "size": 17}])), lie)
        assert victim.exit_code() == FINE
        assert [call[":path"] for call in other.calls] == ["/file"]
        assert other.credentials == []


@pytest.mark.parametrize("cloud_id", ["../../../oauth", "x/../..", "x?y=", "x#", "a\r\nHost: b", "@evil.example", ""])
def test_a_cloud_id_leads_no_token_elsewhere(make_victim: MakeVictim, flavor: str, cloud_id: str) -> None:
    seen = []

    def lie(name: str, request: Request) -> Answer | None:
        seen.append(request)
        return answer({"cloudId": cloud_id}) if "tenant_info" in name else None

    victim = make_victim(bodies(issue(1)), lie, scoped_token=flavor == "cloud")
    assert victim.exit_code() in (FINE, USAGE, REFUSED)
    with_token = [request.path for request in seen if "authorization" in request.headers]
    assert all(path.startswith(("/rest/api/", "/ex/jira/")) and ".." not in path for path in with_token)


# ---- the command


def test_the_command_ends_with_an_exit_code_of_the_contract(
    flavor: str,
    make_victim: MakeVictim,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    hostile = [issue(number, name, summary=name, description=name) for number, name in enumerate(NAMES, 1)]
    issues = bodies(*hostile) | {100: b'{"id":"100","key":["x"],"fields":7}'}
    victim = make_victim(issues)
    login = ["--email", "agent@example.com", "--token", "sim-token"] if flavor == "cloud" else ["--token", "sim-pat"]
    site = ["--base-url", victim.world.running.base_url, *login, "--project", "*", "--embeddings", "none", "--json"]
    out = tmp_path / "out"
    commands = {
        ("sync", *site): OMITTED,
        ("search", "../../escaped", "--mode", "text", "--json"): FINE,
        ("show", ".."): FINE,
        ("show", "PUMP-404"): 6,
        ("export", "--out", str(out)): FINE,
        ("export", "--out", str(out), "--format", "jsonl"): FINE,
        ("status", "--json"): FINE,
    }
    monkeypatch.setenv("JIRAKB_HOME", str(tmp_path / "own"))
    monkeypatch.setenv("JIRAKB_GATEWAY_URL", victim.world.running.gateway_url)
    for command, expected in commands.items():
        monkeypatch.setattr(sys, "argv", ["jirakb", *command])
        assert (command[0], call_main()) == (command[0], expected)
        said = capfd.readouterr()
        assert not set(said.out + said.err) & {"\x1b", "\x00", "\x07"}
    assert {path.relative_to(tmp_path).parts[0] for path in files_below(tmp_path)} == {"own", "home", "out"}


# ---- the disk


def test_a_full_disk_ends_a_run_before_it_is_full(flavor: str, make_victim: MakeVictim) -> None:
    victim = make_victim(bodies(issue(1)))
    victim.world.settings = replace(victim.world.settings, disk_reserve=2**62)
    assert victim.exit_code() == USAGE
    victim.world.settings = replace(victim.world.settings, disk_reserve=0)
    assert victim.exit_code() == FINE
