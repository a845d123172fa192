"""`python -m jirakb.jira.connector`."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import Any

import pytest

from jirakb.jira.command import main
from jirakb.simulator.site import Site


@pytest.fixture
def site(serving: Any) -> Any:
    site = Site("dc")
    site.create("ABC", "One: a title", number=101, description="Some text.")
    return serving(site)


def _run(site: Any, *options: str, token: str = "sim-pat") -> tuple[int, list[dict[str, Any]], str]:
    out, err = io.StringIO(), io.StringIO()
    code = main(["--base-url", site.running.base_url, "--token", token, *options], out, err)
    return code, [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


def test_each_document_is_one_line(site: Any) -> None:
    code, (line,), err = _run(site, "--project", "ABC", "--start-ts", "0")
    assert (code, err) == (0, "")
    assert list(line) == ["id", "key", "kind", "title", "url", "updated", "markdown", "metadata"]
    assert (line["key"], line["title"]) == ("ABC-1", "One: a title")
    assert "Some text." in line["markdown"]


@pytest.mark.parametrize(
    ("options", "token", "exit_code"),
    [
        (["--project", "NOPE"], "sim-pat", 2),
        ([], "sim-pat", 2),
        (["--project", "ABC"], "wrong-secret", 2),
        (["--project", "ABC", "--batch-size", "0"], "sim-pat", 2),
    ],
)
def test_what_is_wrong_is_said_on_stderr(site: Any, options: list[str], token: str, exit_code: int) -> None:
    code, lines, err = _run(site, *options, token=token)
    assert (code, lines) == (exit_code, [])
    assert err.startswith("error: ")
    assert "wrong-secret" not in err


def test_it_runs_as_a_module(site: Any) -> None:
    command = [sys.executable, "-m", "jirakb.jira.connector", "--base-url", site.running.base_url]
    done = subprocess.run(
        [*command, "--project", "ABC", "--token", "sim-pat"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["key"] == "ABC-1"
    assert done.stderr == ""


def test_a_reader_that_goes_away_is_no_fault(site: Any) -> None:
    command = [sys.executable, "-m", "jirakb.jira.connector", "--base-url", site.running.base_url]
    with subprocess.Popen(
        [*command, "--project", "ABC", "--token", "sim-pat"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 141
