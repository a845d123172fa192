"""What has changed in each issue, who did it, and when? Puts the change log into bodies that came without it.

Cloud tells the changes of many issues in one call, page after page; Data Center sends all of them with an issue that is
asked to. Either way a batch of a hundred costs one or a few calls more. Never renders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from jirakb.documents import RawIssue
from jirakb.errors import ProtocolError
from jirakb.jira import jql
from jirakb.jira.client.endpoints import JiraClient
from jirakb.jira.client.pages import issue_bytes
from jirakb.jira.document.lenient import decode, line, mapping, number, objects
from jirakb.jira.readers.bisect import fetch_in_halves
from jirakb.source import Batch

Changes = Mapping[int, list[object]]
"""The entries of the change log of each issue."""


@dataclass(frozen=True, slots=True)
class Histories:
    """Completes the bodies of one site. Safe to use from several threads."""

    client: JiraClient
    flavor: str

    def complete(self, batch: Batch) -> Batch:
        """The batch with every issue's change log; one whose changes the site cannot tell becomes an omission."""
        bodies = {issue.number: issue for issue in batch.issues}
        if not bodies:
            return batch
        read: Callable[[Sequence[int]], Changes] = self._of_cloud if self.flavor == "cloud" else self._of_data_center

        def fetch(numbers: Sequence[int]) -> Batch:
            changes = read(numbers)
            return Batch(tuple(_with_changes(bodies[wanted], changes.get(wanted, [])) for wanted in numbers))

        done = fetch_in_halves(list(bodies), fetch, self.client.server_info)
        return Batch(done.issues, (*batch.omissions, *done.omissions))

    def _of_cloud(self, numbers: Sequence[int]) -> Changes:
        found: dict[int, list[object]] = {}
        seen, token = set[str](), ""
        while True:
            page = self.client.changelogs(numbers, token)
            for each in page.rows:
                log = mapping(each)
                rows = log.get("changeHistories")
                found.setdefault(number(log.get("issueId")) or 0, []).extend(rows if isinstance(rows, list) else ())
            token = page.next_token
            if not token:
                return found
            if token in seen:
                raise ProtocolError("A change log gives the same page token twice.", url=self.client.site)
            seen.add(token)

    def _of_data_center(self, numbers: Sequence[int]) -> Changes:
        """By search, asked again until no further issue comes (the site may clamp its pages); what it lacks, one by one."""
        found: dict[int, list[object]] = {}
        while left := [wanted for wanted in numbers if wanted not in found]:
            page = self.client.search(jql.ids(left), ["updated"], 0, len(left), lenient=True, expand=["changelog"])
            came = dict(_logged(bytes(row)) for row in page.rows) if page else {}
            if not came.keys() & set(left):
                break
            found |= came
        alone = (self.client.issue(wanted, fields="updated", expand="changelog") for wanted in left)
        return found | dict(_logged(issue_bytes(answer.data)) for answer in alone if answer.status == 200)


def _logged(payload: bytes) -> tuple[int, list[object]]:
    """The number and the changes of an issue in an answer."""
    try:
        issue = mapping(decode(payload))
    except ValueError as exc:
        raise ProtocolError(f"An answer holds an issue that cannot be read: {exc}.", status=200) from exc
    return number(issue.get("id")) or 0, list(objects(mapping(issue.get("changelog")).get("histories")))


def _with_changes(issue: RawIssue, changes: list[object]) -> RawIssue:
    """The body with its change log as Data Center embeds it; the rest of its bytes stays as it came."""
    once = {line(mapping(change).get("id")) or place: change for place, change in enumerate(changes)}
    histories = list(once.values())
    log = {"startAt": 0, "maxResults": len(histories), "total": len(histories), "histories": histories}
    body = issue.payload.rstrip().removesuffix(b"}")
    return replace(issue, payload=body + b',"changelog":' + issue_bytes(log) + b"}")
