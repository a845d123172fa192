"""Knowledge bases and documents over HTTP. Tells what they hold; never searches."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from jirakb.control.catalog import Entry
from jirakb.errors import CorruptStoreError, JirakbError, NotFoundError
from jirakb.knowledge.store import StoredDocument
from jirakb.service.web.access import Admin, Reader, principals_of
from jirakb.service.web.context import Context, KnowledgeBaseId, Shared, known_id
from jirakb.service.web.models.connectors import Accepted
from jirakb.service.web.models.knowledge import (
    Attachment,
    Document,
    DocumentQuery,
    KnowledgeBase,
    KnowledgeBaseNew,
    KnowledgeBasePage,
)
from jirakb.service.web.models.paging import PageQuery, cut, read_cursor
from jirakb.service.web.problems import BODY, answers
from jirakb.service.web.views import base_view, listed_base_view

router = APIRouter(prefix="/v1", tags=["knowledge bases"])
_KIND = "kb"


@router.get("/kb", responses=answers())
def list_knowledge_bases(page: Annotated[PageQuery, Query()], key: Reader, context: Shared) -> KnowledgeBasePage:
    """The knowledge bases, by name."""
    after = read_cursor(page.cursor, _KIND)
    found = [entry for entry in context.service.catalog.entries(key.tenant) if entry.name > after]
    entries, following = cut(found, page.limit, _KIND, lambda entry: entry.name)
    principals = principals_of(key)
    views = [listed_base_view(entry, context.shelf, principals) for entry in entries]
    return KnowledgeBasePage(items=views, next_cursor=following)


@router.post("/kb", status_code=201, responses=answers(409, *BODY))
def create_knowledge_base(wanted: KnowledgeBaseNew, key: Admin, context: Shared) -> KnowledgeBase:
    """Make an empty knowledge base."""
    return base_view(context.service.catalog.create(wanted.name, key.tenant), context.shelf, principals_of(key))


@router.get("/kb/{id}", responses=answers(404))
def get_knowledge_base(kb: KnowledgeBaseId, key: Reader, context: Shared) -> KnowledgeBase:
    """One knowledge base."""
    return base_view(context.service.catalog.get(kb, key.tenant), context.shelf, principals_of(key))


@router.delete("/kb/{id}", status_code=202, responses=answers(404, 409))
def delete_knowledge_base(kb: KnowledgeBaseId, key: Admin, context: Shared) -> Accepted:
    """Delete a knowledge base with all its connectors; they are not found from now on."""
    return Accepted(run_id=context.service.desk.remove_kb(key.tenant, kb).id)


@router.get("/documents/{key}", responses=answers(404))
def get_document(
    issue: Annotated[str, Path(alias="key", max_length=300, description="An issue's key, present or former.")],
    query: Annotated[DocumentQuery, Query()],
    key: Reader,
    context: Shared,
) -> Document:
    """An issue as markdown, cut to what the key may read, and the texts of its attachments."""
    missing: JirakbError = NotFoundError("There is no such issue here.", key=issue)
    for entry in entries_of(context, key.tenant, query.kb_id):
        try:
            with context.shelf.base(entry) as base:
                return _document(entry, base.documents(issue, principals_of(key)))
        except NotFoundError:
            continue
        except CorruptStoreError as damage:  # the issue may be in another one
            missing = damage
    raise missing


def entries_of(context: Context, tenant: str, kb: str | None) -> list[Entry]:
    """The named knowledge base, or all of them; those that hold nothing yet are left out of all."""
    catalog = context.service.catalog
    if kb is not None:
        return [catalog.get(known_id(kb, "knowledge base"), tenant)]
    return [entry for entry in catalog.entries(tenant) if context.shelf.has(entry)]


def _document(entry: Entry, found: list[StoredDocument]) -> Document:
    first, rest = found[0], found[1:]
    return Document(
        id=first.id,
        kb_id=entry.id,
        kind=first.kind,
        key=first.key,
        title=first.title,
        url=first.url,
        updated=first.updated,
        markdown=first.markdown,
        metadata=first.metadata,
        attachments=[
            Attachment(id=one.id, title=one.title, url=one.url, updated=one.updated, markdown=one.markdown)
            for one in rest
        ],
    )
