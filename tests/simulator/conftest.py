"""A small site of each flavor on this machine, and a client that says what came back."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from jirakb.simulator.server import Running, serve
from jirakb.simulator.site import Site


def basic(name: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


AGENT = {"cloud": basic("agent@example.com", "sim-token"), "dc": {"Authorization": "Bearer sim-pat"}}


@dataclass
class Client:
    """Asks a running site as the agent, or with other headers; paths below /rest/api/N/ are enough."""

    running: Running
    http: httpx.Client

    @property
    def site(self) -> Site:
        return self.running.site

    @property
    def api(self) -> str:
        return "/rest/api/3/" if self.site.cloud else "/rest/api/2/"

    def ask(self, method: str, path: str, *, headers: Any = None, base: str | None = None, **given: Any) -> Any:
        url = (base or self.running.base_url) + (path if path.startswith("/") else self.api + path)
        return self.http.request(method, url, headers=AGENT[self.site.flavor] if headers is None else headers, **given)

    def get(self, path: str, **given: Any) -> Any:
        return self.ask("GET", path, **given)

    def post(self, path: str, body: Any, **given: Any) -> Any:
        return self.ask("POST", path, json=body, **given)

    def search(self, jql: str, **given: Any) -> Any:
        path = "search/jql" if self.site.cloud else "search"
        return self.get(path, params={"jql": jql, **given.pop("params", {})}, **given)

    def found(self, jql: str, **given: Any) -> list[int]:
        return [int(issue["id"]) for issue in self.search(jql, **given).json()["issues"]]


Start = Callable[..., Client]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a site (a new one of a flavor, or the given one) until the test ends."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def begin(site: Site | str = "cloud", **settings: Any) -> Client:
            made = site if isinstance(site, Site) else Site(site, **settings)  # type: ignore[arg-type]
            running = stack.enter_context(serve(made))
            return Client(running, stack.enter_context(httpx.Client(timeout=20, verify=False)))

        yield begin


@pytest.fixture(params=["cloud", "dc"])
def client(request: pytest.FixtureRequest, start: Start) -> Client:
    """An empty site of each flavor."""
    return start(request.param)


@pytest.fixture
def cloud(start: Start) -> Client:
    return start("cloud")


@pytest.fixture
def dc(start: Start) -> Client:
    return start("dc")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of material that the project does not own; tests that need it are skipped without it."""
    found = Path(os.environ.get("JIRAKB_SHARED", Path(__file__).parents[2] / ".." / "shared")).resolve()
    if not found.is_dir():
        pytest.skip("the shared material is not here")
    return found
