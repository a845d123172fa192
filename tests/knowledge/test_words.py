"""How much the words of a query tell."""

from __future__ import annotations

import pytest
import tantivy

from jirakb.knowledge.index.words import LOWER_LINES, analyzer, query_words, weighted_words


@pytest.fixture(scope="module")
def words() -> tantivy.TextAnalyzer:
    return analyzer()


def test_all_words_of_one_line_weigh_the_same(words: tantivy.TextAnalyzer) -> None:
    assert weighted_words(words, "  export loses columns\n") == {"export": 1.0, "lose": 1.0, "column": 1.0}


def test_words_that_stand_only_below_the_first_line_weigh_less(words: tantivy.TextAnalyzer) -> None:
    weights = weighted_words(words, "Export loses columns\r\nI press export.\nNothing happens.")
    assert weights["export"] == weights["lose"] == 1.0
    assert weights["press"] == weights["happen"] == LOWER_LINES


def test_the_weighted_words_are_the_querys_words(words: tantivy.TextAnalyzer) -> None:
    for query in (
        "",
        "\n\n",
        "to be or not to be",
        "to be\nor not",
        "to be\nor not, said the prince",
        "ABC-1 in a.b.C\nx_y",
    ):
        assert tuple(weighted_words(words, query)) == query_words(words, query)
