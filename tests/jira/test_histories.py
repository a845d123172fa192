"""What changed in an issue, read from the simulated site of each flavor and shown below History."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jirakb.simulator.site import Site
from jirakb.simulator.switches import outage


def _documents(connector: Any, *numbers: int) -> list[Any]:
    return [connector.render(raw).documents[0] for raw in connector.fetch(numbers).issues]


def _history(connector: Any, number: int = 101) -> list[str]:
    parts = _documents(connector, number)[0].parts
    return [line for part in parts if part.heading == "History" for line in part.text.splitlines()]


def test_each_change_says_what_who_and_when_newest_first(served: Any) -> None:
    served.site.edit("ABC-1", status="Done")
    served.site.edit("ABC-1", assignee="agent", description="h1. New\n\ntext")
    lines = _history(served.connector(include_history=True))
    assert [line.rpartition(" (")[0] for line in lines] == [
        "- assignee: none -> agent, Sync Agent",
        "- description: changed, Sync Agent",
        "- resolution: none -> Done, Sync Agent",
        "- status: To Do -> Done, Sync Agent",
    ]
    assert all(line.endswith("Z)") for line in lines)


def test_without_being_asked_no_history_is_read_or_shown(served: Any) -> None:
    served.site.edit("ABC-1", status="Done")
    connector = served.connector()
    assert _history(connector) == []
    assert "POST changelog/bulkfetch" not in connector.requests().by_endpoint
    assert connector.reading != served.connector(include_history=True).reading


def test_a_batch_costs_one_call_more(served: Any) -> None:
    for number in range(101, 106):
        served.site.edit(number, status="Done")
    plain, full = served.connector(), served.connector(include_history=True)
    for connector in (plain, full):
        connector.identify()
        assert len(connector.fetch([101, 102, 103, 104, 105]).issues) == 5
    assert full.requests().total == plain.requests().total + 1


def test_long_histories_are_read_to_their_end(served: Any) -> None:
    for number in range(2_100):
        served.site.changelogs.note(102, "agent", served.site.now_text(), [_renamed(number)])
    served.site.edit(101, summary="First")
    lines = _history(served.connector(include_history=True), 102)
    assert len(lines) == 2_100
    batch = served.connector(include_history=True).fetch([101, 102])
    logged = {raw.number: json.loads(raw.payload)["changelog"]["total"] for raw in batch.issues}
    assert logged == {101: 1, 102: 2_100}


def _renamed(number: int) -> dict[str, object]:
    return {"field": "summary", "fieldtype": "jira", "fromString": f"s{number}", "toString": f"s{number + 1}"}


def test_a_site_that_clamps_its_pages_still_tells_every_history(serving: Any) -> None:
    site = Site("dc")
    for number in (101, 102, 103):
        site.create("ABC", "One", number=number)
        site.edit(number, status="Done")
    served = serving(site)
    site.switches.search_cap = 1
    batch = served.connector(include_history=True).fetch([101, 102, 103])
    assert [json.loads(raw.payload)["changelog"]["total"] for raw in batch.issues] == [1, 1, 1]


def test_an_issue_that_the_index_lacks_is_asked_alone(serving: Any) -> None:
    site = Site("dc")
    served = serving(site)
    site.switches.index_lag = 3600
    site.create("ABC", "Late", number=101)
    site.edit(101, status="Done")
    assert len(_history(served.connector(include_history=True))) == 2


def test_the_history_of_a_restricted_issue_has_its_readers(served: Any) -> None:
    served.site.edit("ABC-1", status="Done")
    served.site.restrict("ABC-1", "Secret")
    (document,) = _documents(served.connector(include_history=True), 101)
    (part,) = [part for part in document.parts if part.kind == "history"]
    assert part.readers == document.readers != frozenset()


def test_the_text_of_a_deleted_comment_is_not_told(served: Any) -> None:
    item = {"field": "Comment", "fieldtype": "jira", "fromString": "the secret", "toString": None}
    served.site.changelogs.note(101, "agent", served.site.now_text(), [item])
    assert "secret" not in _documents(served.connector(include_history=True), 101)[0].markdown


def test_a_moved_issue_knows_its_former_keys_from_its_history(served: Any) -> None:
    served.site.move("ABC-1", "DEF")
    connector = served.connector(include_history=True)
    (raw,) = connector.fetch([101]).issues
    assert connector.render(raw).former_keys == ("ABC-1",)


def test_a_history_that_cannot_be_had_costs_its_issue_and_is_said(serving: Any) -> None:
    site = Site("cloud")
    site.create("ABC", "One", number=101)
    served = serving(site)
    site.switches.faults.append(outage(every=1, endpoints=("POST changelog/bulkfetch",), status=500))
    batch = served.connector(include_history=True).fetch([101])
    assert batch.issues == ()
    assert [(number, omission.cls) for number, omission in batch.omissions] == [(101, "failed")]


@pytest.mark.parametrize("created", [1718000000, 1718000000000, "2024-06-10T06:13:20.000+0000"])
def test_times_of_a_change_are_read_in_every_form(created: object) -> None:
    from jirakb.jira.document.fields import FieldCatalog
    from jirakb.jira.document.issue import parse_issue

    log = {"histories": [{"id": "1", "created": created, "items": [{"field": "status", "toString": "Done"}]}]}
    payload = json.dumps({"id": "1", "key": "A-1", "fields": {}, "changelog": log}).encode()
    (change,) = parse_issue(payload, FieldCatalog()).history
    assert change.at is not None
    assert change.at.isoformat() == "2024-06-10T06:13:20+00:00"
