"""Is the service alive, can it work, and how does it fare? Open on loopback; the metrics want a key elsewhere."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from jirakb import __version__
from jirakb.control.catalog import OWN_TENANT
from jirakb.service.metrics import CONTENT_TYPE
from jirakb.service.web.access import Bearer, Cookie, Operator, address_of, who
from jirakb.service.web.context import Shared
from jirakb.service.web.models.connectors import HistoryQuery
from jirakb.service.web.models.health import Health, Readiness, ServiceHistory
from jirakb.service.web.plots import Steps, service_points
from jirakb.service.web.problems import ALWAYS, answers, refusal

router = APIRouter(tags=["health"])
_SEEN_LATELY = timedelta(seconds=30)
_METRICS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Metrics in the text format of Prometheus.",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": "# TYPE jirakb_backlog gauge\n"}},
    }
}


@router.get("/healthz", responses=answers(500))
def healthz() -> Health:
    """Whether the process answers."""
    return Health(status="ok", version=__version__)


@router.get("/readyz", responses=answers(500, 503))
def readyz(context: Shared) -> Readiness:
    """Whether the database answers; 503 when it does not."""
    alive = context.service.workers.alive(context.clock(), _SEEN_LATELY)
    return Readiness(status="ready", workers=len(alive))


@router.get("/metrics", response_class=Response, responses={**_METRICS, **answers(401, 403, 429, 500, 503)})
def metrics(request: Request, context: Shared, bearer: Bearer, cookie: Cookie) -> Response:
    """How the service fares; from elsewhere than this machine with a key of its owner: it speaks of all tenants."""
    if not _is_local(address_of(request)) and who(request, context, bearer, cookie).tenant != OWN_TENANT:
        raise refusal(403, "not_owner", "The metrics of all tenants are for the owner of the service.")
    return Response(context.metrics.text(), media_type=CONTENT_TYPE)


@router.get("/v1/health/history", responses=answers(*ALWAYS))
def get_service_history(
    query: Annotated[HistoryQuery, Query()], key: Operator, context: Shared
) -> ServiceHistory:  # fmt: skip
    """How the service fared in the last hours: its memory, and your searches, in equal steps, at most 121."""
    steps = Steps.back(query.hours, context.clock())
    held, seen = (
        context.samples.steps(tenant, "", steps.since, steps.seconds, steps.now) for tenant in ("", key.tenant)
    )
    return ServiceHistory(step=steps.seconds, items=service_points(steps, held, seen))


def _is_local(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
