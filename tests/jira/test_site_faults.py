"""What the connector makes of a site that answers strangely: a scripted Cloud site behind httpx's own transport double."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from jirakb.errors import (
    ConnectorValidationError,
    InsufficientPermissionsError,
    ProtocolError,
    RateLimitedError,
    SiteUnreachableError,
)
from jirakb.jira.client.retries import Budget
from jirakb.jira.connector import JiraConnector
from jirakb.jira.pacing import Timing
from jirakb.settings import Settings

Answer = Callable[[httpx2.Request], httpx2.Response]
ME = {"accountId": "712020:me", "timeZone": "Europe/Berlin"}
CREDENTIALS = {"jira_user_email": "a@example.com", "jira_api_token": "secret-token"}


class ScriptedSite:
    """Answers as Cloud does, except where a test says otherwise; time passes only when somebody sleeps."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.requests: list[httpx2.Request] = []
        self.time = 1_760_000_000.0
        self.answers: dict[str, Answer] = {
            "/rest/api/2/serverInfo": always({"deploymentType": "Cloud", "baseUrl": "https://x.example"}),
            "/rest/api/3/serverInfo": always({"deploymentType": "Cloud", "baseUrl": "https://x.example"}),
            "/_edge/tenant_info": always({"cloudId": "c-1"}),
            "/rest/api/3/myself": always(ME),
            "/rest/api/3/field": always([]),
            "/rest/api/3/search/jql": always({"issues": [], "isLast": True}),
            "/rest/api/3/issue/bulkfetch": self.bulk_fetch,
        }
        self.poison: set[str] = set()

    def connector(self, **options: object) -> JiraConnector:
        given: dict[str, object] = {"project_key": "ABC", "credentials": CREDENTIALS, "budget": Budget(attempts=3)}
        return JiraConnector(
            "https://x.example",
            settings=Settings(home=self.home),
            transport=httpx2.MockTransport(self.answer),
            timing=Timing(lambda: self.time, lambda: self.time, self.sleep, lambda: 0.0),
            **(given | options),  # type: ignore[arg-type]
        )

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.answers.get(request.url.path)
        return unread(answer(request) if answer else httpx2.Response(404, json={"errorMessages": ["gone"]}))

    def bulk_fetch(self, request: httpx2.Request) -> httpx2.Response:
        ids = json.loads(request.content)["issueIdsOrKeys"]
        if self.poison & set(ids):
            return httpx2.Response(
                200, content=b'{"issues": [{"id": "1", "fie', headers={"content-type": "application/json"}
            )
        return httpx2.Response(200, json={"issues": [issue(id_) for id_ in ids]})

    def paths(self) -> list[str]:
        return [request.url.path.removeprefix("/rest/api/3/") for request in self.requests]


def unread(response: httpx2.Response) -> httpx2.Response:
    """The response as it comes from a network: nobody has read its body yet."""
    if not hasattr(response, "_content"):
        return response
    return httpx2.Response(response.status_code, headers=response.headers, content=iter([response.content]))


def issue(id_: str) -> dict[str, object]:
    return {"id": id_, "key": f"ABC-{id_}", "fields": {"updated": "2026-01-01T00:00:00.000+0000", "summary": "s"}}


