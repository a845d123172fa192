"""`jirakb serve` and `jirakb keys` as processes: first start, signals, addresses, and the rotation of the master key."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from tests.engine.house import LOGIN, made_site, wait_for

from jirakb.simulator.server import serve


def environment(home: Path) -> dict[str, str]:
    kept = ("JIRAKB_TRUSTED_PROXIES",)
    own = {name: value for name, value in os.environ.items() if not name.startswith("JIRAKB_") or name in kept}
    return {**own, "JIRAKB_HOME": str(home), "JIRAKB_OCR": "off", "JIRAKB_ALLOWED_SITES": "127.0.0.1"}


def command(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "jirakb", *words], env=environment(home), capture_output=True, text=True, timeout=60
    )


class Serving:
    """A service in a process of its own."""

    def __init__(self, home: Path, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jirakb", "serve", "--port", "0", *words],
            env=environment(home), stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.said = ""
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.said += line

    def find(self, pattern: str) -> str:
        """What the pattern's group finds in what the process says."""
        wait_for(lambda: re.search(pattern, self.said) or self.process.poll() is not None)
        found = re.search(pattern, self.said)
        assert found, self.said
        return found[1]

    @property
    def url(self) -> str:
        return self.find(r"answers at (http://\S+) ")

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def close(self) -> None:
        """As if the power failed, where it still runs."""
        self.process.kill()
        self.process.wait()
        self._thread.join()
        assert self.process.stderr
        self.process.stderr.close()


@contextmanager
def serving(home: Path, *words: str) -> Iterator[Serving]:
    made = Serving(home, *words)
    try:
        yield made
    finally:
        made.close()


