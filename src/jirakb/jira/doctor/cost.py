"""What would a full read of a query cost? Asks for one page and the bodies of its first issues, and measures. Keeps nothing."""

from __future__ import annotations

from dataclasses import dataclass

from jirakb.errors import ProtocolError
from jirakb.jira import jql
from jirakb.jira.client.answers import Answer
from jirakb.jira.client.endpoints import JiraClient
from jirakb.jira.doctor.findings import Estimate, estimate
from jirakb.jira.identity import Identity
from jirakb.jira.pacing import Timing
from jirakb.jira.readers.bodies import read_body

_SAMPLE = 100


@dataclass(frozen=True, slots=True)
class _Page:
    """The first issues of a query; `total` is None where the answer does not tell it."""

    numbers: tuple[int, ...]
    total: int | None
    answer: Answer


def measure(client: JiraClient, identity: Identity, question: str, *, connections: int, timing: Timing) -> Estimate:
    """Three calls at most. Raises what the site says against the query, and when it answers as to nobody."""
    begun = timing.monotonic()
    page = _first_page(client, identity, question)
    listed = timing.monotonic()
    if not page.numbers:
        identity.confirm(page.answer)
    fetched = _fetch(client, identity, page.numbers) if page.numbers else page.answer
    ended = timing.monotonic()
    return estimate(
        identity.flavor,
        _count(client, question, page),
        list_seconds=listed - begun,
        fetch_seconds=ended - listed,
        connections=connections,
        rate=_rate(fetched),
    )


def check(client: JiraClient, identity: Identity, question: str) -> None:
    """Raises ConnectorValidationError, in Jira's words, when it refuses the query."""
    _first_page(client, identity, question)


def _first_page(client: JiraClient, identity: Identity, question: str) -> _Page:
    if identity.flavor == "cloud":
        ids = client.search_jql(question, "id", _SAMPLE)
        numbers = tuple(read_body(row).number for row in ids.rows)
        return _Page(numbers, None if ids.next_token else len(numbers), ids.answer)
    found = client.search(question, ["updated"], 0, _SAMPLE)
    if found is None:
        raise ProtocolError(f"{client.site} refused a query without a word.", url=client.site)
    return _Page(tuple(read_body(row).number for row in found.rows), found.total, found.answer)


def _fetch(client: JiraClient, identity: Identity, numbers: tuple[int, ...]) -> Answer:
    if identity.flavor == "cloud":
        return client.bulk_fetch(numbers, ["*all"]).answer
    found = client.search(jql.ids(numbers), ["*all"], 0, len(numbers))
    if found is None:
        raise ProtocolError(f"{client.site} refused to give issues by their ids.", url=client.site)
    return found.answer


def _count(client: JiraClient, question: str, page: _Page) -> int:
    total = client.count(question) if page.total is None else page.total
    return max(total or 0, len(page.numbers))


def _rate(answer: Answer) -> float | None:
    """Calls a second in the long run, as Data Center tells it of its bucket."""
    try:
        refill = float(answer.headers.get("x-ratelimit-fillrate", ""))
        interval = float(answer.headers.get("x-ratelimit-interval-seconds", "1"))
    except ValueError:
        return None
    return refill / interval if refill > 0 and interval > 0 else None
