"""Where does reading stand? The checkpoint of `load_from_checkpoint`, and the load that moves it page by page.

The checkpoint of a page is given only after the page was consumed: a loop that breaks, or a page that fails, moves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

import orjson

from jirakb.documents import Document, Omission, RawIssue
from jirakb.errors import SkippedIssueError, UsageError, empty_window
from jirakb.source import Listing, Source

Item = Document | Omission


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a load has come. Times are epoch seconds.

    `start` and `end` bound `updated` (inclusive, exclusive); of the issues in them those up to number `after` are done.
    `watermark` is the site's clock when the load began: where the next one goes on. `retry` are issues that failed.
    """

    start: float = 0.0
    end: float | None = None
    after: int = -1
    watermark: float | None = None
    retry: tuple[int, ...] = ()
    finished: bool = False

    @property
    def has_more(self) -> bool:
        """Whether this load is unfinished."""
        return not self.finished

    def to_json(self) -> str:
        """A text to keep until the next load."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> Checkpoint:
        """The checkpoint that `to_json` wrote; raises UsageError on any other text."""
        try:
            found = cls(**orjson.loads(text))
            return replace(found, retry=tuple(int(number) for number in found.retry))
        except (ValueError, TypeError) as exc:
            raise UsageError("This is no checkpoint of a Jira connector.") from exc

    def resumed(self, start: float | None, end: float | None, overlap: timedelta) -> Checkpoint:
        """What to load now: the rest of an unfinished load, else what came after it, else the window asked for.

        After a finished load the next one begins `overlap` before its watermark, since a site's index lags.
        Raises UsageError for a window that holds no moment.
        """
        if start is not None and end is not None and end <= start:
            raise empty_window(start, end)
        if not self.finished:
            return self if self.watermark is not None else replace(self, start=start or self.start, end=end)
        since = start if start is not None else max(0.0, (self.watermark or 0.0) - overlap.total_seconds())
        return Checkpoint(start=since, end=end, retry=self.retry)


@dataclass(frozen=True, slots=True)
class Page:
    """Some documents and omissions, and the checkpoint that holds once they are kept."""

    items: tuple[Item, ...]
    checkpoint: Checkpoint


class Load:
    """The documents and failures of a load. Iterate over it and keep `checkpoint`, or take `pages()` and keep each one's."""

    def __init__(self, source: Source, begun: Checkpoint, page_size: int, now: Callable[[], float]) -> None:
        self._source = source
        self._page_size = page_size
        self._now = now
        self.checkpoint = begun
        """Where the next load may go on: moves when everything before it was consumed."""

    def __iter__(self) -> Iterator[Item]:
        """Every document and failure; `checkpoint` moves when the item after a page is asked for."""
        for page in self.pages():
            yield from page.items

    def pages(self) -> Iterator[Page]:
        """The load page by page."""
        at = self.checkpoint
        numbers, unreadable, at = self._list(at)
        if unreadable:
            yield Page(unreadable, at)
        for first in range(0, len(numbers), self._page_size):
            asked = numbers[first : first + self._page_size]
            page = self._read(asked, at)
            yield page
            self.checkpoint = at = page.checkpoint
        self.checkpoint = replace(at, finished=True, after=-1)

    def _listings(self, at: Checkpoint) -> Iterator[Listing]:
        if not at.start and at.end is None:
            return self._source.list_all()
        until = None if at.end is None else _moment(at.end)
        return self._source.list_updated(_moment(at.start), until)

    def _list(self, at: Checkpoint) -> tuple[Sequence[int], tuple[Item, ...], Checkpoint]:
        listed: set[int] = set()
        unreadable: dict[int, Omission] = {}
        first_seen: datetime | None = None
        for listing in self._listings(at):
            first_seen = first_seen or listing.site_time
            listed.update(ref.number for ref in listing.refs)
            unreadable.update(listing.omissions)
        if at.watermark is None:
            at = replace(at, watermark=first_seen.timestamp() if first_seen else self._now())
        again = [number for number in at.retry if number not in listed or number <= at.after]
        wanted = [*again, *sorted(number for number in listed if number > at.after)]
        return wanted, tuple(unreadable.values()), at

    def _read(self, asked: Sequence[int], at: Checkpoint) -> Page:
        items: list[Item] = []
        failed = set(at.retry) - set(asked)
        for numbers in _blocks(asked, self._source.batch_limit):
            batch = self._source.fetch(numbers)
            items.extend(omission for _, omission in batch.omissions)
            failed |= {number for number, omission in batch.omissions if omission.cls == "failed"}
            for raw in batch.issues:
                rendered = self._render(raw, at)
                items.extend(rendered)
                failed |= {raw.number for item in rendered if isinstance(item, Omission) and item.cls == "failed"}
        after = max([at.after, *(number for number in asked if number not in at.retry)])
        return Page(tuple(items), replace(at, after=after, retry=tuple(sorted(failed))))

    def _render(self, raw: RawIssue, at: Checkpoint) -> Sequence[Item]:
        outside = raw.updated.timestamp() < at.start or (at.end is not None and raw.updated.timestamp() >= at.end)
        if outside and raw.number not in at.retry:
            return ()
        try:
            rendered = self._source.render(raw)
        except SkippedIssueError as exc:
            return [Omission(raw.key, "issue", "failed", exc.reason, exc.message)]
        return [*rendered.documents, *rendered.omissions]


def _moment(epoch_seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(epoch_seconds, UTC)
    except (OverflowError, ValueError, OSError) as exc:
        raise UsageError(f"{epoch_seconds} is no time.", fix="Give seconds since 1970, not milliseconds.") from exc


def _blocks(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for first in range(0, len(numbers), size):
        yield numbers[first : first + size]
