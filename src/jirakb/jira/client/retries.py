"""How often and how long is a call tried again? Counts one call's failures against a budget. Never sends or sleeps."""

from __future__ import annotations

from dataclasses import dataclass

_FIRST_PAUSE = 0.5
_FIRST_THROTTLED_PAUSE = 2.0
_LONGEST_PAUSE = 30.0
_NONSENSE_COUNTS = 3


@dataclass(frozen=True, slots=True)
class Budget:
    """What one call may cost. Broken answers and "wait" answers are counted apart: the second kind is the site's right."""

    attempts: int = 6
    """Calls that end without a usable answer; six span about 15 seconds of trouble."""
    seconds: float = 300.0
    """Time from the first try, after which no further one is made."""
    throttles: int = 10
    """Times that the site may say "wait" to one call."""
    patience: float = 7200.0
    """Seconds that one call waits in all because the site said so."""


@dataclass(slots=True)
class Trouble:
    """The failures of one call so far."""

    budget: Budget
    started: float
    broken: int = 0
    throttled: int = 0
    nonsense: int = 0
    doubted: int = 0
    """Answers that may have been meant for nobody."""
    waited: float = 0.0

    def pause_after_broken(self, asked: float | None, now: float, chance: float) -> float | None:
        """Seconds until the next try; None when the budget is spent. `asked` is what the site wants, at least."""
        self.broken += 1
        pause = max(_pause(_FIRST_PAUSE, self.broken, chance), asked or 0.0)
        spent = now - self.started - self.waited + pause > self.budget.seconds and asked is None
        if spent or self.broken >= self.budget.attempts or not self._patient(asked or 0.0):
            return None
        return pause

    def pause_after_throttle(self, asked: float | None, chance: float, *, nonsense: bool = False) -> float | None:
        """Seconds to hold calls back; None when the site has said "wait" too often or asks for too long.

        `nonsense`: it named a time that nobody can wait, as blocked accounts are told; that is not borne so often.
        """
        self.throttled += 1
        self.nonsense += _NONSENSE_COUNTS - 1 if nonsense else 0
        pause = asked if asked is not None else _pause(_FIRST_THROTTLED_PAUSE, self.throttled, chance)
        is_borne = self.throttled + self.nonsense <= self.budget.throttles
        return pause if is_borne and self._patient(pause) else None

    def _patient(self, wait: float) -> bool:
        self.waited += wait
        return self.waited <= self.budget.patience


def _pause(first: float, time: int, chance: float) -> float:
    """Doubles up to half a minute, spread by 0.7 to 1.3 so that threads do not return together."""
    longest: float = min(_LONGEST_PAUSE, first * 2.0 ** (time - 1))
    return longest * (0.7 + 0.6 * chance)
