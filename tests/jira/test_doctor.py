"""What the doctor says of sites, credentials and queries that are right, wrong, or nearly right."""

from __future__ import annotations

import base64
import json
import re
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.jira.conftest import TOKENS

from jirakb.jira.doctor import Diagnosis, Finding, Subject, diagnose
from jirakb.settings import Settings
from jirakb.simulator.site import Site
from jirakb.simulator.switches import throttle

AGENT = "agent@example.com"
EMAIL_AND_TOKEN = {"jira_user_email": AGENT}
PASSWORD = {"jira_username": "agent", "jira_password": "sim-password"}


def examine(served: Any, **given: Any) -> Diagnosis:
    given.setdefault("credentials", TOKENS[served.site.flavor])
    given.setdefault("projects", ("ABC",))
    return diagnose(Subject(given.pop("base_url", served.running.base_url), **given), served.settings)


def codes(diagnosis: Diagnosis, severity: str = "error") -> list[str]:
    return [found.code for found in diagnosis.findings if found.severity == severity]


def finding(diagnosis: Diagnosis, code: str) -> Finding:
    (found,) = [found for found in diagnosis.findings if found.code == code]
    return found


def signed_calls(served: Any) -> dict[str, int]:
    """What was asked beyond what everybody may ask."""
    asked: dict[str, int] = served.running.record.by_endpoint
    return {label: count for label, count in asked.items() if label not in ("GET serverInfo", "GET _edge/tenant_info")}


def one_issue(flavor: str, **options: Any) -> Site:
    site = Site(flavor, **options)  # type: ignore[arg-type]
    site.create("ABC", "Issue", number=101)
    return site


# ---- when all is well


def test_a_subject_shows_nobody_its_credentials() -> None:
    assert "plum" not in repr(Subject("https://x.example", credentials={"jira_api_token": "plum"}))


def test_a_connector_that_works_has_no_error_and_costs_a_dozen_calls(served: Any) -> None:
    told = examine(served).to_json()
    assert list(told) == ["ok", "flavor", "account", "time_zone", "projects", "findings", "estimate"]
    assert (told["ok"], told["flavor"], told["time_zone"]) == (True, served.site.flavor, "Europe/Berlin")
    assert told["account"] == served.connector().identify().account
    assert told["projects"] == ["ABC", "DEF"]
    assert {tuple(found) for found in told["findings"]} == {("code", "severity", "message", "fix")}
    assert {found["severity"] for found in told["findings"]} == {"info"}
    assert served.running.record.total - served.connector().requests().total <= 12


def test_the_estimate_is_what_a_sync_then_asks(serving: Callable[[Any], Any]) -> None:
    site = Site("cloud")
    for number in range(250):
        site.create("ABC", f"Issue {number}")
    served = serving(site)
    estimate = examine(served).estimate
    assert estimate is not None
    connector = served.connector()
    numbers = [ref.number for listing in connector.list_all() for ref in listing.refs]
    for start in range(0, len(numbers), 100):
        connector.fetch(numbers[start : start + 100])
    assert (estimate.issues, estimate.calls) == (250, connector.requests().total)
    assert estimate.seconds >= 0


def test_a_small_bucket_of_calls_makes_the_estimate_longer(serving: Callable[[Any], Any]) -> None:
    site = Site("dc")
    for number in range(350):
        site.create("ABC", f"Issue {number}")
    estimate = examine(serving(site)).estimate
    assert estimate is not None
    assert (estimate.issues, estimate.calls) == (350, 8)
    assert estimate.seconds >= 8 / 5  # the site says: five calls a second


def test_a_window_of_time_is_counted_alone(served: Any) -> None:
    later = datetime.now(UTC) + timedelta(days=2)
    told = examine(served, since=later)
    assert told.estimate is not None
    assert (told.estimate.issues, codes(told, "warning")) == (0, ["empty"])


# ---- which key


def test_a_scoped_token_is_known_by_one_try_at_the_gateway(serving: Callable[[Any], Any]) -> None:
    served = serving(one_issue("cloud"))
    told = examine(served, credentials=EMAIL_AND_TOKEN | {"jira_api_token": "sim-scoped"})
    assert told.ok
    assert finding(told, "scoped_token").fix == "Give --scoped-token."
    assert served.running.record.refused == {"sim-scoped": 1}
    assert served.running.record.by_endpoint["GET myself"] == 2


def test_a_scoped_token_that_is_said_to_be_one_meets_no_refusal(serving: Callable[[Any], Any]) -> None:
    served = serving(one_issue("cloud"))
    told = examine(served, credentials=EMAIL_AND_TOKEN | {"jira_api_token": "sim-scoped"}, scoped_token=True)
    assert (told.ok, codes(told, "warning"), served.running.record.refused) == (True, [], {})
    assert "gateway" in finding(told, "account").message


