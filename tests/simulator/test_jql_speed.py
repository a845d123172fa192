"""A site of thirty thousand issues answers at once. The bounds leave room for a busy machine; see the best of a few."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from jirakb.simulator.jql import Context, Project, Row, parse, plan

COUNT = 29_057
START = 1_700_000_000_000
CONTEXT = Context(
    flavor="cloud",
    now=datetime(2026, 3, 10, 12, 0, tzinfo=UTC),
    zone=UTC,
    site_zone=UTC,
    user="ann",
    projects={key: Project(str(place), key, key) for place, key in enumerate(["TIM", "ALOY", "MOD"])},
)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    keys = ["TIM", "ALOY", "MOD"]
    return [
        Row(
            number,
            f"{keys[number % 3]}-{number}",
            keys[number % 3],
            updated=START + number * 7_919_000_011 % 50_000_000_000,
            labels=(("a", "look"), (), ("c",))[number % 7 % 3],
        )
        for number in range(1, COUNT + 1)
    ]


def best(work: Callable[[], object]) -> float:
    spans = []
    for _ in range(5):
        started = time.perf_counter()
        work()
        spans.append(time.perf_counter() - started)
    return min(spans)


@pytest.mark.parametrize("jql", [
    'updated >= "2023-01-01 10:05" ORDER BY updated ASC',
    "project = TIM AND (labels is EMPTY OR labels not in (a, b))",
    "project = TIM ORDER BY updated ASC, id ASC",
])  # fmt: skip
def test_a_scan_of_a_real_sites_size_takes_no_longer_than_a_request(jql: str, rows: list[Row]) -> None:
    assert plan(parse(jql), CONTEXT).select(rows)
    assert best(lambda: plan(parse(jql), CONTEXT).select(rows)) < 0.2


def test_named_issues_are_found_through_the_sites_index(rows: list[Row]) -> None:
    by_number = {row.number: row for row in rows}
    jql = f"id in ({', '.join(str(number) for number in range(5_000, 5_100))}) AND project = TIM"

    def answer() -> list[Row]:
        chosen = plan(parse(jql), CONTEXT)
        return chosen.select(by_number[number] for number in chosen.numbers() or ())

    assert len(answer()) == 33
    assert best(answer) < 0.015
