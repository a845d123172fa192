"""In which order do issues come? Scores by words and by meaning made one, and what else counts; pure functions.

Every weight of the ranking that is not the text index's own stands here, with its reason. None is fitted to a site:
docs/search.md tells how each was chosen, and what else was tried.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

TEXT_WEIGHT = 0.45
VECTOR_WEIGHT = 0.55
"""Linear fusion, each score over its maximum of the query: measured better than reciprocal ranks."""
FIRST_LINE_WEIGHT = 0.3
"""The share of a report's first line in its vector, beside that of the whole report: it says what the report is about."""
FRUITLESS_WEIGHT = 0.05
"""What an issue loses of its score that was closed without a result of its own. Of two equal ones the other helps more."""
FRUITLESS = frozenset({
    "duplicate", "invalid", "cannot reproduce", "not reproducible", "unable to reproduce", "incomplete",
    "needs more info", "needs more information", "not a bug", "not a problem",
})  # fmt: skip
"""Names of resolutions, folded, that Jira has or suggests for that. A site with names of its own is ranked without."""
RANKING_COLUMNS = ("resolution",)
EXACT_WEIGHT = 1.0
"""What was asked to the letter goes before all that only resembles it."""


def shares(scores: Mapping[int, float]) -> dict[int, float]:
    """Scores over their maximum, never below 0; empty when nothing is above 0."""
    highest = max(scores.values(), default=0.0)
    return {number: max(score, 0.0) / highest for number, score in scores.items()} if highest > 0 else {}


def fuse(text: Mapping[int, float], vector: Mapping[int, float]) -> dict[int, float]:
    """One score per issue, 0 to 1. Where only one kind has scores, that one counts alone."""
    by_text, by_vector = shares(text), shares(vector)
    if not by_text or not by_vector:
        return {**dict.fromkeys({**text, **vector}, 0.0), **(by_text or by_vector)}
    return {
        number: TEXT_WEIGHT * by_text.get(number, 0.0) + VECTOR_WEIGHT * by_vector.get(number, 0.0)
        for number in {**by_text, **by_vector}
    }


def discounted(scores: Mapping[int, float], fruitless: Collection[int]) -> dict[int, float]:
    """The scores, those of issues that were closed without a result a little lower."""
    return {
        number: score * (1.0 - FRUITLESS_WEIGHT) if number in fruitless else score for number, score in scores.items()
    }


def with_exact(scores: Mapping[int, float], held: Mapping[int, float]) -> dict[int, float]:
    """The scores, 0 to 1, those of issues that hold what was asked to the letter (or a share of it) above the others."""
    if not held:
        return dict(scores)
    return {
        number: (score + EXACT_WEIGHT * held.get(number, 0.0)) / (1.0 + EXACT_WEIGHT)
        for number, score in scores.items()
    }


def ordered(scores: Mapping[int, float], limit: int) -> list[tuple[int, float]]:
    """The best first; equal scores in a fixed order."""
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]
