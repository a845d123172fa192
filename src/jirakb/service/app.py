"""Where the parts are joined: settings, knowledge base, embedder, connector. Holds no logic of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace

from jirakb.control.catalog import Catalog, Entry
from jirakb.errors import NotFoundError
from jirakb.jira.connector import JiraConnector
from jirakb.knowledge.attachments import StoredAttachments
from jirakb.knowledge.models import ModelName, Models
from jirakb.knowledge.opening import opened
from jirakb.knowledge.runs import Runs
from jirakb.knowledge.search import Searcher
from jirakb.knowledge.store import KnowledgeBase
from jirakb.progress import Watch
from jirakb.report import Report
from jirakb.service.options import Reading
from jirakb.settings import Settings
from jirakb.sync import LEASE_SECONDS, Wish, sync


@contextmanager
def knowledge_base(settings: Settings, name: str, *, create: bool = False) -> Iterator[tuple[Entry, KnowledgeBase]]:
    """The knowledge base of that name, open for the block."""
    with closing(Catalog(settings.home, settings.database_url)) as catalog:
        entry = catalog.find_or_create(name) if create else catalog.find(name)
    with opened(entry.folder, entry.name, create=create) as base:
        yield entry, base


def every_knowledge_base(settings: Settings, name: str | None = None) -> list[Entry]:
    """Each knowledge base (or the named one), not opened: one that cannot be must not hide the others."""
    with closing(Catalog(settings.home, settings.database_url)) as catalog:
        return [catalog.find(name)] if name else list(catalog.entries())


def searcher_of(base: KnowledgeBase, models: Models) -> Searcher:
    """What searches a knowledge base, with the models that made its vectors; the caller closes it."""
    return Searcher(base, models=models, reranker=models.reranker())


def connector_for(reading: Reading, settings: Settings) -> JiraConnector:
    """The connector that these options describe."""
    return JiraConnector(
        reading.base_url,
        jql_query=reading.jql,
        projects=reading.projects,
        batch_size=reading.batch_size,
        include_comments=reading.include_comments,
        include_attachments=reading.include_attachments,
        labels_to_skip=list(reading.labels_to_skip),
        comment_email_blacklist=list(reading.comment_blacklist),
        scoped_token=reading.scoped_token,
        attachment_size_limit=reading.attachment_size_limit,
        timezone_offset=reading.timezone_offset,
        fields=reading.chosen_fields,
        include_history=reading.include_history,
        credentials=reading.credentials(settings),
        settings=settings,
    )


def _refuse_if_busy(settings: Settings, kb: str) -> None:
    """Raises KnowledgeBaseBusyError before the site is asked anything: it may have told all processes to wait."""
    if not (settings.home / "kb").is_dir():  # looking into a home makes it
        return
    with suppress(NotFoundError), knowledge_base(settings, kb) as (_, base), base.lease(LEASE_SECONDS):
        pass


def _has_listed(settings: Settings, kb: str, site: str, query: str) -> bool:
    """Whether the site has answered this query for this knowledge base: in a run that ended, or in one to go on with."""
    try:
        with knowledge_base(settings, kb) as (_, base):
            runs = Runs(base)
            mine = [one for one in runs.connectors() if (one.site, one.query) == (site, query)]
            return any(one.watermark or runs.unfinished(one.id) for one in mine)
    except NotFoundError:
        return False


def run_sync(
    reading: Reading, wish: Wish, settings: Settings, *, kb: str, embeddings: ModelName | None, watch: Watch
) -> Report:
    """Sync a site into a knowledge base; what the `sync` command does."""
    began = time.monotonic()
    _refuse_if_busy(settings, kb)
    with closing(connector_for(reading, settings)) as connector:
        embedder = Models(settings).named(embeddings)  # before hours of reading
        site = connector.identify()  # before a knowledge base is made for a site that refuses
        if not _has_listed(settings, kb, site.id, connector.query):
            connector.validate_connector_settings()  # later, a project that is no longer shown stops no sync
        with knowledge_base(settings, kb, create=True) as (entry, base):
            connector.keep_attachments_in(StoredAttachments(base))
            return sync(
                connector,
                base,
                replace(wish, query=connector.query, reading=connector.reading),
                name=entry.name,
                settings=settings,
                embedder=embedder,
                watch=watch,
                began=began,
            )
