"""In which order do issues come, and how many are there? Scores by words and by meaning made one; pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

TEXT_WEIGHT = 0.4
VECTOR_WEIGHT = 0.6
"""Linear fusion, each score over its maximum of the query: measured better than reciprocal ranks."""


def best_of(pairs: Iterable[tuple[int, float]]) -> dict[int, float]:
    """The highest score of each."""
    best: dict[int, float] = {}
    for number, score in pairs:
        if score > best.get(number, float("-inf")):
            best[number] = score
    return best


def shares(scores: Mapping[int, float]) -> dict[int, float]:
    """Scores over their maximum, never below 0; empty when nothing is above 0."""
    highest = max(scores.values(), default=0.0)
    return {number: max(score, 0.0) / highest for number, score in scores.items()} if highest > 0 else {}


def fuse(text: Mapping[int, float], vector: Mapping[int, float]) -> dict[int, float]:
    """One score per issue, 0 to 1. Where only one kind has scores, that one counts alone."""
    by_text, by_vector = shares(text), shares(vector)
    if not by_text or not by_vector:
        return by_text or by_vector
    return {
        number: TEXT_WEIGHT * by_text.get(number, 0.0) + VECTOR_WEIGHT * by_vector.get(number, 0.0)
        for number in {**by_text, **by_vector}
    }


def ordered(scores: Mapping[int, float], limit: int) -> list[tuple[int, float]]:
    """The best first; equal scores in a fixed order."""
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]
