"""The interface's own description as a plain page. Loads nothing from elsewhere, and runs no script."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from jirakb.service.web.reference import STYLE, html_page

router = APIRouter(include_in_schema=False)


@router.get("/docs", response_class=HTMLResponse)
def docs(request: Request) -> HTMLResponse:
    """What can be asked, as a page."""
    return HTMLResponse(html_page(request.app.openapi()))


@router.get("/docs/style.css")
def style() -> Response:
    """How that page looks."""
    return Response(STYLE, media_type="text/css")
