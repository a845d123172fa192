"""A service with its app, its keys and a simulated site, in the words of a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from tests.engine.house import LOGIN, TENANT, House, house, made_site, wait_for

from jirakb.control.keys import Scope
from jirakb.service.web.app import create_app
from jirakb.simulator.server import Running
from jirakb.simulator.site import Site


@dataclass
class Web:
    """An app on a house, and a client of it for each scope."""

    house: House
    app: FastAPI
    client: TestClient
    _admin: str = ""

    def key(self, scope: Scope = "admin", tenant: str = TENANT, *principals: str) -> str:
        """A new key's text."""
        return self.house.service.keys.create(tenant, scope, principals=principals)[1]

    def ask(self, method: str, path: str, body: Any = None, *, key: str | None = None, **more: Any) -> Response:
        """A request with an admin key, or another one."""
        headers = {"Authorization": f"Bearer {key or self._own()}", **more.pop("headers", {})}
        return self.client.request(method, path, json=body, headers=headers, **more)

    def _own(self) -> str:
        self._admin = self._admin or self.key()
        return self._admin

    def made(self, running: Running, **config: Any) -> dict[str, Any]:
        """A connector of a whole site, made over HTTP."""
        body = {
            "name": f"one {datetime.now(UTC).timestamp()}",
            "config": {"base_url": running.base_url, "project_key": "*", "embeddings": "none", **config},
            "credentials": LOGIN,
        }
        answer = self.ask("POST", "/v1/connector/set", body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def ended(self, connector: str, run: str) -> dict[str, Any]:
        """The run when it has ended."""
        path = f"/v1/connector/{connector}/runs/{run}"
        wait_for(lambda: self.ask("GET", path).json()["finished"])
        found: dict[str, Any] = self.ask("GET", path).json()
        return found

    def synced(self, running: Running, **config: Any) -> dict[str, Any]:
        """A connector that was synced."""
        connector = self.made(running, **config)
        run = self.ask("POST", f"/v1/connector/{connector['id']}/sync").json()["run_id"]
        assert self.ended(connector["id"], run)["state"] == "complete"
        found: dict[str, Any] = self.ask("GET", f"/v1/connector/{connector['id']}").json()
        return found


@contextmanager
def web_on(made: House) -> Iterator[Web]:
    app = create_app(made.service)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Web(made, app, client)


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Web]:
    """An app whose service does no work."""
    with house(tmp_path / "home") as made, web_on(made) as web:
        yield web


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """An app whose service works, for the tests of one file."""
    with house(tmp_path_factory.mktemp("web") / "home") as made:
        made.service.worker.start()
        with web_on(made) as web:
            yield web


@pytest.fixture(scope="module")
def site() -> Site:
    return made_site(20)


@pytest.fixture(scope="module")
def running(web: Web, site: Site) -> Running:
    return web.house.serve(site)
