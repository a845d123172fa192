"""How does the service fare? Figures for Prometheus. Most are read from the tables and the knowledge bases when they are asked
for, so that whichever process answers speaks for all workers; what a process alone knows are its memory and its searches.

What has no number yet is left out rather than told as nought. Shows ids, never names, addresses or texts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import apsw
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from jirakb.control.survey import Surveyed, SurveyedRun, survey
from jirakb.engine.claims import Claims
from jirakb.engine.open import Service
from jirakb.errors import DatabaseUnavailableError, JirakbError
from jirakb.knowledge.runs import Runs
from jirakb.knowledge.store import KnowledgeBase, query

CONTENT_TYPE = CONTENT_TYPE_LATEST
"""What `Metrics.text` is made of."""
_LATELY = timedelta(days=1)
_ALIVE = timedelta(seconds=30)
_READING = frozenset({"sync", "full", "incremental", "window", "census"})
"""Kinds of runs that read a site; `sync` and `census` are what was asked for, until the worker knows better."""
_BUCKETS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5, 5.0, 10.0)
_OF_CONNECTOR = ("tenant", "connector")
_BACKLOG = "SELECT count(*) FROM backlog"
_OMISSIONS = "SELECT class, reason, count(*) FROM omission WHERE connector = ? GROUP BY class, reason"
Figures = dict[tuple[str, ...], float]
"""Numbers by the values of their labels."""


def metrics_text(service: Service) -> bytes:
    """The figures of a service at this moment, without searches, which a `Metrics` counts from its making on."""
    return Metrics(service).text()


class Metrics:
    """The figures of one process's view of a service. Safe to use from several threads."""

    def __init__(self, service: Service, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._searches = Histogram(
            "jirakb_search_seconds",
            "Time from a question to its answer, in this process.",
            ["route"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._registry.register(_Standing(service, clock))

    def searched(self, seconds: float, route: str = "search") -> None:
        """A question was answered."""
        self._searches.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All figures in Prometheus's text format."""
        return generate_latest(self._registry)


class _Standing(Collector):
    def __init__(self, service: Service, clock: Callable[[], datetime]) -> None:
        self._service = service
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """While the database is away, that is all that can be said."""
        now, is_up = self._clock(), ("database_up", "Whether the control database answers.", ())
        try:
            found = survey(self._service.engine_db, now, lately=_LATELY, alive=_ALIVE)
        except DatabaseUnavailableError:
            yield _gauge(*is_up, {(): 0})
            return
        yield _gauge(*is_up, {(): 1})
        yield _gauge("workers", "Workers seen within half a minute.", (), {(): found.workers})
        waiting: Figures = {(state,): count for state, count in found.waiting.items()}
        yield _gauge("runs_waiting", "Runs that have not ended.", ("state",), waiting)
        states: Counter[tuple[str, ...]] = Counter((one.tenant, one.state) for one in found.connectors)
        yield _gauge("connectors", "Connectors by state.", ("tenant", "state"), states)
        yield from _of_runs(run for run in found.runs if run.kind in _READING)
        yield from self._of_bases(found.connectors, now)

    def _of_bases(self, connectors: Iterable[Surveyed], now: datetime) -> Iterator[Metric]:
        bases = _Bases(now)
        for kb, of_kb in groupby(sorted(connectors, key=lambda one: one.kb), key=lambda one: one.kb):
            bases.look(self._service.settings.home / "kb" / kb, kb, list(of_kb))
        yield from bases.told()


@dataclass
class _Bases:
    """What the knowledge bases say, each opened once."""

    now: datetime
    freshness: Figures = field(default_factory=dict)
    backlog: Figures = field(default_factory=dict)
    omissions: Figures = field(default_factory=dict)
    working: set[str] = field(default_factory=set)
    """The connectors that are not paused."""
    unreadable: int = 0

    def look(self, folder: Path, kb: str, connectors: Sequence[Surveyed]) -> None:
        """Take in the connectors of one knowledge base; there is none before the first sync."""
        if not (folder / "kb.sqlite").exists():
            return
        try:
            with closing(KnowledgeBase.open(folder)) as base:
                self.backlog[connectors[0].tenant, kb] = query(base.reader(), _BACKLOG)[0][0]
                for connector in connectors:
                    self._take(connector, base)
        except (JirakbError, apsw.Error):
            self.unreadable += 1

    def _take(self, connector: Surveyed, base: KnowledgeBase) -> None:
        labels = (connector.tenant, connector.id)
        if connector.state != "paused":
            self.working.add(connector.id)
        for mine in Claims(base).of(connector.id)[-1:]:
            for known in Runs(base).connectors(mine):
                if known.watermark:
                    self.freshness[labels] = max(0.0, (self.now - known.watermark).total_seconds())
            for cls, reason, count in query(base.reader(), _OMISSIONS, (mine,)):
                self.omissions[(*labels, str(cls), str(reason))] = count

    def told(self) -> Iterator[Metric]:
        """All of it."""
        oldest = [seconds for (_, connector), seconds in self.freshness.items() if connector in self.working]
        yield _gauge("freshness_seconds", "Now minus the oldest watermark.", (), {(): max(oldest)} if oldest else {})
        yield _gauge("connector_freshness_seconds", "Now minus the watermark.", _OF_CONNECTOR, self.freshness)
        yield _gauge("backlog_passages", "Passages that wait for a vector.", ("tenant", "kb"), self.backlog)
        labels = (*_OF_CONNECTOR, "class", "reason")
        yield _gauge("omissions", "What was left out or failed, and is still missing.", labels, self.omissions)
        yield _gauge("kb_unreadable", "Knowledge bases that do not open.", (), {(): self.unreadable})


@dataclass
class _Lately:
    """What the runs of the last day come to."""

    duration: Figures = field(default_factory=dict)
    per_hour: Figures = field(default_factory=dict)
    memory: Figures = field(default_factory=dict)
    calls: Counter[tuple[str, ...]] = field(default_factory=Counter)
    throttled: Counter[tuple[str, ...]] = field(default_factory=Counter)
    ended: Counter[tuple[str, ...]] = field(default_factory=Counter)
    operations: Counter[tuple[str, ...]] = field(default_factory=Counter)
    failures: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def take(self, run: SurveyedRun) -> None:
        """Take in one run, each after those that began before it."""
        labels = (run.tenant, run.connector)
        for endpoint, calls in run.progress.get("requests", {}).items():
            self.calls[(*labels, endpoint)] += calls
        self.throttled[labels] += run.progress.get("throttled_seconds", 0.0)
        self.memory[labels] = max(self.memory.get(labels, 0), run.progress.get("memory", 0))
        if run.finished:
            self._take_ended(run, labels)

    def _take_ended(self, run: SurveyedRun, labels: tuple[str, ...]) -> None:
        counts, seconds = run.result.get("counts", {}), run.seconds
        omissions = run.result.get("omissions_by_reason", {})
        self.ended[(*labels, run.state)] += 1
        self.operations[labels] += 1 + counts.get("listed", 0)
        self.failures[labels] += run.state == "failed"
        self.failures[labels] += sum(count for reason, count in omissions.items() if reason.startswith("failed "))
        if run.state in ("complete", "incomplete"):
            self.duration[(*labels, run.kind)] = seconds
            if counts.get("indexed") and seconds:
                self.per_hour[labels] = counts["indexed"] / seconds * 3600

    def told(self) -> Iterator[Metric]:
        """All of it."""
        errors = {labels: self.failures[labels] / count for labels, count in self.operations.items()}
        of = _OF_CONNECTOR
        yield _gauge("sync_duration_seconds", "Of the last sync of each kind.", (*of, "kind"), self.duration)
        yield _gauge("error_ratio", "Share of runs and issues that failed in the last day.", of, errors)
        yield _gauge("sync_memory_bytes", "Most memory of a worker in the last day's runs.", of, self.memory)
        yield _gauge("api_calls_last_day", "Calls to Jira in the last day.", (*of, "endpoint"), self.calls)
        yield _gauge("documents_per_hour", "Issues indexed an hour in the last sync that had any.", of, self.per_hour)
        yield _gauge("throttled_seconds_last_day", "Waits that the site asked for in the last day.", of, self.throttled)
        yield _gauge("runs_ended_last_day", "Runs that ended in the last day.", (*of, "state"), self.ended)


def _of_runs(runs: Iterable[SurveyedRun]) -> Iterator[Metric]:
    lately = _Lately()
    for run in runs:
        lately.take(run)
    return lately.told()


def _gauge(name: str, meaning: str, labels: Sequence[str], values: Mapping[tuple[str, ...], float]) -> Metric:
    gauge = GaugeMetricFamily(f"jirakb_{name}", meaning, labels=labels)
    for key, value in values.items():
        gauge.add_metric(key, value)
    return gauge
