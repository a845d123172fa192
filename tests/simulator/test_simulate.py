"""The simulated site as a program."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import httpx2 as httpx
import orjson


def test_it_says_where_it_answers_and_ends_at_a_signal(tmp_path):
    path = tmp_path / "site.jsonl"
    path.write_bytes(orjson.dumps({"id": "1", "key": "AC-1", "fields": {"summary": "x"}}))
    command = [sys.executable, "-m", "jirakb.simulator", "--flavor", "dc", "--site", str(path), "--base-path", "/jira"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        headers = {"Authorization": f"Bearer {told['credentials']['token']}"}
        answer = httpx.get(told["base_url"] + "/rest/api/2/issue/AC-1", headers=headers)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    assert answer.json()["key"] == "AC-1"
    assert told["issues"] == 1
