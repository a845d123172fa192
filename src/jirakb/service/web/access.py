"""Who asks, and may they? A key in the header, or a session in the cookie, becomes the key it stands for.

A request that rides on a cookie and changes something must come from the page itself: its own header, its own origin.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from jirakb.control.keys import ApiKey, Scope
from jirakb.documents import Readers
from jirakb.errors import DatabaseUnavailableError, NotFoundError
from jirakb.service.web.context import Context, Shared
from jirakb.service.web.problems import refusal

COOKIE = "jirakb_session"
PAGE_HEADER = "jirakb"
_HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
_bearer = HTTPBearer(auto_error=False, description="An API key: `jirakb keys create`.")
_cookie = APIKeyCookie(name=COOKIE, auto_error=False, description="A session of the web page: `POST /v1/session`.")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
Cookie = Annotated[str | None, Security(_cookie)]


def principals_of(key: ApiKey) -> Readers | None:
    """What searches with this key may read beyond unrestricted text; None is everything."""
    return None if "*" in key.principals else Readers(key.principals)


def address_of(request: Request) -> str:
    """The client's address."""
    return request.client.host if request.client else ""


def check_text(context: Context, request: Request, text: str) -> ApiKey:
    """The key of this text; raises 401, and 429 for an address that tried too many."""
    refuse_hasty(context, request)
    key = context.service.keys.check(text, context.clock())
    if key is None:
        context.failures.note(address_of(request))
        raise refusal(401, "unknown_key", "This key is not known, has expired or was revoked.", _CHALLENGE)
    return key


def refuse_hasty(context: Context, request: Request) -> None:
    """Raises 429 for an address that tried too many wrong keys."""
    if wait := context.failures.wait(address_of(request)):
        seconds = {"Retry-After": str(math.ceil(wait))}
        raise refusal(429, "too_many_failures", "Too many wrong keys from this address.", seconds)


def check_origin(request: Request) -> None:
    """Raises 403 unless the request comes from the page: no other site can send this header, nor this origin."""
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    foreign = origin is not None and urlsplit(origin).netloc != host
    if foreign or request.headers.get("x-requested-with") != PAGE_HEADER:
        raise refusal(403, "not_from_page", f"Send X-Requested-With: {PAGE_HEADER} from the page's own origin.")


def who(request: Request, context: Shared, bearer: Bearer, cookie: Cookie) -> ApiKey:
    """The key that the request stands on; raises 401."""
    if bearer is not None:
        return check_text(context, request, bearer.credentials)
    if cookie is None:
        raise refusal(401, "no_key", "Send Authorization: Bearer KEY.", _CHALLENGE)
    if request.method not in _HARMLESS:
        check_origin(request)
    key = _of_session(context, cookie)
    if key is None:
        raise refusal(401, "session_ended", "This session has ended: sign in again.", _CHALLENGE)
    return key


def _of_session(context: Context, cookie: str) -> ApiKey | None:
    now = context.clock()
    found = context.sessions.find(cookie, now)
    if found is None:
        return None
    try:
        key = context.service.keys.get(found.tenant, found.key)
    except NotFoundError:
        return None
    return key if key.is_valid(now) else None


def _standing(
    key: Annotated[ApiKey, Depends(who)], bearer: Bearer, cookie: Cookie, context: Shared
) -> Callable[[], bool]:  # fmt: skip
    """Tells whether who asked may still ask: a stream outlives the moment in which its key was checked."""

    def is_valid() -> bool:
        now = context.clock()
        try:
            ended = bearer is None and context.sessions.find(cookie or "", now) is None
            return not ended and context.service.keys.get(key.tenant, key.id).is_valid(now)
        except DatabaseUnavailableError:
            return True  # nothing can be told meanwhile either

    return is_valid


Standing = Annotated[Callable[[], bool], Depends(_standing)]


class Needs:
    """A dependency: the key, which must have this scope."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __call__(self, key: Annotated[ApiKey, Depends(who)]) -> ApiKey:
        """The key; raises 403 where its scope is too small."""
        if not key.allows(self._scope):
            raise refusal(403, "scope", f"This needs a key with scope {self._scope}; this one has {key.scope}.")
        return key


Admin = Annotated[ApiKey, Depends(Needs("admin"))]
Operator = Annotated[ApiKey, Depends(Needs("sync"))]
Reader = Annotated[ApiKey, Depends(Needs("search"))]
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="jirakb"'}
