"""How does a service begin whose database is not there yet? It waits for it and says so: after a restart of the machine nobody
knows who comes up first. A home without PostgreSQL has nothing to wait for."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from jirakb.errors import DatabaseUnavailableError
from jirakb.settings import Settings

if TYPE_CHECKING:
    from jirakb.engine.open import Service

_log = logging.getLogger(__name__)
_LONGEST = 15.0


def open_when_there(settings: Settings, pause: Callable[[float], object] = time.sleep) -> Service:
    """The service of these settings, as soon as its PostgreSQL answers; raises what `open_service` raises otherwise.

    `pause` is called between two tries; what it raises ends the waiting.
    """
    from jirakb.engine.open import open_service

    seconds = 0.5
    while True:
        try:
            return open_service(settings)
        except DatabaseUnavailableError as error:
            if not settings.database_url:
                raise
            _log.warning("waiting for the control database: %s %s", error.message, error.fix)
        pause(seconds)
        seconds = min(_LONGEST, seconds * 2)
