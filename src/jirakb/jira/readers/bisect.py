"""Which issues of a batch that cannot be fetched are to blame? Halves it until the broken ones stand alone.

One issue that makes Jira fail must cost one omission; a site that fails altogether must not cost a storm of calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jirakb.documents import Omission
from jirakb.errors import ProtocolError, SiteError, SiteUnreachableError
from jirakb.source import Batch

_HOPELESS = 8
"""Groups on one level that fail without a single success: the site is at fault, not an issue."""
_TRIES_OF_A_GROUP = 3


def fetch_in_halves(
    numbers: Sequence[int], fetch: Callable[[Sequence[int]], Batch], sign_of_life: Callable[[], object]
) -> Batch:
    """What `fetch` brings for all numbers, in as few parts as it takes; an issue that fails alone becomes an omission.

    `sign_of_life` is asked before blaming an issue: it raises when the whole site is out of reach.
    """
    groups, done, broken = [tuple(numbers)], list[Batch](), list[tuple[int, Omission]]()
    while groups:
        halves: list[tuple[int, ...]] = []
        for group in groups:
            try:
                done.append(fetch(group))
            except (SiteUnreachableError, ProtocolError) as exc:
                sign_of_life()
                if len(groups) >= _HOPELESS and not done and group == groups[-1]:
                    raise
                halves.extend(_halves(group))
                broken.extend(_blame(group, exc))
        groups = halves
    return join([*done, Batch((), tuple(broken))])


def tries(group: Sequence[int]) -> int | None:
    """How often a group is asked for before it is halved; None, as often as any call, before a single issue is blamed."""
    return _TRIES_OF_A_GROUP if len(group) > 1 else None


def join(batches: Sequence[Batch]) -> Batch:
    """The parts of one batch as one."""
    return Batch(
        tuple(issue for batch in batches for issue in batch.issues),
        tuple(omission for batch in batches for omission in batch.omissions),
    )


def _halves(group: tuple[int, ...]) -> list[tuple[int, ...]]:
    middle = len(group) // 2
    return [group[:middle], group[middle:]] if middle else []


def _blame(group: tuple[int, ...], exc: SiteError) -> list[tuple[int, Omission]]:
    if len(group) > 1:
        return []
    return [(group[0], Omission(str(group[0]), "issue", "failed", "bad_body", exc.message[:300]))]
