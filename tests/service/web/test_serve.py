"""`jirakb serve` and `jirakb keys` as processes: first start, signals, addresses, and the rotation of the master key."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from tests.engine.house import LOGIN, made_site, wait_for
from tests.service.command import Ended

from jirakb.simulator.server import serve

Command = Callable[..., Ended]


def environment(home: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("JIRAKB_")}
    return {**own, "JIRAKB_HOME": str(home), "JIRAKB_OCR": "off", "JIRAKB_ALLOWED_SITES": "127.0.0.1"}


@dataclass
class Place:
    """A home, as a command needs it."""

    env: dict[str, str]


@pytest.fixture
def command(jirakb: Callable[..., Ended], tmp_path: Path) -> Command:
    """A command on the home, in this process."""
    return lambda *words: jirakb(Place(environment(tmp_path)), *words)


class Serving:
    """A service in a process of its own."""

    def __init__(self, home: Path, *words: str, **settings: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jirakb", "serve", "--port", "0", *words],
            env={**environment(home), **settings}, stderr=subprocess.PIPE, text=True,
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
def serving(home: Path, *words: str, **settings: str) -> Iterator[Serving]:
    made = Serving(home, *words, **settings)
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
        wrong = statuses(first.url, "wrong", ["192.0.2.1"] * 21)
        assert (wrong, statuses(first.url, key, ["192.0.2.1"])) == ({401, 429}, {429}), "a web server here is trusted"
        assert statuses(first.url, key, ["192.0.2.2"]) == {200}
        assert httpx2.get(f"{first.url}/metrics", headers={"X-Forwarded-For": "192.0.2.2"}).status_code == 401
        assert first.end() == 0
    with serving(tmp_path, "--no-worker") as second:
        assert httpx2.get(f"{second.url}/readyz").json() == {"status": "ready", "workers": 0}
        assert "jkb_" not in second.said
        assert second.end() == 0


def test_it_listens_elsewhere_only_when_there_is_a_key(tmp_path: Path, command: Command) -> None:
    with serving(tmp_path, "--host", "0.0.0.0") as refused:
        assert refused.find("(jirakb keys create)")
        assert refused.process.wait(30) == 2
    made = command("keys", "create", "--scope", "admin", "--json").json
    assert set(made) == {"id", "key", "scope"}
    with serving(tmp_path, "--host", "0.0.0.0", "--no-worker") as served:
        url = served.url.replace("0.0.0.0", "127.0.0.1")
        assert httpx2.get(f"{url}/v1/keys", headers={"Authorization": f"Bearer {made['key']}"}).status_code == 200
        assert served.end() == 0


def statuses(url: str, key: str, clients: Sequence[str]) -> set[int]:
    """Of requests that a web server passes on for these clients."""
    headers = [{"Authorization": f"Bearer {key}", "X-Forwarded-For": client} for client in clients]
    with httpx2.Client(base_url=url) as client:
        return {client.get("/v1/kb", headers=one).status_code for one in headers}


def test_who_is_not_trusted_speaks_for_himself_alone(tmp_path: Path, command: Command) -> None:
    key = command("keys", "create", "--scope", "admin", "--json").json["key"]
    with serving(tmp_path, "--no-worker", JIRAKB_TRUSTED_PROXIES="192.0.2.0/24") as served:
        assert statuses(served.url, "wrong", [f"192.0.2.{number}" for number in range(21)]) == {401, 429}
        assert statuses(served.url, key, ["192.0.2.77"]) == {429}
        assert served.end() == 0


def test_it_works_syncs_and_stops_with_a_stream_open(tmp_path: Path, command: Command) -> None:
    key = command("keys", "create", "--scope", "admin", "--json").json["key"]
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


def test_no_master_key_is_changed_under_a_process_that_holds_it(tmp_path: Path, command: Command) -> None:
    with serving(tmp_path, "--no-worker") as served:
        assert served.url
        before = (tmp_path / "master.key").read_text()
        for word in ("rotate", "reseal"):
            refused = command("keys", word)
            assert refused.code == 2
            assert "Stop each jirakb serve" in refused.err
        assert (tmp_path / "master.key").read_text() == before
        served.process.kill()  # a dead one holds nothing
    assert command("keys", "rotate").code == 0
    assert (tmp_path / "master.key").read_text() != before


def test_keys_are_listed_and_revoked_without_a_service(tmp_path: Path, command: Command) -> None:
    words = ("keys", "create", "--scope", "search", "--name", "desk", "--principal", "*", "--days", "3", "--json")
    made = command(*words).json
    listed = command("keys", "list", "--json")
    (told,) = json.loads(listed.out)["keys"]
    assert (told["name"], told["principals"], told["revoked"]) == ("desk", ["*"], False)
    assert made["key"] not in listed.out
    assert command("keys", "revoke", made["id"]).code == 0
    assert "revoked" in command("keys", "list").out
    assert command("keys", "revoke", "nothing").code == 6


def test_another_tenant_is_made_with_its_first_key_and_finds_nothing_of_the_owners(
    tmp_path: Path, command: Command
) -> None:
    words = ("keys", "create", "--scope", "admin", "--json")
    mine = command(*words).json["key"]
    theirs = [command(*words, "--tenant", "acme").json for _ in range(2)]
    told = command("keys", "tenants", "--json").json["tenants"]
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
    assert command("keys", "revoke", theirs[0]["id"]).code == 6, "not the owner's"
    assert command("keys", "revoke", theirs[0]["id"], "--tenant", "acme").code == 0
    assert command("keys", "list", "--tenant", "amce").code == 6


def test_a_rotation_seals_all_credentials_anew_and_forgets_the_old_key(tmp_path: Path, command: Command) -> None:
    from jirakb.control.config import ConnectorConfig
    from jirakb.engine.open import open_service
    from jirakb.settings import Settings

    settings = Settings.read({"JIRAKB_HOME": str(tmp_path)})
    service = open_service(settings)
    config = ConnectorConfig(base_url="https://x.example", project_key="A")
    saved = service.connectors.create("local", "kb", "one", config, credentials=LOGIN)
    service.close()
    before = (tmp_path / "master.key").read_text()
    rotated = command("keys", "rotate")
    assert rotated.code == 0, rotated.err
    assert "1 connector" in rotated.err
    after = (tmp_path / "master.key").read_text()
    assert before.strip() not in after
    service = open_service(settings)
    assert service.connectors.credentials("local", saved.id) == LOGIN
    service.close()
