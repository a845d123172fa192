from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from jirakb.jira.connector import JiraConnector
from jirakb.knowledge.embed import Embedder
from jirakb.knowledge.store import KnowledgeBase
from jirakb.report import Report
from jirakb.settings import Settings
from jirakb.simulator.server import Running, serve
from jirakb.simulator.site import Site
from jirakb.sync import Wish, sync

CREDENTIALS = {
    "cloud": {"jira_user_email": "agent@example.com", "jira_api_token": "sim-token"},
    "dc": {"jira_api_token": "sim-pat"},
}


@dataclass
class World:
    """A simulated site, a knowledge base and the sync between them, in the words of a test."""

    site: Site
    running: Running
    base: KnowledgeBase
    settings: Settings
    options: dict[str, object] = field(default_factory=dict)

    def connector(self, **options: object) -> JiraConnector:
        given = {"projects": ("*",), **self.options, **options}
        credentials = CREDENTIALS[self.site.flavor]
        return JiraConnector(self.running.base_url, credentials=credentials, settings=self.settings, **given)  # type: ignore[arg-type]

    def sync(self, *, embedder: Embedder | None = None, connector: dict[str, object] | None = None, **wish: object) -> Report:
        with closing(self.connector(**(connector or {}))) as source:
            wanted = Wish(query=source.query, **wish)  # type: ignore[arg-type]
            return sync(source, self.base, wanted, settings=self.settings, embedder=embedder)

    def keys(self) -> set[str]:
        return {document.key for document in self.base.each_document()}

    def site_keys(self) -> set[str]:
        return {issue.key for issue in self.site.issues.values()}

    def text(self, key: str) -> str:
        return self.base.documents(key)[0].markdown


@pytest.fixture(params=["cloud", "dc"])
def flavor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[[Site], World]]:
    opened: list[object] = []

    def make(site: Site) -> World:
        context = serve(site, port=0)
        running = context.__enter__()
        opened.append(context)
        base = KnowledgeBase.open(tmp_path / "kb", create=True)
        settings = replace(Settings.read({}), home=tmp_path, gateway_url=running.gateway_url, brake_count=5)
        return World(site, running, base, settings)

    yield make
    for context in opened:
        context.__exit__(None, None, None)  # type: ignore[attr-defined]


@pytest.fixture
def world(flavor: str, make_world: Callable[[Site], World]) -> Iterator[World]:
    site = Site(flavor)  # type: ignore[arg-type]
    for number in range(1, 13):
        key = site.create("PUMP", f"Pump {number} stops", description=f"h3. Steps\nTurn valve {number}.")
        site.comment(key, f"Seen again in hall {number}.")
    made = make_world(site)
    yield made
    assert made.running.record.violations == []
    made.base.close()
