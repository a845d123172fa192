"""What do a call and its answer say about pace? The values that pass between who sends and who paces."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Turn:
    """One call that was let out: to which endpoint, when (epoch seconds), and the how-manieth it was of the endpoint and of all.

    `late`: it was let out to make up for time in which nothing was sent.
    """

    endpoint: str
    sent: float
    of_endpoint: int = 0
    of_all: int = 0
    late: bool = False


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the headers of an answer tell: a bucket of `capacity` calls with `remaining` left, into which `per_second` come
    (None where they do not tell that), and whether the limit of this endpoint is `near`."""

    capacity: float | None = None
    remaining: float | None = None
    per_second: float | None = None
    near: bool = False

    @property
    def is_bucket(self) -> bool:
        """Whether the site tells all that a client must know to stay within the limit."""
        return self.capacity is not None and self.remaining is not None and self.per_second is not None

    @property
    def says_nothing(self) -> bool:
        """Whether there is nothing to learn."""
        return not self.near and not self.is_bucket
