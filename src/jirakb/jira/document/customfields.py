"""What does the value of a field read like? Turns any JSON value into one text, "" for what nobody could read."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping

from jirakb.jira.document.agile import sprints_in
from jirakb.jira.document.fields import SPRINT, Field
from jirakb.jira.document.lenient import clean, line, mapping, objects
from jirakb.jira.document.people import parse_person
from jirakb.jira.document.times import parse_time, time_text

Markdown = Callable[[object], str]

_DEEPEST = 8
"""Arrays and cascades are followed this far; Jira's own are two deep."""

_MACHINE_TEXT = re.compile(r"\d\|[0-9a-z]+:[0-9a-z]*|\w+(?:\.\w+){2,}@[0-9a-f]+(?:\[.*)?|\{\}|\[\]", re.DOTALL)
"""A rank, a Java object's own description, or an empty object written as text."""

_LONG_TEXT = "textarea"
_LABELS = ("value", "name", "title", "displayName", "label")
_WITHOUT_WORDS = frozenset({"number", "date", "datetime"})


def is_rich(field: Field, value: object) -> bool:
    """Whether a value is a text with markup, as a description is."""
    if isinstance(value, str):
        return field.custom.endswith(_LONG_TEXT)
    return mapping(value).get("type") == "doc"


def has_words(field: Field, text: str) -> bool:
    """Whether somebody could look for a value by its words: not a number, a date, or a switch."""
    return field.type not in _WITHOUT_WORDS and text not in ("true", "false") and any(map(str.isalpha, text))


def readable(field: Field, value: object, markdown: Markdown, *, machine: bool = False) -> str:
    """The value as a person would write it; rich texts go through `markdown`.

    With `machine` also what is made for machines (a rank) is written, as it stands.
    """
    if field.custom == SPRINT:
        return ", ".join(dict.fromkeys(name for name in sprints_in(value) if name))
    if isinstance(value, str) and is_rich(field, value):
        return markdown(value)
    if isinstance(value, str) and field.type == "datetime":
        moment = parse_time(value)
        return time_text(moment) if moment else line(value)
    if machine and isinstance(value, str):
        return clean(value).strip()
    return _text(value, markdown, _DEEPEST)


def _text(value: object, markdown: Markdown, depth: int) -> str:
    if isinstance(value, str):
        return "" if _MACHINE_TEXT.fullmatch(value) else clean(value).strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, list):
        texts = (_text(member, markdown, depth - 1) for member in value if depth)
        return ", ".join(dict.fromkeys(text for text in texts if text))
    return _object(mapping(value), markdown)


def _number(value: float) -> str:
    if isinstance(value, float) and math.isfinite(value) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _object(value: Mapping[str, object], markdown: Markdown) -> str:
    if value.get("type") == "doc":
        return markdown(value)
    if "child" in value:
        return " > ".join(text for text in _cascade(value) if text)
    for member, read in _SERVICE_DESK.items():
        if member in value:
            return read(value)
    if person := parse_person(value) if "displayName" in value else None:
        return person.name
    return _label(value)


def _label(value: Mapping[str, object]) -> str:
    """An option by its value, an issue by its key, anything else by its name or title."""
    if "fields" in value:
        return line(value.get("key"))
    return next((text for name in _LABELS if (text := line(value.get(name)))), "")


def _cascade(value: Mapping[str, object]) -> Iterator[str]:
    """The options of a cascading select from the outermost in."""
    for _ in range(_DEEPEST):
        yield _label(value)
        value = mapping(value.get("child"))
        if not value:
            return


def _request_type(value: Mapping[str, object]) -> str:
    return _label(mapping(value.get("requestType")))


def _clock(value: Mapping[str, object]) -> str:
    """A goal of a service desk: how each of its cycles went. Never how much time is left, which no update would tell."""
    past = ("breached" if cycle.get("breached") is True else "met" for cycle in objects(value.get("completedCycles")))
    running = ("running",) if mapping(value.get("ongoingCycle")) else ()
    return ", ".join((*past, *running))


def _approval(value: Mapping[str, object]) -> str:
    """An approval: what it is called and what was decided; who is asked, while it is open."""
    said = line(value.get("finalDecision"))
    asked = (parse_person(mapping(each).get("approver")) for each in objects(value.get("approvers")))
    named = ", ".join(person.name for person in asked if person)
    return ": ".join(text for text in (_label(value), said or named) if text)


def _feedback(value: Mapping[str, object]) -> str:
    """A customer's rating, and the words with it."""
    rating = value.get("rating")
    stars = f"{_number(rating)} of 5" if isinstance(rating, int | float) else ""
    return ": ".join(text for text in (stars, line(mapping(value.get("comment")).get("body"))) if text)


_SERVICE_DESK: Mapping[str, Callable[[Mapping[str, object]], str]] = {
    "requestType": _request_type,
    "completedCycles": _clock,
    "ongoingCycle": _clock,
    "approvers": _approval,
    "rating": _feedback,
}
"""Values of Jira Service Management, known by a member that only they have."""
