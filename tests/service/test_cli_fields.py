"""`jirakb sync --field ... --exclude-field ... --include-history`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.service.command import Ended, Home

Run = Callable[..., Ended]


@pytest.fixture
def furnished(home: Home) -> Home:
    """The home of a site with two fields of its own."""
    site = home.running.site
    for number, name in ((10100, "Customer"), (10101, "Root cause")):
        kind = "com.atlassian.jira.plugin.system.customfieldtypes:textarea"
        site.add_custom({"id": f"customfield_{number}", "name": name, "schema": {"type": "string", "custom": kind}})
    site.edit("PUMP-1", customfield_10100="Zephyrine Ltd", customfield_10101="* quillworn seal\n* dry bearing")
    return home


def synced(jirakb: Run, home: Home, *options: str) -> str:
    """The kind of a sync."""
    ended = jirakb(home, *home.sync_options(*options))
    assert ended.code == 0, ended.err
    return str(ended.json["kind"])


def fields(jirakb: Run, home: Home) -> list[str]:
    return sorted(jirakb(home, "show", "PUMP-1", "--json").json["metadata"].get("fields", {}))


def test_fields_are_shown_by_name_and_found_by_their_words(jirakb: Run, furnished: Home) -> None:
    synced(jirakb, furnished)
    assert fields(jirakb, furnished) == ["Customer", "Root cause"]
    for word, heading in (("zephyrine", "Fields"), ("quillworn", "Root cause")):
        (hit,) = jirakb(furnished, "search", word, "--mode", "text", "--json").json["hits"]
        assert (hit["key"], hit["section"]["heading"]) == ("PUMP-1", heading)


def test_a_changed_choice_of_fields_reads_everything_again(jirakb: Run, furnished: Home) -> None:
    assert synced(jirakb, furnished) == "full"
    assert synced(jirakb, furnished) == "incremental"
    assert synced(jirakb, furnished, "--field", "customer") == "full"
    assert fields(jirakb, furnished) == ["Customer"]
    assert synced(jirakb, furnished, "--field", "customer") == "incremental"
    assert synced(jirakb, furnished, "--field", "*", "--exclude-field", "Customer") == "full"
    assert fields(jirakb, furnished) == ["Root cause"]


def test_a_renamed_field_has_its_new_name_after_a_full_sync(jirakb: Run, furnished: Home) -> None:
    synced(jirakb, furnished, "--field", "customfield_10100")
    site = furnished.running.site
    site.add_custom({"id": "customfield_10100", "name": "Client", "schema": {"type": "string"}})
    synced(jirakb, furnished, "--field", "customfield_10100", "--full")
    assert fields(jirakb, furnished) == ["Client"]


def test_a_field_that_the_site_lacks_is_refused(jirakb: Run, furnished: Home) -> None:
    ended = jirakb(furnished, *furnished.sync_options("--field", "Custommer"))
    assert ended.code == 2
    assert "Custommer" in ended.err


def test_the_history_is_indexed_on_request(jirakb: Run, furnished: Home) -> None:
    synced(jirakb, furnished)
    assert "## History" not in jirakb(furnished, "show", "PUMP-4").out
    furnished.running.site.edit("PUMP-4", status="In Progress")
    assert synced(jirakb, furnished, "--include-history") == "full"
    shown = jirakb(furnished, "show", "PUMP-4").out
    assert "- status: Done -> In Progress, Sync Agent (" in shown.partition("## History")[2]
