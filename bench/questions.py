"""What can be asked of a search, as it is typed and as the rows tell it: conditions, questions, and what they should find."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench.worlds import (
    COMPONENTS,
    EPOCH,
    ISSUES,
    LABELS,
    NOW,
    PEOPLE,
    PRINCIPALS,
    PROJECTS,
    STATUSES,
    TYPES,
    WORDS,
    Dice,
    Row,
    Rows,
    words_of,
)
from jirakb.documents import EVERYONE, Readers
from jirakb.knowledge.index.filters import Filter


@dataclass(frozen=True)
class Condition:
    """A clause as one writes it, and which issues it admits for a reader."""

    text: str
    admits: Callable[[Row, Readers | None], bool]


def a_condition(dice: Dice, depth: int = 2) -> Condition:
    """A clause, perhaps of others."""
    if depth and dice.random() < 0.45:
        return _joined(dice, [a_condition(dice, depth - 1) for _ in range(dice.randint(2, 3))])
    kinds = (_of_value, _of_value, _of_list, _of_time, _of_text, _of_text, _of_key)
    return dice.choice(kinds)(dice)


def _joined(dice: Dice, parts: Sequence[Condition]) -> Condition:
    word = dice.choice(("and", "or"))
    joined = all if word == "and" else any
    text = f" {word} ".join(f"({part.text})" for part in parts)
    return Condition(text, lambda row, who: joined(part.admits(row, who) for part in parts))


def _of_value(dice: Dice) -> Condition:
    name, values = dice.choice((
        ("type", TYPES), ("status", STATUSES), ("assignee", PEOPLE), ("reporter", PEOPLE), ("creator", PEOPLE),
        ("project", PROJECTS),
    ))  # fmt: skip
    wanted = dice.choice([value for value in values if value])
    operator = dice.choice(("=", "!=", "not in", "is", "is not"))
    written = {"not in": f'("{wanted.upper()}", nobody)', "is": "EMPTY", "is not": "EMPTY"}.get(operator, f'"{wanted}"')
    meaning: dict[str, Callable[[str], bool]] = {
        "=": lambda value: value == wanted,
        "!=": lambda value: bool(value) and value != wanted,
        "not in": lambda value: bool(value) and value != wanted,
        "is": lambda value: not value,
        "is not": bool,
    }
    return Condition(f"{name} {operator} {written}", lambda row, _: meaning[operator](row.facts[name]))


def _of_list(dice: Dice) -> Condition:
    name, column, values = dice.choice((("labels", "labels", LABELS), ("component", "components", COMPONENTS)))
    wanted = dice.choice(values)
    negated = dice.random() < 0.5
    text = f'{"not " if negated else ""}{name} = "{wanted.lower()}"'
    return Condition(
        text,
        lambda row, _: (
            bool(row.facts[column]) and wanted not in row.facts[column] if negated else wanted in row.facts[column]
        ),
    )


def _of_time(dice: Dice) -> Condition:
    name, days = dice.choice(("created", "updated")), dice.randint(1, 60)
    at = int((NOW - timedelta(days=days)).timestamp() * 1000)
    operator = dice.choice(("<", ">="))

    def admits(row: Row, _: Readers | None) -> bool:
        value = row.facts[name]
        return value is not None and (value < at if operator == "<" else value >= at)

    return Condition(f"{name} {operator} -{days}d", admits)


def _of_text(dice: Dice) -> Condition:
    kind, operator = dice.choice(("text", "summary", "description", "comment")), dice.choice(("~", "!~", "is"))
    words = dice.sample(WORDS, dice.randint(1, 2))

    def held(row: Row, who: Readers | None) -> bool:
        if kind == "text":
            return any(body.issuperset(words) for body in row.bodies(who))
        return any(frozenset(words) <= body for body in _of_kind(row, kind, who))

    def admits(row: Row, who: Readers | None) -> bool:
        present = kind in ("text", "summary") or bool(_of_kind(row, kind, who))
        if operator == "is":
            return not present
        return held(row, who) if operator == "~" else present and not held(row, who)

    return Condition(f"{kind} {operator} " + ("EMPTY" if operator == "is" else f'"{" ".join(words)}"'), admits)


def _of_kind(row: Row, kind: str, who: Readers | None) -> list[frozenset[str]]:
    """The texts of one kind, those of one reader set as one."""
    found: dict[Readers, frozenset[str]] = {}
    for text in row.readable(who):
        if text.kind == kind:
            words = text.words - words_of(row.key) if kind == "summary" else text.words
            found[text.readers] = found.get(text.readers, frozenset()) | words
    return list(found.values())


def _of_key(dice: Dice) -> Condition:
    number = dice.randint(1, ISSUES)
    key = f"OLD-{number}" if dice.random() < 0.5 else f"{PROJECTS[number % 2]}-{number}"
    return Condition(f"key in ({key.lower()}, NONE-1)", lambda row, _: key == row.key or key in row.former)


@dataclass(frozen=True)
class Question:
    """What is asked, by whom, and with what filter."""

    words: tuple[str, ...]
    condition: Condition | None
    wanted: Filter
    principals: Readers | None
    mode: str
    order: str
    source: float = 0.0
    """Which issue others are to be like, as a share of all."""

    @property
    def query(self) -> str:
        """The question as it is typed."""
        words = " ".join(self.words)
        if self.condition is None:
            return words
        return f"({self.condition.text})" + (f' and about "{words}"' if words else "")


def a_question(dice: Dice) -> Question:
    """Any question, by anyone."""
    return Question(
        words=tuple(dice.sample(WORDS, dice.choice((0, 1, 2)))),
        condition=a_condition(dice) if dice.random() < 0.7 else None,
        wanted=Filter(
            types=tuple(dice.sample(("bug", "TASK"), dice.choice((0, 0, 1)))),
            labels=tuple(dice.sample(("red", "green"), dice.choice((0, 0, 1)))),
            components=tuple(dice.sample(("ENGINE",), dice.choice((0, 0, 0, 1)))),
            reporters=tuple(dice.sample(("ann lee",), dice.choice((0, 0, 0, 1)))),
            years=tuple(dice.sample(("2023", "2024", ""), dice.choice((0, 0, 0, 1, 2)))),
            created_since=EPOCH + timedelta(days=20) if dice.random() < 0.2 else None,
            updated_before=EPOCH + timedelta(days=40) if dice.random() < 0.2 else None,
        ),
        principals=dice.choice((None, EVERYONE, frozenset({"p1"}), frozenset({"p1", "p2"}), frozenset(PRINCIPALS))),
        mode=dice.choice(("text", "vector", "hybrid")),
        order=dice.choice(("", "", "created", "updated asc", "status, key desc")),
        source=dice.random(),
    )


def year_of(row: Row) -> str:
    """The year in which an issue was created, "" for none."""
    created = row.facts["created"]
    return "" if created is None else str(datetime.fromtimestamp(created / 1000, UTC).year)


def admitted(question: Question, row: Row) -> bool:
    """Whether filter, condition and readers let an issue through."""
    facts, wanted = row.facts, question.wanted
    within = {"types": [facts["type"]], "labels": facts["labels"], "components": facts["components"],
              "reporters": [facts["reporter"]], "years": [year_of(row)]}  # fmt: skip
    for name, values in within.items():
        asked = {value.lower() for value in getattr(wanted, name)}
        if asked and not asked & {value.lower() for value in values}:
            return False
    if wanted.created_since and (
        facts["created"] is None or facts["created"] < wanted.created_since.timestamp() * 1000
    ):
        return False
    if wanted.updated_before and facts["updated"] >= wanted.updated_before.timestamp() * 1000:
        return False
    who = question.principals
    return row.may_be_seen(who) and (question.condition is None or question.condition.admits(row, who))


def expected(question: Question, rows: Rows) -> dict[str, Row]:
    """The issues that match, by a look at every row."""
    who, words = question.principals, set(question.words)
    found = {}
    for row in rows.issues:
        by_words = any(body & words for body in row.bodies(who))
        by_vector = any(who is None or readers <= who for readers in row.vectors)
        matches = {"text": by_words, "vector": by_vector, "hybrid": by_words or by_vector}[question.mode]
        if admitted(question, row) and (matches or not words):
            found[row.key] = row
    return found
