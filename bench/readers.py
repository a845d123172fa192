"""Does a search find exactly what its reader may see? Random issues, readers, filters and queries, beside a look at every row.

`python -m bench.readers --steps 100000 --seed 7` writes bench/results/readers.json. The reference reads the rows of the
knowledge base and nothing derived from them.
"""

from __future__ import annotations

import argparse
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from bench.questions import Question, a_question, admitted, expected, year_of
from bench.tables import RESULTS
from bench.worlds import Dice, Row, Rows, World
from jirakb.documents import Readers
from jirakb.errors import NotFoundError
from jirakb.knowledge.search.result import Hit, SearchResult

CHANGES_EVERY = 25
EVERYTHING = 1_000  # more than there is: nothing is cut off
_SECRET = re.compile(r"secret\d+x")


class ViolationError(AssertionError):
    """A search showed what its reader may not see, or not exactly what matches."""


def ask(world: World, question: Question, kind: str) -> None:
    """Ask one question and compare the answer; raises ViolationError."""
    if kind == "similar":
        _ask_similar(world, question)
    elif kind == "context":
        _ask_context(world, question)
    else:
        _ask_search(world, question, 5 if kind == "pages" else EVERYTHING)


def _ask_search(world: World, question: Question, limit: int) -> None:
    right = expected(question, world.rows)
    hits: list[Hit] = []
    cursor: str | None = None
    while True:
        result = _search(world, question, limit, cursor)
        _no_secret(world, question, orjson.dumps(result.to_json()).decode())
        _same(question, "total", result.total, len(right))
        _same(question, "facets", _told(result), _facets(question, world.rows))
        hits += result.hits
        cursor = result.next_cursor
        if cursor is None:
            break
        _same(question, "more hits than issues", len(hits) > len(right), expected=False)
    _same(question, "hits", sorted(hit.key for hit in hits), sorted(right))
    if question.order == "updated asc":
        updated = [hit.fields.updated for hit in hits]
        _same(question, "order", updated, sorted(updated))


def _search(world: World, question: Question, limit: int, cursor: str | None) -> SearchResult:
    return world.searcher.search(
        question.query, principals=question.principals, filter=question.wanted, mode=question.mode,  # type: ignore[arg-type]
        limit=limit, language="text" if question.condition is None else "jql", order=question.order, cursor=cursor,
        facets=True, sections_per_issue=3, explain=True,
    )  # fmt: skip


def _ask_similar(world: World, question: Question) -> None:
    who = question.principals
    key = world.rows.issues[int(question.source * len(world.rows.issues)) % len(world.rows.issues)].key
    source = next(row for row in world.rows.issues if row.key == key)
    try:
        result = world.searcher.similar(key, principals=who, filter=question.wanted, limit=EVERYTHING, explain=True)
    except NotFoundError:
        _same(question, f"{key} may be seen", source.may_be_seen(who), expected=False)
        return
    _same(question, f"{key} may be seen", source.may_be_seen(who), expected=True)
    _no_secret(world, question, orjson.dumps(result.to_json()).decode())
    plain = Question((), None, question.wanted, who, "hybrid", "")
    right = [row.key for row in world.rows.issues if row.key != key and admitted(plain, row) and _has_vector(row, who)]
    _same(question, f"similar to {key}", sorted(hit.key for hit in result.hits), sorted(right))


def _has_vector(row: Row, who: Readers | None) -> bool:
    return any(who is None or readers <= who for readers in row.vectors)


def _ask_context(world: World, question: Question) -> None:
    found = world.searcher.context(
        question.query, budget_tokens=400, principals=question.principals, filter=question.wanted,
        language="text" if question.condition is None else "jql",
    )  # fmt: skip
    _no_secret(world, question, orjson.dumps(found.to_json()).decode())
    _same(question, "within the budget", found.tokens <= 400, expected=True)
    hybrid = Question(question.words, question.condition, question.wanted, question.principals, "hybrid", "")
    right = expected(hybrid, world.rows)
    _same(question, "sources that match", [p.key for p in found.sources if p.key not in right], [])
    _same(question, "an empty context", bool(found.sources), bool(right))


def _told(result: SearchResult) -> dict[str, dict[str, int]]:
    return {name: {entry.value: entry.count for entry in values} for name, values in result.facets.items()}


def _facets(question: Question, rows: Rows) -> dict[str, dict[str, int]]:
    """Each facet over what would match if the filter said nothing of it."""
    names = {"project": "projects", "type": "types", "status": "statuses", "priority": "priorities",
             "assignee": "assignees", "labels": "labels", "components": "components", "year": "years"}  # fmt: skip
    right = expected(question, rows)
    counted: dict[str, dict[str, int]] = {}
    for name, of_filter in names.items():
        found = right
        if getattr(question.wanted, of_filter):
            found = expected(replace(question, wanted=replace(question.wanted, **{of_filter: ()})), rows)
        counted[name] = dict(Counter(value for row in found.values() for value in _values(row, name)))
    return counted


def _values(row: Row, name: str) -> list[str]:
    value = year_of(row) if name == "year" else row.facts[name]
    return (value or [""]) if isinstance(value, list) else [value]


def _no_secret(world: World, question: Question, shown: str) -> None:
    may = {
        word for row in world.rows.issues for text in row.readable(question.principals) for word in text.words
    }  # fmt: skip
    leaked = sorted(set(_SECRET.findall(shown.replace("**", ""))) - may)
    if leaked:
        raise ViolationError(f"{question} shows {leaked}")


def _same(question: Question, what: str, got: Any, expected: Any) -> None:
    if got != expected:
        raise ViolationError(f"{what}: {got}, not {expected}, for {question.query!r}: {question}")


@dataclass
class Outcome:
    """How many questions of each kind were asked, and of how many something was found."""

    asked: Counter[str] = field(default_factory=Counter)
    worlds: int = 0


KINDS = ("search", "search", "search", "pages", "similar", "context")


def examine(folder: Path, dice: Dice, steps: int, outcome: Outcome) -> None:
    """Fill a knowledge base and ask so many questions while it changes; raises ViolationError."""
    with closing(World(folder, dice)) as world:
        outcome.worlds += 1
        for step in range(steps):
            if step % CHANGES_EVERY == CHANGES_EVERY - 1:
                world.change()
            kind = dice.choice(KINDS)
            ask(world, a_question(dice), kind)
            outcome.asked[kind] += 1


def run(steps: int, seed: int, say: Callable[[str], None], each: int = 500) -> dict[str, Any]:
    """Ask `steps` questions of knowledge bases of `each`; what was asked. Raises ViolationError."""
    outcome, began, cpu = Outcome(), time.perf_counter(), time.process_time()
    for number, done in enumerate(range(0, steps, each)):
        dice = random.Random(f"{seed}/{number}")
        with tempfile.TemporaryDirectory() as folder:
            examine(Path(folder) / "kb", dice, min(each, steps - done), outcome)
        say(f"{done + min(each, steps - done):,} of {steps:,} questions, none answered wrongly")
    return {
        "seed": seed, "questions": sum(outcome.asked.values()), "kinds": dict(outcome.asked), "worlds": outcome.worlds,
        "violations": 0, "seconds": round(time.perf_counter() - began, 1), "cpu_seconds": round(time.process_time() - cpu, 1),
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and write the result; ends with 1 and the question at the first violation."""
    parser = argparse.ArgumentParser(prog="python -m bench.readers", description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    found = run(given.steps, given.seed, lambda line: print(line, flush=True))
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / "readers.json").write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
