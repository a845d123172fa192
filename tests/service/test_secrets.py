"""What signs in stays in: planted secrets are looked for wherever a service leaves anything, in every form they are sent in."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import psutil
import psycopg
import pytest
from tests.servers import fresh_database, postgres_folder, postgres_server
from tests.service.serving import Serving, serving

from jirakb.simulator.accounts import AGENT, Credential
from jirakb.simulator.server import Running, serve
from jirakb.simulator.site import Site

EMAIL = "agent@example.com"


@dataclass(frozen=True)
class Planted:
    """What is given to the service, and must not be found again."""

    token: str
    wrong: str
    password: str
    master: bytes
    wished: str
    """Put where no secret belongs, as a user does who mistakes a field."""

    @classmethod
    def new(cls) -> Planted:
        return cls(*(f"planted-{secrets.token_hex(12)}" for _ in range(3)), secrets.token_bytes(32), f"planted-{secrets.token_hex(12)}")  # type: ignore[arg-type]  # fmt: skip

    def forms(self) -> dict[str, bytes]:
        """Every form in which a secret may be written down, by what it is."""
        found: dict[str, bytes] = {}
        for name in ("token", "wrong", "password", "wished"):
            text = str(getattr(self, name))
            found |= {
                name: text.encode(),
                f"{name} in base64": b64encode(text.encode()),
                f"{name} in hex": text.encode().hex().encode(),
            }
            found |= {f"{name} of {user}": _signed_in(user, text) for user in (EMAIL, "agent")}
        return found | {"key": self.master, "key in base64": b64encode(self.master), "key in hex": self.master.hex().encode()}  # fmt: skip


def _signed_in(user: str, secret: str) -> bytes:
    """The middle of a Basic header: its ends depend on what stands beside."""
    return b64encode(f"{user}:{secret}".encode())[:-4]


def found_in(text: bytes, planted: Planted) -> list[str]:
    return [name for name, form in planted.forms().items() if form in text or quote(form).encode() in text]


@dataclass
class Stage:
    """A service whose databases, logs and processes can be looked through."""

    serving: Serving
    home: Path
    data: Path | None
    """Where PostgreSQL keeps what it has."""
    database: str

    def files(self) -> Iterator[Path]:
        for folder in (self.home, self.serving.folder, *([self.data] if self.data else [])):
            yield from (path for path in sorted(folder.rglob("*")) if path.is_file())

    def settle(self) -> None:
        """Have PostgreSQL write everything down."""
        if self.database:
            with psycopg.connect(self.database, autocommit=True) as connection:
                connection.execute("CHECKPOINT")

    def command_lines(self) -> str:
        """Of the service's processes and all their children."""
        own = [psutil.Process(process.pid) for process in self.serving.processes if process.poll() is None]
        family = own + [child for process in own for child in process.children(recursive=True)]
        return "\n".join(" ".join(process.cmdline()) for process in family)


@pytest.fixture(params=["sqlite", "postgres"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Stage, Planted]]:
    planted, home, data, database = Planted.new(), tmp_path / "home", None, ""
    with ExitStack() as stack:
        if request.param == "postgres":
            data = stack.enter_context(postgres_folder())
            database = fresh_database(stack.enter_context(postgres_server(data)))
        settings = {
            "JIRAKB_HOME": str(home), "JIRAKB_DATABASE_URL": database, "JIRAKB_ALLOWED_SITES": "127.0.0.1",
            "JIRAKB_MASTER_KEY": b64encode(planted.master).decode(), "JIRAKB_LOG": "json", "JIRAKB_LOG_LEVEL": "debug",
            "JIRAKB_OCR": "off",
        }  # fmt: skip
        made = stack.enter_context(serving(tmp_path / "logs", **settings))
        if database:
            made.start("worker")
        made.serve(*(["--no-worker"] if database else []))
        yield Stage(made, home, data, database), planted


@pytest.fixture
def sites(stage: tuple[Stage, Planted]) -> Iterator[dict[str, Running]]:
    """A site of each flavor that knows the planted secrets; with PostgreSQL one is enough."""
    made, planted = stage
    known = (("dc", "password", planted.password), ("cloud", "api_token", planted.token))
    with ExitStack() as stack:
        running: dict[str, Running] = {}
        for flavor, kind, secret in known[: 1 if made.database else 2]:
            site = Site(flavor)  # type: ignore[arg-type]
            for number in range(6):
                site.create("PUMP", f"Pump {number} stops")
            site.attach("PUMP-1", "a.log", "the pump whistles", mime="text/plain")
            site.accounts.issue(Credential(kind, secret, AGENT))  # type: ignore[arg-type]
            running[flavor] = stack.enter_context(serve(site))
        yield running


