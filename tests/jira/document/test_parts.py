"""What the parts of a document look like: comments, attachments, links, work, and the hygiene of their texts."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable, Mapping

import pytest

from jirakb.jira.document.render import RenderContext, size_text
from jirakb.source import Rendered

Render = Callable[..., Rendered]


def _comments(*entries: Mapping[str, object]) -> dict[str, object]:
    return {"comment": {"comments": list(entries)}}


def test_comments_stand_newest_first_whatever_the_site_sends(issue: Render) -> None:
    at = "2024-01-0{}T00:00:00.000+0000"
    entries = [{"id": "2", "created": at.format(1)}, {"id": "9"}, {"id": "3", "created": at.format(2)}]
    entries.append({"id": "10", "created": at.format(1)})
    parts = issue(_comments(*entries)).documents[0].parts
    assert [part.id for part in parts] == ["3", "10", "2", "9"]


def test_a_comment_says_who_when_and_what_indented_by_two(issue: Render) -> None:
    entry = {
        "id": "5",
        "author": {"displayName": "Jo  Li"},
        "created": "2024-01-16T14:45:00.5+0000",
        "body": "a\r\n\r\nb",
    }
    part = issue(_comments(entry)).documents[0].parts[0]
    assert part.text == "- Jo  Li (2024-01-16T14:45:00Z):\n  a\n\n  b"
    assert part.heading == "Comments"


def test_a_comment_without_author_date_or_text_stays(issue: Render) -> None:
    assert issue(_comments({"id": "5", "created": "soon"})).documents[0].parts[0].text == "- Anonymous:"


@pytest.mark.parametrize("listed", ["BOT@x.example", "557:a", "build bot", "bot", "Bot.Key"])
def test_comments_of_the_blacklisted_are_left_out_and_said_so(listed: str, issue: Render) -> None:
    author = {"accountId": "557:A", "name": "bot", "key": "bot.key", "displayName": "Build Bot"}
    author["emailAddress"] = "bot at x dot example"
    fields = _comments({"id": "5", "author": author, "body": "noise"}, {"id": "6", "body": "kept"})
    rendered = issue(fields, comment_blacklist=frozenset({listed}))
    assert [part.id for part in rendered.documents[0].parts] == ["6"]
    assert [(o.key, o.kind, o.cls, o.detail) for o in rendered.omissions] == [("T-7", "comment", "excluded", "5")]


def test_comments_are_left_out_when_they_are_not_wanted(issue: Render) -> None:
    rendered = issue(_comments({"id": "5", "body": "a"}), include_comments=False)
    assert (rendered.documents[0].parts, rendered.omissions) == ((), ())


@pytest.mark.parametrize(("size", "text"), [(0, "0B"), (1023, "1023B"), (1024, "1KB"), (41632, "40KB"),
                                            ((1 << 20) - 1, "1023KB"), (1 << 20, "1MB"), (15 << 20, "15MB")])  # fmt: skip
def test_sizes_are_whole_units(size: int, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("content", "cloud_url", "dc_url"),
    [
        (None, "/rest/api/3/attachment/content/8", "/secure/attachment/8/a%20b.txt"),
        ("https://gw/rest/api/3/attachment/content/8", "/rest/api/3/attachment/content/8",
         "/rest/api/2/attachment/content/8"),
        ("http://evil/secure/attachment/8/x", "/secure/attachment/8/a%20b.txt", "/secure/attachment/8/a%20b.txt"),
    ],
)  # fmt: skip
def test_a_file_is_downloaded_from_the_site_itself(
    content: object, cloud_url: str, dc_url: str, issue: Render, dc: RenderContext
) -> None:
    fields = {"attachment": [{"id": "8", "filename": "a b.txt", "size": 15 << 20, "content": content}]}
    assert issue(fields).documents[0].parts[0].text == f"- a b.txt (15MB) -> https://shop.example.net{cloud_url}"
    assert issue(fields, dc).documents[0].parts[0].text == f"- a b.txt (15MB) -> https://core.example/jira{dc_url}"


def test_a_text_names_mentioned_people_and_the_newest_file_of_a_name(issue: Render, dc: RenderContext) -> None:
    files = [{"id": "9", "filename": "a.png", "created": "2024-01-02T00:00:00Z"}, {"id": "8", "filename": "a.png"}]
    fields = {"description": "[~mh] !a.png!", "reporter": {"name": "mh", "displayName": "Mina"}, "attachment": files}
    text = issue(fields, dc).documents[0].parts[0].text
    assert "Mina" in text
    assert "/secure/attachment/9/a.png" in text


def test_texts_hold_no_control_characters_and_no_lone_surrogates(issue: Render) -> None:
    adf = {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": "x\x00y\ud83d\x9b31m"}]}],
    }
    fields = {"summary": "a\nb\x00c", "description": "a\r\nb\rc\x00\x1b\x9b31m\ud800\td", "environment": adf}
    document = issue(fields).documents[0]
    assert document.title == "a b c"
    assert not any(unicodedata.category(c) == "Cc" and c not in "\t\n" for c in document.markdown)
    assert document.markdown.encode().decode() == document.markdown


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("customfield_10030", {"value": "High"}, "High"),
        ("customfield_10030", [{"value": "a"}, {"value": "b"}, None], "a, b"),
        ("customfield_10031", {"value": "a", "child": {"value": "b", "child": {"value": "c"}}}, "a > b > c"),
        ("customfield_10032", {"displayName": "Jo", "emailAddress": "jo@x.example"}, "Jo"),
        ("customfield_10030", {"key": "A-1", "fields": {"summary": "s"}}, "A-1"),
        ("customfield_10030", {"key": "P", "name": "Project"}, "Project"),
        ("customfield_10030", {"requestType": {"name": "Get help"}, "currentStatus": {}}, "Get help"),
        ("customfield_10030", {"errorMessage": "no"}, None),
        ("customfield_10030", [], None),
        ("customfield_10030", "", None),
        ("customfield_10030", True, "true"),
        ("customfield_10016", 3.0, "3"),
        ("customfield_10016", 0.5, "0.5"),
        ("customfield_10016", 0, "0"),
        ("customfield_10034", "2025-04-01", "2025-04-01"),
        ("customfield_10035", "2025-04-01T06:00:00.000+0200", "2025-04-01T04:00:00Z"),
        ("customfield_10000", "{pullrequest={x}}", None),
        ("customfield_10036", "1|hzzzzz:i", None),
        ("customfield_10036", "com.example.plugin.Thing@1f2e[a=b]", None),
        ("customfield_19999", "of no known field", None),
    ],
)
def test_a_custom_field_reads_like_a_person_would_write_it(
    field: str, value: object, text: str | None, issue: Render
) -> None:
    fields = issue({field: value}).documents[0].metadata.get("fields", {})
    assert isinstance(fields, dict)
    assert next(iter(fields.values()), None) == text


def test_names_sent_with_an_issue_stand_in_for_the_catalog(issue: Render) -> None:
    document = issue({"customfield_5": "x"}, top={"names": {"customfield_5": "Team"}}).documents[0]
    assert document.metadata["fields"] == {"Team": "x"}


def test_a_huge_comment_and_hundreds_of_files_are_rendered_in_well_under_a_second(issue: Render) -> None:
    log = "2024-01-01 12:00:00 INFO com.example.App - started (pid 1234)\r\n" * 52_000
    files = [{"id": str(n), "filename": f"screen {n}.png", "size": n} for n in range(700)]
    fields = {**_comments({"id": "1", "body": "{noformat}\n" + log + "{noformat}"}), "attachment": files}
    started = time.process_time()
    document = issue(fields).documents[0]
    assert time.process_time() - started < 3
    assert len(document.parts[0].text) > 3_000_000
    assert document.parts[1].text.count("\n") == 699
