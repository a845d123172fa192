"""What does a function in a query yield? Those of Jira that need nothing but the time; the others say why not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from jirakb.errors import UsageError
from jirakb.knowledge.query.dates import Moment, Period, edge
from jirakb.knowledge.query.syntax import Call

_PERIODS: tuple[Period, ...] = ("day", "week", "month", "year")
_FUNCTIONS: dict[str, tuple[Period, bool]] = {
    f"{side}{period}": (period, side == "endof") for side in ("startof", "endof") for period in _PERIODS
}
NAMES = ("now", *(f"{side}{period.title()}" for side in ("startOf", "endOf") for period in _PERIODS))
_REFUSED = {
    "currentuser": "currentUser() is nobody here: a knowledge base knows who may read, not who asks; write the name",
    "membersof": "membersOf() asks for the members of a group, which are not kept; write the names",
    "opensprints": "openSprints() asks for the state of sprints, which is not kept; write the sprint's name",
    "closedsprints": "closedSprints() asks for the state of sprints, which is not kept; write the sprint's name",
    "futuresprints": "futureSprints() asks for the state of sprints, which is not kept; write the sprint's name",
}


def moment_of(call: Call, now: datetime, wrong: Callable[[str, int], UsageError]) -> Moment:
    """The moment that a function yields; raises what `wrong` makes of a message and a character."""
    name = call.name.casefold()
    if name == "now":
        if call.arguments:
            raise wrong("now() takes no argument", call.arguments[0].at)
        return Moment(now, now + timedelta(milliseconds=1))
    if name not in _FUNCTIONS:
        raise unknown(call, wrong)
    if len(call.arguments) > 1:
        raise wrong(f"{call.name}() takes one argument at most", call.arguments[1].at)
    return _edge(call, now, wrong)


def _edge(call: Call, now: datetime, wrong: Callable[[str, int], UsageError]) -> Moment:
    period, end = _FUNCTIONS[call.name.casefold()]
    shift = call.arguments[0] if call.arguments else None
    found = partial(edge, period, end=end, now=now)(shift=shift.text if shift else "")
    if found is None:
        at = shift.at if shift else call.at
        raise wrong('this shift cannot be read; write it as in startOfMonth(-1) or endOfDay("+2d")', at)
    return found


def unknown(call: Call, wrong: Callable[[str, int], UsageError]) -> UsageError:
    """Why a function yields nothing here."""
    listed = ", ".join(f"{name}()" for name in NAMES)
    return wrong(_REFUSED.get(call.name.casefold(), f"there is no function {call.name}(); there are {listed}"), call.at)