def test_planted_secrets_are_found_nowhere(stage: tuple[Stage, Planted], sites: dict[str, Running]) -> None:
    house, planted = stage
    logins = {
        "cloud": {"jira_user_email": EMAIL, "jira_api_token": planted.token},
        "dc": {"jira_username": "agent", "jira_password": planted.password},
    }
    lives = [live(house.serving, running, logins[flavor], planted) for flavor, running in sites.items()]
    told = look_around(house.serving, lives)
    lines = house.command_lines()
    assert "jirakb" in lines
    house.settle()
    house.serving.stop()
    assert found_in("\n".join([*house.serving.answers, told, lines]).encode(), planted) == []
    paths = list(house.files())
    assert {"control.sqlite", "kb.sqlite", "0.log"} <= {path.name for path in paths} or house.database
    assert {str(path): found for path in paths if (found := found_in(path.read_bytes(), planted))} == {}


def live(client: Serving, running: Running, login: dict[str, str], planted: Planted) -> str:
    """A connector's life with good and bad fortune; its id."""
    config = {"base_url": running.base_url, "project_key": "*", "embeddings": "none", "include_attachments": True}
    body = {"name": running.base_url, "config": config, "credentials": login}
    assert client.ask("POST", "/v1/connector/test", {"config": config, "credentials": login}).json()["ok"]
    assert client.ask("POST", "/v1/connector/preview", {"config": config, "credentials": login}).json()["issues"] == 6
    saved = client.ask("POST", "/v1/connector/set", body).json()
    path = f"/v1/connector/{saved['id']}"
    assert run(client, saved["id"], "POST", f"{path}/sync")["state"] == "complete"
    running.site.switches.broken = {sorted(running.site.issues)[0]}
    assert run(client, saved["id"], "PUT", f"{path}/rebuild", {"kb_id": saved["kb_id"], "from": "jira"})["finished"]
    secret = next(name for name in login if name in ("jira_api_token", "jira_password"))
    wrong = {**body, "id": saved["id"], "credentials": {**login, secret: planted.wrong}}
    client.ask("POST", "/v1/connector/test", {"config": config, "credentials": wrong["credentials"]})
    assert client.ask("POST", "/v1/connector/set", wrong).status_code == 200
    assert run(client, saved["id"], "POST", f"{path}/sync")["state"] == "failed"
    assert client.ask("GET", path).json()["state"] == "needs_attention"
    mistakes(client, body, planted.wished)
    return str(saved["id"])


def run(client: Serving, connector: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    return client.ended(connector, client.ask(method, path, body).json()["run_id"])


def mistakes(client: Serving, body: dict[str, Any], secret: str) -> None:
    """A secret where none belongs is refused, and not repeated."""
    login, body = body["credentials"], {**body, "name": f"{body['name']} by mistake"}
    for wrong in (
        {**body, "credentials": {**login, "jira_tokn": secret}},
        {**body, "credentials": secret},
        {**body, "credentials": {"jira_api_token": [secret]}},
        {**body, "config": {**body["config"], "token": secret}},
        {**body, "config": {**body["config"], "base_url": f"https://agent:{secret}@example.com"}},
        {**body, "config": {**body["config"], "base_url": f"https://example.com/?token={secret}"}},
        {**body, "token": secret},
    ):
        assert client.ask("POST", "/v1/connector/set", wrong).status_code == 422
        client.ask("POST", "/v1/connector/test", {name: wrong[name] for name in wrong if name != "name"})
    for login in ({"jira_password": secret}, {"jira_api_token": f"{secret} {secret}"}):
        client.ask("POST", "/v1/connector/test", {"config": body["config"], "credentials": login})
    assert client.ask("GET", "/v1/connector/list", key=secret).status_code == 401


def look_around(client: Serving, connectors: list[str]) -> str:
    """Whatever else there is to ask; the events that came."""
    for path in (
        "/v1/connector/list",
        "/v1/kb",
        "/v1/keys",
        "/v1/session",
        "/metrics",
        "/openapi.json",
        "/readyz",
        "/docs",
    ):
        client.ask("GET", path)
    client.ask("POST", "/v1/search", {"query": "pump"})
    for connector in connectors:
        for part in ("", "/logs", "/omissions", "/history"):
            assert client.ask("GET", f"/v1/connector/{connector}{part}").status_code == 200
    return events(client, f"/v1/connector/{connectors[0]}/events")


def events(client: Serving, path: str) -> str:
    headers = {"Authorization": f"Bearer {client.key}"}
    with httpx2.stream("GET", client.url + path, headers=headers, timeout=20, trust_env=False) as stream:
        told = ""
        for piece in stream.iter_text():
            told += piece
            if "event: run" in told and told.endswith("\n\n"):
                return told
    raise AssertionError("the stream of events ended")
