"""How much of what a site allows is used, and how often is it overstepped? The connector against limits of the simulated site.

A limit of four calls a second that shows only when it refuses, as Cloud's, and a bucket of seventy calls refilled by five a
second that every answer tells of, as Data Center's; read by one process and by two that share a home.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2

from bench.simulated import Flavor, SimulatedSite, simulated
from bench.tables import Cell, Table
from jirakb.fetch import fetch_windows
from jirakb.jira.connector import JiraConnector
from jirakb.settings import Settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LATENCY = 0.05
CONNECTIONS = 8
TARGETS = {"cloud": 3.8, "dc": 0.95}
"""Calls a second of the four, and the share of what the bucket allows."""
_LIMITS: dict[Flavor, dict[str, object]] = {
    "cloud": {"per_second": 4, "capacity": 4, "endpoints": ["POST issue/bulkfetch"]},
    "dc": {"per_second": 5, "capacity": 70, "per": "user", "reason": None, "tells": True},
}
_COLUMNS = (
    *("flavor", "processes", "calls", "refused", "refused_in_last_half", "seconds", "per_second"),
    *("share_of_allowed", "violations", "held"),
)


@dataclass(frozen=True)
class Case:
    """So many processes that send so many calls each."""

    flavor: Flavor
    processes: int
    calls: int


CASES = (Case("cloud", 1, 300), Case("cloud", 2, 150), Case("dc", 1, 300), Case("dc", 2, 150))


def run(corpus: Path | None) -> Table:
    """Measures each case on a site of its own; needs no corpus."""
    del corpus
    rows = [_measure(case) for case in CASES]
    return Table("pacing", "What of a site's limit is used", _COLUMNS, rows, draw=lambda axes: _draw(axes, rows))


def _measure(case: Case) -> tuple[Cell, ...]:
    limit = _LIMITS[case.flavor]
    with simulated(case.flavor, []) as site, tempfile.TemporaryDirectory() as home:
        numbers = _numbers(site, Path(home))
        mood = {"limits": [limit], "latency": LATENCY}
        httpx2.post(f"{site.base_url}/_sim/mood", json=mood).raise_for_status()
        running = _start(case, site, Path(home), numbers)
        half = _watch(site, running, case.calls * case.processes // 2)
        whole = _record(site)
    return _row(case, half, whole)


def _start(case: Case, site: SimulatedSite, home: Path, numbers: list[int]) -> list[subprocess.Popen[bytes]]:
    told = {"site": site.base_url, "home": str(home), "calls": case.calls, "numbers": numbers}
    command = [sys.executable, "-c", "from bench.pacing import fetch; fetch()", json.dumps(told)]
    given = {**os.environ, **site.settings, "JIRAKB_TOKEN": site.credentials.token, "PYTHONPATH": str(_ROOT)}
    given |= {"BENCH_EMAIL": site.credentials.email}
    return [subprocess.Popen(command, env=given) for _ in range(case.processes)]


def _watch(site: SimulatedSite, running: list[subprocess.Popen[bytes]], calls: int) -> dict[str, Any]:
    """Wait for all processes; what the record told when so many calls had been let through."""
    half: dict[str, Any] | None = None
    while any(process.poll() is None for process in running):
        time.sleep(0.5)
        told = _record(site)
        if half is None and told["limits"][0]["admitted"] >= calls:
            half = told
    assert not any(process.returncode for process in running)
    assert half is not None
    return half


def _record(site: SimulatedSite) -> dict[str, Any]:
    return dict(httpx2.get(f"{site.base_url}/_sim/record").json())


_ROOT = Path(__file__).parents[1]


def _numbers(site: SimulatedSite, home: Path) -> list[int]:
    settings = Settings.read(site.settings | {"JIRAKB_HOME": str(home)})
    with closing(JiraConnector(site.base_url, "*", credentials=site.credentials, settings=settings)) as connector:
        return [ref.number for listing in connector.list_all() for ref in listing.refs][:10]


def fetch() -> None:
    """What each process does: calls for one issue each, as fast as the pace lets them."""
    told = json.loads(sys.argv[1])
    settings = Settings.read({**os.environ, "JIRAKB_HOME": told["home"], "JIRAKB_CONNECTIONS": str(CONNECTIONS)})
    email = os.environ["BENCH_EMAIL"]
    credentials = {"jira_api_token": settings.token} | ({"jira_user_email": email} if email else {})
    numbers = told["numbers"]
    windows = [(numbers[place % len(numbers)],) for place in range(told["calls"])]
    with closing(JiraConnector(told["site"], "*", credentials=credentials, settings=settings)) as connector:
        fetched = sum(len(batch.issues) for w in fetch_windows(connector, windows, CONNECTIONS) for batch in w.batches)
    assert fetched == told["calls"]


def _row(case: Case, half: dict[str, Any], whole: dict[str, Any]) -> tuple[Cell, ...]:
    limit = _LIMITS[case.flavor]
    seen, before = whole["limits"][0], half["limits"][0]
    seconds, calls = float(seen["seconds"]), int(seen["admitted"])
    rate = calls / seconds
    share = calls / (float(str(limit["capacity"])) + float(str(limit["per_second"])) * seconds)
    violations = len(whole["violations"])
    held = (rate if case.flavor == "cloud" else share) >= TARGETS[case.flavor] and not violations
    late = int(seen["refused"]) - int(before["refused"])
    head = (case.flavor, case.processes, calls, int(seen["refused"]), late)
    return (*head, round(seconds, 1), round(rate, 3), round(share, 4), violations, held)


def _draw(axes: Axes, rows: list[tuple[Cell, ...]]) -> None:
    labels = [f"{row[0]}, {row[1]} process{'es' if row[1] != 1 else ''}" for row in rows]
    share = _COLUMNS.index("share_of_allowed")
    axes.bar(labels, [float(row[share] or 0) for row in rows], color="#4477aa")
    axes.axhline(0.95, color="#cc3311", linewidth=1, linestyle="--", label="95 %")
    axes.set_ylabel("calls / calls that the limit allows")
    axes.set_ylim(0, 1.05)
    axes.legend()