def always(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return lambda request: httpx2.Response(status, json=body, headers=headers)


def in_turn(*answers: Answer) -> Answer:
    """The answers one after the other; the last one for ever."""
    left = list(answers)
    return lambda request: (left.pop(0) if len(left) > 1 else left[0])(request)


@pytest.fixture
def site(tmp_path: Path) -> ScriptedSite:
    return ScriptedSite(tmp_path)


def test_a_page_token_that_comes_twice_ends_the_listing_with_an_error(site: ScriptedSite) -> None:
    site.answers["/rest/api/3/search/jql"] = always({"issues": [{"id": "1"}], "nextPageToken": "t", "isLast": False})
    with pytest.raises(ProtocolError, match="twice"):
        list(site.connector().list_all())


def test_empty_pages_without_end_are_an_error(site: ScriptedSite) -> None:
    tokens = iter(range(100))
    site.answers["/rest/api/3/search/jql"] = lambda request: httpx2.Response(
        200, json={"issues": [], "nextPageToken": str(next(tokens)), "isLast": False}
    )
    with pytest.raises(ProtocolError, match="page after page"):
        list(site.connector().list_all())


@pytest.mark.parametrize("token", [None, ""])
def test_a_last_page_is_known_without_is_last(site: ScriptedSite, token: str | None) -> None:
    site.answers["/rest/api/3/search/jql"] = always({"issues": [{"id": "1"}], "nextPageToken": token})
    (listing,) = site.connector().list_all()
    assert [ref.number for ref in listing.refs] == [1]


def test_a_token_that_expires_while_listing_is_noticed(site: ScriptedSite) -> None:
    site.answers["/rest/api/3/myself"] = in_turn(always(ME), always("Client must be authenticated", 401))
    with pytest.raises(InsufficientPermissionsError):
        list(site.connector().list_all())


def test_an_answer_that_names_the_account_needs_no_second_look(site: ScriptedSite) -> None:
    site.answers["/rest/api/3/search/jql"] = always({"issues": []}, headers={"X-AAccountId": ME["accountId"]})
    list(site.connector().list_all())
    assert site.paths().count("myself") == 1


def test_issues_are_not_gone_because_the_account_is(site: ScriptedSite) -> None:
    site.answers["/rest/api/3/issue/bulkfetch"] = always({"issues": [], "issueErrors": []})
    site.answers["/rest/api/3/myself"] = in_turn(always(ME), always({}, 401))
    with pytest.raises(InsufficientPermissionsError):
        site.connector().fetch([1, 2])


def test_one_bad_issue_in_a_batch_costs_one_omission(site: ScriptedSite) -> None:
    site.poison = {"57"}
    batch = site.connector().fetch(range(1, 101))
    assert len(batch.issues) == 99
    ((number, omission),) = batch.omissions
    assert (number, omission.key, omission.cls, omission.reason) == (57, "57", "failed", "bad_body")


def test_a_site_whose_every_batch_is_broken_is_at_fault_itself(site: ScriptedSite) -> None:
    site.poison = {str(number) for number in range(101)}
    with pytest.raises(SiteUnreachableError):
        site.connector().fetch(range(1, 101))
    assert site.paths().count("issue/bulkfetch") <= 45


def test_an_issue_without_an_id_is_not_taken_for_a_deleted_one(site: ScriptedSite) -> None:
    site.answers["/rest/api/3/issue/bulkfetch"] = always({"issues": [None]})
    ((number, omission),) = site.connector().fetch([7]).omissions
    assert (number, omission.reason) == (7, "bad_body")


def test_an_issue_error_is_looked_at_singly(site: ScriptedSite) -> None:
    errors = [{"id": str(number), "errorMessage": "It failed."} for number in (2, 3, 4)]
    site.answers["/rest/api/3/issue/bulkfetch"] = always({"issues": [issue("1")], "issueErrors": errors})
    site.answers["/rest/api/3/issue/2"] = always(issue("2"))
    site.answers["/rest/api/3/issue/3"] = always({}, 500)
    batch = site.connector().fetch([1, 2, 3, 4])
    assert [raw.number for raw in batch.issues] == [1, 2]
    assert [(number, omission.reason) for number, omission in batch.omissions] == [(3, "issue_error")]


def test_comments_beyond_the_embedded_page_are_paged_in(site: ScriptedSite) -> None:
    comments = [{"id": str(number)} for number in range(250)]
    cut = issue("1") | {
        "fields": {"updated": "2026-01-01T00:00:00Z", "comment": {"comments": comments[:20], "total": 250}}
    }

    def page(request: httpx2.Request) -> httpx2.Response:
        start = int(request.url.params["startAt"])
        return httpx2.Response(200, json={"comments": comments[start : start + 100], "startAt": start, "total": 250})

    site.answers["/rest/api/3/issue/bulkfetch"] = always({"issues": [cut]})
    site.answers["/rest/api/3/issue/1/comment"] = page
    (raw,) = site.connector().fetch([1]).issues
    assert json.loads(raw.payload)["fields"]["comment"]["comments"] == comments
    assert site.paths().count("issue/1/comment") == 3


def test_a_comment_deleted_while_paging_hides_none(site: ScriptedSite) -> None:
    comments = [{"id": str(number)} for number in range(150)]
    cut = issue("1") | {"fields": {"updated": "2026-01-01T00:00:00Z", "comment": {"comments": [], "total": 150}}}

    def page(request: httpx2.Request) -> httpx2.Response:
        start = int(request.url.params["startAt"])
        found = {"comments": comments[start : start + 100], "startAt": start, "total": len(comments)}
        del comments[: 1 if len(comments) == 150 else 0]
        return httpx2.Response(200, json=found)

    site.answers["/rest/api/3/issue/bulkfetch"] = always({"issues": [cut]})
    site.answers["/rest/api/3/issue/1/comment"] = page
    (raw,) = site.connector().fetch([1]).issues
    assert json.loads(raw.payload)["fields"]["comment"]["comments"] == comments


def test_lone_surrogates_survive_into_the_payload(site: ScriptedSite) -> None:
    body = json.dumps({"issues": [issue("1") | {"odd": "\ud83d"}]}).encode()
    site.answers["/rest/api/3/issue/bulkfetch"] = lambda request: httpx2.Response(200, content=body)
    (raw,) = site.connector().fetch([1]).issues
    assert json.loads(raw.payload)["odd"] == "\ud83d"


def test_a_site_that_says_wait_for_ever_is_given_up(site: ScriptedSite) -> None:
    site.answers["/rest/api/3/search/jql"] = always({}, 429, {"Retry-After": "9223372036854775807"})
    began = site.time
    connector = site.connector()
    with pytest.raises(RateLimitedError):
        list(connector.list_all())
    assert site.time - began <= 7200
    assert connector.requests().throttled == site.paths().count("search/jql") <= 4


def test_no_call_is_sent_before_the_time_that_the_site_gave(site: ScriptedSite) -> None:
    sent: list[float] = []

    def throttled(request: httpx2.Request) -> httpx2.Response:
        sent.append(site.time)
        return (
            httpx2.Response(429, headers={"Retry-After": "40"})
            if len(sent) == 1
            else httpx2.Response(200, json={"issues": []})
        )

    site.answers["/rest/api/3/search/jql"] = throttled
    list(site.connector().list_all())
    assert sent[1] - sent[0] >= 40


def test_an_outage_within_the_budget_is_waited_out(site: ScriptedSite) -> None:
    def reset(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadError("connection reset")

    page: Answer = lambda request: httpx2.Response(502, html="<html>Bad gateway</html>")  # noqa: E731
    site.answers["/rest/api/3/search/jql"] = in_turn(reset, page, always({"issues": [{"id": "1"}]}))
    assert len(list(site.connector().list_all())) == 1


def test_a_site_out_of_reach_is_one_clear_error_without_the_token(site: ScriptedSite) -> None:
    def refuse(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("connection refused")

    site.answers["/rest/api/2/serverInfo"] = refuse
    with pytest.raises(SiteUnreachableError, match="in 3 tries") as raised:
        site.connector().identify()
    assert "secret" not in str(raised.value)


def test_an_answer_without_end_is_cut(site: ScriptedSite) -> None:
    site.answers["/rest/api/3/issue/bulkfetch"] = always({"issues": ["x" * 2000]})
    ((_, omission),) = site.connector(max_response_bytes=1000).fetch([1]).omissions
    assert "more than 1000 bytes" in omission.detail


def test_an_answer_that_only_trickles_is_given_up(site: ScriptedSite) -> None:
    def trickle() -> Iterator[bytes]:
        for _ in range(100):
            site.time += 20.0
            yield b" "

    site.answers["/rest/api/3/search/jql"] = lambda request: httpx2.Response(200, content=trickle())
    with pytest.raises(SiteUnreachableError, match="no end after 600 s"):
        list(site.connector().list_all())


def test_a_single_issue_is_asked_for_as_often_as_any_call_before_it_is_blamed(site: ScriptedSite) -> None:
    refuse: Answer = lambda request: httpx2.Response(502, html="<html>Bad gateway</html>")  # noqa: E731
    site.answers["/rest/api/3/issue/bulkfetch"] = in_turn(*[refuse] * 5, site.bulk_fetch)
    batch = site.connector(budget=Budget(attempts=6)).fetch([1])
    assert ([issue.number for issue in batch.issues], batch.omissions) == ([1], ())


def test_a_captcha_ends_every_further_call(site: ScriptedSite) -> None:
    headers = {
        "X-Seraph-LoginReason": "AUTHENTICATION_DENIED",
        "X-Authentication-Denied-Reason": "CAPTCHA_CHALLENGE; login-url=https://x.example/login.jsp",
    }
    connector = site.connector()
    connector.identify()
    site.answers["/rest/api/3/search/jql"] = always({}, 403, headers)
    for _ in range(3):
        with pytest.raises(InsufficientPermissionsError, match="CAPTCHA"):
            list(connector.list_all())
    assert site.paths().count("search/jql") == 1


def test_credentials_go_to_the_sites_own_api_only(site: ScriptedSite) -> None:
    site.answers["/rest/api/3/search/jql"] = always({}, 302, {"Location": "https://elsewhere.example/x"})
    connector = site.connector()
    with pytest.raises(ConnectorValidationError, match=r"elsewhere\.example"):
        list(connector.list_all())
    assert {request.url.host for request in site.requests} == {"x.example"}
    signed = {request.url.path for request in site.requests if "authorization" in request.headers}
    assert all(path.startswith("/rest/api/3/") for path in signed)


def test_cookies_are_not_kept(site: ScriptedSite) -> None:
    site.answers["/rest/api/3/myself"] = always(ME, headers={"Set-Cookie": "JSESSIONID=1; Path=/"})
    site.connector().identify()
    assert not any("cookie" in request.headers for request in site.requests)


def test_no_site_there_is_said_plainly(site: ScriptedSite) -> None:
    site.answers["/rest/api/2/serverInfo"] = lambda request: httpx2.Response(404, html="<html>Site unavailable</html>")
    with pytest.raises(ConnectorValidationError, match="No Jira answers"):
        site.connector().identify()


def test_long_queries_travel_in_the_body(site: ScriptedSite) -> None:
    list(site.connector(jql_query=" OR ".join(f"key = ABC-{n}" for n in range(500))).list_all())
    assert site.connector().requests().total == 0
    (call,) = [request for request in site.requests if request.url.path.endswith("search/jql")]
    assert call.method == "POST"


def test_times_are_asked_in_smaller_blocks_where_a_site_refuses_large_ones(site: ScriptedSite) -> None:
    def strict(request: httpx2.Request) -> httpx2.Response:
        many = len(json.loads(request.content)["issueIdsOrKeys"]) > 100
        return httpx2.Response(400, json={"errorMessages": ["too many"]}) if many else site.bulk_fetch(request)

    site.answers["/rest/api/3/issue/bulkfetch"] = strict
    assert len(site.connector().updated_times(range(250))) == 250


def test_a_site_that_sends_strangers_to_a_login_page_is_asked_with_credentials(site: ScriptedSite) -> None:
    site.answers["/rest/api/2/serverInfo"] = in_turn(
        always({}, 302, {"Location": "https://sso.example/login"}), always({"deploymentType": "Server"})
    )
    site.answers["/_edge/tenant_info"] = always({}, 302, {"Location": "https://sso.example/login"})
    site.answers["/rest/api/2/myself"] = always({"name": "me", "key": "JIRAUSER1"})
    site.answers["/rest/api/2/field"] = always([])
    info = site.connector().identify()
    assert (info.flavor, info.id, info.account) == ("dc", "https://x.example", "me")
