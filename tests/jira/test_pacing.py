"""When the next call may be sent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from jirakb.jira.pacing import Allowance, Pacer, Pacers, PaceStore, Timing
from jirakb.jira.pacing.sqlite import FILE_NAME, PacesInFile


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


def test_pacers_of_one_home_share_what_they_learn(tmp_path: Path) -> None:
    clock = Clock()
    one, two = (Pacers.kept_in(tmp_path, 4, clock.timing()) for _ in range(2))
    with one.of("https://a").turn("GET x") as turn:
        pass
    one.of("https://a").refuse(turn, 30, everything=False, learn=True)
    assert two.of("https://a").due_in("GET x") == 30
    assert two.of("https://a").due_in("GET y") == two.of("https://b").due_in("GET x") == 0
    for _ in range(2):
        with two.of("https://a").turn("GET x"):
            assert clock.time == 30
    assert one.of("https://a").due_in("GET x") > 0, "the other one's call counts"
    one.close()
    two.close()


def test_reading_a_site_makes_no_home_and_what_was_learned_before_there_was_one_is_kept(tmp_path: Path) -> None:
    clock, home = Clock(), tmp_path / "home"
    pacers = Pacers.kept_in(home, 4, clock.timing())
    pacers.of("https://a").hold(60, "GET x")
    assert not home.exists()
    home.mkdir()
    assert pacers.of("https://a").due_in("GET x") == 60
    other = Pacers.kept_in(home, 4, clock.timing())
    assert other.of("https://a").due_in("GET x") == 60
    pacers.close()
    other.close()


@pytest.mark.parametrize("torn", [b"this is no database, and longer than a header of one would have to be." * 20, b""])
def test_a_damaged_file_of_paces_is_made_anew(tmp_path: Path, torn: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(torn)
    pacers = Pacers.kept_in(tmp_path, 4, Clock().timing())
    pacers.of("https://a").hold(60, "GET x")
    pacers.close()
    again = Pacers.kept_in(tmp_path, 4, Clock().timing())
    assert again.of("https://a").due_in("GET x") == 60
    again.close()


def test_a_home_that_cannot_be_written_costs_the_sharing_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / FILE_NAME).mkdir()
    pacers = Pacers.kept_in(tmp_path, 4, Clock().timing())
    pacers.of("https://a").hold(60, "GET x")
    assert pacers.of("https://a").due_in("GET x") == 60
    assert "not shared" in caplog.text
    pacers.close()


def test_a_hold_that_a_wrong_clock_left_behind_is_forgotten(tmp_path: Path) -> None:
    clock = Clock()
    clock.time = 1e9
    pacer = Pacer(1, clock.timing(), PacesInFile(tmp_path), "https://a")
    pacer.hold(60)
    clock.time = 5e8
    assert pacer.due_in("GET x") == 0


def test_many_threads_leave_the_distance_that_a_bucket_asks_for() -> None:
    clock = Clock()
    pacer = Pacer(8, clock.timing())
    with pacer.turn("GET x") as turn:
        pass
    pacer.tell(turn, Allowance(capacity=5, remaining=4, per_second=2))
    began: list[float] = []
    lock = threading.Lock()

    def call() -> None:
        with pacer.turn("GET x"), lock:
            began.append(clock.time)

    for _ in range(10):
        call()
    assert began == pytest.approx([0, 0, 0, 0, 0.5, 1, 1.5, 2, 2.5, 3], abs=0.01)


class CountedStore:
    """Another place to keep paces, such as a server that several machines ask."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.written = 0

    def change(self, site: str, work: Callable[[bytes], bytes]) -> None:
        before = self.held.get(site, b"")
        work(before)  # as a store does that was overtaken
        after = work(before)
        self.written += after != before
        self.held[site] = after

    def close(self) -> None:
        pass


def test_another_store_can_take_the_place_and_is_not_written_to_without_need() -> None:
    store: PaceStore = CountedStore()
    pacer = Pacer(2, Clock().timing(), store, "https://a")
    for _ in range(5):
        with pacer.turn("GET x") as turn:
            pacer.tell(turn, Allowance())
    assert isinstance(store, CountedStore)
    assert store.written == 0
    pacer.refuse(turn, 1, everything=False, learn=True)
    with pacer.turn("GET x"):
        pass
    assert store.written == 2
