"""How near does fetching come to the wire? The connector against a bare client that makes the same calls.

The site is simulated by another process, its answers are made beforehand. All clients are measured in turn, so that what
else the machine does meets each. The ideal is the larger of calls x latency / connections and the bare client's time. The
bare client parses each answer, with the fastest parser there is: what nobody has parsed, nobody has fetched. Beside it
stands the time of one that throws the answers away unread.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import httpx2
import orjson

from bench.simulated import Flavor, SimulatedSite, simulated, some_issues
from bench.tables import Cell, Table
from jirakb.fetch import fetch_windows
from jirakb.jira import jql
from jirakb.jira.connector import JiraConnector
from jirakb.settings import Settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ISSUES = 4800
FLAVORS: tuple[Flavor, ...] = ("cloud", "dc")
LATENCIES = (0.0, 0.1)
CONNECTIONS = (1, 4, 16)
ROUNDS = {0.0: 9, 0.1: 3}
"""Rounds by latency: without any, a round takes half a second and the machine's other work shows."""
_BLOCK = 100
_EVERYTHING = jql.Query.of(["*"], None, ()).all()
_COLUMNS = (
    *("flavor", "latency_ms", "connections", "calls", "ideal_s", "bare_s", "ours_s", "ratio", "worst_ratio"),
    *("unread_s", "ratio_to_unread", "with_listing_s", "with_listing_ratio"),
    *("bare_cpu_s", "unread_cpu_s", "ours_cpu_s", "site_cpu_share"),
)


def run(corpus: Path | None) -> Table:
    """Measures both flavors, each with every latency and number of connections."""
    rows: list[tuple[Cell, ...]] = []
    rounds: list[dict[str, object]] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        files = [some_issues(corpus, folder / "site.jsonl", ISSUES)] if corpus else []
        for flavor in FLAVORS:
            with simulated(flavor, files) as site:
                for case in (Case(site, latency, c) for latency in LATENCIES for c in CONNECTIONS):
                    measured = case.measure(folder)
                    rows.append(_row(case, measured))
                    rounds.append({"case": _name(case), "rounds": [r.as_json() for r in measured]})
    packages = ("httpx2", "httpcore2", "isal", "msgspec", "orjson")
    return Table(
        "fetching",
        "Fetching against the ideal",
        _COLUMNS,
        rows,
        packages=packages,
        detail={"rounds": rounds},
        draw=lambda axes: _draw(axes, rows),
    )


# ---- the clients


@dataclass(frozen=True)
class Used:
    """What something took: seconds on the clock, CPU seconds of this process and of the site."""

    wall: float
    cpu: float
    site_cpu: float


@dataclass(frozen=True)
class Round:
    """One measurement of each, one after the other."""

    bare: Used
    unread: Used
    ours: Used
    bare_listing: Used
    ours_listing: Used

    def as_json(self) -> dict[str, dict[str, float]]:
        """For the record."""
        return {name: vars(getattr(self, name)) for name in ("bare", "unread", "ours", "bare_listing", "ours_listing")}


class Bare:
    """A client that sends the same calls through as many connections, and unpacks the answers."""

    def __init__(self, site: SimulatedSite, connections: int) -> None:
        limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
        headers = {"Authorization": site.authorization, "Accept-Encoding": "gzip", "Content-Type": "application/json"}
        self._site = site
        self._connections = connections
        self._http = httpx2.Client(headers=headers, limits=limits, timeout=90, trust_env=False)
        self._api = f"{site.base_url}/rest/api/{3 if site.flavor == 'cloud' else 2}"

    def list_all(self, count: int) -> None:
        """The calls of a listing, one after the other."""
        if self._site.flavor == "cloud":
            given = {"jql": _EVERYTHING, "fields": "id", "maxResults": "5000"}
            self._http.get(f"{self._api}/search/jql", params=given).raise_for_status()
            return
        for start in range(0, count, 1000):
            asked = {"jql": _EVERYTHING, "startAt": start, "maxResults": 1000, "fields": ["updated"]}
            self._http.post(f"{self._api}/search", json=asked).raise_for_status()

    def fetch(self, blocks: Sequence[tuple[int, ...]], *, read: bool) -> None:
        """The calls that bring the bodies, side by side; with `read` each answer is parsed, else thrown away."""
        with ThreadPoolExecutor(self._connections) as pool:
            for count in pool.map(lambda block: self._count(self._fetch(block), read=read), blocks):
                assert count or not read

    def _count(self, answer: httpx2.Response, *, read: bool) -> int:
        return len(orjson.loads(answer.raise_for_status().content)["issues"]) if read else 0

    def _fetch(self, block: tuple[int, ...]) -> httpx2.Response:
        if self._site.flavor == "cloud":
            asked: dict[str, object] = {"issueIdsOrKeys": [str(number) for number in block], "fields": ["*all"]}
            return self._http.post(f"{self._api}/issue/bulkfetch", json=asked)
        asked = {"jql": jql.ids(block), "startAt": 0, "maxResults": len(block), "fields": ["*all"]}
        return self._http.post(f"{self._api}/search", json=asked | {"validateQuery": False})

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()


