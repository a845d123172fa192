"""API keys over HTTP. A key's text is told once, when it is made."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from jirakb.errors import UsageError
from jirakb.service.web.access import Admin
from jirakb.service.web.context import KeyId, Shared
from jirakb.service.web.models.keys import KeyMade, KeyNew, KeyPage
from jirakb.service.web.models.paging import PageQuery, cut, read_cursor
from jirakb.service.web.problems import BODY, answers
from jirakb.service.web.views import key_view

router = APIRouter(prefix="/v1/keys", tags=["keys"])


@router.get("", responses=answers())
def list_keys(page: Annotated[PageQuery, Query()], key: Admin, context: Shared) -> KeyPage:
    """The keys, oldest first, without their texts."""
    found = context.service.keys.page(key.tenant, after=read_cursor(page.cursor, "keys"), limit=page.limit + 1)
    keys, following = cut(found, page.limit, "keys", lambda one: one.id)
    return KeyPage(items=[key_view(one) for one in keys], next_cursor=following)


@router.post("", status_code=201, responses=answers(*BODY))
def create_key(wanted: KeyNew, key: Admin, context: Shared) -> KeyMade:
    """Make a key. Its text is in this answer alone."""
    if wanted.expires is not None and wanted.expires <= context.clock():
        raise UsageError("A key cannot expire in the past.")
    made, text = context.service.keys.create(
        key.tenant, wanted.scope, name=wanted.name or "", principals=wanted.principals, expires=wanted.expires
    )
    return KeyMade(**key_view(made).model_dump(), key=text)


@router.delete("/{id}", status_code=204, responses=answers(404))
def revoke_key(identity: KeyId, key: Admin, context: Shared) -> None:
    """Refuse the key, and the sessions that stand on it, from now on."""
    context.service.keys.revoke(key.tenant, identity)
