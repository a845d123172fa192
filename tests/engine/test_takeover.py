"""Whose is a run? A worker that was taken for dead and comes back must not write over what the one who took over does."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.engine.house import LOGIN, TENANT, House

from jirakb.control.config import ConnectorConfig
from jirakb.control.runs import RunRecord, RunRecords
from jirakb.engine.slot import Slot
from jirakb.errors import SettingsError

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.fixture
def runs(closed: House) -> RunRecords:
    return closed.service.runs


@pytest.fixture
def run(closed: House) -> RunRecord:
    config = ConnectorConfig(base_url="https://jira.example.com", project_key="*")
    connector = closed.service.connectors.create(TENANT, "kb", "one", config, credentials=LOGIN)
    return closed.service.runs.request(TENANT, "kb", "sync", NOW, connector=connector.id)


def test_a_run_that_was_taken_over_is_lost_to_the_first_worker(runs: RunRecords, run: RunRecord) -> None:
    assert runs.take(run.id, "first", NOW, 0) is not None
    taken = runs.take(run.id, "second", NOW, 0)
    assert taken is not None
    assert (taken.worker, taken.attempts) == ("second", 1)
    assert runs.tell(run.id, {"stages": {}}, worker="first") == "lost"
    assert runs.stop_asked(run.id, "first") == "lost"
    assert not runs.finish(run.id, "failed", NOW, worker="first")
    assert not runs.try_again(run.id, "first")
    assert runs.stop_asked(run.id, "second") == ""
    assert runs.finish(run.id, "complete", NOW, worker="second")
    assert runs.take(run.id, "first", NOW, 0) is None


def test_an_attempt_that_comes_late_takes_nothing(runs: RunRecords, run: RunRecord) -> None:
    runs.take(run.id, "first", NOW, 0)
    runs.try_again(run.id, "first")
    assert runs.take(run.id, "second", NOW, 1) is not None
    assert runs.take(run.id, "third", NOW, 0) is None
    assert runs.get(TENANT, run.id).worker == "second"


def test_a_run_that_is_resumed_before_it_has_stopped_goes_on(runs: RunRecords, run: RunRecord) -> None:
    runs.take(run.id, "first", NOW, 0)
    runs.pause(run.id)
    assert runs.stop_asked(run.id, "first") == "pause"
    runs.resume(run.id)
    assert not runs.stay_paused(run.id, "first")
    runs.try_again(run.id, "first")
    assert runs.get(TENANT, run.id).state == "queued"


def test_a_pause_outlives_the_worker_that_was_asked(runs: RunRecords, run: RunRecord) -> None:
    runs.take(run.id, "first", NOW, 0)
    runs.pause(run.id)
    runs.take(run.id, "second", NOW, 0)
    assert runs.stop_asked(run.id, "second") == "pause"
    assert runs.stay_paused(run.id, "second")
    assert runs.take(run.id, "third", NOW, 1) is None


def test_a_waiting_run_is_paused_and_cancelled_at_once(runs: RunRecords, run: RunRecord) -> None:
    runs.pause(run.id)
    assert runs.get(TENANT, run.id).state == "paused"
    runs.cancel(run.id, NOW, {"error": "Cancelled"})
    ended = runs.get(TENANT, run.id)
    assert (ended.state, ended.error) == ("failed", {"error": "Cancelled"})


def test_a_worker_that_comes_back_is_the_same_one_and_two_are_never(closed: House) -> None:
    home = closed.settings.home
    with Slot(home, shared=True) as first, Slot(home, shared=True) as second:
        assert first.identity != second.identity
        name = first.identity
        first.give_back()
        with Slot(home, shared=True) as again:
            assert again.identity == name
    with Slot(home, shared=False), pytest.raises(SettingsError, match="work of this home"):
        Slot(home, shared=False).take()


def test_a_pause_that_is_asked_for_as_the_run_fails_is_kept(runs: RunRecords, run: RunRecord) -> None:
    runs.take(run.id, "first", NOW, 0)
    runs.pause(run.id)
    assert runs.try_again(run.id, "first", {"error": "SiteUnreachableError"})
    paused = runs.get(TENANT, run.id)
    assert (paused.state, paused.stop, paused.failures) == ("paused", "", 1)
