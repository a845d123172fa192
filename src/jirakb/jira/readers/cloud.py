"""How is Jira Cloud read? Ids by search/jql, five thousand a page; bodies by bulkfetch, a hundred a call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jirakb.documents import Omission
from jirakb.errors import ConnectorValidationError, ProtocolError, SiteUnreachableError
from jirakb.jira.client.endpoints import IdPage
from jirakb.jira.readers.bisect import join, tries
from jirakb.jira.readers.bodies import Body, by_number, listing, raw_issue, single
from jirakb.jira.readers.endless import Pages
from jirakb.jira.readers.reader import SiteReader
from jirakb.source import Batch, Listing

_ID_PAGE = 5000
_HEADS_PAGES = (1000, 100)
"""Sites that follow the newer rule give a thousand issues of one field in a call; the others refuse more than a hundred."""
_EMPTY_PAGES = 3
"""Pages without an issue, though not the last, that are borne in a row."""


@dataclass(frozen=True, slots=True)
class CloudReader(SiteReader):
    """Reads a Cloud site. Safe to use from several threads."""

    def check(self, jql: str) -> None:
        """Raises ConnectorValidationError, in Jira's words, when it refuses the query."""
        self.identity.confirm(self.client.search_jql(jql, "id", 1).answer)

    def list(self, jql: str, *, times: bool) -> Iterator[Listing]:
        """The ids and keys of a query page by page; with `times` also when each was updated (a hundred a page)."""
        token, seen, empty, pages = "", set[str](), 0, Pages(self.client.site)
        while True:
            page = self._page(jql, "updated" if times else "key", token)
            found = listing(page.rows, page.answer.site_time or self.now())
            pages.see(ref.number for ref in found.refs)
            yield found
            token = page.next_token
            if not token:
                self.identity.confirm(page.answer)
                return
            empty = 0 if page.rows else empty + 1
            self._refuse_endless(token in seen, empty)
            seen.add(token)

    def numbers_of(self, jql: str) -> set[int]:
        """The ids of a query that names its ids; those that do not exist are passed over."""
        return {ref.number for page in self.list(jql, times=False) for ref in page.refs}

    def _heads(self, numbers: Sequence[int]) -> dict[int, Body]:
        if len(numbers) <= _HEADS_PAGES[1]:
            return self._heads_by(_HEADS_PAGES[1], numbers)
        try:
            return self._heads_by(_HEADS_PAGES[0], numbers)
        except ConnectorValidationError as exc:
            if exc.status != 400:
                raise
            return self._heads_by(_HEADS_PAGES[1], numbers)

    def _page(self, jql: str, fields: str, token: str) -> IdPage:
        try:
            return self.client.search_jql(jql, fields, _ID_PAGE, token)
        except ConnectorValidationError as exc:
            if not token or exc.status != 400:
                raise
            raise ProtocolError(
                f"{self.client.site} broke off a listing: {exc.message}", fix="Run again.", url=self.client.site
            ) from exc

    def _refuse_endless(self, repeated: bool, empty: int) -> None:
        if repeated or empty > _EMPTY_PAGES:
            what = "gives the same page token twice" if repeated else "gives page after page without an issue"
            raise ProtocolError(f"{self.client.site} {what}: the listing would never end.", url=self.client.site)

    def _heads_by(self, size: int, numbers: Sequence[int]) -> dict[int, Body]:
        found: dict[int, Body] = {}
        for start in range(0, len(numbers), size):
            block = numbers[start : start + size]
            fetched = self.client.bulk_fetch(block, ["updated"])
            found |= by_number(fetched.issues)
            if len(fetched.issues) < len(block):
                self.identity.confirm(fetched.answer)
        return found

    def _fetch(self, numbers: Sequence[int]) -> Batch:
        fetched = self.client.bulk_fetch(numbers, ["*all"], attempts=tries(numbers))
        found = by_number(fetched.issues)
        raw = {wanted: raw_issue(self.client, found[wanted]) for wanted in numbers if wanted in found}
        issues = [issue for issue in raw.values() if issue]
        if len(issues) < len(numbers):
            self.identity.confirm(fetched.answer)
        refused = {wanted: fetched.errors[str(wanted)] for wanted in numbers if str(wanted) in fetched.errors}
        singly = [self._after_error(wanted, message) for wanted, message in refused.items() if wanted not in raw]
        return join([Batch(tuple(issues)), *singly])

    def _after_error(self, wanted: int, message: str) -> Batch:
        """An issue that bulkfetch reports as an error is asked for alone: deleted ones are reported so, too."""
        try:
            issue = single(self.client, wanted)
        except (SiteUnreachableError, ProtocolError):
            return Batch((), ((wanted, Omission(str(wanted), "issue", "failed", "issue_error", message[:300])),))
        return Batch((issue,) if issue else ())
