"""A search finds what a look at every row would find: random issues, readers, filters and queries."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pytest

from jirakb.documents import Readers
from jirakb.knowledge.index.filters import Filter
from jirakb.knowledge.prepare import decompress

if TYPE_CHECKING:
    from conftest import Shelf

WORDS = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet", "kilo", "lima"]
PRINCIPALS = ["p1", "p2", "p3"]
PROJECTS = ["ABC", "XYZ"]
STATUSES = ["Open", "Done", ""]
LABELS = ["Red", "Green", "Blue"]


def some_text(dice: random.Random) -> str:
    return " ".join(dice.choices(WORDS, weights=range(1, len(WORDS) + 1), k=dice.randint(0, 6)))


def some_readers(dice: random.Random) -> Readers:
    return frozenset(p for p in PRINCIPALS if dice.random() < 0.25)


def put_some(shelf: Shelf, dice: random.Random, number: int) -> None:
    shelf.put(
        f"{dice.choice(PROJECTS)}-{number}",
        some_text(dice),
        *((some_text(dice), some_readers(dice)) for _ in range(dice.randint(0, 4))),
        description=some_text(dice),
        readers=some_readers(dice),
        fields={"status": dice.choice(STATUSES), "labels": tuple(dice.sample(LABELS, dice.randint(0, 2)))},
        attachments=[(f"file{n}.txt", some_text(dice)) for n in range(dice.choice([0, 0, 1, 2]))],
    )


def a_filter(dice: random.Random, shelf: Shelf) -> Filter:
    return Filter(
        projects=tuple(dice.sample(["abc", "xyz", "none"], dice.choice([0, 0, 1, 2]))),
        statuses=tuple(dice.sample(["OPEN", "done"], dice.choice([0, 0, 1]))),
        labels=tuple(dice.sample(["red", "GREEN"], dice.choice([0, 0, 1, 2]))),
    )


class Reference:
    """Looks at every row."""

    def __init__(self, shelf: Shelf, wanted: Filter, principals: Readers | None) -> None:
        self.connection = shelf.base.reader()
        self.wanted = wanted
        self.principals = principals

    def rows(self, sql: str) -> list[Any]:
        return self.connection.execute(sql).fetchall()

    def may(self, readers: int) -> bool:
        ((held,),) = self.rows(f"SELECT principals FROM readers WHERE id = {readers}")
        return self.principals is None or set(orjson.loads(held)) <= self.principals

    def admits(self, project: str, status: str, labels: str) -> bool:
        def among(wanted: tuple[str, ...], *values: str) -> bool:
            return not wanted or bool({w.lower() for w in wanted} & {v.lower() for v in values})

        return (
            among(self.wanted.projects, project)
            and among(self.wanted.statuses, status)
            and among(self.wanted.labels, *orjson.loads(labels))
        )

    def sections(self) -> list[tuple[int, str, str]]:
        """(document, key, text) of every section that the filter and the readers let through."""
        return [
            (document, key, decompress(text).decode())
            for document, key, text, readers, project, status, labels in self.rows(
                "SELECT d.id, d.key, s.text_zstd, s.readers, d.project, d.status, d.labels "
                "FROM section s JOIN document d ON d.id = s.document"
            )
            if self.may(readers) and self.admits(project, status, labels)
        ]

    def having(self, words: set[str]) -> set[str]:
        return {key for _, key, text in self.sections() if words & set(text.lower().split())}

    def by_vector(self, query: np.ndarray[Any, Any]) -> dict[str, float]:
        best: dict[str, float] = {}
        for key, readers, value, project, status, labels in self.rows(
            "SELECT d.key, p.readers, v.value, d.project, d.status, d.labels "
            "FROM vector v JOIN passage p ON p.id = v.passage JOIN document d ON d.id = p.document"
        ):
            if self.may(readers) and self.admits(project, status, labels):
                cosine = float(np.frombuffer(value, np.int8).astype(np.float32) @ query) / 127
                best[key] = max(cosine, best.get(key, -1.0))
        return best


@pytest.mark.parametrize("seed", range(6))
def test_search_equals_a_look_at_every_row(shelf: Shelf, seed: int) -> None:
    dice = random.Random(seed)
    for number in range(1, 40):
        put_some(shelf, dice, number)
    shelf.embed()
    searcher = shelf.searcher()
    for step in range(30):
        if step % 3 == 2:  # the knowledge base goes on changing
            put_some(shelf, dice, dice.randint(1, 45))
            shelf.embed()
        wanted, words = a_filter(dice, shelf), dice.sample(WORDS, dice.randint(1, 3))
        principals = dice.choice([None, frozenset(), frozenset({"p1"}), frozenset({"p1", "p2"}), frozenset(PRINCIPALS)])
        reference = Reference(shelf, wanted, principals)
        query = " ".join(words)

        by_words = searcher.search(query, filter=wanted, principals=principals, mode="text", limit=100)
        expected = reference.having(set(words))
        assert {hit.key for hit in by_words.hits} == expected
        assert by_words.total == len(expected) == len(by_words.hits)

        cosines = reference.by_vector(shelf.embedder.embed([query])[0])
        by_meaning = searcher.search(query, filter=wanted, principals=principals, mode="vector", limit=100)
        highest = max(cosines.values(), default=0)
        assert by_meaning.total == len(cosines)
        for hit in by_meaning.hits:
            if highest > 0:
                assert hit.score == pytest.approx(max(cosines[hit.key], 0) / highest, abs=1e-4)

        both = searcher.search(query, filter=wanted, principals=principals, limit=100)
        assert {hit.key for hit in both.hits} == expected | cosines.keys()
        assert both.total == len(expected | cosines.keys())
        readable = re.sub("^## .*$", "", "\n".join(text for _, _, text in reference.sections()), flags=re.MULTILINE)
        for hit in (*by_words.hits, *both.hits):
            shown = hit.snippet.replace("**", "").removeprefix("... ").removesuffix(" ...")
            assert shown in " ".join(readable.split()), "a snippet is text that the reader may see"


def test_paging_deeper_gives_the_same_order(shelf: Shelf) -> None:
    dice = random.Random(99)
    for number in range(1, 60):
        put_some(shelf, dice, number)
    shelf.embed()
    searcher = shelf.searcher()
    deep = searcher.search("alpha lima", principals=None, limit=50)
    assert [hit.key for hit in searcher.search("alpha lima", principals=None, limit=7).hits] == [
        hit.key for hit in deep.hits[:7]
    ]
    assert [hit.score for hit in deep.hits] == sorted((hit.score for hit in deep.hits), reverse=True)
