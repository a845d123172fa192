"""What the site keeps of an issue, a project and an attachment's bytes. Values and caches; never knows who asks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from jirakb.simulator.gzip_pieces import Piece
from jirakb.simulator.jql import Row

Stored = dict[str, Any]
"""An issue's fields as the site keeps them: people are logins, the project a key, the level a name, comments a list."""

_KEPT_BODIES = 3


@dataclass(frozen=True, slots=True)
class Project:
    """One project; `public` ones are visible to anonymous callers."""

    id: str
    key: str
    name: str
    type_key: str = "software"
    style: str = "classic"
    description: str = ""
    lead: str | None = None
    category: Mapping[str, Any] | None = None
    archived: bool = False
    public: bool = False


@dataclass(frozen=True, slots=True)
class Blob:
    """Where an attachment's bytes come from: memory, a file, or (neither) made up in the stated size."""

    issue: int
    name: str
    mime: str
    size: int
    data: bytes | None = None
    path: Path | None = None

    def read(self, *, id_: str) -> bytes:
        """All the bytes."""
        if self.data is not None:
            return self.data
        if self.path is not None:
            return self.path.read_bytes()
        return made_up_bytes(id_, self.size)


def made_up_bytes(seed: str, size: int) -> bytes:
    """Deterministic bytes that hold no text."""
    block = hashlib.shake_256(seed.encode()).digest(min(size, 4096)) if size else b""
    return (block * (size // max(len(block), 1) + 1))[:size]


@dataclass(slots=True, eq=False)
class Issue:
    """One issue: its fields as compact JSON, its row for JQL, and bodies and (compressed) documents made so far.

    `level` is the name of its security level. `restricted`: some comments are not for everybody, so bodies differ by caller.
    """

    number: int
    key: str
    project: str
    source: bytes
    row: Row
    level: str | None
    restricted: bool
    documents: dict[int, bytes] = field(default_factory=dict)
    bodies: dict[tuple[object, ...], Piece] = field(default_factory=dict)

    def stored(self) -> Stored:
        """A fresh copy of the fields."""
        fields: Stored = orjson.loads(self.source)
        return fields

    def keep(self, view: tuple[object, ...], body: Piece) -> Piece:
        """Remember a body until the issue changes; the oldest makes room."""
        while len(self.bodies) >= _KEPT_BODIES:
            self.bodies.pop(next(iter(self.bodies)))
        self.bodies[view] = body
        return body


def is_restricted(stored: Stored) -> bool:
    """Whether any comment is kept from somebody who sees the issue."""
    return any(c.get("visibility") or c.get("jsdPublic") is False for c in stored.get("comment") or ())
