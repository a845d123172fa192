"""A service that is started before its database: it waits, says so, and works as soon as the database is there."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx2
from tests.engine.house import wait_for
from tests.servers import fresh_database, kill_postgres, postgres_folder, postgres_server
from tests.service.serving import serving


def test_serve_and_worker_wait_for_postgresql(tmp_path: Path) -> None:
    with postgres_folder() as folder, postgres_server(folder) as server:
        url = fresh_database(server)
        kill_postgres(folder)
        settings = {"JIRAKB_HOME": str(tmp_path / "home"), "JIRAKB_DATABASE_URL": url, "JIRAKB_LOG": "json"}
        with serving(tmp_path / "logs", **settings) as made:
            processes = [made.start("serve", "--port", "0", "--no-worker"), made.start("worker"), made.start("worker")]
            wait_for(lambda: all("waiting for the control database" in made.log(one) for one in processes))
            assert [one.poll() for one in processes] == [None] * 3
            processes[2].send_signal(signal.SIGTERM)
            assert processes[2].wait(20) == 0
            server.ensure_postgres_running()
            made.find_address(processes[0])
            ready = {"status": "ready", "workers": 1}
            wait_for(lambda: httpx2.get(f"{made.url}/readyz", trust_env=False).json() == ready)
