"""What does a JQL function yield for this caller now? Never knows in which field it stands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from jirakb.simulator.jql import dates, messages
from jirakb.simulator.jql.dates import Moment, Period
from jirakb.simulator.jql.row import Context
from jirakb.simulator.jql.syntax import Call

Yield = Literal["user", "date", "sprint"]


class FunctionError(Exception):
    """A call that Jira refuses; the argument is the message."""


@dataclass(frozen=True, slots=True)
class Function:
    """What a function takes and yields: user ids, moments or names of sprints."""

    yields: Yield
    compute: Callable[[Call, Context], tuple[str | Moment, ...]]
    arguments: tuple[int, int] = (0, 0)
    is_list: bool = False


def find(call: Call) -> Function | None:
    """Return the function of a call, or None when there is no such function."""
    return _FUNCTIONS.get(call.name.lower())


def evaluate(function: Function, call: Call, context: Context) -> tuple[str | Moment, ...]:
    """Compute a call; raises FunctionError."""
    low, high = function.arguments
    if not low <= len(call.arguments) <= high:
        raise FunctionError(messages.arguments_wrong(call.name, low, high, len(call.arguments)))
    return function.compute(call, context)


def _current_user(_: Call, context: Context) -> tuple[str, ...]:
    return (context.user,) if context.user is not None else ()


def _members_of(call: Call, context: Context) -> tuple[str, ...]:
    wanted = call.arguments[0].lower()
    groups = [members for name, members in context.groups.items() if name.lower() == wanted]
    if not groups:
        raise FunctionError(messages.group_unknown(call.name, call.arguments[0]))
    return tuple(sorted(frozenset().union(*groups)))


def _now(_: Call, context: Context) -> tuple[Moment, ...]:
    return (dates.exactly(dates.to_ms(context.now)),)


def _edge(period: Period, end: bool, call: Call, context: Context) -> tuple[Moment, ...]:
    offset = call.arguments[0] if call.arguments else None
    moment, readable = dates.edge(period, end, offset, context.now, context.zone)
    if not readable:
        raise FunctionError(messages.offset_invalid(call.name))
    return (moment,) if moment is not None else ()


def _sprints(state: str, _: Call, context: Context) -> tuple[str, ...]:
    return tuple(sprint.name for sprint in context.sprints if sprint.state.lower() == state)


_PERIODS: tuple[Period, ...] = ("day", "week", "month", "year")
_FUNCTIONS: Mapping[str, Function] = {
    "currentuser": Function("user", _current_user),
    "membersof": Function("user", _members_of, (1, 1), is_list=True),
    "now": Function("date", _now),
    **{f"startof{period}": Function("date", partial(_edge, period, False), (0, 1)) for period in _PERIODS},
    **{f"endof{period}": Function("date", partial(_edge, period, True), (0, 1)) for period in _PERIODS},
    "opensprints": Function("sprint", partial(_sprints, "active"), is_list=True),
    "closedsprints": Function("sprint", partial(_sprints, "closed"), is_list=True),
    "futuresprints": Function("sprint", partial(_sprints, "future"), is_list=True),
}
