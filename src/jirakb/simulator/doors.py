"""Who is calling, by the rules of the door that the call came through: Cloud site, Cloud gateway, Data Center.

Most wrong credentials are not refused but make the caller anonymous, who then sees little or nothing: the trap that
clients must notice. Never looks at an issue.
"""

from __future__ import annotations

from urllib.parse import quote

from jirakb.simulator.accounts import Caller, Presented, read_authorization
from jirakb.simulator.messages import Answer, Refusal, Request, as_json, html, unauthenticated
from jirakb.simulator.site import Site

_REASON = "X-Seraph-LoginReason"
_FAILED, _DENIED = "AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED"
_NO_LIMIT_HEADERS = frozenset({"GET serverInfo"})


def caller_of(site: Site, request: Request, label: str) -> Caller:
    """Who calls the site itself; raises Refusal where the flavor does refuse."""
    shown = read_authorization(request.headers.get("authorization"))
    if shown is None:
        if not site.switches.serves_strangers:
            raise unauthenticated()
        return Caller(refused="authorization" in request.headers)
    return _cloud_caller(site, shown, label) if site.cloud else _dc_caller(site, shown, label)


def _cloud_caller(site: Site, shown: Presented, label: str) -> Caller:
    if shown.scheme == "bearer":
        return _refused(site, shown, label)
    found = site.accounts.check(("api_token",), shown, site.clock())
    return site.accounts.caller(found) if found else _refused(site, shown, label)


def _refused(site: Site, shown: Presented, label: str) -> Caller:
    """A secret that does not count: its sender is anonymous."""
    site.record.refuse(label, shown.secret, site.switches.latency)
    return Caller(refused=True)


def _dc_caller(site: Site, shown: Presented, label: str) -> Caller:
    if shown.scheme == "bearer":
        found = site.accounts.check(("pat", "access_token"), shown, site.clock())
        return site.accounts.caller(found) if found else _refused(site, shown, label)
    if site.switches.basic_disabled:
        _refused(site, shown, label)
        text = "Basic authentication has been disabled on this instance."
        raise Refusal(as_json({"message": text, "status-code": 403}, 403))
    return _password_caller(site, shown, label)


def _password_caller(site: Site, shown: Presented, label: str) -> Caller:
    name = shown.name.lower()
    if _is_locked(site, name):
        site.record.lock_met(label)
        _refused(site, shown, label)
        raise Refusal(_captcha(site))
    found = site.accounts.check(("password",), shown, site.clock())
    if found is None:
        site.accounts.failed(name)
        _refused(site, shown, label)
        raise Refusal(
            html(401, "Unauthorized (401)", {_REASON: _FAILED, "WWW-Authenticate": 'OAuth realm="simulated"'})
        )
    site.accounts.forgive(name)
    return site.accounts.caller(found)


def _is_locked(site: Site, name: str) -> bool:
    limit = site.switches.captcha_after
    return limit is not None and site.accounts.failures(name) >= limit


def _captcha(site: Site) -> Answer:
    text = f"Basic Authentication Failure - Reason : {_DENIED}"
    challenge = f"CAPTCHA_CHALLENGE; login-url={site.base_url}/login.jsp"
    reason = {_REASON: _DENIED} if site.switches.login_reason_on_captcha else {}
    return html(403, text, {**reason, "X-Authentication-Denied-Reason": challenge})


def gateway_caller(site: Site, request: Request, label: str) -> Caller:
    """Who calls through the gateway: scoped tokens and access tokens only; nobody is anonymous here."""
    shown = read_authorization(request.headers.get("authorization"))
    kind = ("access_token",) if shown and shown.scheme == "bearer" else ("scoped_token",)
    found = site.accounts.check(kind, shown, site.clock()) if shown else None  # type: ignore[arg-type]
    if found is None:
        if shown:
            _refused(site, shown, label)
        raise Refusal(as_json({"code": 401, "message": "Unauthorized"}, 401))
    caller = site.accounts.caller(found)
    if caller.scopes is not None and not caller.scopes & _scopes_for(label):
        raise Refusal(as_json({"code": 401, "message": "Unauthorized; scope does not match"}, 401))
    return caller


def _scopes_for(label: str) -> frozenset[str]:
    people = label in ("GET myself", "GET user/search")
    return frozenset({"read:jira-user"} if people else {"read:jira-work"})


def marks(site: Site, caller: Caller, label: str, status: int) -> dict[str, str]:
    """The headers by which an answer tells who the site thinks is calling."""
    if site.cloud:
        return _cloud_marks(site, caller, status)
    name = quote(caller.id) if caller.user else "anonymous"
    headers = {"X-AUSERNAME": name, "X-ANODEID": "node1"}
    if caller.user and label not in _NO_LIMIT_HEADERS:
        headers |= _limits(site)
    return headers


def _cloud_marks(site: Site, caller: Caller, status: int) -> dict[str, str]:
    if caller.user:
        return {"X-AAccountId": caller.user.account_id}
    tells = caller.refused and (status >= 400 or site.switches.login_reason_on_success)
    return {_REASON: _FAILED} if tells else {}


def _limits(site: Site) -> dict[str, str]:
    """Data Center says `Retry-After: 0` while tokens remain, which is no reason to wait."""
    limit = site.switches.rate_limit
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(max(limit - 1, 0)),
        "X-RateLimit-FillRate": "5",
        "X-RateLimit-Interval-Seconds": "1",
        "Retry-After": "0",
    }
