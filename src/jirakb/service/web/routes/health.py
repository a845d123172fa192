"""Is the service alive, can it work, and how does it fare? Open on loopback; the metrics want a key elsewhere."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter

from jirakb import __version__
from jirakb.service.web.context import Shared
from jirakb.service.web.models.health import Health, Readiness
from jirakb.service.web.problems import answers

router = APIRouter(tags=["health"])
_SEEN_LATELY = timedelta(seconds=30)


@router.get("/healthz", responses=answers(500))
def healthz() -> Health:
    """Whether the process answers."""
    return Health(status="ok", version=__version__)


@router.get("/readyz", responses=answers(500, 503))
def readyz(context: Shared) -> Readiness:
    """Whether the database answers; 503 when it does not."""
    alive = context.service.workers.alive(context.clock(), _SEEN_LATELY)
    return Readiness(status="ready", workers=len(alive))
