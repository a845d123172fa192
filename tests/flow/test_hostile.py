"""What hostile issues can do: cost themselves. Never a crash, and never a file outside the folders that were named."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.flow.hostile import (
    FINE,
    NAMES,
    NASTY,
    OMITTED,
    REFUSED,
    MakeVictim,
    Victim,
    answer,
    bodies,
    files_below,
    issue,
)

from jirakb.service.export import export_jsonl, export_markdown
from jirakb.simulator.app import App
from jirakb.simulator.messages import Answer, Request
from jirakb.simulator.sample import SAMPLE
from jirakb.simulator.site import Site

DEPTH = 4


def export(victim: Victim, tmp_path: Path) -> set[Path]:
    """The files of an export, whose neighbours must stay as they were."""
    out = tmp_path / "exports" / "out"
    out.mkdir(parents=True)
    before = files_below(tmp_path)
    export_markdown(victim.world.base.each_document(), out)
    export_jsonl(victim.world.base.each_document(), out)
    new = files_below(tmp_path) - before
    assert all(path.resolve().is_relative_to(out) for path in new)
    return new


# ---- wrong types


def rich_issues(flavor: str) -> list[dict[str, Any]]:
    """The sample's issues as its site sends them."""
    app = App(Site.load([SAMPLE], flavor=flavor))  # type: ignore[arg-type]
    found = [app.site.issues[number] for number in list(app.site.issues)]
    caller = {"authorization": "Bearer sim-pat" if flavor == "dc" else BASIC}
    version = 2 if flavor == "dc" else 3
    asked = [f"/rest/api/{version}/issue/{held.key}" for held in found]
    replies = [app.reply(Request("GET", path, {}, caller)) for path in asked]
    return [orjson.loads(reply.answer.plain()) for reply in replies]


BASIC = "Basic YWdlbnRAZXhhbXBsZS5jb206c2ltLXRva2Vu"  # agent@example.com:sim-token


