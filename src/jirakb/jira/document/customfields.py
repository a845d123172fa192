"""What does the value of a custom field read like? Turns any JSON value into one text, "" for what nobody could read."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping

from jirakb.jira.document.fields import Field
from jirakb.jira.document.lenient import clean, line, mapping
from jirakb.jira.document.people import parse_person
from jirakb.jira.document.times import parse_time, time_text

_DEEPEST = 8
"""Arrays and cascades are followed this far; Jira's own are two deep."""

_OPAQUE = frozenset({"gh-lexo-rank", "devsummary", "devsummarycf", "sd-sla-field", "timeinstatus"})
"""Plug-in types whose values are made for machines: ranks, summaries of branches, clocks."""

_MACHINE_TEXT = re.compile(r"\d\|[0-9a-z]+:[0-9a-z]*|\w+(?:\.\w+){2,}@[0-9a-f]+(?:\[.*)?|\{\}|\[\]", re.DOTALL)
"""A rank, a Java object's own description, or an empty object written as text."""

_LONG_TEXT = "textarea"


def readable(field: Field, value: object, markdown: Callable[[object], str]) -> str:
    """The value as a person would write it; rich texts go through `markdown`."""
    if field.custom.rpartition(":")[2] in _OPAQUE:
        return ""
    if isinstance(value, str) and field.custom.endswith(_LONG_TEXT):
        return markdown(value)
    if isinstance(value, str) and field.type == "datetime":
        moment = parse_time(value)
        return time_text(moment) if moment else line(value)
    return _text(value, markdown, _DEEPEST)


def _text(value: object, markdown: Callable[[object], str], depth: int) -> str:
    if isinstance(value, str):
        return "" if _MACHINE_TEXT.fullmatch(value) else clean(value).strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, list):
        return ", ".join(text for member in value if depth and (text := _text(member, markdown, depth - 1)))
    return _object(mapping(value), markdown)


def _number(value: float) -> str:
    if isinstance(value, float) and math.isfinite(value) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _object(value: Mapping[str, object], markdown: Callable[[object], str]) -> str:
    if value.get("type") == "doc":
        return markdown(value)
    if "child" in value:
        return " > ".join(text for text in _cascade(value) if text)
    if person := parse_person(value) if "displayName" in value else None:
        return person.name
    return _label(value) or _label(mapping(value.get("requestType")))


def _label(value: Mapping[str, object]) -> str:
    """An option by its value, an issue by its key, anything else by its name or title."""
    if "fields" in value:
        return line(value.get("key"))
    return next((text for name in ("value", "name", "title") if (text := line(value.get(name)))), "")


def _cascade(value: Mapping[str, object]) -> Iterator[str]:
    """The options of a cascading select from the outermost in."""
    for _ in range(_DEEPEST):
        yield _label(value)
        value = mapping(value.get("child"))
        if not value:
            return
