"""How does a saved connector become a source, and a kept answer a document? Joins configuration, Jira and the knowledge base."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from jirakb.jira.client.retries import Budget
from jirakb.jira.connector import JiraConnector
from jirakb.jira.guard import Guard
from jirakb.jira.kept import KeptSite
from jirakb.jira.pacing import Pacers
from jirakb.jira.sitefields import FieldMemory
from jirakb.knowledge.attachments import StoredAttachments
from jirakb.knowledge.runs import Connector
from jirakb.knowledge.store import KnowledgeBase
from jirakb.rebuild import RendererOf
from jirakb.settings import Settings

if TYPE_CHECKING:
    from jirakb.control.config import ConnectorConfig  # the commands render what is kept without it


def source_of(
    config: ConnectorConfig,
    credentials: Mapping[str, str] | None,
    settings: Settings,
    budget: Budget | None = None,
    *,
    pacers: Pacers | None = None,
    guard: Guard | None = None,
    field_memory: FieldMemory | None = None,
) -> JiraConnector:
    """The source that a configuration describes; sends nothing yet. To be closed. `pacers` and `field_memory` are those of
    the process, `guard` says which addresses may be called."""
    return JiraConnector(
        config.base_url,
        config.project_key,
        config.jql_query,
        config.batch_size,
        include_comments=config.include_comments,
        include_attachments=config.include_attachments,
        attachment_size_limit=config.attachment_size_limit,
        labels_to_skip=config.labels_to_skip,
        comment_email_blacklist=config.comment_email_blacklist,
        scoped_token=config.scoped_token,
        timezone_offset=config.timezone_offset,
        fields=config.fields.model_dump(),
        include_history=config.include_history,
        credentials=credentials,
        settings=settings,
        budget=budget,
        pacers=pacers,
        guard=guard,
        field_memory=field_memory,
    )


def kept_site(base: KnowledgeBase) -> RendererOf:
    """What renders the kept issues of each connector of a knowledge base."""
    texts = StoredAttachments(base)

    def of(connector: Connector, reading: str, facts: str) -> KeptSite:
        return KeptSite.of(
            site=connector.site,
            base_url=connector.base_url,
            flavor=connector.flavor,
            reading=reading,
            facts=facts,
            texts=texts,
        )

    return of