def test_a_token_without_scopes_that_is_said_to_have_them_is_found_at_the_site(serving: Callable[[Any], Any]) -> None:
    told = examine(serving(one_issue("cloud")), scoped_token=True)
    assert (told.ok, codes(told, "warning")) == (True, ["unscoped_token"])


@pytest.mark.parametrize(
    ("scopes", "lacking"),
    [
        (["read:jira-user"], {"read:jira-work"}),
        (["read:jira-work"], {"read:jira-user"}),
        ([], {"read:jira-user", "read:jira-work"}),
    ],
    ids=["no-work", "no-user", "none"],
)
def test_each_missing_scope_is_named(serving: Callable[[Any], Any], scopes: list[str], lacking: set[str]) -> None:
    site = one_issue("cloud")
    site.account("app", email="app@example.com", scoped_token="narrow", scopes=scopes)
    served = serving(site)
    told = examine(served, credentials={"jira_user_email": "app@example.com", "jira_api_token": "narrow"})
    missing = [found for found in told.findings if found.code == "scope"]
    assert {found.fix.rpartition(" needs ")[2].rstrip(".") for found in missing} == lacking
    assert told.exit_code == 2


@pytest.mark.parametrize(
    ("flavor", "credentials", "sent"),
    [
        ("cloud", EMAIL_AND_TOKEN | {"jira_api_token": "stale"}, 2),
        ("cloud", {"jira_api_token": "stale"}, 1),
        ("dc", {"jira_api_token": "stale"}, 1),
        ("dc", {"jira_username": "agent", "jira_password": "stale"}, 1),
    ],
    ids=["cloud-token", "cloud-access-token", "dc-pat", "dc-password"],
)
def test_a_refused_secret_is_sent_once_to_each_door(
    serving: Callable[[Any], Any], flavor: str, credentials: dict[str, str], sent: int
) -> None:
    served = serving(one_issue(flavor))
    told = examine(served, credentials=credentials)
    assert (codes(told), told.exit_code) == (["credentials_refused"], 2)
    assert finding(told, "credentials_refused").fix
    assert served.running.record.refused == {"stale": sent}
    assert "stale" not in json.dumps(told.to_json())


def test_a_password_is_not_even_sent_to_cloud(serving: Callable[[Any], Any]) -> None:
    served = serving(one_issue("cloud"))
    told = examine(served, credentials=PASSWORD)
    assert (codes(told), signed_calls(served)) == (["password_on_cloud"], {})


def test_passwords_that_are_switched_off_are_said_to_be(serving: Callable[[Any], Any]) -> None:
    site = one_issue("dc")
    site.switches.basic_disabled = True
    told = examine(serving(site), credentials=PASSWORD)
    assert codes(told) == ["basic_auth_off"]
    assert "personal access token" in finding(told, "basic_auth_off").fix


@pytest.mark.parametrize("tells_both", [True, False], ids=["both-headers", "denied-reason-only"])
def test_a_captcha_is_shown_with_its_login_page_and_never_tried_again(
    serving: Callable[[Any], Any], tells_both: bool
) -> None:
    site = one_issue("dc")
    site.switches.login_reason_on_captcha = tells_both
    for _ in range(3):
        site.accounts.failed("agent")
    served = serving(site)
    told = examine(served, credentials=PASSWORD)
    assert codes(told) == ["captcha"]
    assert f"{served.running.base_url}/login.jsp" in finding(told, "captcha").fix
    assert served.running.record.refused == {"sim-password": 1}


def access_token(expires: datetime) -> str:
    """A token that says itself when it ends, as OAuth access tokens of Atlassian do."""
    said = base64.urlsafe_b64encode(json.dumps({"exp": expires.timestamp()}).encode()).decode().rstrip("=")
    return f"e30.{said}.c2ln"


def test_an_access_token_that_expired_says_when(serving: Callable[[Any], Any]) -> None:
    token = access_token(datetime(2026, 1, 1, 12, 30, tzinfo=UTC))
    told = examine(serving(one_issue("cloud")), credentials={"jira_api_token": token})
    assert codes(told) == ["token_expired"]
    assert "2026-01-01 12:30 UTC" in finding(told, "token_expired").message


def test_an_access_token_that_ends_soon_is_a_warning(serving: Callable[[Any], Any]) -> None:
    token, site = access_token(datetime.now(UTC) + timedelta(minutes=50)), one_issue("cloud")
    site.account("app", access_token=token)
    told = examine(serving(site), credentials={"jira_api_token": token})
    assert (told.ok, codes(told, "warning")) == (True, ["token_expires"])


