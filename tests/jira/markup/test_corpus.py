"""Real texts: what a crude, independent reader of wiki markup finds must be in the markdown, and little else."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from bench.truth import crude_text, read, words

from jirakb.jira.markup import wiki_to_markdown

ISSUES = 1_000
EVERY = 29
LONGEST = 60_000


def texts_of(issue: dict[str, Any]) -> Iterator[str]:
    fields = issue["fields"]
    comments = (fields.get("comment") or {}).get("comments", [])
    for text in (fields.get("description"), fields.get("environment"), *(comment.get("body") for comment in comments)):
        if isinstance(text, str) and 0 < len(text) < LONGEST:
            yield text


@pytest.fixture(scope="module")
def texts(shared: Path) -> list[str]:
    corpus = shared / "data" / "titanium.jsonl.gz"
    if not corpus.is_file():
        pytest.skip("the corpus is not here")
    with gzip.open(corpus) as lines:
        issues = map(json.loads, islice(lines, 0, ISSUES * EVERY, EVERY))
        return [text for issue in issues for text in texts_of(issue)]


def test_the_words_of_real_issues_are_kept_and_little_is_added(texts: list[str]) -> None:
    missing = added = total = 0
    for text in texts:
        wanted, got = words(crude_text(text)), words(read(wiki_to_markdown(text))[0])
        missing += (wanted - got).total()
        added += (got - wanted).total()
        total += wanted.total()
    assert missing / total < 0.001
    assert added / total < 0.01


def test_no_debris_of_markup_stays_in_real_issues(texts: list[str]) -> None:
    debris = sum(read(wiki_to_markdown(text))[1] for text in texts)
    assert debris <= len(texts) / 500
