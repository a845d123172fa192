"""Compresses an answer made of pieces that recur from answer to answer: each piece is deflated once. Never sends anything.

A gzip member may hold any number of deflate blocks, so pieces that end with a full flush can be strung together.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable

_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_BLOCK = b"\x03\x00"
_SMALL = 200
"""Bytes below which a stored block costs less than compressing."""


class Piece:
    """Bytes that go into answers, and their compressed form once somebody wanted it."""

    __slots__ = ("_deflated", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._deflated: bytes | None = None

    def deflated(self) -> bytes:
        """The bytes as complete deflate blocks without history."""
        if self._deflated is None:
            self._deflated = _deflate(self.raw)
        return self._deflated


def _deflate(raw: bytes) -> bytes:
    if not raw:
        return b""
    if len(raw) < _SMALL:
        return struct.pack("<BHH", 0, len(raw), len(raw) ^ 0xFFFF) + raw
    press = zlib.compressobj(1, zlib.DEFLATED, -15)
    return press.compress(raw) + press.flush(zlib.Z_FULL_FLUSH)


def gzip_of(pieces: Iterable[Piece]) -> bytes:
    """One gzip member that holds the pieces one after another."""
    parts, check, size = [_HEAD], 0, 0
    for piece in pieces:
        parts.append(piece.deflated())
        check = zlib.crc32(piece.raw, check)
        size += len(piece.raw)
    return b"".join([*parts, _LAST_BLOCK, struct.pack("<II", check, size & 0xFFFFFFFF)])