def test_without_credentials_the_site_is_told_all_the_same(served: Any) -> None:
    told = examine(served, credentials=None)
    assert (codes(told), told.flavor, told.account) == (["credentials"], served.site.flavor, None)
    assert signed_calls(served) == {}


def test_a_site_that_tells_strangers_nothing_is_asked_by_the_account(served: Any) -> None:
    served.site.switches.serves_strangers = False
    told = examine(served)
    assert (told.ok, told.flavor) == (True, served.site.flavor)


# ---- which address


@pytest.mark.parametrize("given", ["", "/jira/browse/ABC-1", "/wrong"])
def test_a_wrong_context_path_is_put_right(serving: Callable[[Any], Any], given: str) -> None:
    served = serving(one_issue("dc", base_path="/jira"))
    root = served.running.base_url.removesuffix("/jira")
    told = examine(served, base_url=root + given)
    assert (codes(told), told.exit_code) == (["context_path"], 2)
    assert finding(told, "context_path").fix == f"Use {root}/jira as the base URL."
    assert all("myself" not in label for label in served.running.record.by_endpoint)


def scripted(*answers: httpx2.Response) -> tuple[httpx2.MockTransport, list[httpx2.Request]]:
    """A host that gives these answers in turn, the last one for ever; and what it was asked."""
    left, asked = list(answers), list[httpx2.Request]()

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        said = left.pop(0) if len(left) > 1 else left[0]
        return httpx2.Response(said.status_code, headers=said.headers, content=iter([said.content]))

    return httpx2.MockTransport(answer), asked


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(200, json={"status": "up"}),
        httpx2.Response(200, html="<html>Welcome</html>"),
        httpx2.Response(404, html="<html>Not here</html>"),
        httpx2.Response(302, headers={"Location": "https://www.example.com/home"}),
    ],
    ids=["json", "page", "missing", "elsewhere"],
)
def test_a_host_that_is_no_jira_gets_no_credentials(settings: Settings, answer: httpx2.Response) -> None:
    transport, asked = scripted(answer)
    subject = Subject("https://x.example", TOKENS["cloud"], ("ABC",))
    told = diagnose(subject, settings, transport=transport)
    assert codes(told) in (["no_jira"], ["redirected"])
    assert not any("authorization" in request.headers for request in asked)


def test_a_page_in_jiras_place_may_be_a_single_sign_on(settings: Settings) -> None:
    transport, _ = scripted(httpx2.Response(200, html="<html>Sign in</html>"))
    told = diagnose(Subject("https://x.example", TOKENS["cloud"], ("ABC",)), settings, transport=transport)
    assert "single sign-on" in finding(told, "no_jira").fix


@pytest.fixture
def settings(tmp_path: Any) -> Settings:
    return Settings(home=tmp_path)


def test_an_address_that_moved_is_named(settings: Settings) -> None:
    moved = httpx2.Response(301, headers={"Location": "https://jira.example.com/rest/api/2/serverInfo"})
    told = diagnose(Subject("https://x.example", TOKENS["dc"], ("ABC",)), settings, transport=scripted(moved)[0])
    assert finding(told, "redirected").fix == "Use https://jira.example.com as the base URL."


@pytest.mark.parametrize("address", ["ftp://x.example", "https://me:secret@x.example", "http://jira.example.com"])
def test_an_address_that_cannot_be_one_is_a_finding(settings: Settings, address: str) -> None:
    told = diagnose(Subject(address, TOKENS["cloud"], ("ABC",)), settings)
    assert (codes(told), told.exit_code) == (["address"], 2)
    assert "secret" not in json.dumps(told.to_json())


