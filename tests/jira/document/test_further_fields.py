"""Fields without a place of their own: every type reads like words, noise stays out, a user's choice holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jirakb.errors import UsageError
from jirakb.jira.document.customfields import readable
from jirakb.jira.document.fieldchoice import FieldChoice
from jirakb.jira.document.fields import Field, FieldCatalog
from jirakb.jira.document.render import RenderContext
from jirakb.source import Rendered

Render = Callable[..., Rendered]
STANDARD = "com.atlassian.jira.plugin.system.customfieldtypes:"
AGILE = "com.pyxis.greenhopper.jira:"
DESK = "com.atlassian.servicedesk:"
JAVA_SPRINT = "com.atlassian.greenhopper.service.sprint.Sprint@1f[id=1,rapidViewId=2,state=ACTIVE,name=Ship, it,goal=]"
CYCLE = {"breached": False, "goalDuration": {"millis": 1, "friendly": "4h"}, "elapsedTime": {"friendly": "1h"}}
PEOPLE = [{"displayName": "Ann Gee", "accountId": "1"}, {"displayName": "bo@x.example", "name": "bo"}]

VALUES: list[tuple[str, str, object, str]] = [
    (STANDARD + "textfield", "string", "a plain line", "a plain line"),
    (STANDARD + "textarea", "string", "*bold* words", "**bold** words"),
    (STANDARD + "url", "string", "https://x.example/a_b", "https://x.example/a_b"),
    (STANDARD + "float", "number", 12.50, "12.5"),
    (STANDARD + "datepicker", "date", "2025-04-01", "2025-04-01"),
    (STANDARD + "datetime", "datetime", "2025-04-01T06:00:00.000+0200", "2025-04-01T04:00:00Z"),
    (STANDARD + "select", "option", {"self": "u", "id": "1", "value": "High"}, "High"),
    (STANDARD + "radiobuttons", "option", {"value": "Yes"}, "Yes"),
    (STANDARD + "multicheckboxes", "array", [{"value": "a"}, {"value": "b"}], "a, b"),
    (STANDARD + "multiselect", "array", [{"value": "a"}, {"value": "a"}], "a"),
    (STANDARD + "cascadingselect", "option-with-child", {"value": "EU", "child": {"value": "Rome"}}, "EU > Rome"),
    (STANDARD + "labels", "array", ["one", "two"], "one, two"),
    (STANDARD + "userpicker", "user", PEOPLE[0], "Ann Gee"),
    (STANDARD + "multiuserpicker", "array", PEOPLE, "Ann Gee, bo"),
    (STANDARD + "grouppicker", "group", {"name": "ops", "groupId": "g"}, "ops"),
    (STANDARD + "multigrouppicker", "array", [{"name": "ops"}, {"name": "dev"}], "ops, dev"),
    (STANDARD + "version", "version", {"id": "1", "name": "2.10", "released": True}, "2.10"),
    (STANDARD + "multiversion", "array", [{"name": "2.10"}, {"name": "3"}], "2.10, 3"),
    (STANDARD + "project", "project", {"key": "OPS", "name": "Operations"}, "Operations"),
    (STANDARD + "atlassian-team", "team", {"id": "t", "name": "Rescue", "isShared": True}, "Rescue"),
    ("com.atlassian.teams:rm-teams-custom-field-team", "any", {"id": 3, "title": "Rescue"}, "Rescue"),
    (STANDARD + "jpo-custom-field-parent", "any", {"key": "A-1", "fields": {"summary": "hidden"}}, "A-1"),
    (DESK + "vp-origin", "sd-customerrequesttype", {"requestType": {"name": "Get help"}, "_links": {}}, "Get help"),
    (DESK + "sd-customer-organizations", "array", [{"id": "1", "name": "ACME"}, {"name": "Globex"}], "ACME, Globex"),
    (DESK + "sd-request-participants", "array", PEOPLE, "Ann Gee, bo"),
    (DESK + "sd-sla-field", "sd-servicelevelagreement", {"name": "T", "completedCycles": [CYCLE]}, "met"),
    (DESK + "sd-sla-field", "sd-servicelevelagreement",
     {"completedCycles": [{**CYCLE, "breached": True}], "ongoingCycle": {"breached": False}}, "breached, running"),
    (DESK + "sd-request-feedback", "sd-feedback", {"rating": 4, "comment": {"body": "quick"}}, "4 of 5: quick"),
    (DESK + "sd-approvals", "sd-approvals", [{"name": "CAB", "finalDecision": "approved", "approvers": []}],
     "CAB: approved"),
    (DESK + "sd-approvals", "sd-approvals", [{"name": "CAB", "approvers": [{"approver": PEOPLE[0]}]}], "CAB: Ann Gee"),
    (AGILE + "gh-sprint", "array", [{"id": 1, "name": "One"}, {"id": 2, "name": "Two"}], "One, Two"),
    (AGILE + "gh-sprint", "array", [JAVA_SPRINT], "Ship, it"),
    (AGILE + "gh-epic-label", "string", "Big thing", "Big thing"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "type_", "value", "text"), VALUES)
def test_every_type_of_field_reads_like_a_person_would_write_it(
    kind: str, type_: str, value: object, text: str
) -> None:
    field = Field("customfield_1", "F", type_, kind)
    assert readable(field, value, lambda body: str(body).replace("*", "**")) == text


def catalog(*fields: dict[str, Any]) -> FieldCatalog:
    return FieldCatalog.parse(list(fields))


def described(number: int, name: str, custom: str = "x:textfield", **more: Any) -> dict[str, Any]:
    return {"id": f"customfield_{number}", "name": name, "schema": {"type": "string", "custom": custom}, **more}


def shown(rendered: Rendered) -> Any:
    return rendered.documents[0].metadata.get("fields", {})


NOISE = {
    "Rank": (AGILE + "gh-lexo-rank", "first"),
    "Epic Color": (AGILE + "gh-epic-color", "ghx-label-4"),
    "Issue color": (AGILE + "jsw-issue-color", "purple"),
    "Development": ("com.atlassian.x:devsummarycf", "{pullrequest={}}"),
    "Time in Status": ("com.atlassian.jira.ext.charting:timeinstatus", "1_*:*_1_*:*_0"),
    "Notice": ("com.atlassian.jira.toolkit:message", "Do not paste passwords"),
    "customfield_90": ("x:textfield", "a field whose name nobody is told"),
}


@pytest.mark.parametrize("name", NOISE)
def test_noise_is_left_out_unless_it_is_named(name: str, issue: Render, cloud: RenderContext) -> None:
    kind, value = NOISE[name]
    known = replace(cloud, fields=catalog(described(90, name, kind)))
    assert shown(issue({"customfield_90": value}, known)) == {}
    named = replace(known, chosen=FieldChoice((name.upper(),)))
    assert shown(issue({"customfield_90": value}, named)) == {name: value}


@pytest.mark.parametrize(
    "value", [None, "", [], {}, [None], [""], {"id": "7"}, [{"workspaceId": "w", "objectId": "1"}]]
)
def test_an_empty_value_is_no_field(value: object, issue: Render, cloud: RenderContext) -> None:
    known = replace(cloud, fields=catalog(described(90, "Assets")))
    assert shown(issue({"customfield_90": value}, known)) == {}


FIELDS = {"customfield_1": "a", "customfield_2": "b", "customfield_3": "c", "versions": [{"name": "1.0"}]}
FIELDS |= {"duedate": "2025-01-02", "workratio": 7}


@pytest.mark.parametrize(
    ("include", "exclude", "names"),
    [
        ((), (), ["Affects", "Due", "One", "Three", "Two"]),
        (("one", "customfield_2"), (), ["One", "Two"]),
        (("cf[3]",), (), ["Three"]),
        ((), ("ONE", "duedate", "no such field"), ["Affects", "Three", "Two"]),
        (("One", "Two"), ("Two",), ["One"]),
        (("*", "Work Ratio"), (), ["Affects", "Due", "One", "Three", "Two", "Work Ratio"]),
    ],
)  # fmt: skip
def test_what_a_user_chose_is_shown(
    include: tuple[str, ...], exclude: tuple[str, ...], names: list[str], issue: Render, cloud: RenderContext
) -> None:
    own = [{"id": id_, "name": name} for id_, name in (("versions", "Affects"), ("duedate", "Due"))]
    own.append({"id": "workratio", "name": "Work Ratio"})
    known = catalog(described(1, "One"), described(2, "Two"), described(3, "Three"), *own)
    context = replace(cloud, fields=known, chosen=FieldChoice(include, exclude))
    assert sorted(shown(issue(FIELDS, context))) == names


def test_a_choice_of_a_field_that_the_site_lacks_is_refused() -> None:
    known = catalog(described(1, "One"))
    FieldChoice(("*", "one"), ("gone",)).check(known)
    with pytest.raises(UsageError, match="Onne"):
        FieldChoice(("Onne",)).check(known)


@pytest.mark.parametrize("given", [{"include": 3}, {"include": [3]}, {"only": ["x"]}, ["x"], "x"])
def test_a_choice_of_another_form_is_refused(given: Any) -> None:
    with pytest.raises(UsageError):
        FieldChoice.of(given)


def test_a_choice_reads_back_and_is_the_same_in_any_order() -> None:
    choice = FieldChoice.of({"include": ["b", " a "], "exclude": "c"})
    assert choice.to_json() == {"include": ["a", "b"], "exclude": ["c"]} == FieldChoice.of(choice.to_json()).to_json()
    assert FieldChoice.of(None).to_json() == {}


def test_fields_of_one_name_keep_their_labels_whichever_has_a_value(issue: Render, cloud: RenderContext) -> None:
    context = replace(
        cloud, fields=catalog(described(20, "Severity"), described(9, "severity"), described(30, "Other"))
    )
    both = shown(issue({"customfield_20": "x", "customfield_9": "y"}, context))
    assert both == {"Severity (customfield_20)": "x", "severity": "y"}
    assert shown(issue({"customfield_20": "x"}, context)) == {"Severity (customfield_20)": "x"}


def test_fields_of_two_projects_need_not_be_told_apart(issue: Render, cloud: RenderContext) -> None:
    scope = [{"scope": {"type": "PROJECT", "project": {"id": str(number)}}} for number in (1, 2)]
    known = catalog(
        described(1, "Team", **scope[0]), described(2, "Team", **scope[1]), described(3, "Team", **scope[1])
    )
    context = replace(cloud, fields=FieldCatalog.from_json(known.to_json()))
    labels = [list(shown(issue({f"customfield_{number}": "x"}, context))) for number in (1, 2, 3)]
    assert labels == [["Team"], ["Team"], ["Team (customfield_3)"]]


def test_a_long_text_stands_below_its_own_heading_and_short_words_below_fields(
    issue: Render, cloud: RenderContext
) -> None:
    known = catalog(described(1, "Root cause", STANDARD + "textarea"), described(2, "Customer"))
    fields = {"customfield_1": "* worn\n* dry", "customfield_2": "ACME", "comment": {"comments": [{"id": "1"}]}}
    document = issue(fields, replace(cloud, fields=known)).documents[0]
    assert [(part.kind, part.heading, part.text) for part in document.parts[:2]] == [
        ("field", "Root cause", "- worn\n- dry"),
        ("field", "Fields", "- Customer: ACME"),
    ]
    assert document.parts[2].heading == "Comments"
    assert document.metadata["fields"] == {"Customer": "ACME", "Root cause": "- worn\n- dry"}


def test_a_very_long_text_is_kept_out_of_the_front_matter(issue: Render, cloud: RenderContext) -> None:
    known = replace(cloud, fields=catalog(described(1, "Log")))
    document = issue({"customfield_1": "word " * 300}, known).documents[0]
    assert "fields" not in document.metadata
    assert document.parts[0].text == ("word " * 300).strip()


def test_numbers_dates_and_switches_are_not_searched_as_words(issue: Render, cloud: RenderContext) -> None:
    number = {"id": "customfield_1", "name": "Points", "schema": {"type": "number"}}
    moment = {"id": "customfield_2", "name": "Start", "schema": {"type": "datetime"}}
    fields = {"customfield_1": 3, "customfield_2": "2025-04-01T06:00:00.000+0200", "customfield_3": True}
    document = issue(fields, replace(cloud, fields=catalog(number, moment, described(3, "Flag")))).documents[0]
    assert document.parts == ()
    assert document.metadata["fields"] == {"Flag": "true", "Points": "3", "Start": "2025-04-01T04:00:00Z"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["value", "child", "rating", "approvers", "completedCycles", "comment", "body",
                                       "requestType", "type", "content", "displayName", "fields", "key"]), inner,
                      max_size=4),
    max_leaves=10,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(value=JSON, kind=st.sampled_from([kind for kind, _, _, _ in VALUES]), machine=st.booleans())
def test_any_value_of_any_type_is_read_without_failing(value: object, kind: str, machine: bool) -> None:
    assert isinstance(readable(Field("f", "F", "any", kind), value, str, machine=machine), str)
