"""Who keeps the derived indexes up with the truth while a sync runs? Two threads: one feeds the text index from the outbox,
one gives waiting passages their vectors. Never writes anything that could not be made again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from types import TracebackType
from typing import Self

from jirakb.errors import RunStoppedError
from jirakb.knowledge.backlog import embed_block
from jirakb.knowledge.embed import Embedder
from jirakb.knowledge.index import vectorfile
from jirakb.knowledge.index.text import TextIndex
from jirakb.knowledge.store import KnowledgeBase
from jirakb.progress import GoOn, Stages, unhindered

IDLE_SECONDS = 0.5  # how long a follower rests when there is nothing to do
WAIT_SECONDS = 0.25  # between two looks at whether the run goes on


class Followers:
    """The followers of one knowledge base for as long as a `with` block lasts. Needs the lease."""

    def __init__(
        self, base: KnowledgeBase, embedder: Embedder | None, stages: Stages, go_on: GoOn = unhindered
    ) -> None:
        self._base = base
        self._embedder = embedder
        self._stages = stages
        self._text = TextIndex(base.folder)
        self._indexed = 0
        self.embedded = 0
        self._index = _Follower("index", self._follow_text, go_on)
        self._embed = _Follower("embed", self._follow_backlog, go_on)

    def __enter__(self) -> Self:
        self._index.start()
        if self._embedder is not None:
            self._embed.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._index.stop()
        self._embed.stop()
        self._text.close()

    def catch_up_text(self) -> None:
        """Return when everything stored so far is in the text index."""
        self._index.catch_up()

    def let_come_nearer(self, *, changes: int, passages: int) -> None:
        """Return when at most so many changes wait for the text index, and so many passages for a vector."""
        self._index.wait_until(lambda: self._text.waiting(self._base.reader()) <= changes)
        if self._embedder is not None:
            self._embed.wait_until(lambda: not self._base.has_backlog(passages))

    def catch_up_vectors(self) -> None:
        """Return when no passage waits for a vector, and the matrix holds them all."""
        if self._embedder is None:
            return
        self._embed.catch_up()
        with self._stages.doing("embed"), self._base.snapshot() as reader:
            vectorfile.update(self._base.folder, reader, self._embedder.dimensions)

    def _follow_text(self) -> bool:
        if not self._text.is_behind(self._base.reader()):
            return False
        with self._stages.doing("index"):
            self._indexed += self._text.follow(self._base.reader())
        self._stages.show("index", self._indexed, self._indexed + self._text.waiting(self._base.reader()))
        return True

    def _follow_backlog(self) -> bool:
        if self._embedder is None or not self._base.has_backlog():
            return False
        with self._stages.doing("embed"):
            self.embedded += embed_block(self._base, self._embedder, go_on=self._embed.goes_on)
        self._stages.show("embed", self.embedded, self.embedded + self._base.counts().waiting)
        return True


class _Follower:
    """A thread that works while there is work and rests otherwise. `work` says whether there was any.

    Whoever waits for it is told by RunStoppedError when `go_on` says no.
    """

    def __init__(self, name: str, work: Callable[[], bool], go_on: GoOn) -> None:
        self._work = work
        self._go_on = go_on
        self._thread = threading.Thread(target=copy_context().run, args=(self._run,), name=name, daemon=True)
        self._condition = threading.Condition()
        self._stopping = False
        self._asked = 0
        self._answered = 0
        self._error: BaseException | None = None

    def goes_on(self) -> bool:
        """Whether nobody has asked the thread to stop."""
        return not self._stopping and self._go_on()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def catch_up(self) -> None:
        """Return when a look for work that began after this call found none; raises what the thread met."""
        with self._condition:
            self._asked += 1
            mine = self._asked
            self._condition.notify_all()
            self._wait(lambda: self._answered >= mine)

    def wait_until(self, reached: Callable[[], bool]) -> None:
        """Return when the thread's work has brought that about; raises what the thread met."""
        with self._condition:
            self._wait(reached)

    def _wait(self, reached: Callable[[], bool]) -> None:
        while not reached() and self._error is None:
            if not self._go_on():
                raise RunStoppedError("The run was stopped.", fix="Resume it: what was committed stays.")
            self._condition.wait(WAIT_SECONDS)
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while self.goes_on():
                asked = self._asked
                if not self._work():
                    self._rest(asked)
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits in catch_up
            with self._condition:
                self._error = error
                self._condition.notify_all()

    def _rest(self, asked: int) -> None:
        with self._condition:
            self._answered = asked
            self._condition.notify_all()
            if not self._stopping and self._asked == asked:
                self._condition.wait(IDLE_SECONDS)
