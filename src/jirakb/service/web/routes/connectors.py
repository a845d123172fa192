"""Connectors over HTTP: make, change, list, pause, sync, rebuild, remove. Asks the engine's desk; runs nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response

from jirakb.control.catalog import Entry
from jirakb.control.connectors import SavedConnector, site_of
from jirakb.control.runs import RunRecord
from jirakb.errors import UsageError
from jirakb.service.web.access import Admin, Operator
from jirakb.service.web.context import ConnectorId, Context, Shared, known_id
from jirakb.service.web.models.connectors import (
    Accepted,
    Connector,
    ConnectorPage,
    ConnectorSet,
    Rebuild,
    Remove,
    Resume,
    SyncNow,
)
from jirakb.service.web.models.paging import PageQuery, cut, read_cursor
from jirakb.service.web.problems import BODY, answers
from jirakb.service.web.views import connector_view

router = APIRouter(prefix="/v1/connector", tags=["connectors"])
_KIND = "connectors"


@router.post(
    "/set",
    status_code=201,
    responses={200: {"model": Connector, "description": "Changed."}, **answers(404, 409, *BODY)},
)
def set_connector(wanted: ConnectorSet, key: Admin, context: Shared, response: Response) -> Connector:
    """Make a connector, or change the one with that `id`. Without credentials it waits for them."""
    saved = _create(context, key.tenant, wanted) if wanted.id is None else _change(context, key.tenant, wanted)
    response.status_code = 201 if wanted.id is None else 200
    context.service.worker.tell()
    return _shown(context, saved)


@router.get("/list", responses=answers())
def list_connectors(page: Annotated[PageQuery, Query()], key: Operator, context: Shared) -> ConnectorPage:
    """The connectors, oldest first."""
    found = context.service.connectors.page(key.tenant, after=read_cursor(page.cursor, _KIND), limit=page.limit + 1)
    saved, following = cut(found, page.limit, _KIND, lambda one: one.id)
    return ConnectorPage(items=connector_views(context, key.tenant, saved), next_cursor=following)


@router.get("/{id}", responses=answers(404))
def get_connector(connector: ConnectorId, key: Operator, context: Shared) -> Connector:
    """One connector, with how fresh it is, what it has, and its last and next run."""
    return _shown(context, context.service.connectors.get(key.tenant, connector))


@router.put("/{id}/resume", status_code=202, responses=answers(404, *BODY))
def resume_connector(wanted: Resume, connector: ConnectorId, key: Operator, context: Shared) -> Accepted:
    """Pause the connector, whose run under way stops within two seconds, or let it go on from its checkpoint."""
    desk = context.service.desk
    run = (desk.resume if wanted.resume else desk.pause)(key.tenant, connector)
    return _accepted(run)


@router.put("/{id}/rebuild", status_code=202, responses=answers(404, 409, *BODY))
def rebuild_connector(wanted: Rebuild, connector: ConnectorId, key: Operator, context: Shared) -> Accepted:
    """Make the documents anew from what is kept, or from Jira; waits behind a run under way."""
    return _accepted(context.service.desk.rebuild(key.tenant, connector, wanted.kb_id, wanted.from_))


@router.post("/{id}/rm", status_code=202, responses=answers(404, 409, *BODY))
def remove_connector(
    connector: ConnectorId, key: Admin, context: Shared, wanted: Remove | None = None
) -> Accepted:  # fmt: skip
    """Remove the connector, and the documents that it alone has read; it is not found from now on."""
    documents = (wanted or Remove()).documents
    return _accepted(context.service.desk.remove(key.tenant, connector, documents))


@router.post("/{id}/sync", status_code=202, responses=answers(404, 409, *BODY))
def sync_connector(
    connector: ConnectorId, key: Operator, context: Shared, wanted: SyncNow | None = None
) -> Accepted:  # fmt: skip
    """Sync now; 409 with the run's id while one is under way."""
    wish = wanted or SyncNow()
    run = context.service.desk.sync(
        key.tenant, connector, census=wish.census, full=wish.full, confirm_deletions=wish.confirm_deletions
    )
    return _accepted(run)


def connector_views(context: Context, tenant: str, saved: Sequence[SavedConnector]) -> list[Connector]:
    """Connectors with what they have."""
    service, now = context.service, context.clock()
    entries = {entry.id: entry for entry in service.catalog.entries(tenant)}
    last = service.runs.latest(tenant, [one.id for one in saved])
    return [connector_view(one, last.get(one.id), entries.get(one.kb), context.shelf, now) for one in saved]


def _shown(context: Context, saved: SavedConnector) -> Connector:
    return connector_views(context, saved.tenant, [saved])[0]


def _accepted(run: RunRecord | None) -> Accepted:
    return Accepted(run_id=run.id if run else None)


def _create(context: Context, tenant: str, wanted: ConnectorSet) -> SavedConnector:
    assert wanted.name is not None
    assert wanted.config is not None
    return context.service.connectors.create(
        tenant,
        _knowledge_base(context, tenant, wanted.kb_id, wanted.name).id,
        wanted.name,
        wanted.config,
        credentials=wanted.credentials.given() if wanted.credentials else None,
        refresh_minutes=wanted.refresh_freq,
        prune_minutes=wanted.prune_freq,
    )


def _knowledge_base(context: Context, tenant: str, wanted: str | None, name: str) -> Entry:
    catalog = context.service.catalog
    if wanted is not None:
        return catalog.get(known_id(wanted, "knowledge base"), tenant)
    return catalog.create(name, tenant)


def _change(context: Context, tenant: str, wanted: ConnectorSet) -> SavedConnector:
    connectors = context.service.connectors
    identity = known_id(wanted.id or "", "connector")
    before = connectors.get(tenant, identity)
    if wanted.kb_id not in (None, before.kb):
        raise UsageError("A connector stays with its knowledge base.", fix="Make another connector for the other one.")
    _refuse_to_move(before, wanted)
    given = wanted.model_fields_set
    schedule = {
        column: getattr(wanted, name)
        for name, column in (("refresh_freq", "refresh_minutes"), ("prune_freq", "prune_minutes"))
        if name in given
    }
    return connectors.change(
        tenant,
        identity,
        name=wanted.name,
        config=wanted.config,
        credentials=wanted.credentials.given() if wanted.credentials else None,
        **schedule,
    )


def _refuse_to_move(before: SavedConnector, wanted: ConnectorSet) -> None:
    """Whoever may change a connector need not know its credentials: they must not be led to a site of his choice."""
    moves = wanted.config is not None and site_of(wanted.config.base_url) != before.site
    if moves and before.has_credentials and not wanted.credentials:
        raise UsageError("Another site needs its own credentials.", fix="Give credentials together with the address.")
