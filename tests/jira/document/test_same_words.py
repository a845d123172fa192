"""One issue on Cloud and on Data Center: the same words, with fields of every type, read through the simulated sites."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from jirakb.jira.connector import JiraConnector
from jirakb.settings import Settings
from jirakb.simulator.server import serve
from jirakb.simulator.site import Site

TEXT = """h2. What happens
The *pump* stops, says [~ann]: see {{pump.log}} and [the guide|https://x.example/guide_a].
* first -gone-
** second
# one
# two

||Part||State||
|valve|{color:red}worn{color}|

{code:java|title=Run.java}
int a = b * c;
{code}
{quote}as *said* before{quote}
{noformat}raw *text*{noformat}
A line\\\\broken, ??cited??, H~2~O, x^2^, +new+

!shot.png|thumbnail!
----
{panel:title=Mind}the _gap_{panel}
"""
STANDARD = "com.atlassian.jira.plugin.system.customfieldtypes:"
AGILE = "com.pyxis.greenhopper.jira:"
FIELDS: list[tuple[str, dict[str, Any], object]] = [
    ("Root cause", {"type": "string", "custom": STANDARD + "textarea"}, "* worn _seal_\n* dry bearing"),
    ("Reviewers", {"type": "array", "items": "user", "custom": STANDARD + "multiuserpicker"}, ["ann", "bo"]),
    ("Owner", {"type": "user", "custom": STANDARD + "userpicker"}, "ann"),
    ("Team groups", {"type": "array", "items": "group", "custom": STANDARD + "multigrouppicker"}, [{"name": "ops"}]),
    ("Region", {"type": "option-with-child", "custom": STANDARD + "cascadingselect"},
     {"value": "EU", "child": {"value": "Rome"}}),
    ("Platforms", {"type": "array", "items": "option", "custom": STANDARD + "multicheckboxes"},
     [{"value": "Linux"}, {"value": "Mac"}]),
    ("Sprint", {"type": "array", "items": "json", "custom": AGILE + "gh-sprint"},
     [{"id": 1, "name": "Sprint 1, late", "state": "closed"}, {"id": 2, "name": "Sprint 2", "state": "active"}]),
    ("Epic Link", {"type": "any", "custom": AGILE + "gh-epic-link"}, "ABC-2"),
    ("Rank", {"type": "any", "custom": AGILE + "gh-lexo-rank"}, "0|hzzzzz:"),
    ("Points", {"type": "number", "custom": STANDARD + "float"}, 3.0),
    ("Start", {"type": "datetime", "custom": STANDARD + "datetime"}, "2025-04-01T06:00:00.000+0200"),
    ("Organisations", {"type": "array", "custom": "com.atlassian.servicedesk:sd-customer-organizations"},
     [{"id": "1", "name": "ACME Corp"}]),
]  # fmt: skip


def _site(flavor: Any) -> Site:
    site = Site(flavor)
    for name in ("ann", "bo"):
        site.account(name, display_name=f"{name.title()} Example", email=f"{name}@x.example", hide_email=False)
    for number, (name, schema, _) in enumerate(FIELDS, 10_100):
        site.add_custom({"id": f"customfield_{number}", "name": name, "schema": schema})
    values = {f"customfield_{number}": value for number, (_, _, value) in enumerate(FIELDS, 10_100)}
    key = site.create("ABC", "The pump stops", number=101, description=TEXT, environment="Linux\n*6.1*", assignee="ann",
                      components=["pump"], fixVersions=["2.0"], versions=["1.0"], duedate="2025-05-01", **values)  # fmt: skip
    site.create("ABC", "The epic", type="Epic", number=102)
    site.create("ABC", "Below", parent=key, number=103)
    site.link(key, "ABC-2", "Blocks")
    site.attach(key, "shot.png", b"x")
    site.comment(key, TEXT, author="ann")
    site.comment(key, "Only [~bo] may read *this*", author="bo", role="Developers")
    site.log_work(key, "Dug _deep_", author="bo")
    site.edit(key, status="Done")
    return site


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    home: Path = tmp_path_factory.mktemp("home")
    made: dict[str, Any] = {}
    with ExitStack() as stack:
        for flavor in ("cloud", "dc"):
            running = stack.enter_context(serve(_site(flavor)))
            token = {"jira_api_token": running.site.token}
            email = {"jira_user_email": running.site.email} if flavor == "cloud" else {}
            connector = JiraConnector(
                running.base_url, "ABC", credentials=token | email, include_history=True,
                settings=Settings(home=home, gateway_url=running.gateway_url),
            )  # fmt: skip
            stack.callback(connector.close)
            (raw,) = connector.fetch([101]).issues
            made[flavor] = connector.render(raw).documents[0]
        yield made


def _words(text: str) -> list[str]:
    """The words, without addresses of the two sites and times of their clocks."""
    text = re.sub(r"https?://127\S+|\d{4}-\d\d-\d\dT[\d:]+Z", " ", text)
    return re.findall(r"\w+", text)


def test_every_part_says_the_same_words_to_the_same_readers(documents: dict[str, Any]) -> None:
    cloud, dc = (
        [(part.kind, part.heading, _words(part.text), {reader.rpartition("/")[2] for reader in part.readers})
         for part in documents[flavor].parts]
        for flavor in ("cloud", "dc")
    )  # fmt: skip
    assert cloud == dc
    assert [kind for kind, *_ in cloud] == [
        *("description", "environment", "field", "field", "comment", "comment"),
        *("attachments", "links", "worklog", "history"),
    ]


def test_the_front_matter_says_the_same(documents: dict[str, Any]) -> None:
    cloud, dc = (
        {name: value for name, value in documents[flavor].metadata.items() if name not in ("url", "created", "updated")}
        for flavor in ("cloud", "dc")
    )
    cloud.pop("resolved"), dc.pop("resolved")
    assert cloud == dc
    assert cloud["sprint"] == "Sprint 1, late, Sprint 2"
    assert cloud["epic"] == "ABC-2"
    assert cloud["fields"] == {
        "Affects versions": "1.0",
        "Due date": "2025-05-01",
        "Organisations": "ACME Corp",
        "Owner": "Ann Example",
        "Platforms": "Linux, Mac",
        "Points": "3",
        "Region": "EU > Rome",
        "Reviewers": "Ann Example, Bo Example",
        "Root cause": "- worn *seal*\n- dry bearing",
        "Start": "2025-04-01T04:00:00Z",
        "Team groups": "ops",
    }


def test_texts_become_the_same_blocks(documents: dict[str, Any]) -> None:
    cloud, dc = (
        re.sub(r"https?://127\S+", "", next(p.text for p in documents[flavor].parts if p.kind == "description"))
        for flavor in ("cloud", "dc")
    )
    assert cloud == dc


def test_links_are_labelled_from_both_sides() -> None:
    site = _site("dc")
    with serve(site) as running:
        connector = JiraConnector(running.base_url, "ABC", credentials={"jira_api_token": site.token})
        issues = {raw.number: connector.render(raw).documents[0] for raw in connector.fetch([101, 102, 103]).issues}
        connector.close()
    texts = {number: [p.text for p in document.parts if p.kind == "links"] for number, document in issues.items()}
    assert texts[101][0].startswith("- blocks ABC-2 -> ")
    assert texts[102][0].startswith("- is blocked by ABC-1 -> ")
    assert issues[103].metadata["parent"] == "ABC-1"
