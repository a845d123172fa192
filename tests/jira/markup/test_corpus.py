"""Real texts: what a crude, independent reader of wiki markup finds must be in the markdown, and little else."""

from __future__ import annotations

import gzip
import html
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from jirakb.jira.markup import wiki_to_markdown

ISSUES = 1_000
EVERY = 29
LONGEST = 60_000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_VERBATIM = re.compile(r"(?<![\\{])\{(code|noformat)(?:[:.|]([^{}\n]*))?\}(.*?)\{\1\}", re.DOTALL | re.IGNORECASE)
_HTML = re.compile(r"\{html\}(.*?)\{html\}", re.DOTALL)
_BLOCK_TAG = re.compile(r"</?(?:p|div|pre|ul|ol|li|blockquote|table|tr|td|th|h\d|br|hr|img)\b[^<>]*>")
_INLINE_TAG = re.compile(r"</?(?:a|b|i|em|strong|code|span|strike|u|s|sub|sup|del|ins|tt|html|body|font)\b[^<>]*>")
_UNSEEN = (
    (re.compile(r"(?<!\\)\{(?:quote|color|anchor)(?::[^{}\n]*)?\}", re.IGNORECASE), ""),
    (re.compile(r"(?<!\\)\{panel(?::(?:title=)?([^{}|\n]*)[^{}\n]*)?\}"), r" \1 "),
    (re.compile(r"^[ \t]*(?:h[1-6]\.(?=\s|[A-Z*])|h[3-6]\.(?=\D)|bq\.\s)", re.MULTILINE), " "),
    (re.compile(r"\[([^\[\]\n|]*?)\| *(?:(?:https?|ftp)://|mailto:|/|www\.)[^\[\]\n]*\]"), r"\1"),
    (re.compile(r"\[mailto:"), "["),
    (re.compile(r"(![^!\n|]+\.\w{2,5})\|[^!\n]*!"), r"\1"),
)
_DEBRIS = re.compile(r"\{/?(?:code|color|quote|noformat|html)(?::[^}\n]*)?\}|^h[3-6]\.\s|^\|\|", re.MULTILINE)
_CODE = re.compile(r"^[ >]*(`{3,}).*?^[ >]*\1|`+[^`]*`+", re.DOTALL | re.MULTILINE)


def crude_text(wiki: str) -> str:
    """What a human reads, found with regular expressions alone."""
    text = _CONTROL.sub(" ", re.sub(r"\r\n?", "\n", wiki))
    text = _HTML.sub(lambda m: " " + html.unescape(_INLINE_TAG.sub("", _BLOCK_TAG.sub("\n", m[1]))) + " ", text)
    verbatim: list[str] = []

    def keep(found: re.Match[str]) -> str:
        title = re.search(r"title\s*[=:]\s*([^|}]*)", found[2] or "")
        verbatim.append(f"{title[1] if title else ''} {found[3]}")
        return " "

    text = _VERBATIM.sub(keep, text)
    for unseen, instead in _UNSEEN:
        text = unseen.sub(instead, text)
    return " ".join([text, *verbatim])


def words(text: str) -> Counter[str]:
    """Words, with what a URL has percent-encoded as words of their own."""
    text = re.sub(r"%[0-9A-F]{2}", " ", text)
    return Counter(word for found in re.findall(r"\w+", text) if (word := found.strip("_")))


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


def test_the_words_of_real_issues_are_kept_and_little_is_added(texts: list[str], read: Callable[[str], Any]) -> None:
    missing = added = total = 0
    for text in texts:
        wanted, got = words(crude_text(text)), words(read(wiki_to_markdown(text)).text)
        missing += (wanted - got).total()
        added += (got - wanted).total()
        total += wanted.total()
    assert missing / total < 0.001
    assert added / total < 0.01


def test_no_debris_of_markup_stays_in_real_issues(texts: list[str]) -> None:
    debris = sum(len(_DEBRIS.findall(_CODE.sub("", wiki_to_markdown(text)))) for text in texts)
    assert debris <= len(texts) / 500
