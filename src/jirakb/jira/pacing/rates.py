"""How fast does a limit let calls through that only shows when it refuses? Pure: a value that changes with what is seen.

Between two refusals of a token bucket at least as many tokens came in as calls were let through, and at most one more, and
those that overflowed the bucket while nothing was sent. So the rate lies between two bounds that draw together as the
time grows: calls go out at the lower one and rise to the upper one in a while. What was right is found soon, what was
too much is refused at about twice the distance each time, and no token is left lying.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_FIRST_RATE = 2.0
"""Calls a second with which the search for the rate begins after the first refusal ..."""
_DOUBLING = 0.25
"""... and the seconds in which it doubles: any limit up to some hundred a second is met within two."""
_MEMORY = 60.0
"""Seconds of evidence at most: older ones give way, since limits change with the hour."""
_CREDIT = 0.75
"""Seconds of waiting at most that are made up for by calls in quick succession: a bucket holds at least a second's worth."""
_LEAST_CREDIT = 0.05
_WHOLE_HOLD = 1.5
"""Seconds of a hold that count as time: what came in during a longer one is likely to be lost."""
_CHANGED = 1.3
"""A new count that differs from the old one by this factor shows that the limit has changed."""
_RISE = 0.5
"""The upper bound is reached after this share of the time of the evidence ..."""
_QUIET = 1.25
"""... and after so many times that time ..."""
_GROWTH = 0.35
"""... the rate grows further, by this share in the first such time and ever faster."""
_FEWEST = 4
"""Calls between two refusals from which on they say something about a rate."""
_FORGOTTEN = 50.0
"""Growth after which nothing is known any more."""
_BOOST = 2.0
"""By this the rate is multiplied after a refusal that came too early, and after some others, to see whether it is the rate that
is refused: others may share the limit, and sites refuse at a loss, too. A true limit refuses at once ..."""
_TRIED_EVERY = 4
_AT_ONCE = 2.0
"""... which is within so many seconds' worth of calls."""
_LEAST_RATE = 1 / 60
_WATCHED = 2.0
_EASED = 0.9


@dataclass(frozen=True, slots=True)
class Rate:
    """What is known of one limit. Times are epoch seconds.

    `calls` in `seconds` are the evidence (none while the rate is searched for), `spare` the tokens that may have come in
    besides. `boost` is what the rate is multiplied by to find out whether it is
    the rate that calls are refused for, `tries` the refusals that were counted for that. `mark` is when the last refused call was sent (`count` calls had been let out by
    then) and `heard` when its answer was there. `begin` is when calls may go out again, `due` when the next one may.
    """

    mark: float
    heard: float
    begin: float
    calls: float = 0.0
    seconds: float = 0.0
    spare: float = 0.0
    boost: float = 1.0
    tries: int = 0
    taken: int = 0
    count: int = 0
    refused: int = 0
    due: float = 0.0
    credit: float = _CREDIT
    quiet_since: float = 0.0
    guessed: bool = False

    @property
    def searching(self) -> bool:
        """Whether no rate is known yet."""
        return self.calls < _FEWEST

    def per_second(self, now: float) -> float:
        """Calls a second at present."""
        if self.searching:
            doublings = min(20.0, max(0.0, now - self.begin) / _DOUBLING)
            return float(_FIRST_RATE * 2.0**doublings)
        quiet = self._quiet(now)
        rate = (self.calls + self.spare * min(1.0, quiet / _RISE)) / self.seconds
        return max(_LEAST_RATE, rate) * _growth(quiet) * self.boost

    def _quiet(self, now: float) -> float:
        """For how long nothing was refused, in times of the evidence."""
        return max(0.0, now - max(self.quiet_since, self.begin)) / max(self.seconds, 1.0)

    def is_forgotten(self, now: float) -> bool:
        """Whether so long nothing was refused that the evidence is worth nothing."""
        return now - self.mark > 600.0 if self.searching else _growth(self._quiet(now)) > _FORGOTTEN

    def wait(self, now: float) -> float:
        """Seconds until the next call may go out."""
        return max(0.0, self.due - now)

    def take(self, now: float) -> tuple[Rate, bool]:
        """One call goes out now; the second value tells whether it makes up for time that passed unused.

        Time in which it was for other reasons that nothing was sent is no evidence.
        """
        between = 1.0 / self.per_second(now)
        idle = 0.0 if self.guessed else max(0.0, now - self.credit - max(self.due, self.begin))
        due = max(self.due, now - self.credit / self.boost) + between
        told = replace(self, due=due, taken=self.taken + 1, mark=self.mark + idle)
        return told, bool(self.due) and self.due < now - between

    def refuse(self, sent: float, ordinal: int, now: float, wait: float, *, late: bool) -> Rate:
        """A call was refused that had been sent then, as the how-manieth; nothing goes out before `wait` has passed."""
        until = max(self.begin, now + wait)
        if sent <= self.heard:  # under way when the last refusal came: the same event
            later = self.refused + (1 if ordinal > self.count else 0)
            return replace(self, begin=until, refused=later)
        learned = self._learn(sent, ordinal)
        hasty = late or sent < self.begin + 1.0
        credit = max(_LEAST_CREDIT, self.credit / 2) if hasty else min(_CREDIT, self.credit * 2)
        credit = self.credit if self.searching else credit
        return replace(
            learned, mark=sent, heard=now, begin=until, count=ordinal, refused=0, credit=credit,
            due=max(learned.due, sent), quiet_since=until, guessed=False,
        )  # fmt: skip

    def _learn(self, sent: float, ordinal: int) -> Rate:
        """The evidence with that of the time since the last refusal. Of a long hold only a part counts, and what came in
        while calls were not made up for may be lost."""
        held = max(0.0, self.begin - self.heard)
        calls = max(0.0, ordinal - self.count - 1.0 - self.refused)
        seconds = max(0.001, sent - self.mark - max(0.0, held - _WHOLE_HOLD))
        spare = max(0.0, min(held, _WHOLE_HOLD) - self.credit) * calls / seconds
        fresh = replace(self, calls=calls, seconds=seconds, spare=spare + 1, boost=1.0)
        if self.guessed:
            return fresh
        if self.searching:
            return self._with(calls, seconds, spare)
        known = self.calls / self.seconds
        if max(0.0, calls - 2) / seconds > known * _CHANGED and calls >= _FEWEST:
            return fresh
        if (calls + 2) / seconds < known / _CHANGED:
            is_founded = self.boost > 1 and calls < _AT_ONCE * known
            return fresh if is_founded else replace(self, boost=_BOOST)
        return self._with(calls, seconds, spare)

    def _with(self, calls: float, seconds: float, spare: float) -> Rate:
        kept = min(1.0, _MEMORY / (self.seconds + seconds))
        return replace(
            self,
            calls=(self.calls + calls) * kept,
            seconds=(self.seconds + seconds) * kept,
            spare=(max(0.0, self.spare - 1) + spare) * kept + 1,
            boost=1.0 if self.searching or (self.tries + 1) % _TRIED_EVERY else _BOOST,
            tries=self.tries + 1,
        )

    def ease(self, now: float) -> Rate:
        """The site says that the limit is near: no probing upwards for a while, and less than at present when no refusal has
        shown the rate yet."""
        if not self.guessed or now - self.mark < _WATCHED:
            return replace(self, quiet_since=max(self.quiet_since, now))
        rate = max(1.0, _EASED * (self.taken - self.count) / (now - self.mark))
        return replace(
            self, mark=now, heard=now, count=self.taken, refused=0, calls=rate * _WATCHED, seconds=_WATCHED,
            quiet_since=now, due=max(self.due, now),
        )  # fmt: skip


