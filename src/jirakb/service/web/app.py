"""The app: routes, errors, headers, and the web page, put together for one service. Starts no server and no worker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from jirakb import __version__
from jirakb.control.samples import Samples
from jirakb.control.sessions import Sessions
from jirakb.engine.open import Service
from jirakb.service.metrics import Metrics
from jirakb.service.sampling import Searches
from jirakb.service.web.assets import Assets
from jirakb.service.web.context import Context
from jirakb.service.web.edge import Edge
from jirakb.service.web.failures import Failures
from jirakb.service.web.feed import Feed
from jirakb.service.web.looking import Looking
from jirakb.service.web.models.connectors import ConnectorBrief
from jirakb.service.web.places import Places
from jirakb.service.web.problems import ALWAYS, Problem, answers, handle_problems
from jirakb.service.web.routes import connectors, health, keys, knowledge, pages, runs, search, session, trial
from jirakb.service.web.shelf import Shelf

_DESCRIPTION = """Jira sites as searchable knowledge bases.

Send `Authorization: Bearer KEY`. Errors are `application/problem+json`. Lists come in pages: `limit`, and `cursor` with the
`next_cursor` of the page before. Times are ISO 8601 in UTC. What takes time answers 202 with the id of its run."""
_TAGS = ("connectors", "runs", "knowledge bases", "search", "keys", "session", "health")


def create_app(service: Service, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> FastAPI:
    """The app that answers for this service; the service stays the caller's to close."""
    shelf = Shelf(service.settings)
    feed = Feed(Looking(service).look)
    app = FastAPI(
        title="jirakb",
        version=__version__,
        description=_DESCRIPTION,
        openapi_tags=[{"name": name} for name in _TAGS],
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
        generate_unique_id_function=_operation_id,
        middleware=_middleware(service),
        lifespan=_lifespan,
    )
    sessions, samples = Sessions(service.engine_db), Samples(service.engine_db)
    metrics, searches = Metrics(service, clock), Searches()
    app.state.context = Context(service, sessions, Failures(), shelf, feed, metrics, searches, samples, Places(), clock)
    for room in (trial, connectors, runs, knowledge, search, keys, session):
        app.include_router(room.router, responses=answers(*ALWAYS))
    app.include_router(health.router)
    app.include_router(pages.router)
    handle_problems(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    context: Context = app.state.context
    context.feed.close()
    context.shelf.close()


def _middleware(service: Service) -> list[Middleware]:
    layers = [Middleware(Edge), Middleware(Assets)]
    origins = service.settings.cors_origins
    if not origins:
        return layers
    shared = Middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
        expose_headers=["X-Request-Id", "Retry-After"],
    )
    return [*layers, shared]


def _operation_id(route: APIRoute) -> str:
    return route.name


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's, with the shapes of errors and events."""
    if app.openapi_schema is None:
        schema = FastAPI.openapi(app)
        for model in (Problem, ConnectorBrief):
            shape = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schema["components"]["schemas"] |= {**shape.pop("$defs", {}), model.__name__: shape}
    assert app.openapi_schema is not None
    return app.openapi_schema