def test_a_site_out_of_reach_ends_with_5(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        told = diagnose(Subject(url, TOKENS["cloud"], ("ABC",)), settings)
    assert (codes(told), told.exit_code) == (["unreachable"], 5)


def test_a_site_that_says_wait_is_not_waited_for(serving: Callable[[Any], Any]) -> None:
    site = one_issue("cloud")
    site.switches.faults = [throttle(every=1, endpoints=("GET myself",), retry_after="3600")]
    served = serving(site)
    told = examine(served)
    assert (codes(told), told.exit_code) == (["rate_limited"], 5)
    assert served.running.record.by_endpoint["GET myself"] == 1


# ---- clocks and zones


@pytest.mark.parametrize(("hours", "way"), [(3, "behind"), (-3, "ahead of")])
def test_clocks_that_differ_are_noticed(serving: Callable[[Any], Any], hours: int, way: str) -> None:
    shift = timedelta(hours=hours)
    told = examine(serving(one_issue("dc", clock=lambda: datetime.now(UTC) + shift)))
    assert f"3 hours {way} the site's" in finding(told, "clock_skew").message


def test_an_offset_that_is_not_the_accounts_is_a_warning(served: Any) -> None:
    told = examine(served, timezone_offset=-5.0)
    assert codes(told, "warning") == ["timezone_offset"]
    assert "Europe/Berlin" in finding(told, "timezone_offset").message
    assert codes(examine(served, timezone_offset=99.0)) == ["usage"]


def test_an_account_without_a_zone_is_a_warning(serving: Callable[[Any], Any]) -> None:
    site = one_issue("dc")
    site.account("ann", pat="ann-pat", time_zone="")
    told = examine(serving(site), credentials={"jira_api_token": "ann-pat"})
    assert codes(told, "warning") == ["time_zone_unknown"]


# ---- projects and queries


def test_a_project_that_is_not_shown_is_named(served: Any) -> None:
    told = examine(served, projects=("NOPE",))
    assert (codes(told), told.exit_code) == (["project_missing"], 2)
    assert "NOPE" in finding(told, "project_missing").message
    assert told.projects == ("ABC", "DEF")


def test_one_lost_project_among_others_does_not_hide_what_else_is_wrong(served: Any) -> None:
    served.site.lose("DEF")
    told = examine(served, projects=("ABC", "DEF"), jql="colour = red")
    assert codes(told, "warning") == ["project_missing"]
    assert codes(told) == ["query_refused"]


def test_an_archived_project_is_told_apart_from_a_lost_one(served: Any) -> None:
    served.site.archive("DEF")
    told = examine(served, projects=("DEF",))
    assert codes(told, "warning") == ["project_archived", "empty"]


def test_an_account_that_sees_nothing_is_told(serving: Callable[[Any], Any]) -> None:
    site = one_issue("dc")
    site.account("ann", pat="ann-pat", projects=())
    told = examine(serving(site), credentials={"jira_api_token": "ann-pat"}, projects=("*",))
    assert codes(told) == ["no_projects"]


def test_a_query_that_jira_refuses_is_told_in_its_words(served: Any) -> None:
    told = examine(served, jql="colour = red")
    assert finding(told, "query_refused").message.startswith("Field 'colour' does not exist")
    assert finding(told, "query_refused").fix
    unfinished = finding(examine(served, jql="status ="), "query_refused").message
    assert unfinished.endswith("before the end of the query.")  # and not at a parenthesis of ours
    assert served.running.record.total <= 2 * 12


def test_quotes_that_do_not_match_are_told_without_asking(served: Any) -> None:
    told = examine(served, jql='summary ~ "pump')
    assert "no end" in finding(told, "query_refused").message
    assert "POST search" not in served.running.record.by_endpoint


def test_an_order_is_told_to_mean_nothing(served: Any) -> None:
    told = examine(served, jql="labels IS EMPTY ORDER BY rank")
    assert (told.ok, "ORDER BY rank" in finding(told, "order_by").message) == (True, True)


def test_a_query_without_restriction_is_refused_unless_all_projects_are_meant(served: Any) -> None:
    assert (codes(examine(served, projects=())), examine(served, projects=()).exit_code) == (["unrestricted"], 2)
    told = examine(served, projects=("*",))
    assert told.ok
    assert told.estimate is not None
    assert told.estimate.issues == 6


def test_an_account_that_dies_in_between_is_noticed(serving: Callable[[Any], Any]) -> None:
    """Both flavors answer the query of an unknown account with an empty 200."""
    begun = datetime.now(UTC)

    def clock() -> datetime:
        return begun + timedelta(hours="GET field" in site.record.by_endpoint)

    site = Site("cloud", clock=clock)
    site.create("ABC", "Issue")
    site.account("ann", email="ann@example.com", token="short", expires=begun + timedelta(minutes=30))
    told = examine(serving(site), credentials={"jira_user_email": "ann@example.com", "jira_api_token": "short"})
    assert (codes(told), told.estimate) == (["credentials_refused"], None)
    assert site.record.violations == []


def test_every_code_is_explained_in_the_guide() -> None:
    root = Path(__file__).parents[2]
    sources = [path.read_text("utf-8") for path in (root / "src" / "jirakb" / "jira").rglob("*.py")]
    named = re.findall(r'(?:code=|\.code = |Finding\(\s*)"([a-z_]+)"', "\n".join(sources))
    guide = (root / "docs" / "troubleshooting.md").read_text("utf-8")
    assert {"captcha", "scope", "context_path", "clock_skew"} <= set(named)
    assert {code for code in named if f"`{code}`" not in guide} == set()