def _growth(quiet: float) -> float:
    beyond = max(0.0, quiet - _QUIET)
    return 1.0 + _GROWTH * (beyond + beyond**2)


def first_refusal(sent: float, now: float, wait: float, taken: int) -> Rate:
    """What is known after the first refusal: that there is a limit."""
    until = now + wait
    return Rate(sent, now, until, taken=taken, count=taken, due=sent, quiet_since=until)


def first_warning(now: float) -> Rate:
    """What is known when the site says for the first time that a limit is near: from now on calls are counted."""
    return Rate(now, now, now, calls=1e6, seconds=1.0, quiet_since=now, guessed=True)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket that the site tells all about (Data Center), kept in step with what its answers say."""

    capacity: float
    per_second: float
    tokens: float
    at: float
    settles: float = 0.0
    """Until then an answer that tells of more is not believed: it may come from another node of the cluster."""

    def left(self, now: float) -> float:
        """Tokens at that moment."""
        return min(self.capacity, self.tokens + max(0.0, now - self.at) * self.per_second)

    def wait(self, now: float) -> float:
        """Seconds until there is a token."""
        left = self.left(now)
        return 0.0 if left >= 1 else (1 - left) / self.per_second

    def take(self, now: float) -> Bucket:
        """One call goes out."""
        return replace(self, tokens=self.left(now) - 1, at=now)

    def tell(self, remaining: float, sent: float, under_way: int, now: float) -> Bucket:
        """An answer to a call sent then tells what remained, while so many later calls were let out.

        Fewer tokens than thought: others draw from the bucket. Many more: not every call costs one.
        """
        most = remaining + 1 + self.per_second * max(0.0, now - sent)
        least = remaining - under_way
        left = self.left(now)
        if left > most:
            return replace(self, tokens=most, at=now)
        if least - left > _BELIEVED and now >= self.settles:
            return replace(self, tokens=least, at=now)
        return self

    def empty(self, now: float) -> Bucket:
        """A call was refused."""
        return replace(self, tokens=min(0.0, self.tokens), at=now, settles=now + _SETTLING)


_BELIEVED = 10
"""Tokens by which the site must have more than thought: fewer may be calls that are under way."""
_SETTLING = 30.0
