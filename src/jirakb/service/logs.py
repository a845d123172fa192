"""How does a service say what it does? One line for each event on stderr, with the tenant, connector and run that it is about.

As JSON for a collector, or for people. Whatever a message or a traceback holds, credentials and the queries of addresses (a
media host's tokens stand there) are taken out last.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

from jirakb.settings import Settings

_HIDDEN = "[hidden]"
_CREDENTIALS = (
    (re.compile(r"(?i)\b(authorization[\"']?\s*[:=]\s*[\"']?)(?:(?:basic|bearer|digest)\s+)?[^\s\"',;}]+"), rf"\1{_HIDDEN}"),
    (re.compile(r"(?i)\b(basic|bearer)\s+[\w.~+/=-]{8,}"), rf"\1 {_HIDDEN}"),
    (re.compile(r"(?i)\b([a-z_]*(?:token|password|passwd|secret|api_key|apikey))([\"']?\s*[:=]\s*[\"']?)[^\s\"',;&}]+"), rf"\1\2{_HIDDEN}"),
    (re.compile(r"(\w+://)[^\s/@\"']+@"), rf"\1{_HIDDEN}@"),
    (re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]*"), rf"\1?{_HIDDEN}"),
)  # fmt: skip
_CHATTY = ("httpx2", "httpcore2", "alembic", "asyncio")
"""Libraries that tell of every call; their warnings stay."""
_OWN_DOOR = ("dbos",)
"""Libraries that would put a handler of their own in."""


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """From now on everything that this process logs goes to `stream` (stderr) in this form."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_formatter(settings.log == "json"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _OWN_DOOR:
        own = logging.getLogger(name)
        own.handlers, own.propagate = [handler], False


def hide(text: str) -> str:
    """The text without credentials and without the queries of addresses."""
    for pattern, instead in _CREDENTIALS:
        text = pattern.sub(instead, text)
    return text


def _formatter(as_json: bool) -> logging.Formatter:
    shown: list[Processor] = [_hide_in_event]
    shown += [_as_object] if as_json else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=_as_it_is)]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            *shown,
        ],
    )


def _hide_in_event(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: hide(value if isinstance(value, str) else str(value)) for name, value in event.items()}


def _as_object(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    first = {"time": event.pop("timestamp", ""), "level": event.pop("level", ""), "event": event.pop("event", "")}
    return str(structlog.processors.JSONRenderer(ensure_ascii=False)(logger, method, {**first, **event}))


def _as_it_is(stream: TextIO, exc_info: Any) -> None:
    """Tracebacks have become text by then."""
