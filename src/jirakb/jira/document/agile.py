"""Which sprints and which epic is an issue in? Reads the forms of Cloud, Data Center and the agile API."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from jirakb.jira.document.fields import FieldCatalog
from jirakb.jira.document.lenient import line, mapping

_SPRINT_NAME = re.compile(
    r"[\[,]name=(.*?)(?:,(?:id|rapidViewId|state|goal|startDate|endDate|completeDate|activatedDate|sequence|synced"
    r"|autoStartStop|incompleteIssuesDestinationId)=|\]$)",
    re.DOTALL,
)
"""The name in Data Center's `...Sprint@1f[id=1,state=ACTIVE,name=A, B,startDate=...]`; it may hold commas itself."""


def sprint_names(fields: Mapping[str, object], catalog: FieldCatalog) -> tuple[str, ...]:
    """The names of an issue's sprints, in the order in which the site lists them, each once."""
    listed = [fields.get(identity) for identity in (*catalog.sprint, "closedSprints", "sprint")]
    return tuple(dict.fromkeys(name for value in listed for name in sprints_in(value) if name))


def epic_key(fields: Mapping[str, object], catalog: FieldCatalog) -> str:
    """The key of the epic: from the epic link, the agile API's `epic`, or a parent that is an epic."""
    links = (line(fields.get(identity)) for identity in catalog.epic_link)
    own = next((key for key in links if key), "") or line(mapping(fields.get("epic")).get("key"))
    return own or _parent_epic(mapping(fields.get("parent")))


def sprints_in(value: object) -> Iterator[str]:
    """The name of each sprint in a value, "" for what is none."""
    for member in value if isinstance(value, list) else [value]:
        yield _described(member) if isinstance(member, str) else line(mapping(member).get("name"))


def _described(text: str) -> str:
    match = _SPRINT_NAME.search(text)
    return line(match[1]) if match else ""


def _parent_epic(parent: Mapping[str, object]) -> str:
    kind = mapping(mapping(parent.get("fields")).get("issuetype"))
    is_epic = kind.get("hierarchyLevel") == 1 or line(kind.get("name")).lower() == "epic"
    return line(parent.get("key")) if is_epic else ""
