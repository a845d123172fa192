import random
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.flow.history import HashVectors
from tests.flow.world import World

from jirakb.errors import (
    ConnectorValidationError,
    DeletionBrakeError,
    InsufficientPermissionsError,
    KnowledgeBaseBusyError,
    SiteUnreachableError,
)
from jirakb.jira.client.retries import Budget
from jirakb.jira.connector import JiraConnector
from jirakb.simulator.switches import Fault, outage, throttle
from jirakb.source import Listing
from jirakb.sync import Wish, sync


def search_calls(world: World) -> int:
    return sum(count for endpoint, count in world.running.record.by_endpoint.items() if "search" in endpoint)


def test_a_first_sync_indexes_every_issue_with_its_comments(world: World) -> None:
    report = world.sync()
    assert (report.kind, report.state) == ("full", "complete")
    assert world.indexed() == world.site_keys()
    assert (report.counts.listed, report.counts.indexed, report.counts.comments) == (12, 12, 12)
    assert "Turn valve 7." in world.text("PUMP-7")
    assert "Seen again in hall 7." in world.text("PUMP-7")


def test_a_second_sync_asks_at_most_twice_and_indexes_nothing(world: World) -> None:
    world.sync()
    before = search_calls(world)
    report = world.sync()
    assert search_calls(world) - before <= 2
    assert (report.kind, report.counts.indexed, report.counts.fetched) == ("incremental", 0, 0)
    assert report.counts.listed == report.counts.unchanged


def test_an_edit_a_comment_and_a_new_issue_arrive_with_the_next_sync(world: World) -> None:
    world.sync()
    world.site.edit("PUMP-3", summary="Pump 3 leaks")
    world.site.comment("PUMP-4", "Replaced the seal.")
    world.site.create("PUMP", "A new pump")
    report = world.sync()
    assert report.counts.indexed == 3
    assert "Pump 3 leaks" in world.text("PUMP-3")
    assert "Replaced the seal." in world.text("PUMP-4")
    assert world.indexed() == world.site_keys()


def test_a_moved_issue_keeps_its_identity_and_its_old_key_still_finds_it(world: World) -> None:
    world.sync()
    new = world.site.move("PUMP-5", "HALL")
    world.sync()
    assert world.base.documents("PUMP-5")[0].key == new
    assert world.base.counts().issues == 12


def test_a_deletion_arrives_with_the_next_census_and_not_before(world: World) -> None:
    world.sync()
    world.site.delete("PUMP-6")
    world.sync()
    assert "PUMP-6" in world.indexed()
    report = world.sync(prune="always")
    assert report.counts.deleted == 1
    assert world.indexed() == world.site_keys()


@pytest.mark.parametrize("kind", ["full", "incremental"])
def test_an_issue_that_slips_past_while_another_is_deleted_is_found_in_the_same_run(world: World, kind: str) -> None:
    if kind == "incremental":
        world.sync()
    for key in world.site_keys():
        world.site.edit(key, summary="Leaks now")
    world.site.switches.page_limit = 5
    doomed = ["PUMP-1"]
    world.site.switches.between_pages = lambda: doomed and world.site.delete(doomed.pop())
    assert world.sync().kind == kind
    assert all("Leaks now" in world.text(key) for key in world.site_keys())


def test_an_issue_that_only_the_listing_missed_is_not_taken_out(world: World) -> None:
    world.sync()
    world.site.delete("PUMP-6")
    with closing(world.connector()) as connector:
        number = next(issue.number for issue in world.site.issues.values() if issue.key == "PUMP-7")
        source = ListingWithout(number, connector)
        wish = Wish(query=source.query, prune="always")
        report = sync(source, world.base, wish, settings=world.settings, embedder=None)
    assert report.counts.deleted == 1
    assert world.indexed() == world.site_keys()


def test_pages_shorter_than_asked_for_hide_no_issue_and_delete_none(world: World) -> None:
    world.site.switches.page_limit = world.site.switches.search_cap = 5
    world.site.switches.short_pages = 0.5
    assert world.sync().counts.indexed == 12
    report = world.sync(prune="always", confirm_deletions=True)
    assert (report.counts.listed, report.counts.deleted) == (12, 0)
    assert world.indexed() == world.site_keys()


