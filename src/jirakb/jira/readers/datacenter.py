"""How is Jira Data Center read? By offset pages of search that overlap, and bodies by search for a list of ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from jirakb.errors import ProtocolError
from jirakb.jira import jql as query
from jirakb.jira.client.endpoints import IssuePage
from jirakb.jira.readers.bisect import tries
from jirakb.jira.readers.bodies import Body, by_number, listing, raw_issue, single
from jirakb.jira.readers.endless import Pages
from jirakb.jira.readers.reader import SiteReader
from jirakb.source import Batch, Listing

_PAGE = 1000
"""The cap that Data Center ships with; where an administrator lowered it, pages are shorter."""
_OVERLAP = 10
"""Rows of the page before that the next page repeats: when rows before it vanish meanwhile, all later ones move up."""


@dataclass(frozen=True, slots=True)
class DataCenterReader(SiteReader):
    """Reads a Data Center site; one with a low cap is asked several times. Safe to use from several threads."""

    def check(self, jql: str) -> None:
        """Raises ConnectorValidationError, in Jira's words, when it refuses the query."""
        self.identity.confirm(self._search(jql, 0, 0).answer)

    def list(self, jql: str, *, times: bool) -> Iterator[Listing]:
        """The ids of a query page by page, always with `updated`: here it costs nothing."""
        del times
        return self._walk(jql, lenient=False)

    def numbers_of(self, jql: str) -> set[int]:
        """The ids of a query that names its ids; those that do not exist are passed over."""
        return {ref.number for page in self._walk(jql, lenient=True) for ref in page.refs}

    def _heads(self, numbers: Sequence[int]) -> dict[int, Body]:
        found: dict[int, Body] = {}
        for start in range(0, len(numbers), _PAGE):
            found |= self._by_ids(numbers[start : start + _PAGE], ["updated"])
        if len(found) < len(numbers):
            self.identity.verify()
        return found

    def _walk(self, jql: str, *, lenient: bool) -> Iterator[Listing]:
        """A page that shows no row of the one before does not prove that it follows: then an earlier one is asked for."""
        before, start, position, step_back, pages = frozenset[int](), 0, 0, 1, Pages(self.client.site)
        while True:
            page = self._search(jql, start, _PAGE, lenient=lenient)
            found = listing(page.rows, page.answer.site_time or self.now())
            numbers = frozenset(ref.number for ref in found.refs)
            pages.see(ref.number for ref in found.refs)
            if start and before and not numbers & before:
                step_back *= 2
                start = max(0, position - step_back)
                continue
            yield replace(found, refs=tuple(ref for ref in found.refs if ref.number not in before))
            position = page.start + len(page.rows)
            if position >= page.total or not page.rows:
                self.identity.confirm(page.answer)
                return
            overlap = min(_OVERLAP, -(-len(page.rows) // 10), len(page.rows) - 1)
            before, step_back = numbers if overlap else frozenset(), max(overlap, 1)
            start = position - overlap

    def _fetch(self, numbers: Sequence[int]) -> Batch:
        found = self._by_ids(numbers, ["*all"], attempts=tries(numbers))
        raw = [raw_issue(self.client, found[wanted]) for wanted in numbers if wanted in found]
        # The index may lag behind or have lost an issue: only the issue itself says that it is gone.
        raw += [single(self.client, wanted) for wanted in numbers if wanted not in found]
        issues = tuple(issue for issue in raw if issue)
        if len(issues) < len(numbers):
            self.identity.verify()
        return Batch(issues)

    def _by_ids(self, numbers: Sequence[int], fields: Sequence[str], *, attempts: int | None = None) -> dict[int, Body]:
        """The issues that the index knows, asked for again until no further one comes: the site may clamp its pages."""
        found: dict[int, Body] = {}
        while left := [number for number in numbers if number not in found]:
            page = self.client.search(query.ids(left), fields, 0, len(left), lenient=True, attempts=attempts)
            if page is None:
                break
            came = by_number(page.rows)
            new = {number: came[number] for number in left if number in came}
            found |= new
            if not new or len(page.rows) >= page.total:
                break
        return found

    def _search(self, jql: str, start: int, size: int, *, lenient: bool = False) -> IssuePage:
        page = self.client.search(jql, ["updated"], start, size, lenient=lenient)
        if page is None:
            raise ProtocolError(f"{self.client.site} refused a query that it had taken before.", url=self.client.site)
        return page
