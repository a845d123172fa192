"""Search over HTTP. What may be read is the key's affair: a request cannot ask for more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Query

from jirakb.service.web.access import Reader, principals_of
from jirakb.service.web.completion import complete
from jirakb.service.web.context import Context, Shared
from jirakb.service.web.models.contexts import ContextAnswer, ContextRequest
from jirakb.service.web.models.knowledge import (
    CompleteQuery,
    Completions,
    SearchAnswer,
    SearchRequest,
    SimilarRequest,
)
from jirakb.service.web.problems import BODY, answers
from jirakb.service.web.routes.knowledge import entries_of
from jirakb.service.web.searching import context_of, search_all, similar_all

router = APIRouter(prefix="/v1", tags=["search"])


@router.post("/search", responses=answers(404, *BODY), response_model_exclude_unset=True)
def search(wanted: SearchRequest, key: Reader, context: Shared) -> SearchAnswer:
    """The best issues for a question, over one knowledge base or all of them."""
    with _timed(context, key.tenant, "search"):
        return search_all(context.shelf, entries_of(context, key.tenant, wanted.kb_id), wanted, principals_of(key))


@router.post("/similar", responses=answers(404, *BODY), response_model_exclude_unset=True)
def similar(wanted: SimilarRequest, key: Reader, context: Shared) -> SearchAnswer:
    """The issues most like one, or like a text, and why."""
    with _timed(context, key.tenant, "similar"):
        return similar_all(context.shelf, entries_of(context, key.tenant, wanted.kb_id), wanted, principals_of(key))


@router.post("/context", responses=answers(400, 404, 413))
def context_for_model(wanted: ContextRequest, key: Reader, context: Shared) -> ContextAnswer:
    """Text for a language model: whole sections of the best issues of one knowledge base, within a budget of tokens.

    Where the tenant has several knowledge bases, `kb_id` must name one.
    """
    with _timed(context, key.tenant, "context"):
        return context_of(context.shelf, entries_of(context, key.tenant, wanted.kb_id), wanted, principals_of(key))


@router.get("/complete", responses=answers(404))
def complete_query(query: Annotated[CompleteQuery, Query()], key: Reader, context: Shared) -> Completions:
    """What could come next in a query: fields, operators, functions, and the values that issues have."""
    entries = entries_of(context, key.tenant, query.kb_id)
    return complete(query, context.shelf, entries, principals_of(key))


@contextmanager
def _timed(context: Context, tenant: str, route: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds = time.perf_counter() - began
    context.metrics.searched(seconds, route)
    context.searches.note(tenant, seconds)