def test_an_issue_of_any_length_is_indexed_to_its_last_word_and_replaced_as_a_whole(world: World) -> None:
    long = "The valve whistles in the morning and in the evening.\n\n" * 5_000
    world.site.edit("PUMP-1", description=f"{long}zucchini")
    world.sync()
    assert world.found("zucchini") == {"PUMP-1"}
    world.site.edit("PUMP-1", description=f"{long}artichoke")
    world.sync()
    assert (world.found("zucchini"), world.found("artichoke")) == (set(), {"PUMP-1"})


@pytest.mark.parametrize("summary", ["Crash in README.md parser", "名" * 255, "a/b\\..\\c.exe: * ?", "key: [value, 'x"])
def test_no_summary_keeps_an_issue_out(world: World, summary: str) -> None:
    world.site.edit("PUMP-1", summary=summary)
    assert world.sync().counts.indexed == 12
    assert world.base.documents("PUMP-1")[0].title == summary
    assert world.found("Turn valve 1") >= {"PUMP-1"}


def test_a_mass_deletion_stops_and_deletes_only_when_confirmed(world: World) -> None:
    world.sync()
    for number in range(1, 8):
        world.site.delete(f"PUMP-{number}")
    with pytest.raises(DeletionBrakeError, match="7 of 12") as stopped:
        world.sync(prune="always")
    assert stopped.value.exit_code == 4
    assert len(world.indexed()) == 12
    report = world.sync(confirm_deletions=True)
    assert report.counts.deleted == 7
    assert world.indexed() == world.site_keys()


def test_a_token_that_died_deletes_nothing(world: World) -> None:
    world.sync()
    world.site.revoke("sim-token" if world.site.flavor == "cloud" else "sim-pat")
    with pytest.raises(InsufficientPermissionsError):
        world.sync(prune="always", confirm_deletions=True)
    assert len(world.indexed()) == 12


def test_unlabelled_issues_are_kept_when_labels_are_skipped(world: World) -> None:
    world.site.label("PUMP-1", "noise")
    world.site.label("PUMP-2", "good")
    world.sync(connector={"labels_to_skip": ["noise"]})
    assert world.indexed() == world.site_keys() - {"PUMP-1"}


def test_a_label_that_excludes_an_issue_takes_it_out_with_the_next_census(world: World) -> None:
    world.sync(connector={"labels_to_skip": ["noise"]})
    world.site.label("PUMP-1", "noise")
    world.sync(connector={"labels_to_skip": ["noise"]}, prune="always")
    assert "PUMP-1" not in world.indexed()


def test_throttling_and_outages_are_waited_out_and_lose_nothing(world: World) -> None:
    world.site.switches.faults += [throttle(times=2, retry_after="1"), outage(times=2)]
    for fault in world.site.switches.faults:
        fault.every = 2
    report = world.sync()
    assert report.requests.throttled == 2
    assert world.indexed() == world.site_keys()


class ListingWithout:
    """The connector, but for one issue that its listing of everything passes over."""

    def __init__(self, number: int, connector: JiraConnector) -> None:
        self._number = number
        self._connector = connector

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def list_all(self) -> Iterator[Listing]:
        for listing in self._connector.list_all():
            yield replace(listing, refs=tuple(ref for ref in listing.refs if ref.number != self._number))


class FaultAfter(Fault):
    """Strikes every call to its endpoints after the first `healthy` ones."""

    healthy = 0

    def strikes(self, endpoint: str, chance: random.Random) -> bool:
        if endpoint in self.endpoints and self.healthy:
            self.healthy -= 1
            return False
        return Fault.strikes(self, endpoint, chance)


