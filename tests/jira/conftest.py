"""A simulated site of each flavor, and the connector that reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

TOKENS = {
    "cloud": {"jira_user_email": "agent@example.com", "jira_api_token": "sim-token"},
    "dc": {"jira_api_token": "sim-pat"},
}


class Served:
    """A site on the network with connectors to it."""

    def __init__(self, site: Any, running: Any, home: Path, closing: ExitStack) -> None:
        self.site = site
        self.running = running
        from jirakb.settings import Settings

        self.settings = Settings(home=home, gateway_url=running.gateway_url, ocr="off")
        self._closing = closing

    def connector(self, project: str | None = "ABC", **options: Any) -> Any:
        from jirakb.jira.connector import JiraConnector

        options.setdefault("credentials", TOKENS[self.site.flavor])
        connector = JiraConnector(self.running.base_url, project, settings=self.settings, **options)
        self._closing.callback(connector.close)
        return connector

    def numbers(self, **options: Any) -> list[int]:
        """The issue numbers that a connector lists."""
        return sorted(ref.number for listing in self.connector(**options).list_all() for ref in listing.refs)


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[[Any], Served]]:
    from jirakb.simulator.server import serve

    with ExitStack() as closing:

        def put_on_the_network(site: Any) -> Served:
            return Served(site, closing.enter_context(serve(site)), tmp_path, closing)

        yield put_on_the_network


@pytest.fixture(params=["cloud", "dc"])
def served(request: pytest.FixtureRequest, serving: Callable[[Any], Served]) -> Served:
    """A site of five issues in project ABC and one in DEF; each test that takes it runs on both flavors."""
    from jirakb.simulator.site import Site

    site = Site(request.param)
    for number in range(5):
        site.create("ABC", f"Issue {number}", number=101 + number)
    site.create("DEF", "Elsewhere", number=201)
    return serving(site)
