"""Atlassian's own converter of wiki markup as an oracle: both of our ways to markdown, and the simulated site, agree with it.

Runs where node is, with JIRAKB_ORACLE=FOLDER (a folder that has the packages of oracle/package.json in node_modules) or
JIRAKB_ORACLE=1 (they are installed by npm into the user's cache folder first).
"""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from jirakb.jira.markup import adf_to_markdown, wiki_to_markdown
from jirakb.simulator.wiki_adf import wiki_to_adf

HERE = Path(__file__).parent / "oracle"
Convert = Callable[[list[str]], list[Any]]
BLOCKS = (
    *(
        "h2. A heading *here*",
        "plain words of a line",
        "* one\n** two\n** three\n* four",
        "# first\n## second\n# third",
    ),
    *("#* mixed\n#* twice", "- dash", "||Head||Two||\n|cell a|cell *b*|", "bq. quoted words", "----"),
    *("{code:java}\nint a = 1;\n{code}", "{quote}\nquoted\n{quote}", "{panel:title=T}\nin a panel\n{panel}"),
    *("{noformat}raw *x*{noformat}", "a _b_ -c- +d+ ^e^ ~f~ {{g}} ??h??", "{color:red}red *bold*{color} after"),
    *(
        "[text|https://x.example/a] and https://y.example/b_c.",
        "[~ann] said",
        "line\\\\broken",
        "\\*escaped\\* [no link]",
    ),
    *("(!) (/) (x) (?) (+) (-)", "a*b*c snake_case_word", ":) ;)"),
)


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Convert:
    """Atlassian's converter, for a list of texts at once."""
    wanted, node = os.environ.get("JIRAKB_ORACLE", ""), shutil.which("node")
    if not wanted or not node:
        pytest.skip("needs node and JIRAKB_ORACLE=1, or a folder with the packages")
    folder = _installed() if wanted == "1" else Path(wanted)
    if not (folder / "node_modules" / "@atlaskit" / "editor-wikimarkup-transformer").is_dir():
        pytest.skip(f"{folder} lacks the packages of {HERE / 'package.json'}")

    def convert(texts: list[str]) -> list[Any]:
        done = subprocess.run(
            [node, str(HERE / "convert.js")],
            input="".join(json.dumps(text) + "\n" for text in texts),
            env={**os.environ, "NODE_PATH": str(folder / "node_modules")},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return [json.loads(line) for line in done.stdout.split("\n") if line]

    return convert


def _installed() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jirakb-oracle"
    cache.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, cache)
    npm = shutil.which("npm")
    if not npm:
        pytest.skip("npm is not here")
    options = ["--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run([npm, "ci", *options], cwd=cache, check=True, capture_output=True)
    return cache


@pytest.fixture(scope="module")
def made_texts() -> list[str]:
    """Blocks of every kind in random order, apart from each other: what follows a list directly belongs to its item."""
    chance = random.Random(20_261_123)
    return ["\n\n".join(chance.choices(BLOCKS, k=chance.randint(1, 6))) for _ in range(400)]


@pytest.fixture(scope="module")
def real_texts(shared: Path) -> list[str]:
    """Real descriptions and comments without {html}, which the oracle leaves as it stands."""
    corpus = shared / "data" / "titanium.jsonl.gz"
    if not corpus.is_file():
        pytest.skip("the corpus is not here")
    with gzip.open(corpus, "rt", encoding="utf-8") as lines:
        fields = [json.loads(line)["fields"] for line in islice(lines, 0, 30_000, 60)]
    bodies = (body for held in fields for body in (held.get("description"), *_comments(held)))
    return [body for body in bodies if isinstance(body, str) and 0 < len(body) < 8_000 and "{html}" not in body]


def _comments(fields: dict[str, Any]) -> list[Any]:
    return [comment.get("body") for comment in fields["comment"]["comments"]]


def seen(reading: Any) -> tuple[Any, ...]:
    return reading.words, reading.links, reading.blocks


def test_both_ways_to_markdown_agree_on_made_texts(
    oracle: Convert, made_texts: list[str], read: Callable[[str], Any]
) -> None:
    for text, adf in zip(made_texts, oracle(made_texts), strict=True):
        wiki, cloud = read(wiki_to_markdown(text)), read(adf_to_markdown(adf))
        assert seen(wiki)[1:] == seen(cloud)[1:], text
        assert Counter(wiki.words) == Counter(cloud.words), text


def test_the_simulated_site_makes_the_documents_that_atlassian_makes(oracle: Convert, made_texts: list[str]) -> None:
    """Icons that may be words as well ("(i) first, (ii) second") are read as icons by Jira alone."""
    texts = [*made_texts, "(i) (y) (n) (*) (*r) (*g) (*b) (*y) (on) (off) (flag) (flagoff)", ":( :D :P ;( ;D ;P"]
    for text, adf in zip(texts, oracle(texts), strict=True):
        assert _told(wiki_to_adf(text)) == _told(adf), text


def _told(node: Any) -> Any:
    """A document without empty attributes, and with mentions by their id."""
    if isinstance(node, list):
        return [_told(member) for member in node]
    if not isinstance(node, dict):
        return node
    kept = {name: _told(value) for name, value in node.items() if not (name == "attrs" and value == {})}
    if kept.get("type") == "mention":
        kept["attrs"] = {"id": kept["attrs"]["id"]}
    return kept


def test_real_texts_lose_no_word_on_either_way(
    oracle: Convert, real_texts: list[str], read: Callable[[str], Any]
) -> None:
    """One text in a hundred may differ: an emoticon, or brackets that one side takes for a link."""
    lacking = []
    for text, adf in zip(real_texts, oracle(real_texts), strict=True):
        ours, theirs = Counter(read(wiki_to_markdown(text)).words), Counter(read(adf_to_markdown(adf)).words)
        if theirs - ours:
            lacking.append((text, theirs - ours))
    assert len(lacking) <= len(real_texts) / 100, lacking[:5]
