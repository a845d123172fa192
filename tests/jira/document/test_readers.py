"""Who may read travels with each part; what cannot be understood is closed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jirakb.documents import Part
from jirakb.source import Rendered

Render = Callable[..., Rendered]


def _comment(issue: Render, **entry: object) -> Part:
    fields = {"comment": {"comments": [{"id": "1", "body": "secret", **entry}]}}
    return next(part for part in issue(fields).documents[0].parts if part.kind == "comment")


@pytest.mark.parametrize(
    ("entry", "readers"),
    [
        ({}, set()),
        ({"visibility": None, "jsdPublic": None}, set()),
        ({"jsdPublic": True}, set()),
        ({"jsdPublic": False}, {"internal"}),
        ({"jsdPublic": "no"}, {"internal"}),
        ({"visibility": {"type": "role", "value": "Developers"}}, {"role:Developers"}),
        ({"visibility": {"type": "GROUP", "value": "staff", "identifier": "9"}}, {"group:staff"}),
        ({"visibility": {"type": "group", "value": "staff"}, "jsdPublic": False}, {"group:staff", "internal"}),
        ({"visibility": {}}, {"unknown"}),
        ({"visibility": "Developers"}, {"unknown"}),
        ({"visibility": {"type": "role"}}, {"unknown"}),
        ({"visibility": {"type": "planet", "value": "x"}}, {"unknown"}),
        ({"visibility": {"type": "role", "value": ["x"]}}, {"unknown"}),
        ({"properties": [{"key": "sd.public.comment", "value": {"internal": True}}]}, {"internal"}),
        ({"properties": [{"key": "sd.public.comment", "value": {"internal": False}}]}, set()),
        ({"properties": [{"key": "sd.public.comment", "value": None}]}, {"internal"}),
        ({"properties": [{"key": "other", "value": {"internal": True}}]}, set()),
    ],
)
def test_a_comment_is_read_by_whom_it_names(entry: dict[str, object], readers: set[str], issue: Render) -> None:
    assert _comment(issue, **entry).readers == {f"site:5f3c/{reader}" for reader in readers}


def test_work_is_read_by_whom_it_names(issue: Render) -> None:
    work = {"id": "3", "comment": "x", "visibility": {"type": "group", "value": "staff"}}
    part = issue({"worklog": {"worklogs": [work]}}).documents[0].parts[0]
    assert (part.kind, part.id, part.readers) == ("worklog", "3", frozenset({"site:5f3c/group:staff"}))


@pytest.mark.parametrize(("security", "reader"), [({"id": "10", "name": "x"}, "level:10"), ({"id": 10}, "level:10"),
                                                  ({}, "unknown"), ("x", "unknown"), (False, "unknown")])  # fmt: skip
def test_a_security_level_closes_the_document_and_every_part(security: object, reader: str, issue: Render) -> None:
    hidden = {"type": "role", "value": "Admins"}
    document = issue(
        {
            "security": security,
            "description": "a",
            "environment": "b",
            "comment": {"comments": [{"id": "1", "body": "c"}, {"id": "2", "body": "d", "visibility": hidden}]},
            "attachment": [{"id": "1", "filename": "f"}],
            "worklog": {"worklogs": [{"id": "1"}]},
        }
    ).documents[0]
    level = f"site:5f3c/{reader}"
    assert document.readers == {level}
    assert all(level in part.readers for part in document.parts)
    assert {level, "site:5f3c/role:Admins"} in [part.readers for part in document.parts]


def test_a_linked_issue_is_shown_by_its_key_alone(issue: Render) -> None:
    other = {"key": "S-1", "fields": {"summary": "Merger with Acme", "status": {"name": "Planned"}}}
    link = {"type": {"inward": "is blocked by", "outward": "blocks"}, "outwardIssue": other}
    document = issue({"issuelinks": [link], "parent": other}).documents[0]
    assert document.parts[0].text == "- blocks S-1 -> https://shop.example.net/browse/S-1"
    assert "Merger" not in document.markdown + str(document.metadata)


def test_addresses_stand_in_the_front_matter_only(issue: Render) -> None:
    person = {"accountId": "1", "displayName": "jo@x.example", "emailAddress": "jo@x.example"}
    document = issue(
        {
            "reporter": person,
            "customfield_10032": [person],
            "comment": {"comments": [{"id": "1", "author": person, "body": "hi"}]},
        }
    ).documents[0]
    assert "reporter_email: jo@x.example" in document.head
    assert document.fields.reporter == "jo"
    assert not any("@" in part.text for part in document.parts)
    assert "@" not in str(document.metadata)
