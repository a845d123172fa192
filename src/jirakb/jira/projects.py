"""Which projects of a query does the site still show? Tells lost, archived and renamed projects apart, and leaves the lost out.

One project that the account may no longer browse makes Jira refuse a query as a whole. Never deletes anything, and never
asks as long as queries are answered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from jirakb.errors import ConnectorValidationError
from jirakb.jira.client.answers import Answer
from jirakb.jira.document.lenient import line, mapping
from jirakb.jira.jql import Query
from jirakb.source import HiddenProject


@dataclass(frozen=True, slots=True)
class Seen:
    """A project as the site shows it: its present key ("" where it is not shown), and whether it is archived."""

    key: str
    archived: bool


def read_project(answer: Answer) -> Seen:
    """What the answer to GET project says; a project that is not shown is a 404."""
    if answer.status == 404:
        return Seen("", archived=False)
    data = mapping(answer.data)
    return Seen(line(data.get("key")), data.get("archived") is True)


class Projects:
    """The projects of one query at one site. Safe to use from several threads."""

    def __init__(self, query: Query, site: str) -> None:
        self._lock = threading.Lock()
        self._site = site
        self._lost: frozenset[str] = frozenset()
        self.query = query
        """The query for what the site shows; where `look` found changes, without lost projects and by present keys."""

    def look(self, ask: Callable[[str], Answer]) -> bool:
        """Ask for each project of the query, after the site has refused it; whether the query is another one now.

        Raises ConnectorValidationError when none of its projects is left.
        """
        with self._lock:
            seen = {key: read_project(ask(key)) for key in self.query.keys}
            left = tuple(dict.fromkeys(found.key for found in seen.values() if found.key))
            if seen and not left:
                raise no_project(sorted(seen), self._site)
            self._lost |= {key for key, found in seen.items() if not found.key}
            changed = left != self.query.keys
            self.query = replace(self.query, projects=left) if changed else self.query
            return changed

    def hidden(self, keys: Collection[str], ask: Callable[[str], Answer]) -> tuple[HiddenProject, ...]:
        """Those of these projects, and of those that were left out, which show no issue."""
        asked = sorted({*keys, *self._lost})
        found = (self._judge(key, read_project(ask(key))) for key in asked)
        return tuple(project for project in found if project)

    def _judge(self, key: str, seen: Seen) -> HiddenProject | None:
        if not seen.key:
            detail = f"{self._site} shows this account no project {key}: it was deleted, or the account lost it."
            return HiddenProject(key, "project_lost", detail)
        if seen.archived:
            return HiddenProject(key, "project_archived", f"The project {key} is archived.")
        return None


def no_project(keys: Collection[str], site: str) -> ConnectorValidationError:
    """The error for a query none of whose projects is shown."""
    listed = ", ".join(keys)
    return ConnectorValidationError(
        f"{site} shows this account no project {listed}.",
        fix="Check the project's key, and that the account may browse it. What was indexed of it stays as it is.",
        url=site,
        key=listed,
        status=404,
    )