@dataclass(frozen=True)
class Case:
    """A site with a latency (seconds), read through so many connections."""

    site: SimulatedSite
    latency: float
    connections: int

    def measure(self, home: Path) -> list[Round]:
        """Rounds of both clients, after one that is not counted: it opens the connections and warms the site."""
        settings = replace(Settings.read(self.site.settings | {"JIRAKB_HOME": str(home)}), connections=self.connections)
        connector = JiraConnector(self.site.base_url, "*", credentials=self.site.credentials, settings=settings)
        with closing(connector), closing(Bare(self.site, self.connections)) as bare:
            self.site.set_latency(0)
            numbers = _listed(connector)
            blocks = [tuple(numbers[start : start + _BLOCK]) for start in range(0, len(numbers), _BLOCK)]
            self._round(bare, connector, blocks)
            self.site.set_latency(self.latency)
            return [self._round(bare, connector, blocks) for _ in range(ROUNDS[self.latency])]

    def _round(self, bare: Bare, connector: JiraConnector, blocks: Sequence[tuple[int, ...]]) -> Round:
        count = sum(map(len, blocks))
        return Round(
            bare=self._used(lambda: bare.fetch(blocks, read=True)),
            unread=self._used(lambda: bare.fetch(blocks, read=False)),
            ours=self._used(lambda: self._fetch(connector, blocks)),
            bare_listing=self._used(lambda: bare.list_all(count)),
            ours_listing=self._used(lambda: _listed(connector)),
        )

    def _fetch(self, connector: JiraConnector, blocks: Sequence[tuple[int, ...]]) -> None:
        windows = fetch_windows(connector, blocks, self.connections)
        fetched = sum(len(batch.issues) for window in windows for batch in window.batches)
        assert fetched == sum(map(len, blocks))

    def _used(self, work: Callable[[], object]) -> Used:
        site, cpu, wall = self.site.cpu(), time.process_time(), time.perf_counter()
        work()
        return Used(time.perf_counter() - wall, time.process_time() - cpu, self.site.cpu() - site)


def _listed(connector: JiraConnector) -> list[int]:
    return sorted(ref.number for listing in connector.list_all() for ref in listing.refs)


# ---- what is told of it


def _row(case: Case, rounds: Sequence[Round]) -> tuple[Cell, ...]:
    calls = -(-ISSUES // _BLOCK)
    wire = calls * case.latency / case.connections
    ratios = [r.ours.wall / max(wire, r.bare.wall) for r in rounds]
    unread = [r.ours.wall / max(wire, r.unread.wall) for r in rounds]
    whole = [(r.ours.wall + r.ours_listing.wall) / (max(wire, r.bare.wall) + r.bare_listing.wall) for r in rounds]
    bare, ours = median(r.bare.wall for r in rounds), median(r.ours.wall for r in rounds)
    share = median(r.ours.site_cpu / r.ours.wall for r in rounds)
    with_listing = median(r.ours.wall + r.ours_listing.wall for r in rounds)
    cpu = [
        median(used.cpu for used in side) for side in zip(*((r.bare, r.unread, r.ours) for r in rounds), strict=True)
    ]
    head = (case.site.flavor, round(case.latency * 1000), case.connections, calls)
    times = [max(wire, bare), bare, ours, median(ratios), max(ratios)]
    times += [median(r.unread.wall for r in rounds), median(unread), with_listing, median(whole), *cpu, share]
    return (*head, *(round(value, 3) for value in times))


def _name(case: Case) -> str:
    return f"{case.site.flavor}, {case.latency * 1000:.0f} ms, {case.connections} connections"


def _draw(axes: Axes, rows: Sequence[Sequence[Cell]]) -> None:
    labels = [f"{row[0]}\n{row[1]} ms\nx{row[2]}" for row in rows]
    ratio = _COLUMNS.index("ratio")
    axes.bar(labels, [float(row[ratio] or 0) for row in rows], color="#4477aa")
    axes.axhline(1.0, color="black", linewidth=1, label="ideal")
    axes.axhline(1.1, color="#cc3311", linewidth=1, linestyle="--", label="ideal + 10 %")
    axes.set_ylabel("time / ideal (median)")
    axes.tick_params(axis="x", labelsize=7)
    axes.legend()
