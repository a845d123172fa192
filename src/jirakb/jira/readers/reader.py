"""What do readers of both flavors have in common? Holds what does not depend on how a flavor is searched."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from jirakb.jira.client.endpoints import JiraClient
from jirakb.jira.identity import Identity
from jirakb.jira.readers.bisect import fetch_in_halves
from jirakb.jira.readers.bodies import Body
from jirakb.source import Batch, Listing

BATCH_LIMIT = 100
"""Issues with all their fields that Cloud gives in one call; Data Center is asked for as many."""


@dataclass(frozen=True, slots=True)
class SiteReader(ABC):
    """Reads the issues of a site. Safe to use from several threads."""

    client: JiraClient
    identity: Identity
    now: Callable[[], datetime]

    @property
    def batch_limit(self) -> int:
        """How many bodies are asked for in one call."""
        return BATCH_LIMIT

    @abstractmethod
    def check(self, jql: str) -> None:
        """Raises ConnectorValidationError, in Jira's words, when it refuses the query."""

    @abstractmethod
    def list(self, jql: str, *, times: bool) -> Iterator[Listing]:
        """The ids and keys of a query page by page; with `times` also when each was updated."""

    @abstractmethod
    def numbers_of(self, jql: str) -> set[int]:
        """The ids of a query that names its ids; those that do not exist are passed over."""

    def updated_times(self, numbers: Sequence[int]) -> dict[int, datetime]:
        """When these issues were updated; those that are not shown are missing."""
        heads = self._heads(numbers)
        return {number: body.updated for number, body in heads.items() if body.updated}

    def fetch(self, numbers: Sequence[int]) -> Batch:
        """The complete bodies of at most `batch_limit` issues."""
        return fetch_in_halves(numbers, self._fetch, self.client.server_info) if numbers else Batch(())

    @abstractmethod
    def _heads(self, numbers: Sequence[int]) -> dict[int, Body]:
        """When each of these issues was updated, without its texts."""

    @abstractmethod
    def _fetch(self, numbers: Sequence[int]) -> Batch:
        """The bodies by one call, where all goes well."""
