"""Pages of issues whose texts are not looked at, and archives that are not what they say."""

from __future__ import annotations

import gzip
import json

import pytest

from jirakb.errors import ProtocolError
from jirakb.jira.client.encoding import unpack
from jirakb.jira.client.pages import read_page
from jirakb.jira.readers.bodies import by_number, read_body

UPDATED = "2026-01-01T00:00:00.000+0000"


def _issues(body: bytes) -> list[bytes]:
    issues = read_page(body)["issues"]
    assert isinstance(issues, list)
    return [bytes(issue) for issue in issues]


def test_issues_keep_their_bytes_as_they_came() -> None:
    sent = [b'{ "id" : 1,"x":1.50 }', b'{"id":"2","fields":{"description":{"deep":[[{}]],"text":"\\u00e9"}}}']
    page = b'{"total":7,"issues":[' + b" , ".join(sent) + b'],"issueErrors":[{"id":"3"}],"nextPageToken":"t"}'
    assert _issues(page) == sent
    assert read_page(page) | {"issues": ()} == {
        "issues": (),
        "total": 7,
        "issueErrors": [{"id": "3"}],
        "nextPageToken": "t",
        "isLast": None,
        "startAt": None,
    }


@pytest.mark.parametrize(
    "odd",
    [b'{"id":"1","text":"a\tb"}', b'{"id":"1","text":"\xff"}', b'{"id":"1","n":NaN}', b'{"id":1,"key":"\\ud83d"}'],
)
def test_a_page_that_is_not_quite_json_is_read_all_the_same(odd: bytes) -> None:
    (issue,) = _issues(b'\xef\xbb\xbf{"issues":[' + odd + b"]}")
    assert read_body(issue).number == 1
    (issue,) = _issues(b'{"issues":[' + odd + b"]}")
    assert read_body(issue).number == 1


@pytest.mark.parametrize("broken", [b'{"issues":[{"id":"1"', b"<html>", b'{"issues":[]} and more'])
def test_what_is_no_json_is_no_page(broken: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_page(broken)


def test_a_page_without_an_array_of_issues_says_so() -> None:
    assert read_page(b'{"issues":{"id":1}}')["issues"] == {"id": 1}
    assert "issues" not in read_page(b'{"isLast":true}')
    assert read_page(b"[1]") == {}


@pytest.mark.parametrize("id_", ['"7"', "7"])
def test_an_issue_is_known_by_its_id_as_text_or_number(id_: str) -> None:
    body = read_body(f'{{"id":{id_},"key":"ABC-7","fields":{{"updated":"{UPDATED}"}}}}'.encode())
    assert (body.number, body.key, body.cut) == (7, "ABC-7", ())
    assert body.updated is not None


@pytest.mark.parametrize("fields", [None, [], "x", 7, {"comment": [], "updated": {}}, {"comment": {"comments": {}}}])
def test_fields_of_a_wrong_type_leave_the_issue_its_id(fields: object) -> None:
    body = read_body(json.dumps({"id": "7", "key": "ABC-7", "fields": fields}).encode())
    assert (body.number, body.updated, body.cut) == (7, None, ())


def test_a_cut_list_shows_also_beside_a_wrong_type() -> None:
    comment = {"comments": [{"id": "1"}], "total": 3}
    worklog = {"worklogs": [], "total": "2"}
    for other in ({}, {"worklog": "none"}, {"worklog": worklog}):
        body = read_body(json.dumps({"id": 1, "fields": {"comment": comment, **other}}).encode())
        assert body.cut == (("comment", "worklog") if other.get("worklog") == worklog else ("comment",))


@pytest.mark.parametrize("row", [b"null", b"[]", b"{}", b'{"id":true}', b'{"id":"x"}', b'{"id":-1}', b'"1"'])
def test_a_row_without_an_id_is_refused(row: bytes) -> None:
    with pytest.raises(ProtocolError):
        by_number([row])


def test_an_archive_is_unpacked_whole() -> None:
    plain = b"some words " * 9000
    assert unpack(gzip.compress(plain), "gzip", 10**6) == plain
    assert unpack(gzip.compress(plain) + gzip.compress(b"and more"), "GZIP", 10**6) == plain + b"and more"
    assert unpack(plain, "", 10) == plain


def test_a_bomb_is_cut_at_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 10**7)
    lying = bomb[:-4] + (5).to_bytes(4, "little")
    assert len(unpack(bomb, "gzip", 1000)) == 1001
    assert len(unpack(lying, "gzip", 1000)) == 1001


@pytest.mark.parametrize("cut", [slice(0), slice(9), slice(40), slice(-1), slice(-8)])
def test_a_broken_archive_is_no_answer(cut: slice) -> None:
    packed = gzip.compress(bytes(range(256)) * 9)
    with pytest.raises(ValueError, match=r"cut short|unpacked"):
        unpack(packed[cut], "gzip", 10**6)
    with pytest.raises(ValueError, match="unpacked"):
        unpack(b"no archive" + packed, "gzip", 10**6)
