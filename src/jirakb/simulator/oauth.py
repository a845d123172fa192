"""The token endpoint of Atlassian's identity: client credentials, and refresh tokens that change with each use."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import orjson

from jirakb.simulator.accounts import AGENT, Credential, read_authorization
from jirakb.simulator.messages import Answer, Refusal, Request, as_json
from jirakb.simulator.site import Site

CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN = "sim-client", "sim-client-secret", "sim-refresh"
_GRANTS = ("authorization_code", "refresh_token", "client_credentials")
_LIFE = timedelta(seconds=3600)
_LEEWAY_MS = 10 * 60 * 1000
_SCOPES = "read:jira-work read:jira-user"


def oauth(site: Site, request: Request) -> Answer:
    """Answer `/oauth/token` and `/oauth/token/accessible-resources`."""
    if request.path == "/oauth/token/accessible-resources":
        return _resources(site, request)
    asked = _read(request)
    grant = asked.get("grant_type")
    if grant not in _GRANTS:
        raise _refused(400, "invalid_request", f"grant_type must be one of [{'|'.join(_GRANTS)}]")
    if (asked.get("client_id"), asked.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
        raise _refused(401, "access_denied", "Unauthorized")
    return _refreshed(site, asked) if grant == "refresh_token" else _granted(site, refresh=None)


def _read(request: Request) -> dict[str, Any]:
    if "json" not in request.headers.get("content-type", "json"):
        return dict(parse_qsl(request.body.decode(errors="replace")))
    try:
        body = orjson.loads(request.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _refused(400, "invalid_request", "Incorrect request parameters")
    return body


def _refused(status: int, error: str, description: str) -> Refusal:
    return Refusal(as_json({"error": error, "error_description": description}, status))


def _refreshed(site: Site, asked: dict[str, Any]) -> Answer:
    """Each use gives a new refresh token; the used one works for ten minutes more, in case the answer was lost."""
    shown = str(asked.get("refresh_token"))
    used = site.used_refresh_tokens
    too_late = shown in used and site.now_ms() - used[shown] > _LEEWAY_MS
    if too_late or shown not in {REFRESH_TOKEN, *used, *site.refresh_tokens}:
        raise _refused(403, "invalid_grant", "Unknown or invalid refresh token.")
    used.setdefault(shown, site.now_ms())
    fresh = _secret(site, "refresh")
    site.refresh_tokens.add(fresh)
    return _granted(site, refresh=fresh)


def _granted(site: Site, refresh: str | None) -> Answer:
    token = _secret(site, "access")
    site.accounts.issue(Credential("access_token", token, AGENT, site.clock() + _LIFE, frozenset(_SCOPES.split())))
    body: dict[str, Any] = {"access_token": token, "expires_in": 3600, "scope": _SCOPES, "token_type": "Bearer"}
    return as_json(body | ({"refresh_token": refresh} if refresh else {}))


def _secret(site: Site, kind: str) -> str:
    return f"sim-{kind}-{hashlib.sha256(f'{kind} {site.next_id()}'.encode()).hexdigest()[:24]}"


def _resources(site: Site, request: Request) -> Answer:
    shown = read_authorization(request.headers.get("authorization"))
    if shown is None or site.accounts.check(("access_token",), shown, site.clock()) is None:
        raise Refusal(as_json({"code": 401, "message": "Unauthorized"}, 401))
    held = {"id": site.cloud_id, "name": site.title, "url": site.base_url, "scopes": _SCOPES.split(), "avatarUrl": ""}
    return as_json([held])
