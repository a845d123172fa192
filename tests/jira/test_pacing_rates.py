"""What a pace learns from refusals and from headers, counted on a clock of its own."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from tests.jira.limited import ENDPOINT, START, Workers

from jirakb.jira.pacing.site import SitePace, read, write
from jirakb.jira.pacing.turns import Allowance, Turn
from jirakb.simulator.limits import Limit, burst, user_bucket
from jirakb.simulator.messages import Answer


@pytest.mark.parametrize("seconds_of_call", [0.01, 0.1, 0.3])
@pytest.mark.parametrize("capacity", [4, 8, 40])
def test_a_limit_that_only_refusals_tell_of_is_held_from_the_beginning(capacity: int, seconds_of_call: float) -> None:
    workers = Workers(burst(4, capacity), seconds_of_call=seconds_of_call)
    workers.read(300)
    assert workers.rate() >= 3.8
    assert workers.share() <= 1


@pytest.mark.parametrize("per_second", [1, 4, 20])
def test_a_limit_that_was_learned_is_held_without_bouncing(per_second: int) -> None:
    workers = Workers(burst(per_second, 2 * per_second))
    workers.read(30 * per_second)
    learning, before = len(workers.refusals), workers.now
    workers.read(60 * per_second)
    assert len(workers.refusals) - learning <= 4 + 0.005 * 60 * per_second
    assert 60 * per_second / (workers.now - before) >= 0.95 * per_second


def test_a_limit_is_learned_where_a_refusal_says_nothing_of_time() -> None:
    workers = Workers(replace(burst(4, 8), retry_after=False))
    workers.read(300)
    assert workers.rate() >= 3.8


def test_a_limit_that_rises_is_noticed_and_so_is_one_that_falls() -> None:
    workers = Workers(burst(4, 8))
    workers.read(120)
    learned = len(workers.refusals)
    for per_second in (8, 2):
        workers.limit.per_second = per_second
        workers.read(120 * per_second)
        before = workers.now
        workers.read(30 * per_second)
        assert 30 * per_second / (workers.now - before) >= 0.9 * per_second
    assert len(workers.refusals) - learned <= 30


@pytest.mark.parametrize("seconds_of_call", [0.01, 0.1, 1.0])
def test_a_bucket_that_answers_tell_of_is_used_up_and_never_overstepped(seconds_of_call: float) -> None:
    workers = Workers(user_bucket(70, 5), count=8, seconds_of_call=seconds_of_call)
    workers.read(300)
    assert workers.refusals == []
    assert workers.share() >= 0.95


def test_a_bucket_that_others_draw_from_is_shared_with_them() -> None:
    pace, said = SitePace(), Allowance(capacity=70, remaining=69, per_second=5)
    pace = pace.tell(Turn(ENDPOINT, START), said, 0, START)
    pace, turn = pace.take(ENDPOINT, START)
    pace = pace.tell(turn, replace(said, remaining=3), 0, START + 0.1)
    calls = 0
    while not pace.wait(ENDPOINT, START + 0.1):
        pace, _ = pace.take(ENDPOINT, START + 0.1)
        calls += 1
    assert 3 <= calls <= 5


def test_a_bucket_that_not_every_call_draws_from_is_believed_to_hold_what_it_says() -> None:
    pace, said = SitePace(), Allowance(capacity=70, remaining=69, per_second=5)
    for _ in range(200):
        assert not pace.wait(ENDPOINT, START)
        pace, turn = pace.take(ENDPOINT, START)
        pace = pace.tell(turn, said, 3, START)


def test_time_in_which_other_troubles_stopped_the_work_is_no_evidence_of_a_low_rate() -> None:
    now = START
    pace, turn = SitePace().take(ENDPOINT, now)
    for _ in range(3):
        pace = pace.refuse(turn, ENDPOINT, 1.0, now + 0.1)
        for _ in range(7):
            now += 6
            pace, turn = pace.take(ENDPOINT, now)
    assert pace.rates[ENDPOINT].per_second(now) >= 1


class ByChance(Limit):
    """Refuses one call in twenty, at any rate."""

    dice = random.Random(0)

    def take(self, endpoint: str, user: str, now: float) -> Answer | None:
        return self._refusal(0.999) if self.dice.random() < 0.05 else None


@pytest.mark.parametrize("seed", range(4))
def test_refusals_by_chance_do_not_slow_the_work_to_a_crawl(seed: int) -> None:
    workers = Workers(ByChance(1000, 1000))
    ByChance.dice.seed(seed)
    workers.read(600)
    assert workers.rate() >= 4


def test_a_warning_slows_down_before_there_is_a_refusal() -> None:
    turn, near = Turn(ENDPOINT, START), Allowance(near=True)
    pace, now = SitePace(), START
    for _ in range(200):
        wait = pace.wait(ENDPOINT, now)
        now += max(wait, 0.02)
        pace, turn = pace.take(ENDPOINT, now)
        pace = pace.tell(turn, near, 0, now)
    assert pace.rates[ENDPOINT].per_second(now) < 45
    assert pace.wait("GET field", now) == 0


def test_what_is_kept_is_read_again_and_what_cannot_be_read_is_nothing() -> None:
    workers = Workers(burst(4))
    workers.read(60)
    assert read(write(workers.pace)) == workers.pace
    assert read(b"{torn") == read(b"") == SitePace()
