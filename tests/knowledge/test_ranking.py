"""What counts beside words and meaning: the first line, a result, and what two issues have in common."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from jirakb.knowledge.index import filters
from jirakb.knowledge.search.kinship import KINSHIP_COLUMNS, Kin
from jirakb.knowledge.search.ranking import FRUITLESS_WEIGHT, discounted, fuse, with_exact

if TYPE_CHECKING:
    from conftest import Shelf


def test_of_equal_issues_the_one_with_a_result_comes_first(shelf: Shelf) -> None:
    for number, resolution in enumerate(("Duplicate", "Fixed", "CANNOT reproduce", "", "Won't Fix"), 1):
        shelf.put(f"ABC-{number}", "login fails", fields={"resolution": resolution})
    hits = shelf.searcher().search("login fails", principals=None, mode="text").hits
    assert {hit.key for hit in hits[:3]} == {"ABC-2", "ABC-4", "ABC-5"}
    assert hits[3].score == pytest.approx((1 - FRUITLESS_WEIGHT) * hits[0].score)


def test_a_clearly_better_issue_comes_first_though_it_has_no_result(shelf: Shelf) -> None:
    shelf.put("ABC-1", "login fails after update", fields={"resolution": "Duplicate"})
    shelf.put("ABC-2", "printer fails", fields={"resolution": "Fixed"})
    shelf.embed()
    assert shelf.searcher().search("login fails after update", principals=None).hits[0].key == "ABC-1"


def test_the_first_line_of_a_report_weighs_more_in_its_vector(shelf: Shelf) -> None:
    shelf.put("ABC-1", "", description="red")
    shelf.put("ABC-2", "", description="blue")
    shelf.embed()
    search = shelf.searcher().search
    for first, second, key in (("red", "blue", "ABC-1"), ("blue", "red", "ABC-2")):
        assert search(f"{first}\n{second}", principals=None, mode="vector").hits[0].key == key


def test_scores_stay_between_nothing_and_one() -> None:
    scores = with_exact(discounted(fuse({1: 9.0, 2: 3.0}, {2: 0.9, 3: -0.1}), {2}), {3: 1.0})
    assert set(scores) == {1, 2, 3}
    assert all(0 <= score <= 1 for score in scores.values())
    assert max(scores, key=lambda number: scores[number]) == 3


def compared(shelf: Shelf, **of_second: object) -> float:
    """How much nearer an issue is to another one than one with other fields, created a year before."""
    alike = {"components": ("ui",), "versions": ("1.0",), "labels": ("a", "b"), "type": "Bug", "status": ""}
    alike["created"] = shelf.epoch  # type: ignore[assignment]
    shelf.put("ABC-1", "one", fields=alike)
    shelf.put("ABC-2", "two", fields={**alike, **of_second})
    shelf.put("XYZ-3", "three", fields={"type": "Story", "created": shelf.epoch - timedelta(days=2000)})
    with shelf.base.snapshot() as connection:
        columns = filters.follow(filters.empty_columns(), connection, KINSHIP_COLUMNS)
    second, third = Kin.of(columns, 0).added(columns, np.array([1, 2]), np.array([0.5, 0.5])).tolist()
    return second - third


def test_what_two_issues_have_in_common_brings_them_nearer(shelf: Shelf, second_shelf: Shelf) -> None:
    all_alike = compared(shelf)
    assert compared(second_shelf, created=shelf.epoch + timedelta(days=240)) < all_alike
    assert all_alike > 0.15


@pytest.mark.parametrize(
    "other",
    [{"components": ("db",)}, {"versions": ()}, {"labels": ("c",)}, {"type": "Task"}],
    ids=["components", "versions", "labels", "type"],
)
def test_each_field_in_common_counts(shelf: Shelf, second_shelf: Shelf, other: dict[str, object]) -> None:
    assert compared(shelf, **other) < compared(second_shelf)
