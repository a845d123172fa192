"""What a source of issues offers the sync, in the sync's own words. The Jira connector is one; a test's list is another."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from jirakb.documents import Document, IssueRef, Omission, RawIssue


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """Which site answers, and as whom: `id` is the cloudId on Cloud, the normalised base URL on Data Center."""

    id: str
    flavor: str
    base_url: str
    account: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of issue references, with the site's own clock at the moment it answered (aware UTC).

    `omissions` are the rows that name no issue, each with a number below -1 that stays the same for the same row.
    """

    refs: tuple[IssueRef, ...]
    site_time: datetime
    omissions: tuple[tuple[int, Omission], ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """What a fetch of some issues brought: bodies, and one (number, omission) for each asked issue that cannot be had.

    An asked number with neither is one that the site no longer shows (deleted or lost since it was listed).
    """

    issues: tuple[RawIssue, ...]
    omissions: tuple[tuple[int, Omission], ...] = ()


@dataclass(frozen=True, slots=True)
class Rendered:
    """The documents of one issue (the issue itself first, then its attachments), and what of it was left out."""

    documents: tuple[Document, ...]
    omissions: tuple[Omission, ...] = ()
    former_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """What a source asked of its site so far; endpoints as "GET search/jql"."""

    total: int = 0
    throttled: int = 0
    by_endpoint: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HiddenProject:
    """A project whose issues no listing shows, though they need not be deleted.

    "project_archived": it is archived. "project_lost": the account may not browse it any more, or it was deleted; a site
    tells nobody which. `detail` is a sentence for the reader.
    """

    key: str
    reason: Literal["project_archived", "project_lost"]
    detail: str


class Source(Protocol):
    """A site read by one query. Every method may raise the SiteError and SettingsError families of `jirakb.errors`."""

    def identify(self) -> SiteInfo:
        """Say which site this is and who is asking; raises InsufficientPermissionsError on refused or anonymous credentials."""

    def list_all(self) -> Iterator[Listing]:
        """Every issue of the query, ids and keys only, page by page, without guarantee of order; an id may come twice."""

    def list_updated(self, since: datetime, until: datetime | None = None) -> Iterator[Listing]:
        """The issues of the query updated at or after the minute of `since` (and before `until`), page by page."""

    def updated_times(self, numbers: Sequence[int]) -> dict[int, datetime]:
        """When each of these issues was last updated; numbers that the site does not show are missing."""

    def still_listed(self, numbers: Sequence[int]) -> set[int]:
        """Those of these issues that the query admits now: asked before an issue that a listing lacks counts as gone."""

    def hidden_projects(self, keys: Collection[str]) -> tuple[HiddenProject, ...]:
        """Those of these projects that show none of their issues, and those that the listings had to leave out.

        `keys` are the projects of issues that a complete listing lacks: what a hidden project has does not count as gone.
        """

    def rendering_facts(self) -> str:
        """What rendering depends on besides the issue and what is read of it, to be kept: a rebuild renders with it."""

    def fetch(self, numbers: Sequence[int]) -> Batch:
        """The complete bodies of at most `batch_limit` issues. Safe to call from several threads."""

    def render(self, raw: RawIssue) -> Rendered:
        """The documents of one raw issue. Pure: no call to the site. Raises SkippedIssueError when it cannot be read."""

    def stop(self) -> None:
        """Give up what is under way: calls that wait, and all later ones, raise SiteError at once. There is no way back."""

    def requests(self) -> RequestCounts:
        """The requests made so far."""

    @property
    def batch_limit(self) -> int:
        """How many bodies one call fetches (100 on Cloud)."""
