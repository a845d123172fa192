"""A simulated site, a knowledge base and the sync between them, in the words of a test."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field

from jirakb.jira.connector import JiraConnector
from jirakb.knowledge.embed import Embedder
from jirakb.knowledge.index.filters import NO_FILTER
from jirakb.knowledge.search import Searcher
from jirakb.knowledge.store import KnowledgeBase
from jirakb.report import Report
from jirakb.settings import Settings
from jirakb.simulator.server import Running
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

    def sync(
        self, *, embedder: Embedder | None = None, connector: dict[str, object] | None = None, **wish: object
    ) -> Report:
        with closing(self.connector(**(connector or {}))) as source:
            wanted = Wish(query=source.query, reading=source.reading, **wish)  # type: ignore[arg-type]
            return sync(source, self.base, wanted, settings=self.settings, embedder=embedder)

    def indexed(self) -> set[str]:
        return {document.key for document in self.base.each_document()}

    def site_keys(self) -> set[str]:
        return {issue.key for issue in self.site.issues.values()}

    def found(self, words: str) -> set[str]:
        with closing(Searcher(self.base, None)) as searcher:
            hits = searcher.search(words, filter=NO_FILTER, principals=None, mode="text", limit=50).hits
            return {hit.key for hit in hits}

    def text(self, key: str) -> str:
        return self.base.documents(key)[0].markdown
