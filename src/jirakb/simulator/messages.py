"""A request and an answer as the routes know them, apart from any network. Never looks at the site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from jirakb.simulator.gzip_pieces import Piece, gzip_of

JSON = "application/json;charset=UTF-8"
PROBLEM = "application/problem+json;charset=UTF-8"
HTML = "text/html;charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are lower case. `path` is below the context path, decoded."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    body: bytes = b""
    client: str = "127.0.0.1"

    def first(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return self.query.get(name, (default,))[0]

    def json(self) -> Any:
        """The body as JSON; ValueError when it is none."""
        return orjson.loads(self.body)


def read_target(target: str) -> tuple[str, dict[str, list[str]]]:
    """The decoded path and the query of a request line's target."""
    parts = urlsplit(target)
    return unquote(parts.path), parse_qs(parts.query, keep_blank_values=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; the body is bytes, or pieces that are compressed one by one."""

    status: int = 200
    body: bytes | tuple[Piece, ...] = b""
    type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    def plain(self) -> bytes:
        """The body uncompressed."""
        return self.body if isinstance(self.body, bytes) else b"".join(piece.raw for piece in self.body)

    def zipped(self) -> bytes:
        """The body as gzip."""
        return gzip_of((Piece(self.body),) if isinstance(self.body, bytes) else self.body)


def as_json(value: Any, status: int = 200, **headers: str) -> Answer:
    """An answer of JSON."""
    return Answer(status, orjson.dumps(value), headers=headers)


def html(status: int, title: str, headers: Mapping[str, str] | None = None) -> Answer:
    """A page for people, where a client hopes for JSON."""
    page = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Answer(status, page.encode(), HTML, headers or {})


class Refusal(Exception):  # noqa: N818 - an answer, not an error of the program
    """Ends a route with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status}")
        self.answer = answer


def errors(status: int, *messages: str, **fields: str) -> Refusal:
    """Jira's usual refusal: errorMessages and errors."""
    return Refusal(as_json({"errorMessages": list(messages), "errors": fields}, status))


def problem(status: int, title: str, detail: str, path: str, headers: Mapping[str, str] | None = None) -> Refusal:
    """Cloud's refusal by its routing: problem+json."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "instance": path}
    return Refusal(Answer(status, orjson.dumps(body), PROBLEM, headers or {}))


def unauthenticated(**headers: str) -> Refusal:
    """The 401 that both flavors write alike."""
    text = "Client must be authenticated to access this resource."
    return Refusal(as_json({"message": text, "status-code": 401}, 401, **headers))
