"""Through what do the workers of a service share their pace? Redis or Valkey where one is named, else the database, else the home."""

from __future__ import annotations

from jirakb.jira.pacing import postgres, redis
from jirakb.jira.pacing.pacer import Pacers
from jirakb.jira.pacing.shelter import Sheltered
from jirakb.jira.pacing.sqlite import PacesInFile
from jirakb.jira.pacing.store import PaceStore
from jirakb.jira.pacing.timing import Timing
from jirakb.settings import Settings


def open_pacers(settings: Settings, timing: Timing | None = None) -> Pacers:
    """The pacers of a process of the service; to be closed."""
    return Pacers(settings.connections, timing or Timing(), open_paces(settings))


def open_paces(settings: Settings) -> PaceStore:
    """The store that these settings name, with the nearer ones behind it; connects when it is first asked.

    Raises UsageError for an address that is none.
    """
    store: PaceStore = PacesInFile(settings.home)
    if settings.database_url:
        shared = postgres.PacesInPostgres(settings.database_url)
        store = Sheltered(shared, postgres.TROUBLE, store, "the database")
    if settings.redis_url:
        store = Sheltered(redis.PacesInRedis(settings.redis_url), redis.TROUBLE, store, "the Redis server")
    return store
