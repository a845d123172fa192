"""What holds for every request, whatever it asks? An id, headers that browsers obey, a limit on bodies, and no fault untold."""

from __future__ import annotations

import asyncio
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from ulid import ULID

from jirakb.service.web.problems import of_bug, refusal, respond_refusal

MOST_BYTES = 1 << 20
BODY_SECONDS = 30.0
"""A body that takes longer is refused: who sends it in drops holds a connection for as long as he likes."""
_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
POLICY = "; ".join(
    (
        "default-src 'self'", "img-src 'self' data:", "object-src 'none'", "base-uri 'none'", "form-action 'self'",
        "frame-ancestors 'none'",
    )
)  # fmt: skip
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Edge:
    """The outermost layer of the app."""

    def __init__(self, app: ASGIApp, body_seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        scope["request_id"] = given if _ID.fullmatch(given) else str(ULID())
        outgoing = _Outgoing(send, scope["request_id"], is_private=scope["path"].startswith("/v1/"))
        try:
            if _told_length(headers) > MOST_BYTES:
                await respond_refusal(_too_large())(scope, receive, outgoing)
                return
            await self._app(scope, _Incoming(receive, self._body_seconds), outgoing)
        except Exception as error:
            if outgoing.has_begun:
                raise
            await of_bug(scope["request_id"], error)(scope, receive, outgoing)


class _Incoming:
    """Receives no more than the limit, and no longer; when the body is there, waits as long as its caller does."""

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._deadline: float | None = None
        self._bytes = 0
        self._is_whole = False

    async def __call__(self) -> Message:
        message = await (self._receive() if self._is_whole else self._receive_in_time())
        self._is_whole = not message.get("more_body", False)
        self._bytes += len(message.get("body", b""))
        if self._bytes > MOST_BYTES:
            raise _too_large()
        return message

    async def _receive_in_time(self) -> Message:
        self._deadline = self._deadline or asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._receive()
        except TimeoutError as exc:
            raise refusal(408, "too_slow", f"A body comes within {self._seconds:g} seconds.") from exc


class _Outgoing:
    """Sends with the headers of every answer."""

    def __init__(self, send: Send, identity: str, *, is_private: bool) -> None:
        self._send = send
        self._identity = identity
        self._is_private = is_private
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers["X-Request-Id"] = self._identity
            if self._is_private:
                headers.setdefault("Cache-Control", "no-store")
        await self._send(message)


def _told_length(headers: Headers) -> int:
    told = headers.get("content-length", "")
    return int(told) if told.isascii() and told.isdigit() else 0


def _too_large() -> HTTPException:
    return refusal(413, "too_large", f"A body has at most {MOST_BYTES} bytes.")
