"""What do all routes of one app share? Handed to them as a dependency, so that nothing stands in a module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Path, Request
from ulid import ULID

from jirakb.control.samples import Samples
from jirakb.control.sessions import Sessions
from jirakb.engine.open import Service
from jirakb.errors import NotFoundError
from jirakb.service.metrics import Metrics
from jirakb.service.sampling import Searches
from jirakb.service.web.failures import Failures
from jirakb.service.web.feed import Feed
from jirakb.service.web.places import Places
from jirakb.service.web.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Context:
    """What one app works with."""

    service: Service
    sessions: Sessions
    failures: Failures
    shelf: Shelf
    feed: Feed
    metrics: Metrics
    searches: Searches
    samples: Samples
    places: Places
    clock: Callable[[], datetime]


def _context(request: Request) -> Context:
    found: Context = request.app.state.context
    return found


Shared = Annotated[Context, Depends(_context)]


def known_id(text: str, what: str) -> str:
    """The id as the tables write it; what cannot be one is not found, like one that nothing has."""
    try:
        return str(ULID.from_str(text)) if text.isascii() else _missing(text, what)
    except ValueError:
        return _missing(text, what)


def _missing(text: str, what: str) -> str:
    raise NotFoundError(f"There is no such {what}.")


def _connector_id(id: Annotated[str, Path(description="The connector's id.")]) -> str:  # noqa: A002 - the name in the path
    return known_id(id, "connector")


def _run_id(run: Annotated[str, Path(description="The run's id.")]) -> str:
    return known_id(run, "run")


def _kb_id(id: Annotated[str, Path(description="The knowledge base's id.")]) -> str:  # noqa: A002
    return known_id(id, "knowledge base")


def _key_id(id: Annotated[str, Path(description="The key's id.")]) -> str:  # noqa: A002
    return known_id(id, "key")


ConnectorId = Annotated[str, Depends(_connector_id)]
RunId = Annotated[str, Depends(_run_id)]
KnowledgeBaseId = Annotated[str, Depends(_kb_id)]
KeyId = Annotated[str, Depends(_key_id)]
