"""What is known of one site's pace, and what follows from it for a call? Pure: each question gives the answer and the new value."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import msgspec

from jirakb.jira.pacing.rates import Bucket, Rate, first_refusal, first_warning
from jirakb.jira.pacing.turns import Allowance, Turn

EVERYTHING = ""
"""Stands for all endpoints where one is named."""
_LONGEST_HOLD = 4000.0
"""Seconds; a hold that ends later was kept by a clock that has been set back since."""
_SOON = 0.0005
"""Seconds that are not worth waiting."""


@dataclass(frozen=True, slots=True)
class SitePace:
    """`holds` are epoch seconds before which an endpoint (or everything) is not called, `rates` what refusals taught of an
    endpoint (or everything), `bucket` what the site tells of its limit for this account."""

    holds: dict[str, float] = field(default_factory=dict)
    rates: dict[str, Rate] = field(default_factory=dict)
    bucket: Bucket | None = None

    def wait(self, endpoint: str, now: float) -> float:
        """Seconds until a call to this endpoint may go out."""
        named = (EVERYTHING, endpoint)
        waits = [self.holds[name] - now for name in named if name in self.holds]
        waits = [wait for wait in waits if wait <= _LONGEST_HOLD]
        waits += [self.rates[name].wait(now) for name in named if name in self.rates]
        waits += [self.bucket.wait(now)] if self.bucket else []
        wait = max(waits, default=0.0)
        return wait if wait > _SOON else 0.0

    def take(self, endpoint: str, now: float) -> tuple[SitePace, Turn]:
        """A call goes out now."""
        rates, late, counts = dict(self.rates), False, {EVERYTHING: 0, endpoint: 0}
        for name in counts.keys() & rates.keys():
            rates[name], is_late = rates[name].take(now)
            counts[name] = rates[name].taken
            late = late or is_late
        bucket = self.bucket.take(now) if self.bucket else None
        turn = Turn(endpoint, now, counts[endpoint], counts[EVERYTHING], late)
        return (self if not rates and not bucket else replace(self, rates=rates, bucket=bucket)), turn

    def hold(self, endpoint: str, until: float, now: float) -> SitePace:
        """Nothing (or nothing of an endpoint) goes out before that moment."""
        held = {name: end for name, end in self.holds.items() if now < end <= now + _LONGEST_HOLD}
        return replace(self, holds=held | {endpoint: max(until, held.get(endpoint, 0.0))})

    def refuse(self, turn: Turn, scope: str, wait: float, now: float) -> SitePace:
        """A call was refused since too many were sent in too short a time."""
        ordinal = turn.of_all if scope == EVERYTHING else turn.of_endpoint
        known = self.rates.get(scope)
        if known is None or known.is_forgotten(now):
            rate = first_refusal(turn.sent, now, wait, known.taken if known else 0)
        else:
            rate = known.refuse(turn.sent, ordinal, now, wait, late=turn.late)
        bucket = self.bucket.empty(now) if self.bucket and scope == EVERYTHING else self.bucket
        return replace(self, rates={**self.rates, scope: rate}, bucket=bucket)

    def tell(self, turn: Turn, said: Allowance, under_way: int, now: float) -> SitePace:
        """What the headers of an answer say."""
        told = self._tell_bucket(turn, said, under_way, now) if said.is_bucket else self
        return told._warn(turn.endpoint, now) if said.near else told

    def _tell_bucket(self, turn: Turn, said: Allowance, under_way: int, now: float) -> SitePace:
        assert said.capacity is not None
        assert said.remaining is not None
        assert said.per_second is not None
        known = self.bucket
        if known is None or (known.capacity, known.per_second) != (said.capacity, said.per_second):
            fresh = Bucket(said.capacity, said.per_second, said.remaining - under_way, now)
            return replace(self, bucket=fresh)
        bucket = known.tell(said.remaining, turn.sent, under_way, now)
        return self if bucket is known else replace(self, bucket=bucket)

    def _warn(self, endpoint: str, now: float) -> SitePace:
        known = self.rates.get(endpoint)
        rate = first_warning(now) if known is None or known.is_forgotten(now) else known.ease(now)
        return replace(self, rates={**self.rates, endpoint: rate})

    def seconds_between(self, endpoint: str, now: float) -> float | None:
        """The distance of calls at the rate that is known; None when none is."""
        known = [self.rates[name] for name in (EVERYTHING, endpoint) if name in self.rates]
        found = [1 / rate.per_second(now) for rate in known if not rate.searching]
        return max(found, default=None)


_DECODER = msgspec.json.Decoder(SitePace)


def read(text: bytes) -> SitePace:
    """What was kept; nothing known where it cannot be read, as after an upgrade."""
    try:
        return _DECODER.decode(text) if text else SitePace()
    except msgspec.DecodeError:
        return SitePace()


def write(pace: SitePace) -> bytes:
    """The text to keep."""
    return msgspec.json.encode(pace)
