"""What does an error look like over HTTP? One shape for all of them, with a real status. Decides nothing else.

What is the service's own fault tells a reference, under which the log has it, and nothing more.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from jirakb.errors import (
    CorruptStoreError,
    DatabaseUnavailableError,
    DiskFullError,
    InsufficientPermissionsError,
    JirakbError,
    KnowledgeBaseBusyError,
    NameTakenError,
    NotFoundError,
    RunUnderWayError,
    SecretsError,
    SettingsError,
    SiteError,
)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
_log = logging.getLogger(__name__)
_STATUS: tuple[tuple[type[JirakbError], int], ...] = (
    (SecretsError, 500),
    (DatabaseUnavailableError, 503),
    (DiskFullError, 503),
    (NotFoundError, 404),
    (RunUnderWayError, 409),
    (NameTakenError, 409),
    (KnowledgeBaseBusyError, 409),
    (SettingsError, 422),
    (SiteError, 502),
)
_SAID = {
    400: "The request could not be read.",
    401: "No key, or none that is known.",
    403: "The key's scope is too small, or a request of the web page lacks its header.",
    404: "There is no such thing, or it is another tenant's.",
    408: "The body did not come in time.",
    409: "It collides with what is there: a run under way (`run_id`), or a name that is taken.",
    413: "The body is too large.",
    422: "A field or parameter is wrong, or Jira refuses what was given.",
    429: "Too many wrong keys from this address, or too many configurations tried out at once.",
    500: "A fault of the service, with the reference that its log has.",
    502: "The Jira site is at fault or out of reach.",
    503: "The database or the disk cannot be used now, or the service has too much to do.",
}
ALWAYS = (401, 403, 422, 429, 500, 503)
"""What any route with a key may answer."""
BODY = (400, 408, 413)
"""What any route with a body may answer besides."""


class FieldProblem(BaseModel):
    """What is wrong with one field: where it stands, and what it should be."""

    at: str
    message: str


class Problem(BaseModel):
    """An error (RFC 9457). `code` is one word for programs; `fix` is what to do about it."""

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    fix: str | None = None
    run_id: Annotated[str | None, Field(description="The run that is in the way.")] = None
    errors: list[FieldProblem] | None = None
    reference: Annotated[str | None, Field(description="What to look for in the service's log.")] = None


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, as the OpenAPI shows them."""
    return {status: _documented(status) for status in sorted({*statuses})}


def refusal(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> HTTPException:
    """An error of the interface itself, to be raised."""
    return HTTPException(status, {"code": code, "detail": detail}, dict(headers or {}))


def status_of(error: JirakbError) -> int:
    """The status that an error of the program becomes."""
    return next((status for family, status in _STATUS if isinstance(error, family)), 500)


def handle_problems(app: FastAPI) -> None:
    """Let every error of the app take this shape."""
    app.add_exception_handler(JirakbError, _of_program)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(StarletteHTTPException, _of_interface)


def respond(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A problem as an answer."""
    content = problem.model_dump(exclude_none=True)
    return JSONResponse(content, problem.status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def _problem(status: int, code: str = "", **more: Any) -> Problem:
    title = HTTPStatus(status).phrase
    code = code or title.lower().replace(" ", "_")
    return Problem(type=f"urn:jirakb:problem:{code}", title=title, status=status, code=code, **more)


async def _of_program(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, JirakbError)
    status = status_of(error)
    if isinstance(error, CorruptStoreError):
        _log.error("%s %s", error.message, error.fix)
        return respond(_problem(status, _word(error), detail=error.message, fix=error.fix or None))
    if status == 500:
        return of_bug(request.scope.get("request_id", ""), error)
    if status == 503:
        _log.warning("%s", error.message)
        return respond(_problem(503, _word(error)), {"Retry-After": str(RETRY_SECONDS)})
    run = error.key if isinstance(error, RunUnderWayError) else None
    more = {"detail": error.message, "fix": error.fix or None, "run_id": run}
    return respond(_problem(status, error.code or _word(error), **more))


async def _of_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [FieldProblem(at=_place(each["loc"]), message=str(each["msg"])) for each in error.errors()[:20]]
    return respond(_problem(422, "validation", detail="The request is not as it should be.", errors=found))


async def _of_interface(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StarletteHTTPException)
    return respond_refusal(error)


def respond_refusal(error: StarletteHTTPException) -> JSONResponse:
    """An error of the interface as an answer."""
    told: Any = error.detail
    if isinstance(told, dict):
        return respond(_problem(error.status_code, told["code"], detail=told["detail"]), error.headers)
    return respond(_problem(error.status_code, detail=str(told)), error.headers)


def of_bug(reference: str, error: Exception) -> JSONResponse:
    """The answer to a request that met a fault of ours, which is logged under the reference."""
    _log.error("request %s failed", reference, exc_info=error)
    return respond(_problem(500, "internal", reference=reference))


def _word(error: JirakbError) -> str:
    """RunUnderWayError -> run_under_way."""
    if isinstance(error, InsufficientPermissionsError):
        return "credentials_refused"
    name = type(error).__name__.removesuffix("Error")
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _place(steps: Sequence[int | str]) -> str:
    return ".".join(str(step) for step in steps)[:200]


def _documented(status: int) -> dict[str, Any]:
    example = _example(status).model_dump(exclude_none=True)
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": _SAID[status], "content": {MEDIA_TYPE: {"schema": schema, "example": example}}}


def _example(status: int) -> Problem:
    if status == 500:
        return _problem(500, "internal", reference="01JDC2P4Y6T8R0Q2M4K6H8F0D2")
    if status == 409:
        run = "01JDC2P4Y6T8R0Q2M4K6H8F0D2"
        return _problem(409, "run_under_way", detail=f"Run {run} of this connector has not ended.", run_id=run)
    if status == 422:
        wrong = FieldProblem(at="body.config.batch_size", message="Input should be less than or equal to 500")
        return _problem(422, "validation", detail="The request is not as it should be.", errors=[wrong])
    return _problem(status, detail=_SAID[status])
