"""Reading an issue's JSON: whatever is missing or of a wrong type, the issue is read as far as it can be."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jirakb.documents import RawIssue
from jirakb.errors import SkippedIssueError
from jirakb.jira.document.fields import FieldCatalog
from jirakb.jira.document.issue import parse_issue
from jirakb.jira.document.render import RenderContext, render
from jirakb.jira.document.times import parse_time
from jirakb.source import Rendered

FIELD_NAMES = ["summary", "issuetype", "project", "status", "priority", "resolution", "resolutiondate", "created",
               "updated", "labels", "components", "fixVersions", "versions", "reporter", "assignee", "creator", "parent",
               "epic", "sprint", "closedSprints", "security", "description", "environment", "comment", "worklog",
               "attachment", "issuelinks", "subtasks", "customfield_10020", "customfield_10014", "customfield_10030",
               "customfield_10031", "customfield_10032", "customfield_10033", "customfield_10035"]  # fmt: skip
INNER_NAMES = ["id", "key", "name", "value", "child", "type", "content", "text", "body", "author", "created", "comments",
               "worklogs", "visibility", "jsdPublic", "properties", "filename", "size", "inwardIssue", "fields",
               "displayName", "emailAddress", "accountId", "statusCategory", "projectCategory"]  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["role", "doc"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(INNER_NAMES), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(fields=st.dictionaries(st.sampled_from(FIELD_NAMES), json_values, max_size=6))
def test_no_value_of_any_field_fails_an_issue(fields: dict[str, object], cloud: RenderContext) -> None:
    payload = json.dumps({"id": "7", "key": "T-7", "fields": fields, "changelog": fields.get("comment")}).encode()
    rendered = render(RawIssue(7, "T-7", datetime(2025, 1, 1, tzinfo=UTC), payload), cloud)
    assert json.dumps(rendered.documents[0].metadata)
    assert rendered.documents[0].markdown.encode()


@pytest.mark.parametrize(
    "payload",
    [b"", b"<html>", b"[]", b"null", b'{"id":"7","key":"T-7"}', b'{"key":"T-7","fields":{}}', b'{"id":"7","fields":{}}',
     b'{"id":"7","key":"T-7","fields":[]}', b'{"id":"x","key":"T-7","fields":{}}', b'{"id":"7","key":"T-7","fields":{',
     b'{"id":"7","key":"T-7","fields":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}"],
)  # fmt: skip
def test_a_body_that_is_no_issue_is_skipped_with_its_reason(payload: bytes) -> None:
    with pytest.raises(SkippedIssueError) as caught:
        parse_issue(payload, FieldCatalog())
    assert caught.value.reason == "bad_body"


def test_json_that_strict_readers_refuse_is_read() -> None:
    payload = b'\xef\xbb\xbf{"id": 7, "key": "T-7", "fields": {"summary": "a\\ud800b\x01c\xff", "x": NaN}}'
    assert parse_issue(payload, FieldCatalog()).summary == "a\ufffdb c\ufffd"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2016-03-16T04:22:37.356+0000", datetime(2016, 3, 16, 4, 22, 37, 356000, UTC)),
        ("2016-03-16T04:22:37.356-0700", datetime(2016, 3, 16, 11, 22, 37, 356000, UTC)),
        ("2016-03-16T04:22:37Z", datetime(2016, 3, 16, 4, 22, 37, 0, UTC)),
        ("2016-03-16T04:22:37+05:30", datetime(2016, 3, 15, 22, 52, 37, 0, UTC)),
        ("0001-01-01T00:00:00+1400", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1458102157356, None),
    ],
)
def test_a_time_is_read_as_utc_or_not_at_all(text: object, moment: datetime | None) -> None:
    assert parse_time(text) == moment
    assert moment is None or parse_time(text).utcoffset() == timedelta(0)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("fields", "sprint"),
    [
        ({"customfield_10020": [{"id": 1, "name": "One"}, {"id": 2, "name": "Two"}]}, "One, Two"),
        ({"customfield_10020": ["a.b.Sprint@1f[id=1,state=ACTIVE,name=A, b,startDate=<null>]"]}, "A, b"),
        ({"customfield_10020": ["a.b.Sprint@1f[goal=x=1, y,id=1,name=A=b,rapidViewId=3,state=CLOSED]"]}, "A=b"),
        ({"customfield_10020": ["a.b.Sprint@1f[id=1,name=Last]"]}, "Last"),
        ({"sprint": {"name": "Next"}, "closedSprints": [{"name": "First"}, {"name": "Next"}]}, "First, Next"),
        ({"customfield_10020": "nothing of the kind"}, None),
    ],
)
def test_sprints_are_named_in_every_form(
    fields: dict[str, object], sprint: str | None, issue: Callable[..., Rendered]
) -> None:
    assert issue(fields).documents[0].metadata.get("sprint") == sprint


@pytest.mark.parametrize(
    ("fields", "epic"),
    [
        ({"customfield_10014": "E-1"}, "E-1"),
        ({"epic": {"id": 1, "key": "E-2", "name": "Big"}}, "E-2"),
        ({"parent": {"key": "E-3", "fields": {"issuetype": {"hierarchyLevel": 1}}}}, "E-3"),
        ({"parent": {"key": "E-4", "fields": {"issuetype": {"name": "Task"}}}}, None),
    ],
)
def test_the_epic_is_found_in_every_form(
    fields: dict[str, object], epic: str | None, issue: Callable[..., Rendered]
) -> None:
    assert issue(fields).documents[0].metadata.get("epic") == epic


def test_the_fields_of_filters_are_filled(issue: Callable[..., Rendered]) -> None:
    found = issue(
        {
            "project": {"key": "T", "name": "Tests"},
            "issuetype": {"name": "Bug"},
            "status": {"name": "Open", "statusCategory": {"key": "new"}},
            "labels": ["a", None, "b"],
            "fixVersions": [{"name": "1"}, {}],
            "created": "2020-01-01T00:00:00.000+0000",
        }
    ).documents[0]
    assert (found.fields.project, found.fields.type, found.fields.status_category) == ("T", "Bug", "new")
    assert (found.fields.labels, found.fields.versions) == (("a", "b"), ("1",))
    assert found.fields.created == datetime(2020, 1, 1, tzinfo=UTC)
    assert found.fields.updated == found.updated == datetime(2025, 3, 6, tzinfo=UTC)


def test_an_issue_that_was_moved_knows_its_former_keys(issue: Callable[..., Rendered]) -> None:
    moves: list[dict[str, Any]] = [{"field": "Key", "fromString": "A-1", "toString": "B-2"}]
    moves += [{"field": "Key", "fromString": "B-2", "toString": "T-7"}, {"field": "status", "fromString": "x"}]
    rendered = issue({}, top={"changelog": {"histories": [{"items": moves}, None]}})
    assert rendered.former_keys == ("A-1", "B-2")
