"""When the next call may be sent."""

from __future__ import annotations

import threading

from jirakb.jira.pacing import Pacer, Pacers, Timing


class Clock:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def timing(self) -> Timing:
        return Timing(monotonic=lambda: self.time, now=lambda: self.time, sleep=self.sleep, chance=lambda: 0.0)


def test_an_endpoint_that_is_held_waits_and_others_do_not() -> None:
    clock = Clock()
    pacer = Pacer(1, clock.timing())
    pacer.hold(7, "GET a")
    with pacer.turn("GET b"):
        assert clock.slept == []
    with pacer.turn("GET a"):
        assert clock.slept == [7]


def test_a_hold_on_everything_holds_every_endpoint() -> None:
    clock = Clock()
    pacer = Pacer(1, clock.timing())
    pacer.hold(5)
    pacer.hold(2)
    assert pacer.due_in("GET a") == 5
    with pacer.turn("GET a"):
        assert clock.time == 5


def test_a_hold_that_comes_while_waiting_for_a_connection_counts() -> None:
    clock = Clock()
    pacer = Pacer(1, clock.timing())
    began: list[float] = []
    with pacer.turn("GET a"):
        waiting = threading.Thread(target=lambda: _take(pacer, began, clock))
        waiting.start()
        pacer.hold(9, "GET b")
    waiting.join()
    assert began == [9]


def _take(pacer: Pacer, began: list[float], clock: Clock) -> None:
    with pacer.turn("GET b"):
        began.append(clock.time)


def test_connectors_to_one_site_share_its_pacer() -> None:
    pacers = Pacers()
    assert pacers.of("https://a") is pacers.of("https://a")
    assert pacers.of("https://a") is not pacers.of("https://b")
