"""The connector against the simulated site: what of a site arrives."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jirakb.documents import Document
from jirakb.errors import ConnectorValidationError, InsufficientPermissionsError, UsageError
from jirakb.fetch import fetch_windows
from jirakb.jira.connector import test_jira as read_documents
from jirakb.simulator.site import Site
from jirakb.simulator.switches import Fault, outage, throttle
from jirakb.source import Source


def _summaries(batch: Any) -> list[str]:
    return [json.loads(raw.payload)["fields"]["summary"] for raw in batch.issues]


def test_a_connector_is_a_source(served: Any) -> None:
    source: Source = served.connector()
    assert source.batch_limit == 100


def test_a_site_says_which_it_is_and_who_asks(served: Any) -> None:
    info = served.connector().identify()
    flavor = served.site.flavor
    assert (info.flavor, info.base_url, info.time_zone) == (flavor, served.running.base_url, "Europe/Berlin")
    assert (info.id == served.running.base_url) == (flavor == "dc")


def test_all_issues_of_a_project_are_listed_and_fetched(served: Any) -> None:
    connector = served.connector()
    numbers = [ref.number for listing in connector.list_all() for ref in listing.refs]
    assert sorted(numbers) == [101, 102, 103, 104, 105]
    assert sorted(_summaries(connector.fetch(numbers))) == [f"Issue {number}" for number in range(5)]


def test_several_projects_jql_and_the_star_select(served: Any) -> None:
    assert served.numbers(project="ABC", projects=["DEF"]) == [101, 102, 103, 104, 105, 201]
    assert served.numbers(project="*") == [101, 102, 103, 104, 105, 201]
    assert served.numbers(project="ABC", jql_query="key = ABC-1 OR key = DEF-1 ORDER BY key DESC") == [101]


def test_unlabelled_issues_are_kept(served: Any) -> None:
    served.site.label("ABC-1", "wontfix")
    served.site.label("ABC-2", "other")
    assert served.numbers(labels_to_skip=["wontfix"]) == [102, 103, 104, 105]


def test_more_issues_than_a_page_arrive(served: Any) -> None:
    served.site.switches.page_limit = 2
    served.site.switches.search_cap = 2
    assert served.numbers() == [101, 102, 103, 104, 105]
    batch = served.connector().fetch([101, 102, 103, 104, 105])
    assert len(batch.issues) == 5


def test_a_moved_issue_keeps_its_number_and_has_its_new_key(served: Any) -> None:
    key = served.site.move("ABC-1", "DEF")
    assert served.numbers() == [102, 103, 104, 105]
    (raw,) = served.connector().fetch([101]).issues
    assert raw.key == key


def test_a_deleted_issue_is_neither_body_nor_fault(served: Any) -> None:
    served.site.delete("ABC-2")
    batch = served.connector().fetch([101, 102, 103])
    assert sorted(raw.number for raw in batch.issues) == [101, 103]
    assert batch.omissions == ()


def test_what_is_still_listed_is_told_apart_from_what_is_gone(served: Any) -> None:
    served.site.delete("ABC-2")
    served.site.move("ABC-3", "DEF")
    assert served.connector().still_listed([101, 102, 103, 104]) == {101, 104}


def test_every_comment_arrives_where_few_are_embedded(served: Any) -> None:
    for number in range(120):
        served.site.comment("ABC-1", f"Comment {number}")
    served.site.switches.inline_comment_cap = 20
    (raw,) = served.connector().fetch([101]).issues
    comments = json.loads(raw.payload)["fields"]["comment"]["comments"]
    assert len({comment["id"] for comment in comments}) == 120


def test_every_worklog_arrives_where_few_are_embedded(served: Any) -> None:
    for number in range(45):
        served.site.log_work("ABC-1", f"Work {number}")
    (raw,) = served.connector().fetch([101]).issues
    worklogs = json.loads(raw.payload)["fields"]["worklog"]["worklogs"]
    assert len({worklog["id"] for worklog in worklogs}) == 45


def test_every_attachment_arrives_where_few_are_embedded(served: Any) -> None:
    ids = {served.site.attach("ABC-1", f"{number}.log", "x") for number in range(25)}
    served.site.attach("ABC-2", "alone.log", "x")
    served.site.switches.inline_attachment_cap = 10
    first, second = served.connector().fetch([101, 102]).issues
    assert {file["id"] for file in json.loads(first.payload)["fields"]["attachment"]} == ids
    assert (first.omissions, second.omissions) == ((), ())
    load = served.connector().load_from_checkpoint()
    texts = {item.key: item.markdown for item in load if isinstance(item, Document)}
    assert "24.log" in texts["ABC-1"]
    assert "alone.log" in texts["ABC-2"]


@pytest.mark.parametrize("listed", ["account id", "display name"])
def test_comments_of_listed_people_are_left_out_where_addresses_are_hidden(serving: Any, listed: str) -> None:
    site = Site("cloud")
    site.create("ABC", "One", number=101)
    robot = site.account("robot", email="robot@example.com", hide_email=True, display_name="Build Robot")
    site.comment("ABC-1", "Build 7 is green.", author="robot")
    site.comment("ABC-1", "Thank you.")
    names = {"account id": robot.account_id, "display name": "build robot"}
    connector = serving(site).connector(comment_email_blacklist=[names[listed]])
    (raw,) = connector.fetch([101]).issues
    assert b"robot@example.com" not in raw.payload
    rendered = connector.render(raw)
    assert "Thank you." in rendered.documents[0].markdown
    assert "green" not in rendered.documents[0].markdown
    assert [(o.kind, o.cls, o.reason) for o in rendered.omissions] == [("comment", "excluded", "comment_blacklist")]


def test_an_address_that_cloud_hides_is_looked_up(serving: Any) -> None:
    site = Site("cloud")
    site.create("ABC", "One", number=101)
    site.account("robot", email="robot@example.com", hide_email=True)
    site.comment("ABC-1", "Build 7 is green.", author="robot")
    connector = serving(site).connector(comment_email_blacklist=["Robot@Example.com", "nobody@example.com"])
    (raw,) = connector.fetch([101]).issues
    assert "green" not in connector.render(raw).documents[0].markdown
    assert connector.requests().by_endpoint["GET user/search"] == 2


def test_keys_and_labels_of_every_shape_are_asked_for_as_they_are(served: Any) -> None:
    served.site.create("AND", "A reserved word", number=301)
    served.site.label("AND-1", 'say "hi" \\ \\n')
    assert served.numbers(project="AND") == [301]
    assert served.numbers(project="AND", labels_to_skip=['say "hi" \\ \\n']) == []
    with pytest.raises(ConnectorValidationError, match=r"does not exist|no project"):
        served.numbers(project='ABC" OR project = "DEF')


def test_a_given_offset_takes_the_place_of_the_accounts_zone(served: Any) -> None:
    since = datetime.now(UTC) + timedelta(hours=2)
    assert sum(len(page.refs) for page in served.connector().list_updated(since)) == 0
    early = served.connector(timezone_offset=-6)  # the account's clock is at least seven hours ahead of this
    assert sum(len(page.refs) for page in early.list_updated(since)) == 5


def test_a_listing_tells_the_keys(served: Any) -> None:
    refs = [ref for page in served.connector().list_all() for ref in page.refs]
    assert sorted(ref.key for ref in refs) == [f"ABC-{number}" for number in range(1, 6)]


def test_a_query_goes_on_without_a_project_that_was_lost(served: Any) -> None:
    served.site.lose("DEF")
    connector = served.connector(projects=["DEF"])
    assert [ref.number for page in connector.list_all() for ref in page.refs] == [101, 102, 103, 104, 105]
    assert connector.still_listed([101, 201]) == {101}
    assert [(p.key, p.reason) for p in connector.hidden_projects(())] == [("DEF", "project_lost")]
    assert connector.query == served.connector(projects=["DEF"]).query
    with pytest.raises(ConnectorValidationError, match="no project DEF"):
        connector.validate_connector_settings()


def test_projects_that_answer_are_not_asked_for(served: Any) -> None:
    connector = served.connector(projects=["DEF"])
    list(connector.list_all())
    connector.still_listed([101])
    assert "GET project/{key}" not in connector.requests().by_endpoint
    assert connector.hidden_projects(()) == ()


def test_only_what_changed_is_listed_as_updated(served: Any) -> None:
    connector = served.connector()
    connector.identify()
    later = datetime.now(UTC) + timedelta(minutes=5)
    assert [listing.refs for listing in connector.list_updated(later)] == [()]
    earlier = datetime.now(UTC) - timedelta(minutes=5)
    assert sum(len(listing.refs) for listing in connector.list_updated(earlier)) == 5


def test_an_end_within_a_minute_is_exact(served: Any) -> None:
    times = served.connector().updated_times([101, 102, 103, 104, 105])
    end = max(times.values())
    listed = [
        ref.number for page in served.connector().list_updated(end - timedelta(hours=1), end) for ref in page.refs
    ]
    assert sorted(listed) == sorted(number for number, updated in times.items() if updated < end)


def test_update_times_leave_out_what_is_not_shown(served: Any) -> None:
    served.site.delete("ABC-2")
    assert served.connector().updated_times([101, 102, 103]).keys() == {101, 103}


def test_a_project_that_is_not_there_is_named(served: Any) -> None:
    with pytest.raises(ConnectorValidationError, match="NOPE"):
        served.connector("NOPE").validate_connector_settings()


def test_a_query_that_jira_refuses_is_refused_in_its_words(served: Any) -> None:
    with pytest.raises(ConnectorValidationError, match="does not exist"):
        served.connector(jql_query="bogusfield = 1").validate_connector_settings()


def test_a_wrong_token_is_refused_and_not_taken_for_an_empty_site(served: Any) -> None:
    wrong = {"jira_user_email": "agent@example.com", "jira_api_token": "wrong"}
    for call in ("identify", "validate_connector_settings"):
        with pytest.raises(InsufficientPermissionsError):
            getattr(served.connector(credentials=wrong), call)()
    with pytest.raises(InsufficientPermissionsError):
        list(served.connector(credentials=wrong).list_all())


def test_a_token_that_dies_during_a_run_is_noticed(served: Any) -> None:
    connector = served.connector()
    connector.identify()
    for token in ("sim-token", "sim-pat"):
        served.site.revoke(token)
    for read in (lambda: list(connector.list_all()), lambda: connector.fetch([101, 102])):
        with pytest.raises(InsufficientPermissionsError):
            read()


def test_throttling_is_obeyed_to_the_second(served: Any) -> None:
    served.site.switches.faults.append(throttle(every=2, times=1, retry_after="1"))
    connector = served.connector()
    assert len([ref for page in connector.list_all() for ref in page.refs]) == 5
    assert connector.requests().throttled == 1
    assert served.running.record.violations == []


@pytest.mark.parametrize("kind", ["html", "reset", "truncate", "empty"])
def test_broken_answers_are_asked_for_again(served: Any, kind: Any) -> None:
    served.site.switches.faults.append(Fault(502, every=3, times=4, kind=kind))
    connector = served.connector()
    numbers = [ref.number for page in connector.list_all() for ref in page.refs]
    assert len(connector.fetch(numbers).issues) == 5


def test_an_outage_of_fetching_alone_does_not_blame_the_issues(served: Any) -> None:
    endpoint = "POST issue/bulkfetch" if served.site.flavor == "cloud" else "POST search"
    connector = served.connector()
    connector.identify()
    served.site.switches.faults.append(outage(every=1, times=3, endpoints=(endpoint,)))
    batch = connector.fetch([101, 102, 103])
    assert len(batch.issues) == 3


def test_sixteen_threads_fetch_at_once(served: Any) -> None:
    connector = served.connector()
    with ThreadPoolExecutor(16) as pool:
        batches = list(pool.map(connector.fetch, [[101, 102], [103], [104, 105]] * 16))
    assert sum(len(batch.issues) for batch in batches) == 5 * 16
    assert connector.requests().by_endpoint["GET myself"] == 1
    assert threading.active_count() < 40


def test_requests_are_counted_as_the_site_counts_them(served: Any) -> None:
    connector = served.connector()
    numbers = [ref.number for page in connector.list_all() for ref in page.refs]
    connector.fetch(numbers)
    assert connector.requests().total == served.running.record.total
    search = {k: v for k, v in connector.requests().by_endpoint.items() if "search" in k or "bulkfetch" in k}
    assert search == {k: v for k, v in served.running.record.by_endpoint.items() if k in search}
    assert sum(search.values()) == 2


def test_documents_are_loaded_with_their_text(served: Any) -> None:
    load = served.connector().load_from_checkpoint()
    titles = [item.title for item in load if isinstance(item, Document)]
    assert sorted(titles) == [f"Issue {number}" for number in range(5)]
    assert load.checkpoint.finished


def test_documents_are_read_in_one_call(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = served.connector()._credentials
    monkeypatch.setenv("JIRAKB_GATEWAY_URL", served.running.gateway_url)
    documents = read_documents(served.running.base_url, "ABC", "key = ABC-1", credentials, 50, 0, None)
    assert [document.key for document in documents] == ["ABC-1"]


def test_options_that_cannot_work_are_refused_at_once(served: Any) -> None:
    for options in ({"batch_size": 0}, {"batch_size": 501}, {"timezone_offset": 20}, {"attachment_size_limit": -1}):
        with pytest.raises(UsageError):
            served.connector(**options)
    with pytest.raises(UsageError):
        served.connector(project=None)


@pytest.mark.parametrize(
    "credentials",
    [
        {"jira_user_email": "agent@example.com", "jira_api_token": "sim-scoped"},
        {"jira_api_token": "sim-access"},
    ],
)
def test_clouds_gateway_is_used_for_scoped_and_access_tokens(serving: Any, credentials: dict[str, str]) -> None:
    site = Site("cloud")
    site.create("ABC", "One", number=101)
    served = serving(site)
    connector = served.connector(credentials=credentials, scoped_token="jira_user_email" in credentials)
    assert [raw.number for raw in connector.fetch([101]).issues] == [101]
    assert connector.identify().base_url == served.running.base_url


def test_a_token_without_the_scope_says_which_is_missing(serving: Any) -> None:
    site = Site("cloud")
    site.account("narrow", email="n@example.com", scoped_token="narrow-token", scopes=["read:jira-work"])
    credentials = {"jira_user_email": "n@example.com", "jira_api_token": "narrow-token"}
    with pytest.raises(InsufficientPermissionsError, match="scope") as raised:
        serving(site).connector(credentials=credentials, scoped_token=True).identify()
    assert "read:jira-user" in raised.value.fix


def test_a_password_opens_a_data_center_below_its_path(serving: Any) -> None:
    site = Site("dc", base_path="/jira")
    site.create("ABC", "One", number=101)
    served = serving(site)
    credentials = {"jira_username": "agent", "jira_password": "sim-password"}
    assert served.running.base_url.endswith("/jira")
    assert len(served.connector(credentials=credentials).fetch([101]).issues) == 1


def test_a_password_is_refused_by_cloud_without_being_sent(serving: Any) -> None:
    served = serving(Site("cloud"))
    credentials = {"jira_username": "agent", "jira_password": "sim-password"}
    with pytest.raises(InsufficientPermissionsError, match="no passwords"):
        served.connector(credentials=credentials).identify()


def test_a_wrong_password_is_tried_once(serving: Any) -> None:
    served = serving(Site("dc"))
    credentials = {"jira_username": "agent", "jira_password": "wrong"}
    with pytest.raises(InsufficientPermissionsError):
        served.connector(credentials=credentials).identify()
    assert served.running.record.by_endpoint["GET myself"] == 1


def test_a_captcha_names_the_login_page(serving: Any) -> None:
    served = serving(Site("dc"))
    credentials = {"jira_username": "agent", "jira_password": "wrong"}
    for _ in range(3):
        with pytest.raises(InsufficientPermissionsError):
            served.connector(credentials=credentials).identify()
    with pytest.raises(InsufficientPermissionsError, match="CAPTCHA") as raised:
        served.connector(credentials=credentials | {"jira_password": "sim-password"}).identify()
    assert "login.jsp" in raised.value.fix


def test_deletions_while_data_center_pages_hide_no_issue(serving: Any) -> None:
    site = Site("dc")
    keys = [site.create("ABC", str(number), number=1000 + number) for number in range(200)]
    site.switches.search_cap = 40
    doomed = iter(keys[:30])

    def delete_some() -> None:
        for _ in range(6):
            if key := next(doomed, None):
                site.delete(key)

    site.switches.between_pages = delete_some
    numbers = {ref.number for page in serving(site).connector().list_all() for ref in page.refs}
    assert numbers >= {1000 + number for number in range(30, 200)}


def test_edits_while_paging_hide_no_issue(served: Any) -> None:
    for number in range(60):
        served.site.create("ABC", str(number), number=1000 + number)
    served.site.switches.page_limit = 7
    served.site.switches.search_cap = 7
    served.site.switches.between_pages = lambda: served.site.touch("ABC-20")
    since = datetime.now(UTC) - timedelta(hours=1)
    listed = {ref.number for page in served.connector().list_updated(since) for ref in page.refs}
    assert len(listed) == 65


def test_a_full_read_costs_few_calls(serving: Any) -> None:
    site = Site("cloud")
    for number in range(250):
        site.create("ABC", str(number), number=1000 + number)
    connector = serving(site).connector(batch_size=100)
    assert sum(1 for _ in connector.load_from_checkpoint()) == 250
    calls = connector.requests().by_endpoint
    assert (calls["GET search/jql"], calls["POST issue/bulkfetch"]) == (1, 3)


def test_reading_a_site_of_many_issues_costs_hardly_more_calls_than_pages(serving: Any) -> None:
    count = 1200
    for flavor, page in (("cloud", 5000), ("dc", 1000)):
        site = Site(flavor)  # type: ignore[arg-type]
        for number in range(count):
            site.create("ABC", str(number), number=1000 + number)
        connector = serving(site).connector()
        connector.identify()
        before = connector.requests().total
        numbers = sorted({ref.number for listing in connector.list_all() for ref in listing.refs})
        blocks = [tuple(numbers[start : start + 100]) for start in range(0, count, 100)]
        fetched = [
            raw for window in fetch_windows(connector, blocks, 4) for batch in window.batches for raw in batch.issues
        ]
        assert len(fetched) == count
        listing_pages = -(-count // page)
        assert connector.requests().total - before <= 1.05 * (count / 100 + listing_pages)
        assert before <= 4
