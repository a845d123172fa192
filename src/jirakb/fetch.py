"""How are many issues fetched side by side in bounded memory? Windows of numbers go out to a few threads, and come back in
the order in which they arrive. Knows nothing of what is done with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from jirakb.source import Batch, Source

WAITING_PER_CONNECTION = 2
"""Windows under way or fetched and not yet taken, per connection: one on the wire while the last is being stored."""


@dataclass(frozen=True, slots=True)
class Window:
    """Some numbers and what fetching them brought."""

    numbers: tuple[int, ...]
    batches: tuple[Batch, ...]


def fetch_windows(source: Source, windows: Iterable[tuple[int, ...]], connections: int) -> Iterator[Window]:
    """Fetch each window, `connections` at once, and yield it as soon as it is there.

    The first error is raised when it is met; windows under way are waited for, those not begun are dropped.
    """
    with ThreadPoolExecutor(connections, thread_name_prefix="fetch") as pool:
        under_way: set[Future[Window]] = set()
        try:
            for numbers in windows:
                while len(under_way) >= connections * WAITING_PER_CONNECTION:
                    yield from _take(under_way)
                under_way.add(pool.submit(_fetch, source, numbers))
            while under_way:
                yield from _take(under_way)
        finally:
            for future in under_way:
                future.cancel()


def _take(under_way: set[Future[Window]]) -> Iterator[Window]:
    done, _ = wait(under_way, return_when=FIRST_COMPLETED)
    under_way -= done
    for future in done:
        yield future.result()


def _fetch(source: Source, numbers: tuple[int, ...]) -> Window:
    step = source.batch_limit
    blocks = [numbers[start : start + step] for start in range(0, len(numbers), step)]
    return Window(numbers, tuple(source.fetch(block) for block in blocks))