def test_a_site_that_fails_in_the_middle_leaves_a_run_that_the_next_sync_finishes(world: World) -> None:
    for number in range(1000):
        world.site.create("PUMP", f"More {number}")
    fault = FaultAfter(status=404, every=1, endpoints=("POST issue/bulkfetch", "POST search"))
    fault.healthy = 4
    world.site.switches.faults = [fault]
    with pytest.raises(ConnectorValidationError):
        world.sync()
    stored = len(world.indexed())
    assert 0 < stored < 1012
    world.site.switches.faults = []
    report = world.sync()
    assert report.kind == "full"
    assert report.counts.listed == 1012
    assert report.requests.total < 15  # what was stored is not fetched again
    assert world.indexed() == world.site_keys()


def test_a_site_that_is_down_leaves_a_clear_error_and_the_index_as_it_was(world: World) -> None:
    world.sync()
    world.site.switches.faults = [Fault(kind="reset", every=1)]
    with pytest.raises(SiteUnreachableError):
        world.sync(connector={"budget": Budget(attempts=2)})
    assert len(world.indexed()) == 12


def test_a_window_run_neither_moves_the_watermark_nor_prunes(world: World) -> None:
    first = world.sync()
    world.site.delete("PUMP-1")
    world.site.edit("PUMP-2", summary="Edited")
    report = world.sync(since=datetime.now(UTC) - timedelta(hours=1), until=datetime.now(UTC) + timedelta(hours=1))
    assert report.kind == "window"
    assert report.watermark == first.watermark
    assert "PUMP-1" in world.indexed()
    assert "Edited" in world.text("PUMP-2")


def test_two_syncs_into_one_knowledge_base_do_not_meet(world: World) -> None:
    with world.base.lease(), pytest.raises(KnowledgeBaseBusyError):
        world.sync()


def test_an_issue_that_search_shows_late_is_found_by_a_later_sync(world: World) -> None:
    world.sync()
    world.site.switches.index_lag = 1.5
    late = world.site.create("PUMP", "Late news")
    world.sync()
    assert late not in world.indexed()
    world.site.switches.index_lag = 0
    world.site.create("PUMP", "Newer news")
    world.sync()
    time.sleep(1.6)
    world.sync()
    assert world.indexed() == world.site_keys()


def test_restricted_comments_are_kept_apart(world: World) -> None:
    world.site.allow(role=("PUMP", "Developers"))
    world.site.comment("PUMP-8", "The vault code is 4711.", role="Developers")
    world.sync()
    (open_text,) = world.base.documents("PUMP-8", frozenset())
    assert "4711" in world.text("PUMP-8")
    assert "4711" not in open_text.markdown


def test_two_queries_share_an_issue_which_goes_with_the_last(world: World) -> None:
    world.sync(connector={"projects": ("PUMP",)})
    world.sync(connector={"projects": ("*",)})
    world.site.delete("PUMP-1")
    world.sync(connector={"projects": ("PUMP",)}, prune="always")
    assert "PUMP-1" in world.indexed()
    world.sync(connector={"projects": ("*",)}, prune="always")
    assert "PUMP-1" not in world.indexed()


def test_leaving_comments_out_later_takes_them_out_everywhere(world: World) -> None:
    world.sync()
    report = world.sync(connector={"include_comments": False})
    assert report.kind == "full"
    assert "Seen again" not in world.text("PUMP-7")
    report = world.sync(connector={"include_comments": False})
    assert report.kind == "incremental"


def test_an_interrupted_run_is_not_gone_on_with_for_other_parts_of_issues(world: World) -> None:
    for number in range(1000):
        world.site.create("PUMP", f"More {number}")
    fault = FaultAfter(status=404, every=1, endpoints=("POST issue/bulkfetch", "POST search"))
    fault.healthy = 4
    world.site.switches.faults = [fault]
    with pytest.raises(ConnectorValidationError):
        world.sync()
    world.site.switches.faults = []
    world.sync(connector={"include_comments": False})
    assert all("Seen again" not in world.text(f"PUMP-{number}") for number in range(1, 13))


def test_a_sync_without_embeddings_leaves_the_vectors_that_there_are(world: World) -> None:
    world.sync(embedder=HashVectors())
    made = world.base.counts()
    world.site.create("PUMP", "One more")
    world.sync()
    assert (made.waiting, world.base.counts().waiting) == (0, 1)
    report = world.sync(embedder=HashVectors())
    assert report.counts.embedded == 1
