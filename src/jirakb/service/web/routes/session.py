"""Signing in to the web page: a key or a link's code becomes a cookie that no script can read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from jirakb.control.keys import ApiKey
from jirakb.service.web.access import COOKIE, Cookie, address_of, check_origin, check_text, refuse_hasty, who
from jirakb.service.web.context import Context, Shared
from jirakb.service.web.models.keys import Session, SignIn
from jirakb.service.web.problems import BODY, answers, refusal

router = APIRouter(prefix="/v1/session", tags=["session"])


@router.post("", responses=answers(*BODY))
def sign_in(wanted: SignIn, request: Request, response: Response, context: Shared) -> Session:
    """Begin a session with an API key or the code of a sign-in link. Needs the header `X-Requested-With: jirakb`."""
    check_origin(request)
    key = _key_of(context, request, wanted)
    text, ends = context.sessions.begin(key, context.clock())
    response.set_cookie(
        COOKIE,
        text,
        expires=ends,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return _shown(key, ends)


@router.get("", responses=answers())
def get_session(key: Annotated[ApiKey, Depends(who)], cookie: Cookie, request: Request, context: Shared) -> Session:
    """Who is signed in."""
    signed_in = context.sessions.find(cookie, context.clock()) if cookie and _by_cookie(request) else None
    return _shown(key, signed_in.expires if signed_in else None)


@router.delete("", status_code=204, responses=answers())
def sign_out(key: Annotated[ApiKey, Depends(who)], cookie: Cookie, response: Response, context: Shared) -> None:
    """End the session."""
    if cookie:
        context.sessions.end(cookie)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


def _key_of(context: Context, request: Request, wanted: SignIn) -> ApiKey:
    if wanted.key is not None:
        return check_text(context, request, wanted.key)
    refuse_hasty(context, request)
    found = context.sessions.redeem(wanted.code or "", context.clock())
    key = context.service.keys.get(found.tenant, found.key) if found else None
    if key is None or not key.is_valid(context.clock()):
        context.failures.note(address_of(request))
        raise refusal(401, "unknown_code", "This link was used, has expired, or is not ours.")
    return key


def _by_cookie(request: Request) -> bool:
    return "authorization" not in request.headers


def _shown(key: ApiKey, expires: datetime | None) -> Session:
    return Session(
        tenant=key.tenant,
        key_id=key.id,
        name=key.name,
        scope=key.scope,
        principals=list(key.principals),
        expires=expires,
    )
