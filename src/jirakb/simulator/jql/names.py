"""Which names does a value of a query stand for? Resolves ids, aliases and e-mail addresses; never looks at issues."""

from collections.abc import Callable, Collection, Mapping

from jirakb.simulator.jql.row import Context
from jirakb.simulator.jql.syntax import Value

Resolver = Callable[[Value, Context], frozenset[str] | None]

_CATEGORIES = {
    "to do": ("new", "2"),
    "in progress": ("indeterminate", "4"),
    "done": ("done", "3"),
    "no category": ("undefined", "1"),
}
_PRIORITIES = ("Blocker", "Highest", "Critical", "High", "Major", "Medium", "Minor", "Low", "Trivial", "Lowest")


def anything(value: Value, _: Context) -> frozenset[str]:
    """Take the value as it stands: labels need not exist."""
    return frozenset({value.text.lower()})


def among(known: Callable[[Context], Mapping[str, str] | None]) -> Resolver:
    """Resolve by name, then by id, among the site's own."""

    def resolve(value: Value, context: Context) -> frozenset[str] | None:
        candidates = known(context)
        if candidates is None:
            return anything(value, context)
        wanted = value.text.lower()
        if any(name.lower() == wanted for name in candidates.values()):
            return frozenset({wanted})
        name = candidates.get(value.text)
        return frozenset({name.lower()}) if name is not None else None

    return resolve


def listed(known: Callable[[Context], Collection[str] | None]) -> Resolver:
    """Resolve by name among the site's own."""

    def mapping(context: Context) -> Mapping[str, str] | None:
        candidates = known(context)
        return None if candidates is None else {name: name for name in candidates}

    return among(mapping)


def category(value: Value, _: Context) -> frozenset[str] | None:
    """Resolve a status category by name, key or id; these are the same on every site."""
    wanted = value.text.lower()
    found = frozenset(name for name, aliases in _CATEGORIES.items() if wanted == name or wanted in aliases)
    return found or None


def user(value: Value, context: Context) -> frozenset[str] | None:
    """Resolve a user by id, e-mail address or display name; namesakes are all meant."""
    if context.users is None:
        return anything(value, context)
    if value.text in context.users:
        return frozenset({value.text.lower()})
    wanted = value.text.lower()
    found = frozenset(
        user.id.lower()
        for user in context.users.values()
        if wanted in (user.id.lower(), (user.email or "").lower(), user.display_name.lower())
    )
    return found if wanted and found else None


def sprint(value: Value, context: Context) -> frozenset[str] | None:
    """Resolve a sprint by name or id."""
    wanted = value.text.lower()
    found = frozenset(sprint.name.lower() for sprint in context.sprints if wanted in (sprint.id, sprint.name.lower()))
    return found or (None if context.sprints else frozenset({wanted}))


def issue(value: Value, context: Context) -> frozenset[str] | None:
    """Resolve another issue, an epic or a parent, by key or id."""
    if value.number is not None and context.issue_keys_by_number is not None:
        key = context.issue_keys_by_number.get(value.number)
        return frozenset({key.lower()}) if key is not None else None
    if context.issue_numbers_by_key is not None and context.issue_numbers_by_key.get(value.text.upper()) is None:
        return None
    return frozenset({value.text.lower()})


def ranks(context: Context) -> Mapping[str, int]:
    """Return how urgent each priority is: a higher number is more urgent."""
    known = _PRIORITIES if context.priorities is None else context.priorities.values()
    ordered = list(dict.fromkeys(name.lower() for name in known))
    return {name: len(ordered) - place for place, name in enumerate(ordered)}
