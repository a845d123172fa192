"""What does a service consist of? Opens the control database, and joins what stands on it. Starts nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import Engine

from jirakb.control.catalog import Catalog
from jirakb.control.connectors import Connectors
from jirakb.control.database import open_database
from jirakb.control.keys import Keys
from jirakb.control.presence import Presence
from jirakb.control.runs import RunRecords
from jirakb.control.vault import open_vault
from jirakb.control.workers import Workers
from jirakb.engine.desk import Desk
from jirakb.engine.running import Calls
from jirakb.engine.worker import Rhythm, Worker
from jirakb.jira.guard import Guard
from jirakb.jira.pacing import Pacers
from jirakb.jira.pacing.shared import open_pacers
from jirakb.jira.sitefields import FieldMemory
from jirakb.settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """One process's view of all tenants. The worker works between its `start` and `stop` only. What else calls a site in this
    process takes `pacers` and `guard`, as the worker does."""

    settings: Settings
    engine_db: Engine
    keys: Keys
    connectors: Connectors
    runs: RunRecords
    catalog: Catalog
    workers: Workers
    desk: Desk
    worker: Worker
    pacers: Pacers
    guard: Guard
    presence: Presence

    def close(self) -> None:
        """Stop working and let go of the database."""
        self.worker.stop()
        self.let_go()

    def let_go(self) -> None:
        """Close what is open but the worker, who has stopped."""
        self.pacers.close()
        self.engine_db.dispose()
        self.presence.leave()


def open_service(settings: Settings, rhythm: Rhythm | None = None) -> Service:
    """The service of this home; raises SettingsError, UsageError, DatabaseUnavailableError, SecretsError."""
    rhythm = rhythm or Rhythm()
    guard = Guard.of(settings)
    engine = open_database(settings.home, settings.database_url)
    presence, pacers = Presence(settings.home), open_pacers(settings)  # present before the master key is read
    connectors, runs, workers = Connectors(engine, open_vault(settings)), RunRecords(engine), Workers(engine)
    catalog = Catalog(settings.home, settings.database_url, engine=engine)
    remembered = FieldMemory(pacers.store, settings.fields_minutes * 60, time.time)
    calls = Calls(pacers, remembered, guard, rhythm.budget)
    worker = Worker(settings, connectors, runs, catalog, workers, calls, rhythm)
    desk = Desk(connectors, runs, catalog, worker.tell)
    return Service(
        settings, engine, Keys(engine), connectors, runs, catalog, workers, desk, worker, pacers, guard, presence
    )
