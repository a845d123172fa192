"""Does a listing come to its end? Sees its pages go by and gives up on a site that would page for ever. Asks nothing."""

from __future__ import annotations

from collections.abc import Iterable

from jirakb.errors import ProtocolError

MOST_REPEATS = 100
"""Times that a page may bring what an earlier one has brought: edits meanwhile shift rows, but not as often."""
MOST_PAGES = 100_000
"""Pages of one listing: five hundred million issues on Cloud, a hundred million on Data Center."""


class Pages:
    """The pages of one listing, as they come."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._seen = set[int]()
        self._count = self._repeats = 0

    def see(self, numbers: Iterable[int]) -> None:
        """Take note of a page of issues; raises ProtocolError when there will be no end."""
        page = hash(tuple(numbers))
        self._count += 1
        self._repeats += page in self._seen
        self._seen.add(page)
        if self._repeats > MOST_REPEATS or self._count > MOST_PAGES:
            what = (
                "lists the same issues again and again" if self._repeats > MOST_REPEATS else "lists more than any Jira"
            )
            raise ProtocolError(f"{self._site} {what}: the listing would never end.", url=self._site)
