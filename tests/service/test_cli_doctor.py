"""`jirakb doctor`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.service.command import Ended, Home

Run = Callable[..., Ended]


def options(home: Home, *more: str) -> list[str]:
    return ["doctor", "--base-url", home.running.base_url, *home.login, *more]


def test_a_connector_that_works_ends_with_0_and_says_what_it_costs(jirakb: Run, home: Home) -> None:
    ended = jirakb(home, *options(home, "--project", "PUMP", "--json"))
    assert ended.code == 0, ended.err
    told = ended.json
    assert list(told) == ["ok", "flavor", "account", "time_zone", "projects", "findings", "estimate"]
    assert (told["ok"], told["flavor"], told["projects"]) == (True, "cloud", ["HALL", "PUMP"])
    assert set(told["estimate"]) == {"issues", "calls", "seconds"}
    assert told["estimate"]["issues"] == 8
    assert "would work" in ended.out
    assert home.running.record.total <= 12


def test_the_options_of_a_sync_can_be_given_as_they_are(jirakb: Run, home: Home) -> None:
    given = home.sync_options("--full", "--prune", "never", "--kb", "other", "--include-attachments")
    ended = jirakb(home, "doctor", *given[1:])
    assert (ended.code, ended.json["ok"]) == (0, True), ended.err
    assert not (home.folder / "kb").exists()


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (["--token", "stale"], 2, "does not accept the API token of agent@example.com"),
        (["--project", "NOPE"], 2, "no project NOPE"),
        (["--jql", "colour = red"], 2, "Field 'colour' does not exist"),
        (["--base-url", "http://127.0.0.1:9"], 5, "gave no usable answer"),
        (["--base-url", "no address"], 2, "no web address"),
    ],
    ids=["token", "project", "jql", "unreachable", "address"],
)
def test_what_is_wrong_is_said_with_what_to_do_and_the_exit_code_of_a_sync(
    jirakb: Run, home: Home, more: list[str], code: int, says: str
) -> None:
    given = options(home, *([] if "--project" in more else ["--project", "PUMP"]), *more, "--json")
    ended = jirakb(home, *given)
    assert ended.code == code
    assert says in ended.out
    assert "would not work" in ended.out
    (error,) = [found for found in ended.json["findings"] if found["severity"] == "error"]
    assert says in error["message"]
    assert error["fix"]
    assert "stale" not in ended.out + ended.err


def test_the_worst_is_shown_first(jirakb: Run, home: Home) -> None:
    ended = jirakb(home, *options(home, "--project", "NOPE", "--timezone-offset", "-9"))
    marks = [line[0] for line in ended.out.splitlines() if line[0] in "✗!✓"]
    assert marks == sorted(marks, key="✗!✓".index)
    assert set(marks) == {"✗", "!", "✓"}


def test_nothing_but_a_site_is_needed_for_a_query_without_restriction(jirakb: Run, home: Home) -> None:
    ended = jirakb(home, *options(home, "--json"))
    assert (ended.code, ended.json["findings"][0]["code"]) == (2, "unrestricted")
    assert ended.json["projects"] == ["HALL", "PUMP"]