def test_the_first_start_shows_a_key_once_and_a_link_that_signs_in(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-worker") as first:
        key = first.find(r"only now: (jkb_\S+)")
        assert httpx2.get(f"{first.url}/v1/keys", headers={"Authorization": f"Bearer {key}"}).status_code == 200
        code = first.find(r"/signin#(\S+)")
        page = {"X-Requested-With": "jirakb", "Origin": first.url}
        signed_in = httpx2.post(f"{first.url}/v1/session", json={"code": code}, headers=page)
        assert (signed_in.status_code, signed_in.json()["scope"]) == (200, "admin")
        assert first.end() == 0
    with serving(tmp_path, "--no-worker") as second:
        assert httpx2.get(f"{second.url}/readyz").json() == {"status": "ready", "workers": 0}
        assert "jkb_" not in second.said
        assert second.end() == 0


def test_it_listens_elsewhere_only_when_there_is_a_key(tmp_path: Path) -> None:
    refused = command(tmp_path, "serve", "--host", "0.0.0.0", "--port", "0")
    assert refused.returncode == 2
    assert "jirakb keys create" in refused.stderr
    made = json.loads(command(tmp_path, "keys", "create", "--scope", "admin", "--json").stdout)
    assert set(made) == {"id", "key", "scope"}
    with serving(tmp_path, "--host", "0.0.0.0", "--no-worker") as served:
        url = served.url.replace("0.0.0.0", "127.0.0.1")
        assert httpx2.get(f"{url}/v1/keys", headers={"Authorization": f"Bearer {made['key']}"}).status_code == 200
        assert served.end() == 0


def test_only_a_trusted_web_server_says_who_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong keys of one client close the door to him alone; who is trusted by nobody speaks for himself."""
    key = json.loads(command(tmp_path, "keys", "create", "--scope", "admin", "--json").stdout)["key"]

    def statuses(url: str, key: str, clients: Sequence[str]) -> set[int]:
        headers = [{"Authorization": f"Bearer {key}", "X-Forwarded-For": client} for client in clients]
        return {httpx2.get(f"{url}/v1/kb", headers=one).status_code for one in headers}

    with serving(tmp_path, "--no-worker") as served:
        assert statuses(served.url, "wrong", ["192.0.2.1"] * 21) == {401, 429}
        assert statuses(served.url, key, ["192.0.2.1"]) == {429}
        assert statuses(served.url, key, ["192.0.2.2"]) == {200}
        assert httpx2.get(f"{served.url}/metrics", headers={"X-Forwarded-For": "192.0.2.2"}).status_code == 401
        assert served.end() == 0
    monkeypatch.setenv("JIRAKB_TRUSTED_PROXIES", "192.0.2.0/24")
    with serving(tmp_path, "--no-worker") as served:
        assert statuses(served.url, "wrong", [f"192.0.2.{number}" for number in range(21)]) == {401, 429}
        assert statuses(served.url, key, ["192.0.2.77"]) == {429}
        assert served.end() == 0


def test_it_works_syncs_and_stops_with_a_stream_open(tmp_path: Path) -> None:
    key = json.loads(command(tmp_path, "keys", "create", "--scope", "admin", "--json").stdout)["key"]
    headers = {"Authorization": f"Bearer {key}"}
    with serve(made_site(6)) as site, serving(tmp_path) as served:
        config = {"base_url": site.base_url, "project_key": "*", "embeddings": "none"}
        body = {"name": "one", "config": config, "credentials": LOGIN}
        with httpx2.Client(base_url=served.url, headers=headers) as client:
            made = client.post("/v1/connector/set", json=body).json()
            path = f"/v1/connector/{made['id']}"
            run = client.post(f"{path}/sync").json()["run_id"]
            wait_for(lambda: client.get(f"{path}/runs/{run}").json()["state"] == "complete")
            with client.stream("GET", f"{path}/events") as events:
                lines = events.iter_lines()
                assert next(lines).startswith("retry")
                assert served.end() == 0
                assert list(lines)


def test_no_master_key_is_changed_under_a_process_that_holds_it(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-worker") as served:
        assert served.url
        before = (tmp_path / "master.key").read_text()
        for word in ("rotate", "reseal"):
            refused = command(tmp_path, "keys", word)
            assert refused.returncode == 2
            assert "Stop each jirakb serve" in refused.stderr
        assert (tmp_path / "master.key").read_text() == before
        served.process.kill()  # a dead one holds nothing
    assert command(tmp_path, "keys", "rotate").returncode == 0
    assert (tmp_path / "master.key").read_text() != before


def test_keys_are_listed_and_revoked_without_a_service(tmp_path: Path) -> None:
    words = ("keys", "create", "--scope", "search", "--name", "desk", "--principal", "*", "--days", "3", "--json")
    made = json.loads(command(tmp_path, *words).stdout)
    listed = command(tmp_path, "keys", "list", "--json")
    (told,) = json.loads(listed.stdout)["keys"]
    assert (told["name"], told["principals"], told["revoked"]) == ("desk", ["*"], False)
    assert made["key"] not in listed.stdout
    assert command(tmp_path, "keys", "revoke", made["id"]).returncode == 0
    assert "revoked" in command(tmp_path, "keys", "list").stdout
    assert command(tmp_path, "keys", "revoke", "nothing").returncode == 6


def test_another_tenant_is_made_with_its_first_key_and_finds_nothing_of_the_owners(tmp_path: Path) -> None:
    words = ("keys", "create", "--scope", "admin", "--json")
    mine = json.loads(command(tmp_path, *words).stdout)["key"]
    theirs = [json.loads(command(tmp_path, *words, "--tenant", "acme").stdout) for _ in range(2)]
    told = json.loads(command(tmp_path, "keys", "tenants", "--json").stdout)["tenants"]
    assert [one["name"] for one in told] == ["local", "acme"]
    with serving(tmp_path, "--no-worker") as served:
        with httpx2.Client(base_url=served.url) as client:
            answers = [
                client.post("/v1/kb", json={"name": "same name"}, headers={"Authorization": f"Bearer {key}"})
                for key in (mine, theirs[0]["key"])
            ]
            assert [answer.status_code for answer in answers] == [201, 201]
            session = client.get("/v1/session", headers={"Authorization": f"Bearer {theirs[1]['key']}"}).json()
            assert session["tenant"] == told[1]["id"]
            seen = client.get("/v1/kb", headers={"Authorization": f"Bearer {theirs[1]['key']}"}).json()["items"]
            assert [one["id"] for one in seen] == [answers[1].json()["id"]]
        assert served.end() == 0
    assert command(tmp_path, "keys", "revoke", theirs[0]["id"]).returncode == 6, "not the owner's"
    assert command(tmp_path, "keys", "revoke", theirs[0]["id"], "--tenant", "acme").returncode == 0
    assert command(tmp_path, "keys", "list", "--tenant", "amce").returncode == 6


def test_a_rotation_seals_all_credentials_anew_and_forgets_the_old_key(tmp_path: Path) -> None:
    from jirakb.control.config import ConnectorConfig
    from jirakb.engine.open import open_service
    from jirakb.settings import Settings

    settings = Settings.read({"JIRAKB_HOME": str(tmp_path)})
    service = open_service(settings)
    config = ConnectorConfig(base_url="https://x.example", project_key="A")
    saved = service.connectors.create("local", "kb", "one", config, credentials=LOGIN)
    service.close()
    before = (tmp_path / "master.key").read_text()
    rotated = command(tmp_path, "keys", "rotate")
    assert rotated.returncode == 0, rotated.stderr
    assert "1 connector" in rotated.stderr
    after = (tmp_path / "master.key").read_text()
    assert before.strip() not in after
    service = open_service(settings)
    assert service.connectors.credentials("local", saved.id) == LOGIN
    service.close()
