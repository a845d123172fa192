"""Paging, limits and refusals of Cloud's search and bulk fetch."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta

import pytest


@pytest.fixture
def ten(cloud):
    for number in range(10):
        cloud.site.create("SHOP", f"issue {number}")
    return cloud


def walk(client, jql, size, **params):
    """The ids of every page."""
    token, pages = None, []
    while True:
        more = {"nextPageToken": token} if token else {}
        body = client.search(jql, params={"maxResults": size, **params, **more}).json()
        pages.append([int(issue["id"]) for issue in body["issues"]])
        token = body.get("nextPageToken")
        assert body["isLast"] is (token is None)
        if token is None:
            return pages


def flat(pages):
    return [number for page in pages for number in page]


def test_pages_follow_each_other_until_the_last(ten):
    pages = walk(ten, "project = SHOP order by id asc", 4)
    assert [len(page) for page in pages] == [4, 4, 2]
    assert sorted(flat(pages)) == sorted(ten.site.issues)


def test_search_brings_ids_alone_unless_fields_are_asked(ten):
    body = ten.search("project = SHOP", params={"maxResults": 1}).json()
    assert body["issues"] == [{"id": str(max(ten.site.issues))}]
    assert set(body) == {"issues", "isLast", "nextPageToken"}
    named = ten.search("project = SHOP", params={"maxResults": 1, "fields": "summary"}).json()["issues"][0]
    assert named["fields"] == {"summary": "issue 9"}
    assert named["key"] == "SHOP-10"


def test_a_page_with_fields_holds_a_hundred_however_many_are_asked(cloud):
    for number in range(120):
        cloud.site.create("SHOP", f"issue {number}")
    assert len(cloud.found("project = SHOP", params={"maxResults": 5000})) == 120
    assert len(cloud.found("project = SHOP", params={"maxResults": 5000, "fields": "id,key"})) == 120
    assert len(cloud.found("project = SHOP", params={"maxResults": 5000, "fields": "updated"})) == 100


def test_a_page_token_belongs_to_its_query_and_its_week(start):
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    client = start("cloud", clock=lambda: now[0])
    for number in range(3):
        client.site.create("SHOP", f"issue {number}")
    token = client.search("project = SHOP", params={"maxResults": 1}).json()["nextPageToken"]
    other = client.search("project = SHOP order by created", params={"maxResults": 1, "nextPageToken": token})
    assert other.json()["errorMessages"] == ["The provided next page token is invalid or expired."]
    now[0] += timedelta(days=8)
    assert client.search("project = SHOP", params={"maxResults": 1, "nextPageToken": token}).status_code == 400


def test_an_edit_between_pages_shifts_the_result_unless_it_is_a_snapshot(ten):
    last = max(ten.site.issues)
    ten.site.switches.between_pages = lambda: ten.site.issues.get(last) and ten.site.delete(last)
    pages = flat(walk(ten, "project = SHOP", 5))
    assert len(pages) == 9
    ten.site.switches.between_pages = lambda: ten.site.create("SHOP", "new")
    ten.site.switches.paging = "snapshot"
    assert len(set(flat(walk(ten, "project = SHOP", 4)))) == 9


def test_the_body_of_a_search_is_a_closed_schema(ten):
    assert len(ten.post("search/jql", {"jql": "project = SHOP", "fields": ["id"]}).json()["issues"]) == 10
    for wrong in ({"colour": 1}, {"maxResults": "5"}, {"fields": "id"}, {"maxResults": True}):
        refused = ten.post("search/jql", {"jql": "project = SHOP", **wrong})
        assert refused.status_code == 400
        assert list(refused.json()) == ["errorMessages"]


def test_the_old_search_is_gone(cloud):
    assert cloud.get("search", params={"jql": "project = SHOP"}).status_code == 410
    assert cloud.post("/rest/api/2/search", {"jql": "project = SHOP"}).status_code == 410


def test_the_count_is_of_what_the_caller_sees(ten):
    assert ten.post("search/approximate-count", {"jql": "project = SHOP"}).json() == {"count": 10}
    assert ten.post("search/approximate-count", {"jql": "project = SHOP"}, headers={}).json() == {"count": 0}


def test_bulk_fetch_brings_issues_in_order_of_id_and_omits_what_is_not_seen(ten):
    first, second = sorted(ten.site.issues)[:2]
    moved = ten.site.move(first, "NEXT")
    body = ten.post(
        "issue/bulkfetch", {"issueIdsOrKeys": [str(second), "shop-1", "NOPE-1"], "fields": ["summary"]}
    ).json()
    assert [issue["key"] for issue in body["issues"]] == [moved, "SHOP-2"]
    assert body["issueErrors"] == []
    ten.site.switches.bulk_missing = "errors"
    errors = ten.post("issue/bulkfetch", {"issueIdsOrKeys": ["NOPE-1"]}).json()["issueErrors"]
    assert errors[0]["id"] == "NOPE-1"


def test_bulk_fetch_takes_a_hundred_or_a_thousand_of_light_fields(ten):
    ids = [str(number) for number in range(101)]
    assert ten.post("issue/bulkfetch", {"issueIdsOrKeys": ids, "fields": ["comment"]}).status_code == 400
    assert ten.post("issue/bulkfetch", {"issueIdsOrKeys": ids}).status_code == 400
    assert ten.post("issue/bulkfetch", {"issueIdsOrKeys": ids, "fields": ["updated"]}).status_code == 200
    assert ten.post("issue/bulkfetch", {"issueIdsOrKeys": ids * 10, "fields": ["updated"]}).status_code == 400


def test_an_answer_is_compressed_for_those_who_accept_it_and_the_same(ten):
    body = {"issueIdsOrKeys": ["SHOP-1", "SHOP-2"], "fields": ["*all"]}
    plain = ten.ask("POST", "issue/bulkfetch", json=body, headers={**agent(ten), "Accept-Encoding": "identity"})
    zipped = ten.ask("POST", "issue/bulkfetch", json=body, headers={**agent(ten), "Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert zipped.content == plain.content


def agent(client):
    return {"Authorization": client.get("myself").request.headers["Authorization"]}


def test_inline_comments_can_be_capped_with_a_true_total(cloud):
    key = cloud.site.create("SHOP", "x")
    for number in range(7):
        cloud.site.comment(key, f"comment {number}")
    cloud.site.switches.inline_comment_cap = 3
    page = cloud.get(f"/rest/api/2/issue/{key}").json()["fields"]["comment"]
    assert [comment["body"] for comment in page["comments"]] == ["comment 4", "comment 5", "comment 6"]
    assert (page["total"], page["maxResults"]) == (7, 3)


def test_comment_pages_hold_a_hundred_at_most(cloud):
    key = cloud.site.create("SHOP", "x")
    for number in range(105):
        cloud.site.comment(key, f"comment {number}")
    page = cloud.get(f"issue/{key}/comment", params={"maxResults": 1000}).json()
    assert (page["maxResults"], page["total"], len(page["comments"])) == (100, 105, 100)
    rest = cloud.get(f"issue/{key}/comment", params={"startAt": 100}).json()
    assert len(rest["comments"]) == 5


def test_projects_come_in_pages(cloud):
    for number in range(5):
        cloud.site.project(f"P{number}")
    page = cloud.get("project/search", params={"maxResults": 3}).json()
    assert [project["key"] for project in page["values"]] == ["P0", "P1", "P2"]
    assert (page["total"], page["isLast"]) == (5, False)
    assert cloud.get("project/search", params={"startAt": 3}).json()["isLast"] is True


def test_concatenated_pieces_are_one_gzip_member():
    from jirakb.simulator.gzip_pieces import Piece, gzip_of

    pieces = [Piece(b"x" * size) for size in (0, 1, 199, 200, 70_000)]
    assert gzip.decompress(gzip_of(pieces)) == b"x" * 70_400
