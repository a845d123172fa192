"""Trying out a configuration that is not saved, over HTTP. Stores nothing, and keeps no credentials."""

from __future__ import annotations

from fastapi import APIRouter

from jirakb.control.connectors import site_of
from jirakb.service.web.access import Admin
from jirakb.service.web.context import Context, Shared, known_id
from jirakb.service.web.models.connectors import ConnectorTest, Diagnosis, Preview
from jirakb.service.web.problems import BODY, answers
from jirakb.service.web.trial import preview, test

router = APIRouter(prefix="/v1/connector", tags=["connectors"])


@router.post("/test", responses=answers(404, *BODY))
def test_connector(wanted: ConnectorTest, key: Admin, context: Shared) -> Diagnosis:
    """What is wrong with a configuration, before it is saved, and what a full read would cost."""
    with context.places.taken(key.tenant):
        return test(wanted.config, _credentials(context, key.tenant, wanted), context.service)


@router.post("/preview", responses=answers(404, 502, *BODY))
def preview_connector(wanted: ConnectorTest, key: Admin, context: Shared) -> Preview:
    """How many issues a configuration reads, and three of them as they would be stored."""
    with context.places.taken(key.tenant):
        return preview(wanted.config, _credentials(context, key.tenant, wanted), context.service)


def _credentials(context: Context, tenant: str, wanted: ConnectorTest) -> dict[str, str]:
    """Those given; else those of the saved connector, for its own site alone."""
    if wanted.credentials is not None or wanted.id is None:
        return wanted.credentials.given() if wanted.credentials else {}
    connectors = context.service.connectors
    saved = connectors.get(tenant, known_id(wanted.id, "connector"))
    same = site_of(wanted.config.base_url) == saved.site
    return connectors.credentials(tenant, saved.id) if same else {}
