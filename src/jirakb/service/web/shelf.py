"""Which knowledge bases stand open for questions? A few, each closed when it is gone or was long unused.

Opening reads an index from the disk: a search must not pay for that each time. Writes nothing but derived indexes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jirakb.control.catalog import Entry
from jirakb.errors import NotFoundError
from jirakb.knowledge.opening import readable
from jirakb.knowledge.store import KnowledgeBase
from jirakb.settings import Settings

if TYPE_CHECKING:  # the index and the model take seconds to load, and not every process searches
    from jirakb.knowledge.models import Models
    from jirakb.knowledge.search import Searcher

_MOST_OPEN = 8


@dataclass(slots=True)
class _Open:
    """An open knowledge base. `file` tells one that was removed and made again from this one."""

    base: KnowledgeBase
    file: tuple[int, int]
    searcher: Searcher | None = None
    users: int = 0
    is_old: bool = False


class Shelf:
    """The open knowledge bases of one process, shared by its threads."""

    def __init__(self, settings: Settings, most: int = _MOST_OPEN) -> None:
        self._settings = settings
        self._most = most
        self._lock = threading.Lock()
        self._loading = threading.Lock()
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._models: Models | None = None

    @contextmanager
    def base(self, entry: Entry) -> Iterator[KnowledgeBase]:
        """The knowledge base, open for the block; raises NotFoundError where nothing was stored yet or it is gone."""
        with readable(entry.folder, entry.name), self._borrowed(entry) as opened:
            yield opened.base

    @contextmanager
    def searcher(self, entry: Entry) -> Iterator[Searcher]:
        """What searches it, for the block; raises NotFoundError as `base` does."""
        with readable(entry.folder, entry.name), self._borrowed(entry) as opened:
            yield self._searcher_of(opened)

    def has(self, entry: Entry) -> bool:
        """Whether anything was stored in it."""
        return (entry.folder / "kb.sqlite").exists()

    def close(self) -> None:
        """Close all of them; those in use when their users are done."""
        with self._lock:
            for identity in list(self._open):
                self._put_away(identity)

    @contextmanager
    def _borrowed(self, entry: Entry) -> Iterator[_Open]:
        opened = self._take(entry)
        try:
            yield opened
        finally:
            with self._lock:
                opened.users -= 1
                if opened.is_old and not opened.users:
                    opened.base.close()

    def _take(self, entry: Entry) -> _Open:
        try:
            stat = (entry.folder / "kb.sqlite").stat()
        except OSError:
            with self._lock:
                self._put_away(entry.id)
            raise NotFoundError(f"Knowledge base {entry.name!r} holds nothing yet.", fix="Sync a connector into it.") from None  # fmt: skip
        with self._lock:
            opened = self._open.get(entry.id)
            if opened is None or opened.file != (stat.st_dev, stat.st_ino):
                self._put_away(entry.id)
                opened = _Open(KnowledgeBase.open(entry.folder), (stat.st_dev, stat.st_ino))
                self._open[entry.id] = opened
            opened.users += 1
            self._open.move_to_end(entry.id)
            self._make_room()
            return opened

    def _make_room(self) -> None:
        idle = [identity for identity, opened in self._open.items() if not opened.users]
        for identity in idle[: max(0, len(self._open) - self._most)]:
            self._put_away(identity)

    def _put_away(self, identity: str) -> None:
        opened = self._open.pop(identity, None)
        if opened is None:
            return
        opened.is_old = True
        if not opened.users:
            opened.base.close()

    def _searcher_of(self, opened: _Open) -> Searcher:
        from jirakb.knowledge.search import Searcher

        with self._loading:
            if opened.searcher is None:
                models = self._all_models()
                opened.searcher = Searcher(opened.base, models=models, reranker=models.reranker())
            return opened.searcher

    def _all_models(self) -> Models:
        from jirakb.knowledge.models import Models

        self._models = self._models or Models(self._settings)
        return self._models
