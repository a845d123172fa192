"""Projects that are lost, archived or renamed: nothing of them is taken for deleted, and the others go on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from tests.flow.world import World

from jirakb.errors import ConnectorValidationError, DeletionBrakeError
from jirakb.jira.pacing import Timing
from jirakb.knowledge.search import Searcher
from jirakb.report import Report

BY_KEYS = {"projects": ("PUMP", "HALL")}
Hide = Callable[[World], None]


@pytest.fixture
def world(world: World) -> World:
    """Twelve issues of PUMP, two of HALL."""
    for number in (1, 2):
        world.site.create("HALL", f"Lamp {number} flickers")
    return world


def lose(world: World) -> None:
    world.site.lose("HALL")


def archive(world: World) -> None:
    world.site.archive("HALL")


def told(report: Report) -> list[tuple[str, str, str, str]]:
    return [(o.key, o.kind, o.cls, o.reason) for o in report.omissions]


@pytest.mark.parametrize("projects", [("*",), ("PUMP", "HALL")], ids=["all", "named"])
@pytest.mark.parametrize(
    ("hide", "cls", "reason"),
    [(lose, "failed", "project_lost"), (archive, "excluded", "project_archived")],
    ids=["lost", "archived"],
)
def test_a_hidden_project_is_told_apart_from_deleted_issues(
    world: World, projects: tuple[str, ...], hide: Hide, cls: str, reason: str
) -> None:
    world.sync(connector={"projects": projects})
    hide(world)
    world.site.delete("PUMP-1")
    world.site.edit("PUMP-2", summary="Pump 2 leaks")
    report = world.sync(connector={"projects": projects}, prune="always")
    assert told(report) == [("HALL", "issue", cls, reason)]
    assert report.state == ("incomplete" if cls == "failed" else "complete")
    assert report.counts.deleted == 1
    assert {"HALL-1", "HALL-2"} <= world.indexed()
    assert "PUMP-1" not in world.indexed()
    assert "Pump 2 leaks" in world.text("PUMP-2")
    again = world.sync(connector={"projects": projects}, prune="never")
    assert told(again) == told(report)


def test_a_lost_project_that_is_confirmed_to_be_gone_goes(world: World) -> None:
    world.sync(connector=BY_KEYS)
    lose(world)
    world.sync(connector=BY_KEYS)
    report = world.sync(connector=BY_KEYS, confirm_deletions=True)
    assert (report.state, report.counts.deleted, told(report)) == ("complete", 2, [])
    assert not {"HALL-1", "HALL-2"} & world.indexed()


def test_a_hidden_project_does_not_count_for_the_brake(world: World) -> None:
    world.sync()
    world.site.lose("PUMP")
    report = world.sync(prune="always")
    assert (report.counts.deleted, len(world.indexed())) == (0, 14)
    assert told(report) == [("PUMP", "issue", "failed", "project_lost")]
    world.site.allow(project="PUMP")
    for number in range(1, 8):
        world.site.delete(f"PUMP-{number}")
    with pytest.raises(DeletionBrakeError, match="7 of 14"):
        world.sync(prune="always")


def test_what_changed_while_a_project_was_lost_is_read_when_it_is_back(world: World) -> None:
    world.sync()
    lose(world)
    world.site.clock = lambda: datetime.now(UTC) + timedelta(hours=1)
    world.site.edit("HALL-1", summary="Lamp 1 burns")
    world.sync(prune="always")
    world.site.clock = lambda: datetime.now(UTC) + timedelta(hours=2)
    world.site.touch("PUMP-1")  # so that the next sync begins later than that edit
    world.sync()
    world.site.allow(project="HALL")
    report = world.sync()  # finds it back, and makes the next sync a census
    assert (report.state, told(report)) == ("complete", [])
    assert "Lamp 1 burns" not in world.text("HALL-1")
    world.sync()
    assert "Lamp 1 burns" in world.text("HALL-1")


def test_when_no_project_is_left_the_sync_says_so_and_deletes_nothing(world: World) -> None:
    world.sync(connector={"projects": ("HALL",)})
    lose(world)
    with pytest.raises(ConnectorValidationError, match="no project HALL") as raised:
        world.sync(connector={"projects": ("HALL",)}, prune="always", confirm_deletions=True)
    assert "stays" in raised.value.fix
    assert world.indexed() == {"HALL-1", "HALL-2"}


def test_a_query_that_jira_refuses_for_another_reason_is_not_narrowed(world: World) -> None:
    with pytest.raises(ConnectorValidationError, match="bogus"):
        world.sync(connector={**BY_KEYS, "jql_query": "bogus = 1"})


def test_a_project_that_is_lost_within_the_users_own_jql_is_named_with_what_to_do(world: World) -> None:
    own = {"jql_query": "project in (PUMP, HALL)", "projects": ()}
    world.sync(connector=own)
    lose(world)
    with pytest.raises(ConnectorValidationError, match="HALL") as refused:
        world.sync(connector=own)
    assert "--project" in refused.value.fix
    assert {"HALL-1", "HALL-2"} <= world.indexed()


@pytest.mark.parametrize("known", [True, False], ids=["jql-knows-the-old-key", "jql-forgets-it"])
def test_a_renamed_project_keeps_its_issues_and_the_old_keys_lead_to_them(world: World, known: bool) -> None:
    world.site.project("HALL", "The hall")
    world.sync(connector=BY_KEYS)
    world.site.switches.former_project_keys = known
    world.site.rename_project("HALL", "ROOM")
    report = world.sync(connector=BY_KEYS, prune="always")
    assert (report.counts.indexed, report.counts.deleted, report.state) == (2, 0, "complete")
    assert world.base.counts().issues == 14
    for number in (1, 2):
        assert world.base.documents(f"HALL-{number}")[0].key == f"ROOM-{number}"
        with closing(Searcher(world.base)) as searcher:
            hits = searcher.search(f"HALL-{number}", principals=None, mode="text").hits
        assert hits[0].key == f"ROOM-{number}"
    assert world.sync(connector=BY_KEYS, prune="always").counts.indexed == 0


def test_an_issue_whose_body_jira_cannot_make_costs_one_omission_until_it_can(world: World) -> None:
    number = next(issue.number for issue in world.site.issues.values() if issue.key == "PUMP-7")
    world.site.switches.broken = {number}
    hasty = {"timing": Timing(sleep=lambda seconds: None)}
    report = world.sync(connector=hasty)
    assert (report.state, report.counts.indexed, report.counts.omitted) == ("incomplete", 13, 1)
    assert [(o.kind, o.cls, o.reason) for o in report.omissions] == [("issue", "failed", "bad_body")]
    world.site.switches.broken = set()
    assert world.sync(connector=hasty).state == "complete"
    assert world.indexed() == world.site_keys()
