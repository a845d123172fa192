"""How is Jira Cloud read? Ids by search/jql, five thousand a page; bodies by bulkfetch, a hundred a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from jirakb.documents import Omission
from jirakb.errors import ConnectorValidationError, ProtocolError, SiteUnreachableError
from jirakb.jira.bisect import fetch_in_halves, join
from jirakb.jira.bodies import by_number, raw_issue, reference, single
from jirakb.jira.client.endpoints import IdPage, JiraClient
from jirakb.jira.identity import Identity
from jirakb.source import Batch, Listing

BATCH_LIMIT = 100
_ID_PAGE = 5000
_TIMES_PAGES = (1000, 100)
"""Sites that follow the newer rule give a thousand issues of one field in a call; the others refuse more than a hundred."""
_EMPTY_PAGES = 3
"""Pages without an issue, though not the last, that are borne in a row."""


@dataclass(frozen=True, slots=True)
class CloudReader:
    """Reads a Cloud site. Safe to use from several threads."""

    client: JiraClient
    identity: Identity
    now: Callable[[], datetime]

    @property
    def batch_limit(self) -> int:
        """Bulkfetch takes a hundred issues with all their fields."""
        return BATCH_LIMIT

    def check(self, jql: str) -> None:
        """Raises ConnectorValidationError, in Jira's words, when it refuses the query."""
        self.identity.confirm(self.client.search_jql(jql, "id", 1).answer)

    def list(self, jql: str, *, times: bool) -> Iterator[Listing]:
        """The ids of a query page by page; with `times` also when each was updated (a hundred a page)."""
        token, seen, empty = "", set[str](), 0
        while True:
            page = self._page(jql, "updated" if times else "id", token)
            yield Listing(tuple(reference(row) for row in page.rows), page.answer.site_time or self.now())
            token = page.next_token
            if not token:
                self.identity.confirm(page.answer)
                return
            empty = 0 if page.rows else empty + 1
            self._refuse_endless(token in seen, empty)
            seen.add(token)

    def numbers_of(self, jql: str) -> set[int]:
        """The ids of a query that names its ids; those that do not exist are passed over."""
        return {ref.number for listing in self.list(jql, times=False) for ref in listing.refs}

    def updated_times(self, numbers: Sequence[int]) -> dict[int, datetime]:
        """When these issues were updated; those that are not shown are missing."""
        if len(numbers) <= _TIMES_PAGES[1]:
            return self._times(numbers, _TIMES_PAGES[1])
        try:
            return self._times(numbers, _TIMES_PAGES[0])
        except ConnectorValidationError as exc:
            if exc.status != 400:
                raise
            return self._times(numbers, _TIMES_PAGES[1])

    def fetch(self, numbers: Sequence[int]) -> Batch:
        """The complete bodies of at most a hundred issues."""
        return fetch_in_halves(numbers, self._fetch, self.client.server_info) if numbers else Batch(())

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

    def _times(self, numbers: Sequence[int], size: int) -> dict[int, datetime]:
        found: dict[int, datetime] = {}
        for start in range(0, len(numbers), size):
            block = numbers[start : start + size]
            fetched = self.client.bulk_fetch(block, ["updated"])
            found |= {ref.number: ref.updated for row in fetched.issues if (ref := reference(row)).updated}
            if len(fetched.issues) < len(block):
                self.identity.confirm(fetched.answer)
        return found

    def _fetch(self, numbers: Sequence[int]) -> Batch:
        fetched = self.client.bulk_fetch(numbers, ["*all"], attempts=3)
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
