"""How are many issues fetched side by side in bounded memory? Windows of numbers go out to a few threads, and come back in
the order in which they arrive. Knows nothing of what is done with them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass

from jirakb.source import Batch, Source

WAITING_PER_CONNECTION = 2
"""Windows under way or fetched and not yet taken, per connection: one on the wire while the last is being stored."""
READING = 2
"""Threads beyond the connections: they read what has come in while every connection carries a further call."""


@dataclass(frozen=True, slots=True)
class Window:
    """Some numbers and what fetching them brought."""

    numbers: tuple[int, ...]
    batches: tuple[Batch, ...]


def fetch_windows(source: Source, windows: Iterable[tuple[int, ...]], connections: int) -> Iterator[Window]:
    """Fetch each window through a source that has so many connections, and yield it as soon as it is there.

    After an error no further window is begun; those under way are yielded as they come in, then the error is raised: what
    was fetched is not lost. A consumer that is interrupted or goes away stops the source: nothing waits any longer.
    """
    with ThreadPoolExecutor(connections + READING, thread_name_prefix="fetch") as pool:
        try:
            error = yield from _fetch_all(pool, source, windows, connections * WAITING_PER_CONNECTION)
        except BaseException:
            source.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if error is not None:
        raise error


def _fetch_all(
    pool: ThreadPoolExecutor, source: Source, windows: Iterable[tuple[int, ...]], most: int
) -> Generator[Window, None, BaseException | None]:
    """Yields what comes in, with at most so many windows begun and not yet taken; returns the first error."""
    error: BaseException | None = None
    under_way: set[Future[Window]] = set()
    for numbers in windows:
        under_way.add(pool.submit(copy_context().run, _fetch, source, numbers))
        while error is None and len(under_way) >= most:
            fetched, error = _take(under_way)
            yield from fetched
        if error is not None:
            break
    while under_way:
        fetched, later_error = _take(under_way, stopping=error is not None)
        yield from fetched
        error = error or later_error
    return error


def _take(under_way: set[Future[Window]], *, stopping: bool = False) -> tuple[list[Window], BaseException | None]:
    """The windows that have come in, and the first error among them; with `stopping` those not begun are dropped."""
    if stopping:
        under_way -= {future for future in under_way if future.cancel()}
    done, _ = wait(under_way, return_when=FIRST_COMPLETED)
    under_way -= done
    errors = [error for future in done if (error := future.exception())]
    return [future.result() for future in done if future.exception() is None], errors[0] if errors else None


def _fetch(source: Source, numbers: tuple[int, ...]) -> Window:
    step = source.batch_limit
    blocks = [numbers[start : start + step] for start in range(0, len(numbers), step)]
    return Window(numbers, tuple(source.fetch(block) for block in blocks))
