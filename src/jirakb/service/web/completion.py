"""What could come next in a query of the query language? Its words, and the values that readable issues have. Judges no query."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from jirakb.control.catalog import Entry
from jirakb.documents import Readers
from jirakb.errors import CorruptStoreError, NotFoundError
from jirakb.knowledge.query.fields import FIELDS, OPERATORS, Field, field_named
from jirakb.service.web.models.knowledge import CompleteQuery, Completion, Completions
from jirakb.service.web.shelf import Shelf

_Kind = Literal["field", "operator", "function", "value", "keyword"]
_FACETS = {"component": "components"}
_COUNTED = frozenset({"project", "type", "status", "priority", "assignee", "labels", "components"})
_FUNCTIONS = ("now()", "startOfDay()", "startOfWeek()", "startOfMonth()", "startOfYear()", "endOfDay()", "endOfWeek()")
_KEYWORDS = ("AND", "OR", "NOT", "ORDER BY")
_NAME = r"[A-Za-z][A-Za-z]*"
_SIGN = r"=|!=|>=|<=|>|<|~|!~|not\s+in|in|is\s+not|is"
_VALUE = re.compile(rf"({_NAME})\s*({_SIGN})\s*\(?\s*(?:[^()]*,\s*)?(\"[^\"]*|[^\s\",()=<>~!]*)$", re.IGNORECASE)
_OPERATOR = re.compile(rf"(?:^|[\s(])({_NAME})\s+([=!<>~]*|[in][a-z]*(?:\s+[a-z]*)?)$", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z]*$")
_LOOKED_AT = 2000


def complete(
    query: CompleteQuery, shelf: Shelf, entries: Sequence[Entry], principals: Readers | None
) -> Completions:  # fmt: skip
    """What could stand at the end of what was typed."""
    typed = query.prefix[-_LOOKED_AT:]
    found = _after_operator(typed, shelf, entries, principals) or _after_field(typed) or _after_nothing(typed)
    begun, items = found
    fitting = [item for item in items if item.text.strip('"').casefold().startswith(begun.strip('"').casefold())]
    return Completions(replaces=len(begun), items=fitting[: query.limit])


def _after_operator(
    typed: str, shelf: Shelf, entries: Sequence[Entry], principals: Readers | None
) -> tuple[str, list[Completion]] | None:
    found = _VALUE.search(typed)
    field = field_named(found[1]) if found else None
    if found is None or field is None:
        return None
    if found[2].casefold().startswith("is"):
        return found[3], [_item("EMPTY", "keyword")]
    if field.kind == "date":
        return found[3], [_item(name, "function") for name in _FUNCTIONS]
    return found[3], [_item(_quoted(value), "value") for value in _values(field, shelf, entries, principals)]


def _after_field(typed: str) -> tuple[str, list[Completion]] | None:
    found = _OPERATOR.search(typed)
    field = field_named(found[1]) if found else None
    if found is None or field is None:
        return None
    return found[2] or "", [_item(sign, "operator") for sign in OPERATORS[field.kind]]


def _after_nothing(typed: str) -> tuple[str, list[Completion]]:
    found = _WORD.search(typed)
    begun = found[0] if found else ""
    names = [_item(field.name, "field") for field in FIELDS]
    return begun, [*names, *(_item(word, "keyword") for word in _KEYWORDS if typed.strip())]


def _values(field: Field, shelf: Shelf, entries: Sequence[Entry], principals: Readers | None) -> Iterator[str]:
    """The values that most issues have first."""
    facet = _FACETS.get(field.name, field.name)
    if facet not in _COUNTED:
        return
    seen: dict[str, int] = {}
    for entry in entries:
        try:
            with shelf.searcher(entry) as searcher:
                told = searcher.search("", principals=principals, limit=1, facets=(facet,)).facets
        except (NotFoundError, CorruptStoreError):  # the others' values help all the same
            continue
        for one in told.get(facet, ()):
            seen[one.value] = seen.get(one.value, 0) + one.count
    yield from (value for value in sorted(seen, key=lambda name: (-seen[name], name)) if value)


def _quoted(value: str) -> str:
    if re.fullmatch(r"[\w-]+", value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _item(text: str, kind: _Kind) -> Completion:
    return Completion(text=text, kind=kind)
