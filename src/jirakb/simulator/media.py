"""The media host of Jira Cloud: serves bytes for a short-lived token, and must never be sent credentials."""

from __future__ import annotations

import hashlib
from urllib.parse import urlencode

from jirakb.simulator.bodies import media_id
from jirakb.simulator.messages import Answer, Refusal, Request, as_json
from jirakb.simulator.routes_shared import ranged
from jirakb.simulator.site import Site

LABEL = "GET media/{key}"


def media_location(site: Site, attachment: str) -> str:
    """Where the media host has an attachment's bytes, for as long as the token lives."""
    end = site.now_ms() + int(site.switches.media_token_seconds * 1000)
    held = {"token": _token(attachment, end), "client": site.cloud_id, "name": site.blobs[attachment].name}
    return f"{site.media_url}/file/{media_id(attachment)}/binary?{urlencode(held)}"


def _token(attachment: str, end: int) -> str:
    mark = hashlib.sha256(f"media {attachment} {end}".encode()).hexdigest()[:24]
    return f"{attachment}.{end}.{mark}"


def media(site: Site, request: Request) -> Answer:
    """The bytes that a token stands for."""
    if "authorization" in request.headers:
        site.record.leak(LABEL)
        raise Refusal(as_json({"error": {"code": "JwtAuthoriser:AuthorizationError"}}, 403))
    attachment, _, rest = request.first("token").partition(".")
    end = rest.partition(".")[0]
    if not end.isdecimal() or request.first("token") != _token(attachment, int(end)) or site.now_ms() > int(end):
        raise Refusal(as_json({"error": {"code": "JwtAuthoriser:TokenExpiredError"}}, 403))
    blob = site.blobs.get(attachment)
    if blob is None or request.path != f"/file/{media_id(attachment)}/binary" or _is_missing(site, attachment):
        raise Refusal(as_json({"error": {"code": "ResourceNotFound"}}, 404))
    return ranged(blob.read(id_=attachment), blob.mime, request.headers.get("range"))


def _is_missing(site: Site, attachment: str) -> bool:
    blob = site.blobs[attachment]
    return blob.data is None and blob.path is None and site.switches.unknown_bytes == "missing"
