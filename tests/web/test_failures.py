"""What does the page say when something is wrong, and does it go on afterwards? Nothing that was filled in is lost."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, expect
from tests.engine.house import FETCH, made_site
from tests.web.house import EMAIL, TOKEN, Served, Visit, on_the_network, served, visit

from jirakb.simulator.server import Running
from jirakb.simulator.site import Site
from jirakb.simulator.switches import Fault, outage


@dataclass
class Town:
    """A site and the service that may call it."""

    site: Site
    running: Running
    served: Served


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    site = made_site(40)
    with on_the_network(site) as running, served(tmp_path_factory.mktemp("failures") / "home", running) as service:
        yield Town(site, running, service)


@pytest.fixture
def at(town: Town, browser: Browser) -> Iterator[Visit]:
    with visit(browser, town.served) as visitor:
        visitor.sign_in()
        yield visitor
    town.site.switches.faults = []


def test_a_wrong_key_is_refused_at_the_door(town: Town, browser: Browser) -> None:
    with visit(browser, town.served) as at:
        at.go("/")
        at.page.get_by_label("API key").fill("jkb_wrong")
        at.page.get_by_role("button", name="Sign in").click()
        expect(at.page.get_by_role("alert")).to_contain_text("not known")
        assert at.page.evaluate("document.cookie") == "", "no script can read the session"


def test_a_link_signs_in_once(town: Town, browser: Browser) -> None:
    with visit(browser, town.served) as first:
        first.page.goto(town.served.link)
        expect(first.page.get_by_role("navigation", name="Views")).to_be_visible()
        assert first.page.evaluate("document.cookie") == ""
    with visit(browser, town.served) as second:
        second.page.goto(town.served.link)
        expect(second.page.get_by_role("alert")).to_contain_text("was used")


def test_a_wrong_address_is_told_and_can_be_mended(town: Town, at: Visit) -> None:
    at.go("/connectors/new")
    at.page.get_by_label("Address of the Jira site").fill("http://127.0.0.1:9")
    at.page.get_by_label("Name", exact=True).fill("Far")
    at.step("Test the address")
    expect(at.page.get_by_role("alert")).to_contain_text("http://127.0.0.1:9 gave no usable answer")
    expect(at.page.get_by_label("Address of the Jira site")).to_have_value("http://127.0.0.1:9")
    expect(at.page.get_by_label("Name", exact=True)).to_have_value("Far")
    at.page.get_by_label("Address of the Jira site").fill(at.served.address)
    at.step("Test the address")
    expect(at.page.get_by_role("alert")).to_contain_text("No Jira answers")
    at.page.get_by_label("Address of the Jira site").fill("ftp://example.com")
    at.step("Test the address")
    expect(at.page.get_by_role("alert")).to_contain_text("config.base_url: must be an http or https address")
    at.page.get_by_label("Address of the Jira site").fill(town.running.base_url)
    at.step("Test the address")
    expect(at.page.get_by_label("E-mail")).to_be_visible()


def test_a_wrong_token_is_told_and_can_be_mended(town: Town, at: Visit) -> None:
    at.connect(town.running.base_url, token="wrong")
    expect(at.page.get_by_role("alert")).to_contain_text("does not accept the API token")
    expect(at.page.get_by_label("E-mail")).to_have_value(EMAIL)
    at.page.get_by_label("API token").fill(TOKEN)
    at.step("Test the sign-in")
    expect(at.page.get_by_text("Signed in as Sync Agent")).to_be_visible()


def test_a_locked_account_is_told_to_pass_the_captcha(at: Visit, town: Town) -> None:
    site = Site("dc")
    site.account("gate", password="right", projects=None)
    site.create("PUMP", "Pump")
    site.switches.captcha_after = 1
    with on_the_network(site) as running:
        at.go("/connectors/new")
        at.page.get_by_label("Address of the Jira site").fill(running.base_url)
        at.step("Test the address")
        at.page.get_by_label("Sign in with").select_option("password")
        at.page.get_by_label("User name").fill("gate")
        at.page.get_by_label("Password").fill("wrong")
        at.step("Test the sign-in")
        expect(at.page.get_by_role("alert")).to_be_visible()
        at.page.get_by_label("Password").fill("right")
        at.step("Test the sign-in")
        expect(at.page.get_by_role("alert")).to_contain_text("CAPTCHA")


def test_bad_jql_is_told_with_what_jira_said(town: Town, at: Visit) -> None:
    at.connect(town.running.base_url)
    at.page.get_by_label("Some projects").check()
    at.page.get_by_label("PUMP").check()
    at.step("Count and show samples")
    expect(at.page.locator(".sample")).to_have_count(3)
    at.page.get_by_label("And only issues that match").fill("priority = = High")
    expect(at.page.locator(".sample")).to_have_count(0)  # they were of another question
    at.step("Count and go on")
    expect(at.page.get_by_role("alert")).to_contain_text("JQL")
    expect(at.page.get_by_role("alert")).to_be_in_viewport()
    expect(at.page.get_by_label("And only issues that match")).to_have_value("priority = = High")
    expect(at.page.get_by_label("PUMP")).to_be_checked()


def test_a_query_with_an_error_is_told_where_it_is_typed(at: Visit) -> None:
    at.go("/?lang=jql")
    at.find("status in (Open")
    expect(at.page.get_by_role("alert")).to_be_visible()


def test_a_site_that_goes_down_in_a_sync_is_told_and_recovers(town: Town, at: Visit) -> None:
    at.connect(town.running.base_url, name="Down")
    expect(at.page.get_by_text("Signed in as")).to_be_visible()
    at.step("Count and go on")
    at.page.get_by_label("Search by meaning").select_option("none")
    at.step("Go on")
    town.site.switches.faults = [outage(share=1.0, endpoints=(FETCH,))]
    at.step("Connect and sync")
    expect(at.page.get_by_role("region", name="Run under way")).to_be_visible()
    expect(at.page.get_by_text("503").first).to_be_visible(timeout=60_000)
    town.site.switches.faults = []
    expect(at.page.get_by_text("40 indexed").first).to_be_visible(timeout=60_000)


def test_a_view_that_cannot_be_loaded_says_so_and_the_rest_stays(at: Visit) -> None:
    at.page.route("**/assets/KeysView*", lambda route: route.abort())
    at.page.get_by_role("link", name="Keys").click()
    expect(at.page.get_by_text("This view has failed")).to_be_visible()
    at.page.get_by_role("link", name="Connectors").click()
    expect(at.page.get_by_role("heading", name="Connectors")).to_be_visible()


def test_a_session_that_ended_asks_to_sign_in_and_stays_where_it_was(at: Visit) -> None:
    at.go("/?q=pump")
    expect(at.page.get_by_role("status").get_by_text("issues")).to_be_visible()
    at.page.wait_for_load_state("networkidle")
    at.context.clear_cookies()
    at.find("valve")
    expect(at.page.get_by_text("Your session has ended")).to_be_visible()
    at.page.get_by_label("API key").fill(at.served.key)
    at.page.get_by_role("button", name="Sign in").click()
    expect(at.page.get_by_role("combobox", name="Search issues")).to_have_value("valve")


def test_a_restarted_service_is_found_again_by_itself_and_goes_on_with_its_run(town: Town, at: Visit) -> None:
    town.site.switches.faults = [Fault(share=1.0, kind="slow", seconds=2.0, endpoints=(FETCH,))]
    made = town.served.ask("POST", "/v1/connector/set", {
        "name": "Restarted", "config": {"base_url": town.running.base_url, "project_key": "*", "embeddings": "none"},
        "credentials": {"jira_user_email": EMAIL, "jira_api_token": TOKEN},
    })  # fmt: skip
    town.served.ask("POST", f"/v1/connector/{made['id']}/sync")
    at.go(f"/connectors/{made['id']}")
    live = at.page.locator(".live")
    expect(live).to_have_text("live")
    expect(at.page.get_by_role("region", name="Run under way")).to_be_visible()
    town.served.stop(signal.SIGKILL)
    expect(live).to_have_text("connecting")
    town.served.start()
    expect(live).to_have_text("live")
    expect(at.page.get_by_role("alert")).to_have_count(0)
    expect(at.page.get_by_role("region", name="Last run")).to_contain_text("40 indexed", timeout=60_000)


def test_a_refused_credential_is_shown_and_mended(town: Town, at: Visit) -> None:
    made = town.served.ask("POST", "/v1/connector/set", {
        "name": "Refused", "config": {"base_url": town.running.base_url, "project_key": "PUMP", "embeddings": "none"},
        "credentials": {"jira_user_email": EMAIL, "jira_api_token": "wrong"},
    })  # fmt: skip
    town.served.ask("POST", f"/v1/connector/{made['id']}/sync")
    at.go(f"/connectors/{made['id']}")
    expect(at.page.get_by_text("needs attention", exact=True)).to_be_visible(timeout=30_000)
    at.page.get_by_role("link", name="Look at its sign-in").click()
    at.page.get_by_label("Sign in with").select_option("email")
    at.page.get_by_label("E-mail").fill(EMAIL)
    at.page.get_by_label("API token").fill(TOKEN)
    at.step("Save as it is")
    expect(at.page.get_by_text("active", exact=True)).to_be_visible()
    at.step("Sync now")
    expect(at.page.get_by_text("20 indexed").first).to_be_visible(timeout=30_000)
