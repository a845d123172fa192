"""How `load_from_checkpoint` goes on: driven with a list of issues instead of a site."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jirakb.documents import Document, Fields, IssueRef, Omission, RawIssue
from jirakb.errors import SiteUnreachableError, UsageError
from jirakb.jira.checkpoint import Checkpoint, Load
from jirakb.source import Batch, Listing, Rendered, RequestCounts, SiteInfo

START = datetime(2026, 1, 1, tzinfo=UTC)
OVERLAP = timedelta(minutes=10)


class ListedIssues:
    """A source whose issues are numbers with a time of update; some fail."""

    batch_limit = 3

    def __init__(self, count: int) -> None:
        self.updated = {number: START + timedelta(hours=number) for number in range(1, count + 1)}
        self.bad: set[int] = set()
        self.down_at: int | None = None

    def identify(self) -> SiteInfo:
        return SiteInfo("s", "cloud", "https://x", "me", "UTC")

    def list_all(self) -> Iterator[Listing]:
        yield Listing(tuple(IssueRef(number) for number in self.updated), START + timedelta(days=30))

    def list_updated(self, since: datetime, until: datetime | None = None) -> Iterator[Listing]:
        for listing in self.list_all():
            refs = tuple(ref for ref in listing.refs if self.updated[ref.number] >= since - timedelta(hours=1))
            yield Listing(refs, listing.site_time)

    def updated_times(self, numbers: Sequence[int]) -> dict[int, datetime]:
        return {number: self.updated[number] for number in numbers}

    def fetch(self, numbers: Sequence[int]) -> Batch:
        assert len(numbers) <= self.batch_limit
        if self.down_at in numbers:
            raise SiteUnreachableError("down")
        broken = [(n, Omission(str(n), "issue", "failed", "bad_body")) for n in numbers if n in self.bad]
        whole = [RawIssue(n, f"A-{n}", self.updated[n], b"{}") for n in numbers if n not in self.bad]
        return Batch(tuple(whole), tuple(broken))

    def render(self, raw: RawIssue) -> Rendered:
        return Rendered((Document(raw.key, "issue", "s", raw.number, raw.key, "", "", raw.updated, "", (), Fields()),))

    def requests(self) -> RequestCounts:
        return RequestCounts()


def _load(
    source: ListedIssues, checkpoint: Checkpoint | None = None, start: float | None = None, end: float | None = None
) -> Load:
    begun = (checkpoint or Checkpoint()).resumed(start, end, OVERLAP)
    return Load(source, begun, 4, lambda: 0.0)


def _numbers(load: Load) -> list[int]:
    return [item.number if isinstance(item, Document) else -int(item.key) for item in load]


def test_everything_comes_once_and_the_checkpoint_is_finished() -> None:
    load = _load(ListedIssues(10))
    assert _numbers(load) == list(range(1, 11))
    assert load.checkpoint.finished
    assert not load.checkpoint.has_more
    assert load.checkpoint.watermark == (START + timedelta(days=30)).timestamp()


def test_a_loop_that_stops_leaves_the_checkpoint_before_its_page() -> None:
    load = _load(ListedIssues(10))
    seen = []
    for item in load:
        seen.append(item)
        if len(seen) == 6:
            break
    assert load.checkpoint.after == 4
    assert _numbers(_load(ListedIssues(10), load.checkpoint)) == [5, 6, 7, 8, 9, 10]


def test_a_failing_page_moves_nothing() -> None:
    source = ListedIssues(10)
    source.down_at = 6
    load = _load(source)
    with pytest.raises(SiteUnreachableError):
        list(load)
    assert load.checkpoint.after == 4
    assert load.checkpoint.has_more
    source.down_at = None
    assert _numbers(_load(source, load.checkpoint)) == [5, 6, 7, 8, 9, 10]


def test_pages_come_with_the_checkpoint_that_follows_them() -> None:
    pages = list(_load(ListedIssues(10)).pages())
    assert [len(page.items) for page in pages] == [4, 4, 2]
    assert [page.checkpoint.after for page in pages] == [4, 8, 10]


def test_an_issue_that_failed_is_tried_again_until_it_comes() -> None:
    source = ListedIssues(5)
    source.bad = {2}
    first = _load(source)
    assert sorted(_numbers(first)) == [-2, 1, 3, 4, 5]
    second = _load(source, first.checkpoint)
    assert _numbers(second) == [-2]
    source.bad.clear()
    third = _load(source, second.checkpoint)
    assert _numbers(third) == [2]
    assert third.checkpoint.retry == ()


def test_a_finished_load_is_followed_by_what_came_after_it() -> None:
    source = ListedIssues(5)
    first = _load(source)
    list(first)
    source.updated[3] = START + timedelta(days=30) - OVERLAP
    assert _numbers(_load(source, first.checkpoint)) == [3]


def test_a_window_includes_its_start_and_excludes_its_end() -> None:
    start, end = (START + timedelta(hours=2)).timestamp(), (START + timedelta(hours=4)).timestamp()
    assert _numbers(_load(ListedIssues(6), start=start, end=end)) == [2, 3]


def test_a_checkpoint_survives_as_text() -> None:
    checkpoint = Checkpoint(1.5, None, 7, 3.25, (1, 2), finished=True)
    assert Checkpoint.from_json(checkpoint.to_json()) == checkpoint
    for text in ("", "[]", '{"other": 1}', "null"):
        with pytest.raises(UsageError):
            Checkpoint.from_json(text)


@pytest.mark.parametrize("start", [1e18, float("nan")])
def test_a_start_that_no_calendar_has_is_refused(start: float) -> None:
    with pytest.raises(UsageError):
        list(_load(ListedIssues(1), start=start))


def test_a_window_without_a_moment_is_refused() -> None:
    with pytest.raises(UsageError, match="no moment"):
        _load(ListedIssues(1), start=5, end=3)


class OneOddRow(ListedIssues):
    def list_all(self) -> Iterator[Listing]:
        for listing in super().list_all():
            yield replace(listing, omissions=((-7, Omission("A-9", "issue", "failed", "bad_id")),))


def test_a_row_that_names_no_issue_comes_as_an_omission() -> None:
    items = list(_load(OneOddRow(2)))
    assert [item.key for item in items if isinstance(item, Omission)] == ["A-9"]
    assert [item.key for item in items if isinstance(item, Document)] == ["A-1", "A-2"]
