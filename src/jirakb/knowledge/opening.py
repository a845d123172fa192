"""What is wrong with the files of a knowledge base that cannot be opened or written? Names the fault, and what to do; mends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw
import orjson
import zstandard

from jirakb.errors import CorruptStoreError, DiskFullError
from jirakb.knowledge.store import KnowledgeBase

_DAMAGE = (apsw.CorruptError, apsw.NotADBError, UnicodeDecodeError, orjson.JSONDecodeError, zstandard.ZstdError)
"""The last three are of a stored text that is not what was written: what a site or a client sends is judged where it is read."""


@contextmanager
def opened(folder: Path, name: str, *, create: bool = False) -> Iterator[KnowledgeBase]:
    """The knowledge base in a folder, open for the block; what is wrong with its files is named."""
    with readable(folder, name), closing(KnowledgeBase.open(folder, create=create)) as base:
        yield base


@contextmanager
def readable(folder: Path, name: str) -> Iterator[None]:
    """A damaged file is named, with what to do, rather than taken for a fault of the program."""
    try:
        with having_room(folder):
            yield
    except _DAMAGE as exc:
        raise CorruptStoreError(
            f"The knowledge base {name!r} is damaged: {exc}.",
            fix=f"Stop jirakb and restore the folder {folder.parent.name}/{folder.name} of the home from a copy, "
            "or remove that folder and sync again.",
        ) from exc


@contextmanager
def having_room(folder: Path) -> Iterator[None]:
    """A disk that is full is told by the folder that the block writes into."""
    try:
        yield
    except (apsw.FullError, OSError, ValueError) as exc:  # the text index says it with a ValueError
        if isinstance(exc, apsw.FullError) or "No space left" in str(exc):
            raise DiskFullError(f"The disk of {folder} is full.", fix="Make room; what was stored stays.") from exc
        raise
