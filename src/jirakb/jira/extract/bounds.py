"""How much may a file become when it is unpacked or turned into text? One budget for a file and everything in it."""

from __future__ import annotations

from dataclasses import dataclass

MAX_UNPACKED = 128 * 1024 * 1024
"""Bytes that a file may unpack to, all its members together: twelve times the largest file that is read by default."""
MAX_RATIO = 250
"""Times its size that a file may unpack to, above the bytes that are always allowed; a log packs to a fiftieth."""
ALWAYS_UNPACKED = 4 * 1024 * 1024
MAX_MEMBERS = 2000
"""Members of an archive that are looked at."""
MAX_TEXT = 16 * 1024 * 1024
"""Characters of text that one attachment may yield, whatever the settings say."""


class UnreadableError(Exception):
    """A file has no text that can be had; `reason` is the code of the omission."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Allowance:
    """The bytes that one file may still unpack to, and the members of archives in it that may still be looked at."""

    left: int
    members_left: int = MAX_MEMBERS

    @classmethod
    def of(cls, size: int) -> Allowance:
        """What a file of this size may become."""
        return cls(min(MAX_UNPACKED, max(ALWAYS_UNPACKED, size * MAX_RATIO)))

    def take(self, size: int) -> None:
        """So many bytes were unpacked; raises UnreadableError when that is too much."""
        self.left -= size
        if self.left < 0:
            raise UnreadableError("unpacks_too_large")

    def take_member(self) -> bool:
        """Whether a further member may be looked at."""
        self.members_left -= 1
        return self.members_left >= 0
