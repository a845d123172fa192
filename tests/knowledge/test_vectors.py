"""The scan finds the nearest vectors: all of them among few, and among many at least 99 of a hundred."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from jirakb.knowledge.index.vectors import EXACT_ROWS, SHORTLIST, Block, Matrix

Rows = NDArray[np.float32]


def unit(rows: NDArray[Any]) -> Rows:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def matrix_of(rows: Rows, cuts: int = 2) -> Matrix:
    values = np.rint(rows * 127).astype(np.int8)
    numbers = np.arange(len(rows))
    blocks = [
        Block.of(values[part], {name: numbers[part].copy() for name in ("seq", "passage", "document", "readers")})
        for part in np.array_split(numbers, cuts)
    ]
    return Matrix("x", rows.shape[1], tuple(blocks))


def exact_ten(rows: Rows, query: Rows, allowed: NDArray[np.bool_]) -> list[int]:
    stored = np.rint(rows * 127).astype(np.float32)
    cosines = np.where(allowed, stored @ query, -np.inf)
    return [row for row in np.argsort(-cosines)[:10].tolist() if allowed[row]]


def found_ten(matrix: Matrix, query: Rows, allowed: NDArray[np.bool_]) -> list[int]:
    scan = matrix.scan(query, allowed)
    nearest = scan.nearest(40)
    found: list[int] = nearest[np.argsort(-scan.cosines(nearest))][:10].tolist()
    return found


@pytest.mark.parametrize("rows", [0, 1, 63, 64, 65, 5_000])
def test_the_scan_of_few_rows_is_exact(rows: int) -> None:
    dice = np.random.default_rng(rows)
    vectors = unit(dice.normal(size=(rows, 16)))
    matrix, query = matrix_of(vectors), unit(dice.normal(size=16))
    for share in (1.0, 0.3, 0.01, 0.0):
        allowed = dice.random(rows) < share
        assert found_ten(matrix, query, allowed) == exact_ten(vectors, query, allowed)


def like_texts(dice: np.random.Generator, rows: int) -> tuple[Rows, Rows]:
    """Vectors around some hundred subjects, and queries near some of them."""
    subjects = unit(dice.normal(size=(300, 128)))
    chosen = subjects[dice.integers(0, len(subjects), rows)]
    vectors = unit(chosen + 0.6 * unit(dice.normal(size=(rows, 128))))
    return vectors, unit(vectors[:30] + 0.5 * unit(dice.normal(size=(30, 128))))


def far_apart(dice: np.random.Generator, rows: int) -> tuple[Rows, Rows]:
    """Vectors without any neighbours: the hardest case for a shortlist."""
    return unit(dice.normal(size=(rows, 128))), unit(dice.normal(size=(30, 128)))


@pytest.mark.parametrize("make", [like_texts, far_apart], ids=["like texts", "far apart"])
@pytest.mark.parametrize("share", [1.0, 0.6, 0.1], ids=["all", "most", "few"])
def test_of_many_rows_the_nearest_ten_are_found(make: Any, share: float) -> None:
    dice = np.random.default_rng(7)
    vectors, queries = make(dice, 3 * EXACT_ROWS)
    matrix = matrix_of(vectors)
    allowed = dice.random(len(vectors)) < share
    pairs = [(found_ten(matrix, query, allowed), exact_ten(vectors, query, allowed)) for query in queries]
    hits = sum(len(set(found) & set(exact)) for found, exact in pairs)
    assert hits >= 0.99 * sum(len(exact) for _, exact in pairs)
    assert all(allowed[found].all() for found, _ in pairs)


def test_only_a_part_of_many_rows_is_compared_by_its_numbers() -> None:
    vectors, queries = like_texts(np.random.default_rng(3), 4 * EXACT_ROWS)
    scan = matrix_of(vectors).scan(queries[0], np.ones(len(vectors), dtype=np.bool_))
    assert SHORTLIST <= len(scan.rows) < len(vectors) / 3


def test_rows_of_documents_are_told_over_all_blocks() -> None:
    matrix = matrix_of(unit(np.ones((10, 8))), cuts=3)
    assert sorted(matrix.rows_of([9, 0, 4, 77]).tolist()) == [0, 4, 9]
    assert matrix.rows_of([]).tolist() == []
    assert matrix.passages.tolist() == matrix.documents.tolist() == list(range(10))
