"""A service in this process or in others, and the simulated sites that it reads, in the words of a test."""

from __future__ import annotations

import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import text
from tests.flow.history import assert_sound

from jirakb.control.config import ConnectorConfig
from jirakb.control.connectors import SavedConnector
from jirakb.control.runs import RunRecord
from jirakb.engine.open import Service, open_service
from jirakb.engine.worker import Rhythm
from jirakb.jira.client.retries import Budget
from jirakb.knowledge.store import KnowledgeBase
from jirakb.settings import Settings
from jirakb.simulator.server import Running, serve
from jirakb.simulator.site import Site

TENANT = "t1"
LOGIN = {"jira_user_email": "agent@example.com", "jira_api_token": "sim-token"}
QUICK = Rhythm(beat=0.3, round=0.2, dead=2.0, busy=0.2, again=0.2, budget=Budget(attempts=2))
FETCH = "POST issue/bulkfetch"
ALLOWED = "127.0.0.1"


def made_site(issues: int, word: str = "Pump") -> Site:
    site = Site("cloud")
    for number in range(issues):
        site.create(("PUMP", "HALL")[number % 2], f"{word} {number} stops", description=f"Valve v{number}x turns.")
    return site


def wait_for(happened: Callable[[], object], seconds: float = 60.0) -> float:
    """Wait until something happened; the seconds that it took."""
    began = time.monotonic()
    while not happened():
        assert time.monotonic() - began < seconds, "what the test waits for did not happen"
        time.sleep(0.02)
    return time.monotonic() - began


@dataclass
class House:
    """One home, its control database and its sites."""

    settings: Settings
    service: Service
    stack: ExitStack
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def serve(self, site: Site) -> Running:
        """Put a site on the network."""
        return self.stack.enter_context(serve(site))

    def connector(self, running: Running, *, kb: str = "", **options: object) -> SavedConnector:
        """A saved connector of a whole site, into a knowledge base of its own unless one is named."""
        schedule = {name: options.pop(name) for name in ("refresh_minutes", "prune_minutes") if name in options}
        login = options.pop("login", LOGIN)
        given = {"project_key": "*", "embeddings": "none", **options}
        config = ConnectorConfig(base_url=running.base_url, **given)  # type: ignore[arg-type]
        entry = self.service.catalog.find_or_create(kb or f"kb {secrets.token_hex(4)}", TENANT)
        return self.service.connectors.create(
            TENANT, entry.id, "one", config, credentials=login, **schedule  # type: ignore[arg-type]
        )  # fmt: skip

    def run(self, run: RunRecord | str) -> RunRecord:
        """The run as it stands."""
        return self.service.runs.get(TENANT, run if isinstance(run, str) else run.id)

    def ended(self, run: RunRecord | str, seconds: float = 60.0) -> RunRecord:
        """The run when it has ended."""
        wait_for(lambda: self.run(run).finished, seconds)
        return self.run(run)

    def sync(self, connector: SavedConnector, **wish: bool) -> RunRecord:
        """Sync and wait."""
        return self.ended(self.service.desk.sync(TENANT, connector.id, **wish))

    def is_idle(self, connector: SavedConnector) -> bool:
        """Whether nothing is under way in its knowledge base."""
        return not self.service.runs.of_kb(connector.kb)

    def state(self, connector: SavedConnector) -> str:
        """The connector's state."""
        return self.service.connectors.get(TENANT, connector.id).state

    def folder(self, connector: SavedConnector) -> Path:
        """Its knowledge base's."""
        return self.settings.home / "kb" / connector.kb

    def count(self, connector: SavedConnector, table: str) -> int:
        """The committed rows of a table; 0 before there is a knowledge base."""
        if not (self.folder(connector) / "kb.sqlite").exists():
            return 0
        with closing(KnowledgeBase.open(self.folder(connector))) as base:
            ((rows,),) = base.reader().execute(f"SELECT count(*) FROM {table}").fetchall()
            return int(str(rows))

    def keys(self, connector: SavedConnector) -> list[str]:
        """The keys of all its documents, sorted; the knowledge base is sound."""
        with closing(KnowledgeBase.open(self.folder(connector))) as base:
            found = sorted(document.key for document in base.each_document())
            assert_sound(base)
        return found

    def forget_paces(self) -> None:
        """What sites have asked for is forgotten."""
        with closing(sqlite3.connect(self.settings.home / "pacing.sqlite")) as paces, paces:
            paces.execute("DELETE FROM pace")

    def start_worker(self, *command: str) -> subprocess.Popen[bytes]:
        """A worker in a process of its own, started by `jirakb worker` unless another command is given."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("JIRAKB_")}
        env = {
            **own,
            "JIRAKB_HOME": str(self.settings.home),
            "JIRAKB_DATABASE_URL": self.settings.database_url,
            "JIRAKB_GATEWAY_URL": self.settings.gateway_url,
            "JIRAKB_CONNECTIONS": str(self.settings.connections),
            "JIRAKB_ALLOWED_SITES": ALLOWED,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "jirakb", *(command or ("worker",))],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.processes.append(process)
        return process

    def holds_in_database(self, secret: str) -> list[str]:
        """The tables, of the control database and of the queue beside it, in which a text stands."""
        tables = text("SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname !~ '^(pg_|information)'")
        with self.service.engine_db.connect() as connection:
            names = connection.execute(tables).scalars().all()
            assert "dbos.workflow_status" in names
            found = {name: text(f"SELECT 1 FROM {name} AS r WHERE r::text LIKE :secret LIMIT 1") for name in names}
            return [
                name for name, query in found.items() if connection.execute(query, {"secret": f"%{secret}%"}).first()
            ]

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """As if the power failed."""
        process.send_signal(signal.SIGKILL)
        process.wait()


@contextmanager
def house(home: Path, url: str = "", rhythm: Rhythm = QUICK, **settings: object) -> Iterator[House]:
    """A home whose service is open and does not work yet."""
    own = {"JIRAKB_OCR": "off", "JIRAKB_ALLOWED_SITES": ALLOWED}
    chosen = replace(Settings.read(own), home=home, database_url=url, connections=2, **settings)  # type: ignore[arg-type]
    with ExitStack() as stack:
        service = open_service(chosen, rhythm)
        made = House(chosen, service, stack)
        try:
            yield made
        finally:
            for process in made.processes:
                process.kill()
                process.wait()
            service.close()
