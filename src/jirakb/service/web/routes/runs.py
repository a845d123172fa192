"""What connectors did and do, over HTTP: their runs, omissions, history, and live events. Changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from jirakb.control.connectors import SavedConnector
from jirakb.control.runs import RunRecord
from jirakb.engine.claims import Claims
from jirakb.errors import NotFoundError
from jirakb.service.web.access import Operator, Standing
from jirakb.service.web.context import ConnectorId, Context, RunId, Shared
from jirakb.service.web.models.connectors import (
    History,
    HistoryQuery,
    OmissionPage,
    OmissionQuery,
    Run,
    RunPage,
)
from jirakb.service.web.models.paging import PageQuery, cut, read_cursor
from jirakb.service.web.plots import Steps, connector_points
from jirakb.service.web.problems import answers
from jirakb.service.web.views import omissions_view, run_view

router = APIRouter(prefix="/v1", tags=["runs"])
_LAST_ROW = (1 << 63) - 1
_EVENTS: dict[str, Any] = {
    "description": "Events: `connector` (a connector, when its state or plan changed), `run` (a run, when it got on), "
    '`removed` (`{"id"}`). Lines that begin with a colon keep the connection alive.',
    "content": {
        "text/event-stream": {
            "schema": {"type": "string"},
            "example": 'id: 01JDC2P4Y6T8R0Q2M4K6H8F0D2.5f2c\nevent: run\ndata: {"id": "01JDC2P4Y6T8R0Q2M4K6H8F0D2"}\n\n',
        }
    },
}
LastEventId = Annotated[
    str | None, Header(description="The last event that was seen: what is still as it said is not told again.")
]


@router.get("/connector/{id}/logs", responses=answers(404))
def list_runs(
    page: Annotated[PageQuery, Query()], connector: ConnectorId, key: Operator, context: Shared
) -> RunPage:  # fmt: skip
    """The connector's runs, newest first."""
    context.service.connectors.get(key.tenant, connector)
    before = read_cursor(page.cursor, "runs")
    found = context.service.runs.page(key.tenant, connector, before=before, limit=page.limit + 1)
    runs, following = cut(found, page.limit, "runs", lambda run: run.id)
    return RunPage(items=[run_view(run) for run in runs], next_cursor=following)


@router.get("/connector/{id}/runs/{run}", responses=answers(404))
def get_run(connector: ConnectorId, run: RunId, key: Operator, context: Shared) -> Run:
    """One run."""
    return run_view(_run(context, key.tenant, connector, run))


@router.get("/connector/{id}/runs/{run}/omissions", responses=answers(404))
def list_run_omissions(
    page: Annotated[OmissionQuery, Query()], connector: ConnectorId, run: RunId, key: Operator, context: Shared
) -> OmissionPage:
    """What this run left out and no later run has indexed since, and why."""
    found = _run(context, key.tenant, connector, run)
    inner = str(found.result.get("run", ""))
    saved = context.service.connectors.get(key.tenant, connector)
    return _omissions(context, saved, page, inner) if inner else OmissionPage(items=[], next_cursor=None)


@router.get("/connector/{id}/omissions", responses=answers(404))
def list_omissions(
    page: Annotated[OmissionQuery, Query()], connector: ConnectorId, key: Operator, context: Shared
) -> OmissionPage:
    """What of the connector's issues is not indexed now, and why."""
    return _omissions(context, context.service.connectors.get(key.tenant, connector), page, None)


@router.get("/connector/{id}/history", responses=answers(404))
def get_history(
    query: Annotated[HistoryQuery, Query()], connector: ConnectorId, key: Operator, context: Shared
) -> History:
    """How the connector fared in the last hours: its runs and backlog in equal steps, at most 121."""
    saved = context.service.connectors.get(key.tenant, connector)
    steps = Steps.back(query.hours, context.clock())
    runs = context.service.runs.ended_since(key.tenant, connector, steps.since)
    before = context.service.runs.last_good(key.tenant, connector, steps.since)
    held = context.samples.steps(key.tenant, saved.kb, steps.since, steps.seconds, steps.now)
    return History(step=steps.seconds, items=connector_points(steps, runs, before, held))


@router.get("/connector/{id}/events", response_class=StreamingResponse, responses={200: _EVENTS, **answers(404)})
def connector_events(
    connector: ConnectorId, key: Operator, standing: Standing, context: Shared, last_event_id: LastEventId = None
) -> StreamingResponse:
    """What happens to the connector, as it happens."""
    context.service.connectors.get(key.tenant, connector)
    return _stream(context.feed.lines(key.tenant, connector, last_event_id, standing))


@router.get("/events", response_class=StreamingResponse, responses={200: _EVENTS, **answers()})
def all_events(
    key: Operator, standing: Standing, context: Shared, last_event_id: LastEventId = None
) -> StreamingResponse:  # fmt: skip
    """What happens to all connectors, as it happens."""
    return _stream(context.feed.lines(key.tenant, None, last_event_id, standing))


def _stream(lines: AsyncIterator[str]) -> StreamingResponse:
    return StreamingResponse(lines, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _run(context: Context, tenant: str, connector: str, run: str) -> RunRecord:
    context.service.connectors.get(tenant, connector)
    found = context.service.runs.get(tenant, run)
    if found.connector != connector:
        raise NotFoundError(f"There is no run {run} of this connector.")
    return found


def _omissions(context: Context, saved: SavedConnector, page: OmissionQuery, run: str | None) -> OmissionPage:
    place = read_cursor(page.cursor, "omissions")
    entry = context.service.catalog.get(saved.kb, saved.tenant)
    if not context.shelf.has(entry):
        return OmissionPage(items=[], next_cursor=None)
    with context.shelf.base(entry) as base:
        owned = Claims(base).of(saved.id)
        after = min(int(place), _LAST_ROW) if place.isascii() and place.isdigit() else 0
        found = omissions_view(base, owned, run=run, reason=page.reason, after=after, limit=page.limit + 1)
    rows, following = cut(found, page.limit, "omissions", lambda row: str(row[0]))
    return OmissionPage(items=[omission for _, omission in rows], next_cursor=following)
