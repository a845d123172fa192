"""Where does the web page come from? From the files beside this one, where they were built. Answers nothing below /v1."""

from __future__ import annotations

from pathlib import Path

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse
from starlette.types import ASGIApp, Receive, Scope, Send

FOLDER = Path(__file__).parent / "static"
_OWN = ("/v1/", "/docs", "/healthz", "/readyz", "/metrics", "/openapi.json")
_FOR_LONG = {"Cache-Control": "public, max-age=31536000, immutable"}
_ASK_AGAIN = {"Cache-Control": "no-cache"}


class Assets:
    """Answers for the files of the page, and with its first one for each address that the page itself understands."""

    def __init__(self, app: ASGIApp, folder: Path = FOLDER) -> None:
        self._app = app
        self._folder = folder.resolve()
        self._index = self._folder / "index.html"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on what is not the page's."""
        found = self._file(scope) if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") else None
        if found is None:
            await self._app(scope, receive, send)
            return
        headers = _FOR_LONG if found.parent.name == "assets" else _ASK_AGAIN
        await GZipMiddleware(FileResponse(found, headers=headers))(scope, receive, send)

    def _file(self, scope: Scope) -> Path | None:
        path: str = scope["path"]
        if path == "/v1" or path.startswith(_OWN) or "\x00" in path or not self._index.is_file():
            return None
        wanted = (self._folder / path.lstrip("/")).resolve()
        if wanted.is_relative_to(self._folder) and wanted.is_file():
            return wanted
        return None if path.startswith("/assets/") else self._index