def places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value, so many steps deep; of an array its first member."""
    yield path
    if len(path) < DEPTH:
        members = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
        for name, member in members:
            yield from places(member, (*path, name))


def with_value(body: dict[str, Any], path: tuple[Any, ...], value: object) -> object:
    """The issue with another value in that place."""
    if not path:
        return value
    changed = copy.deepcopy(body)
    holder: Any = changed
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return changed


def test_a_wrong_type_in_any_field_costs_at_most_its_issue(
    flavor: str, make_victim: MakeVictim, tmp_path: Path
) -> None:
    where: dict[tuple[Any, ...], dict[str, Any]] = {}
    for body in rich_issues(flavor):
        for path in places(body):
            where.setdefault(path, body)
    assert len(where) > 150
    spoilt: dict[int, bytes] = {}
    for path, body in where.items():
        for value in NASTY:
            number = 100_000 + len(spoilt)
            numbered = {**body, "id": str(number), "key": f"PUMP-{number}"}
            spoilt[number] = json.dumps(with_value(numbered, path, value)).encode()
    victim = make_victim(spoilt, include_attachments=False)
    report = victim.sync()
    counts = report.counts
    assert counts.listed == counts.indexed + counts.unchanged + counts.omitted
    assert counts.indexed >= len(spoilt) - 5 * len(NASTY)  # the issue itself, its id, key, fields, and time of update
    assert {omission.reason for omission in report.omissions} <= {"bad_body"}
    assert export(victim, tmp_path)


# ---- names, ids, times


def test_hostile_keys_and_names_stay_text(flavor: str, make_victim: MakeVictim, tmp_path: Path) -> None:
    made = [
        issue(
            number,
            name,
            summary=name,
            labels=[name],
            project={"key": name, "name": name},
            parent={"key": name},
            description=f"valve {name} whistles",
            comment={"comments": [{"id": name, "author": {"name": name, "displayName": name}, "body": name}]},
            attachment=[{"id": f"{number}", "filename": name, "size": 4}, {"id": name, "filename": name, "size": 4}],
            issuelinks=[{"type": {"inward": name}, "inwardIssue": {"key": name}}],
            customfield_1={"value": name},
        )
        for number, name in enumerate(NAMES, 1)
    ]

    def lie(name: str, request: Request) -> Answer | None:
        return answer(b"text") if "attachment" in name else None

    victim = make_victim(bodies(*made), lie)
    report = victim.sync()
    blank = NAMES.index(" ") + 1
    assert (report.counts.listed, report.counts.indexed) == (len(NAMES), len(NAMES) - 1)
    assert [omission.key for omission in report.omissions if omission.kind == "issue"] == [str(blank)]
    before = files_below(tmp_path)
    assert all(path.is_relative_to(tmp_path / "home") for path in before)
    written = export(victim, tmp_path)
    assert len(written) > len(NAMES)
    assert all(len(path.name.encode()) <= 255 and path.name.isprintable() for path in written)
    for omission in report.omissions:
        assert (omission.key + omission.detail).isprintable()
    assert victim.exit_code(full=True) in (FINE, OMITTED)


@pytest.mark.parametrize(
    "ids",
    [
        (-1, -(2**70)),
        (0, 2**31, 2**63 - 1),
        (2**63, 2**64, 10**400),
        ("1e3", "٣", "0x10", "1" * 5000),
        (1.5, True, None),
        ([], {}, "../1"),
    ],
    ids=["negative", "large", "huge", "odd", "no whole numbers", "no numbers"],
)
def test_ids_of_any_kind_are_refused_or_taken(flavor: str, make_victim: MakeVictim, ids: tuple[object, ...]) -> None:
    def lie(name: str, request: Request) -> Answer | None:
        if name.endswith("search/jql"):
            return answer(json.dumps({"issues": [{"id": id_} for id_ in ids], "isLast": True}).encode())
        if name in ("POST search", "POST issue/bulkfetch"):
            rows = [{**issue(1), "id": id_} for id_ in ids]
            return answer(json.dumps({"issues": rows, "total": len(rows), "startAt": 0}).encode())
        return None

    victim = make_victim({}, lie)
    assert victim.exit_code() in (FINE, OMITTED, REFUSED)
    good = make_victim(bodies(*({**issue(number), "id": id_} for number, id_ in enumerate(ids, 1))))
    assert good.exit_code() in (FINE, OMITTED, REFUSED)


def test_an_id_that_comes_twice_with_different_keys_is_one_issue(flavor: str, make_victim: MakeVictim) -> None:
    first, second = issue(1, "PUMP-1"), issue(1, "HALL-9")

    def lie(name: str, request: Request) -> Answer | None:
        page = {"total": 2, "startAt": 0, "isLast": True}
        return answer({"issues": [first, second], **page}) if name.startswith(("POST", "GET search")) else None

    victim = make_victim({1: orjson.dumps(first)}, lie)
    assert victim.exit_code() == FINE
    assert len(victim.world.indexed()) == 1
    assert victim.exit_code(full=True) == FINE
    assert len(victim.world.indexed()) == 1


def test_a_key_that_several_issues_claim_loses_none(flavor: str, make_victim: MakeVictim) -> None:
    victim = make_victim(bodies(*(issue(number, "PUMP-1") for number in range(1, 6))))
    assert victim.exit_code() == FINE
    assert victim.sync().counts.listed in (0, 5)
    assert len(list(victim.world.base.each_document())) == 5


TIMES = (
    "0000-00-00T00:00:00.000+0000", "0001-01-01T00:00:00.000+1400", "0001-01-01T00:00:00.000-1400",
    "99999-01-01T00:00:00.000+0000", "9999-12-31T23:59:59.999-1400", "9999-12-31T23:59:59.999+0000",
    "1969-12-31T23:59:59.000+0000", "2026-02-30T00:00:00.000+0000", "", "now", "9" * 5000,
)  # fmt: skip
READABLE = {TIMES[2], TIMES[5], TIMES[6]}


@pytest.mark.parametrize(
    "times", [TIMES, TIMES[2:3], TIMES[5:6], TIMES[6:7]], ids=["all", "first", "last", "before 1970"]
)
def test_times_that_no_calendar_has_cost_at_most_their_issue(
    flavor: str, make_victim: MakeVictim, times: tuple[str, ...]
) -> None:
    hostile = [
        issue(
            number,
            updated=time,
            created=time,
            resolutiondate=time,
            comment={"comments": [{"id": "1", "created": time, "updated": time, "body": "x"}]},
            attachment=[{"id": "7", "filename": "a.log", "size": 0, "created": time}],
            customfield_1=time,
        )
        for number, time in enumerate(times, 1)
    ]
    victim = make_victim(bodies(*hostile))
    assert victim.exit_code() in (FINE, OMITTED)
    assert victim.exit_code() in (FINE, OMITTED)
    assert len(list(victim.world.base.each_document())) == len(READABLE & set(times))


@pytest.mark.parametrize("date", ["Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -1200", "never", "0"])
def test_a_site_whose_clock_is_mad_is_read_all_the_same(flavor: str, make_victim: MakeVictim, date: str) -> None:
    def lie(name: str, request: Request) -> Answer | None:
        if name == "POST search":
            return answer({"issues": [issue(1)], "startAt": 0, "total": 1}, Date=date)
        if name.endswith("search/jql"):
            return answer({"issues": [{"id": "1"}], "isLast": True}, Date=date)
        return None

    victim = make_victim(bodies(issue(1)), lie)
    assert victim.exit_code() == FINE
    assert victim.exit_code() == FINE


def test_cycles_of_parents_links_and_subtasks_are_no_cycles_here(flavor: str, make_victim: MakeVictim) -> None:
    keys = [f"PUMP-{number}" for number in (1, 2, 3)]
    rings = []
    for number, key in enumerate(keys, 1):
        other = {"key": keys[number % 3], "fields": {"parent": {"key": key}, "issuetype": {"hierarchyLevel": 1}}}
        link = {"type": {"inward": "is blocked by"}, "inwardIssue": other}
        own = {"key": key, "fields": {"subtasks": [{"key": key}]}}
        rings.append(issue(number, key, parent=other, epic=own, subtasks=[other, own], issuelinks=[link]))
    victim = make_victim(bodies(*rings))
    assert victim.exit_code() == FINE
    assert victim.world.indexed() == set(keys)


def test_control_characters_reach_neither_documents_nor_messages(flavor: str, make_victim: MakeVictim) -> None:
    every = "".join(map(chr, [*range(32), *range(127, 160), 0x2028, 0x202E, 0xD800, 0xFFFE]))
    hostile = issue(1, summary=every, description=f"a{every}b", labels=[every], reporter={"displayName": every})
    refused = {"errorMessages": [f"no{every}"], "message": every}

    def lie(name: str, request: Request) -> Answer | None:
        if name.endswith(("search/jql", "POST search")) and victim.options.get("refuses"):
            return Answer(400, json.dumps(refused).encode())
        return None

    victim = make_victim(bodies(hostile), lie)
    assert victim.exit_code() == FINE
    (document,) = victim.world.base.each_document()
    shown = document.markdown + document.title
    assert not {character for character in shown if ord(character) < 32} - {"\n", "\t"}
    assert not set(shown) & {"\x7f", "\ud800"}
