"""What happens to connectors, as it happens? One reader of the tables for all listeners of the same thing; tells, never changes.

The tables are read twice a second at most for each thing that is listened to, however many listen.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

from starlette.concurrency import run_in_threadpool

from jirakb.errors import DatabaseUnavailableError

LOOK_SECONDS = 0.5
BEAT_SECONDS = 15.0
_MOST_RUNS = 200  # ended runs that a slow listener can still be told of
Subject = tuple[str | None, str | None]
"""A tenant, and one of its connectors or all."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell: about what (`about`), in which words."""

    kind: Literal["connector", "run", "removed"]
    about: str
    data: str

    @property
    def id(self) -> str:
        """The same for the same words about the same thing."""
        return f"{self.about}.{blake2b(self.data.encode(), digest_size=4).hexdigest()}"

    def text(self) -> str:
        """As it is sent."""
        return f"id: {self.id}\nevent: {self.kind}\ndata: {self.data}\n\n"


Look = Callable[[str, str | None], Sequence[Event]]
"""Tells how everything stands now: connectors, and the runs that matter."""


@dataclass
class _Watch:
    """What is known of one subject: the last word about each thing, with the place in which it was learned."""

    listeners: int = 0
    place: int = 0
    known: OrderedDict[str, tuple[int, Event]] = field(default_factory=OrderedDict)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    task: asyncio.Task[None] | None = None
    ending: asyncio.Task[None] | None = None
    is_over: bool = False


class Feed:
    """The events of one process. All of it happens in one event loop, but for the looking."""

    def __init__(self, look: Look, seconds: float = LOOK_SECONDS, beat: float = BEAT_SECONDS) -> None:
        self._look = look
        self._seconds = seconds
        self._beat = beat
        self._watches: dict[Subject, _Watch] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False

    def close(self) -> None:
        """End all streams; callable from any thread."""
        self._is_closed = True
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and the streams with it
                self._loop.call_soon_threadsafe(self._end_all)

    async def lines(
        self, tenant: str, connector: str | None, last: str | None, is_allowed: Callable[[], bool]
    ) -> AsyncIterator[str]:
        """The stream of one listener, from how things stand now on, until the feed is closed or it is not allowed any more."""
        self._loop = asyncio.get_running_loop()
        subject = (tenant, connector)
        watch = self._watches.setdefault(subject, _Watch())
        watch.listeners += 1
        if watch.task is None:
            watch.task = asyncio.create_task(self._follow(watch, tenant, connector))
        try:
            async for text in self._tell(watch, last, is_allowed):
                yield text
        finally:
            watch.listeners -= 1
            if not watch.listeners:
                self._watches.pop(subject, None)
                watch.task.cancel()

    async def _tell(self, watch: _Watch, last: str | None, is_allowed: Callable[[], bool]) -> AsyncIterator[str]:
        yield "retry: 2000\n\n"
        told, checked = 0, time.monotonic()
        while not (self._is_closed or watch.is_over):
            new = [event for place, event in watch.known.values() if place > told]
            told = watch.place
            if new:
                yield "".join(event.text() for event in new if event.id != last)
            if not await self._wait(watch, told):
                yield ": still here\n\n"
            if time.monotonic() - checked >= self._beat:  # however much there is to tell
                if not await run_in_threadpool(is_allowed):
                    return
                checked = time.monotonic()

    async def _wait(self, watch: _Watch, told: int) -> bool:
        """Until there is something new; whether there is, before it is time for a sign of life."""
        async with watch.changed:
            try:
                over = watch.changed.wait_for(lambda: watch.place > told or self._is_closed or watch.is_over)
                await asyncio.wait_for(over, self._beat)
            except TimeoutError:
                return False
        return True

    async def _follow(self, watch: _Watch, tenant: str, connector: str | None) -> None:
        while not self._is_closed:
            with suppress(DatabaseUnavailableError):  # told again when it is back
                await self._learn(watch, await run_in_threadpool(self._look, tenant, connector))
            await asyncio.sleep(self._seconds)

    async def _learn(self, watch: _Watch, events: Sequence[Event]) -> None:
        gone = {event.about for _, event in watch.known.values() if event.kind == "connector"}
        gone -= {event.about for event in events if event.kind == "connector"}
        removed = [Event("removed", about, f'{{"id":"{about}"}}') for about in sorted(gone)]
        new = [event for event in (*events, *removed) if watch.known.get(event.about, (0, None))[1] != event]
        if not new:
            return
        async with watch.changed:
            for event in new:
                watch.place += 1
                watch.known[event.about] = (watch.place, event)
                watch.known.move_to_end(event.about)
            self._forget(watch)
            watch.changed.notify_all()

    def _forget(self, watch: _Watch) -> None:
        old = [about for about, (_, event) in watch.known.items() if event.kind != "connector"]
        for about in old[: max(0, len(old) - _MOST_RUNS)]:
            del watch.known[about]

    def _end_all(self) -> None:
        for watch in self._watches.values():
            watch.ending = asyncio.create_task(_wake(watch))


async def _wake(watch: _Watch) -> None:
    async with watch.changed:
        watch.is_over = True
        watch.changed.notify_all()
