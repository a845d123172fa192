"""What a service's log shows: whose work it is about, and never what signs in."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.contextvars import bound_contextvars
from tests.engine.house import TENANT, House, house, made_site, wait_for

from jirakb.documents import RawIssue
from jirakb.fetch import fetch_windows
from jirakb.jira.attachments import AttachmentReader, TextsInMemory
from jirakb.jira.downloads import Missed
from jirakb.jira.extract.extractor import Extractor, Limits
from jirakb.service import logs
from jirakb.settings import Settings
from jirakb.source import Batch

_log = logging.getLogger("jirakb.test")
Read = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Read]:
    """What was logged as JSON since the test began."""
    before = [
        (logger, logger.handlers, logger.level, logger.propagate) for logger in map(logging.getLogger, ("", "dbos"))
    ]
    stream = io.StringIO()
    logs.configure(Settings.read({"JIRAKB_LOG": "json"}), stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    for logger, handlers, level, propagate in before:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


def test_an_event_is_one_object_with_time_level_and_message(lines: Read) -> None:
    _log.warning("The site %s\nwaits.", "x")
    (line,) = lines()
    assert list(line) == ["time", "level", "event", "logger"]
    assert (line["level"], line["event"], line["logger"]) == ("warning", "The site x\nwaits.", "jirakb.test")
    assert line["time"].endswith("Z")


def test_a_run_and_all_its_threads_name_tenant_connector_and_run(lines: Read, tmp_path: Path) -> None:
    class Site:
        batch_limit = 1

        def fetch(self, numbers: tuple[int, ...]) -> Batch:
            _log.info("fetching")
            return reader.complete(Batch(issues=tuple(_issue(number) for number in numbers)))

    def download(file: Any) -> Missed:
        _log.info("downloading")
        return Missed("excluded", "gone")

    reader = AttachmentReader("s", 100, download, Extractor(Limits.of(Settings(home=tmp_path))), TextsInMemory())
    with bound_contextvars(tenant="t", connector="c", run="r"):
        assert len(list(fetch_windows(Site(), [(1,), (2,)], 2))) == 2  # type: ignore[arg-type]
    reader.close()
    told = sorted((line["event"], line.get("tenant"), line.get("connector"), line.get("run")) for line in lines())
    assert told == [("downloading", "t", "c", "r")] * 2 + [("fetching", "t", "c", "r")] * 2
    _log.info("afterwards")
    assert "run" not in lines()[-1]


def _issue(number: int) -> RawIssue:
    file = {"id": str(number), "filename": "a.log", "size": 5, "mimeType": "text/plain"}
    payload = json.dumps({"id": str(number), "key": f"A-{number}", "fields": {"attachment": [file]}})
    return RawIssue(number, f"A-{number}", None, payload.encode())


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Basic bWU6aGlkZGVu sent",
        "{'authorization': 'Bearer hidden.hidden-hidden', 'x': 1}",
        '{"Authorization": "hidden"}',
        "Bearer hiddenhidden refused",
        "GET https://media.example.com/file/1/binary?token=hidden&name=x",
        "https://me:hidden@example.com/",
        "redis://:hidden@cache:6379/0",
        "jira_api_token=hidden",
        "{'jira_password': 'hidden'}",
        '"api_key": "hidden"',
        "token: hidden",
    ],
)
def test_what_signs_in_is_taken_out_of_messages_and_tracebacks(text: str, lines: Read) -> None:
    _log.error("It said %s.", text)
    _log.error("failed", exc_info=ValueError(text))
    with bound_contextvars(url=text):
        _log.warning("bound")
    shown = json.dumps(lines())
    assert "hidden" not in shown.replace("[hidden]", "")
    assert "bWU6" not in shown
    assert "ValueError" in lines()[1]["exception"]


@pytest.mark.parametrize(
    "text",
    ["basic auth is switched off", "Read https://jira.example.com/browse/ABC-1 again.", "The token is refused."],
)
def test_ordinary_words_stay(text: str, lines: Read) -> None:
    _log.warning(text)
    assert lines()[0]["event"] == text


def test_text_is_for_people(capsys: pytest.CaptureFixture[str], lines: Read) -> None:
    stream = io.StringIO()
    logs.configure(Settings.read({"JIRAKB_LOG": "text", "JIRAKB_LOG_LEVEL": "warning"}), stream)
    _log.info("unheard")
    with bound_contextvars(run="r"):
        _log.warning("heard, password=hidden")
    (line,) = stream.getvalue().splitlines()
    assert "heard, password=[hidden]" in line
    assert "run=r" in line


def test_a_workers_stderr_is_json_that_tells_of_its_runs(tmp_path: Path) -> None:
    with house(tmp_path / "home") as made:
        running = made.serve(made_site(3))
        connector = made.connector(running)
        run = made.service.desk.sync(TENANT, connector.id)
        with (tmp_path / "log").open("wb") as file:
            worker = start_worker(made, file.fileno())
        try:
            wait_for(lambda: made.run(run).finished)
        finally:
            worker.terminate()
            worker.wait()
    text = (tmp_path / "log").read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    mine = [line["event"] for line in lines if line.get("run") == run.id and line["connector"] == connector.id]
    assert mine == ["begun: sync, attempt 1", "ended: complete"]
    assert {line["tenant"] for line in lines if "run" in line} == {TENANT}
    assert "sim-token" not in text
    assert "agent@example.com" not in text


def start_worker(made: House, stderr: int) -> subprocess.Popen[bytes]:
    settings = {
        "JIRAKB_HOME": str(made.settings.home),
        "JIRAKB_ALLOWED_SITES": "127.0.0.1",
        "JIRAKB_LOG": "json",
        "JIRAKB_LOG_LEVEL": "debug",
    }
    own = {name: value for name, value in os.environ.items() if not name.startswith("JIRAKB_")}
    return subprocess.Popen([sys.executable, "-m", "jirakb", "worker"], env=own | settings, stderr=stderr)
