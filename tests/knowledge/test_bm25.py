"""Scores by words are those of BM25 over one field, computed here once more from the texts alone."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from jirakb.knowledge.index.text import SUMMARY_WEIGHT

if TYPE_CHECKING:
    from conftest import Shelf

K1, B = 1.2, 0.75
WORDS = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet"]


def kept_length(words: int) -> int:
    """A text index keeps lengths in one byte: exact up to 40, then in ever larger steps, rounded down."""
    steps = [*range(32), *(24 + (8 + at % 8 << at // 8) for at in range(200))]
    return max(step for step in steps if step <= words)


def some_text(dice: random.Random, most: int) -> str:
    return " ".join(dice.choices(WORDS, weights=range(1, len(WORDS) + 1), k=dice.randint(0, most)))


def reference(texts: dict[str, Counter[str]], query: str) -> dict[str, float]:
    lengths = {key: kept_length(sum(words.values())) for key, words in texts.items()}
    mean = sum(sum(words.values()) for words in texts.values()) / (len(texts) + 1)
    scores: dict[str, float] = {}
    for word in query.split():
        having = [key for key, words in texts.items() if words[word]]
        # The index's entry about itself counts among the texts.
        rarity = math.log(1 + (len(texts) + 1 - len(having) + 0.5) / (len(having) + 0.5))
        for key in having:
            times = texts[key][word]
            share = times / (times + K1 * (1 - B + B * lengths[key] / mean))
            scores[key] = scores.get(key, 0.0) + rarity * share * (K1 + 1)
    return scores


@pytest.mark.parametrize("seed", range(3))
def test_scores_by_words_equal_those_of_a_look_at_every_text(shelf: Shelf, seed: int) -> None:
    dice = random.Random(seed)
    texts: dict[str, Counter[str]] = {}
    for number in range(1, 60):
        key, title, body = f"ABC-{number}", some_text(dice, 4), some_text(dice, 60)
        shelf.put(key, title, description=body)
        texts[key] = Counter([*title.split() * SUMMARY_WEIGHT, *body.split(), "abc", str(number), f"abc{number}"])
    searcher = shelf.searcher()
    for _ in range(10):
        query = " ".join(dice.sample(WORDS, dice.randint(1, 5)))
        expected = reference(texts, query)
        highest = max(expected.values())
        hits = searcher.search(query, principals=None, mode="text", limit=60).hits
        assert {hit.key for hit in hits} == expected.keys()
        for hit in hits:
            assert hit.score == pytest.approx(expected[hit.key] / highest, rel=1e-5), hit.key
