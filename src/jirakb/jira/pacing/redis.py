"""How do workers on several machines share a pace? Through Redis or Valkey: one key per site, put in place by compare-and-set.

Raises the library's errors: `shelter.py` says what happens then. The keys end by themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from jirakb.errors import UsageError

TROUBLE: tuple[type[Exception], ...] = (redis.RedisError, OSError)
_SECONDS = 1.0
"""Longer than a server on the same network ever takes; a call to a site must not hang on its pace."""
_KEPT_MS = 24 * 3600 * 1000
"""Longer than any hold, or than anything that is remembered of a rate."""
_PUT = """
local held = redis.call('GET', KEYS[1])
if not held then held = '' end
if held ~= ARGV[1] then return held end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return false
"""
"""Puts a text in the place of another; what stands there instead, or nothing when it was put."""


class PacesInRedis:
    """The paces that all processes share which name this server. Safe to use from several threads."""

    def __init__(self, url: str) -> None:
        self._server = _open(url)
        self._put = self._server.register_script(_PUT)
        self._lock = threading.Lock()

    def change(self, site: str, work: Callable[[bytes], bytes]) -> None:
        """As often as somebody else was faster. The threads of a process go one after the other: they would only repeat it."""
        key = f"jirakb:pace:{site}"
        with self._lock:
            held: bytes | None = self._server.get(key) or b""  # type: ignore[assignment]
            while held is not None:
                after = work(held)
                held = None if after == held else self._put([key], [held, after, _KEPT_MS])

    def close(self) -> None:
        """Close the connections."""
        self._server.close()


def _open(url: str) -> redis.Redis:
    """Connects when it is first asked; raises UsageError for what is no address, without showing what may be its password."""
    address = url.replace("valkey", "redis", 1) if url.startswith(("valkey://", "valkeys://")) else url
    try:
        return redis.Redis.from_url(
            address, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, retry=Retry(NoBackoff(), 1)
        )
    except ValueError as exc:
        raise UsageError(
            "JIRAKB_REDIS_URL is no address of a Redis or Valkey server.", fix="Write it as redis://host:6379/0."
        ) from exc
