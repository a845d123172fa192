"""A search finds exactly what its reader may see: 2,000 questions here, 100,000 by `python -m bench.readers`."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from bench.questions import a_question
from bench.readers import KINDS, Outcome, ViolationError, ask, examine
from bench.worlds import Row, Text, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

QUESTIONS = 450
WORLDS = 4
CHANGING = 200


@pytest.fixture(scope="module", params=range(WORLDS))
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    dice = random.Random(f"world {request.param}")
    with closing(World(tmp_path_factory.mktemp("world") / "kb", dice)) as made:
        yield made


@settings(max_examples=QUESTIONS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(dice=st.randoms(use_true_random=False), kind=st.sampled_from(KINDS))
def test_any_question_of_any_reader_is_answered_as_a_look_at_every_row_would(
    world: World, dice: random.Random, kind: str
) -> None:
    ask(world, a_question(dice), kind)


def test_so_it_is_while_the_knowledge_base_changes(tmp_path: Path) -> None:
    outcome = Outcome()
    examine(tmp_path / "kb", random.Random("changes"), CHANGING, outcome)
    assert sum(outcome.asked.values()) == CHANGING
    assert set(outcome.asked) == set(KINDS)


def test_the_reference_notices_text_that_leaks_and_issues_that_are_missing(tmp_path: Path) -> None:
    dice = random.Random("faults")
    with closing(World(tmp_path / "kb", dice)) as world:
        questions = [(a_question(dice), dice.choice(KINDS)) for _ in range(100)]
        rows = world.rows.issues
        nobody = frozenset({"nobody"})
        hidden = Row(rows[0].key, rows[0].former, {**rows[0].facts, "readers": nobody}, rows[0].texts, rows[0].vectors)
        muted = Row(
            rows[1].key, rows[1].former, rows[1].facts, tuple(
                Text(text.document, text.kind, nobody, text.words) for text in rows[1].texts
            ), rows[1].vectors,
        )  # fmt: skip
        for wrong in ((hidden, *rows[1:]), (rows[0], muted, *rows[2:]), rows[1:]):
            object.__setattr__(world.rows, "issues", wrong)
            assert any(map(lambda pair: _is_refused(world, *pair), questions))  # noqa: C417


def _is_refused(world: World, question: object, kind: str) -> bool:
    try:
        ask(world, question, kind)  # type: ignore[arg-type]
    except (ViolationError, StopIteration):
        return True
    return False
