"""Can every view be used by everybody, on every screen, in both themes, with much in it?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Route, expect
from tests.engine.house import made_site, wait_for
from tests.web.house import EMAIL, TOKEN, Served, Visit, on_the_network, remember, served, visit

ISSUES = 400
RUNS = 1000
ROWS = 60
"""As many rows of a list as may stand in the page, however long the list is."""


WIDEST = "Math.max(...[document.documentElement, ...document.querySelectorAll('main')].map(one => one.scrollWidth))"


@dataclass
class Full:
    """A service that has done much."""

    served: Served
    connector: str

    def views(self) -> dict[str, str]:
        one = f"/connectors/{self.connector}"
        return {
            "search": "/?q=pump",
            "search with filters, reasons and a document": "/?q=pump&project=PUMP&explain=1&doc=PUMP-1",
            "nothing found": "/?q=zzzzzz&project=PUMP",
            "connectors": "/connectors",
            "a connector": one,
            "runs": f"{one}/runs",
            "omissions": f"{one}/omissions",
            "settings": f"{one}/settings",
            "edit": f"{one}/edit?step=3",
            "options": f"{one}/edit?step=4",
            "connect": "/connectors/new",
            "health": "/health?hours=720",
            "keys": "/keys",
            "no such page": "/nowhere",
        }


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Full]:
    home = tmp_path_factory.mktemp("looks") / "home"
    with on_the_network(made_site(ISSUES)) as running, served(home, running) as service:
        made = service.ask("POST", "/v1/connector/set", {
            "name": "Pumps", "config": {"base_url": running.base_url, "project_key": "*", "embeddings": "none"},
            "credentials": {"jira_user_email": EMAIL, "jira_api_token": TOKEN},
        })  # fmt: skip
        first = service.ask("POST", f"/v1/connector/{made['id']}/sync")["run_id"]
        wait_for(lambda: service.ask("GET", f"/v1/connector/{made['id']}/runs/{first}")["finished"])
        remember(service, made, RUNS)
        yield Full(service, made["id"])


@contextmanager
def signed_in(browser: Browser, full: Full, **how: Any) -> Iterator[Visit]:
    with visit(browser, full.served, **how) as at:
        at.sign_in()
        yield at


def settle(at: Visit) -> None:
    """Until what the view shows is there."""
    expect(at.page.locator(".skeleton")).to_have_count(0)


def test_axe_finds_nothing_serious_in_any_view_of_either_theme(browser: Browser, full: Full) -> None:
    with signed_in(browser, full) as at:
        found = {}
        for name, path in full.views().items():
            at.page.emulate_media(color_scheme="light")
            at.go(path)
            settle(at)
            trouble = at.trouble()
            at.page.emulate_media(color_scheme="dark")
            if trouble := [*trouble, *at.trouble("color-contrast")]:
                found[name] = trouble
        assert found == {}
        assert at.faults == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_at_the_door_or_in_a_dialog(browser: Browser, full: Full, theme: str) -> None:
    with visit(browser, full.served, theme=theme) as at:
        at.go("/")
        expect(at.page.get_by_label("API key")).to_be_visible()
        assert at.trouble() == []
        at.sign_in()
        for path, button in (("/keys", "Make a key"), (f"/connectors/{full.connector}", "Remove…")):
            at.go(path)
            at.step(button)
            expect(at.page.get_by_role("dialog")).to_be_visible()
            assert at.trouble() == []


def test_no_view_is_wider_than_the_screen(browser: Browser, full: Full) -> None:
    with signed_in(browser, full) as at:
        wide = {}
        for name, path in full.views().items():
            at.go(path)
            settle(at)
            for width in (375, 700, 1000, 2560):
                at.page.set_viewport_size({"width": width, "height": 800})
                if (most := at.page.evaluate(WIDEST)) > width:
                    wide[name, width] = most
        assert wide == {}


def test_long_lists_stand_in_the_page_in_part_only(browser: Browser, full: Full) -> None:
    with signed_in(browser, full) as at:
        at.go("/?q=pump")
        expect(at.page.get_by_role("status").get_by_text("400 issues")).to_be_visible()
        assert 0 < at.hits().count() <= ROWS
        for _ in range(40):
            at.page.locator(".results").evaluate("one => one.scrollTo(0, one.scrollHeight)")
            at.page.wait_for_timeout(50)
        expect(at.page.locator('[aria-setsize="400"]').first).to_be_visible()
        assert at.hits().count() <= ROWS
        at.go(f"/connectors/{full.connector}/runs")
        expect(at.page.get_by_role("row")).to_have_count(51)
        at.step("Older runs")
        expect(at.page.get_by_role("button", name="Newer runs")).to_be_enabled()


@pytest.mark.parametrize("span", ["1 hour", "24 hours", "30 days"])
def test_the_plots_of_the_past_are_there_when_health_is_opened(browser: Browser, full: Full, span: str) -> None:
    with signed_in(browser, full) as at:
        at.go("/health")
        at.step(span)
        settle(at)
        for title in ("Documents per hour", "Error rate", "Calls to Jira", "Time told to wait", "Since the last complete run",
                      "Passages waiting", "Memory", "Search latency", "Searches"):  # fmt: skip
            plot = at.page.get_by_role("figure").filter(has_text=title)
            expect(plot.locator(".line, .column").first).to_be_attached()
        at.page.get_by_role("img", name="Memory of the largest process").focus()
        at.page.keyboard.press("ArrowLeft")
        expect(at.page.get_by_role("figure").filter(has_text="Memory")).to_contain_text(":")
        assert at.page.locator(".column").count() <= 3 * 121, "however many runs there were"
        assert at.faults == []


def test_filters_can_be_said_as_a_query_and_the_way_back_leads_to_them(browser: Browser, full: Full) -> None:
    with signed_in(browser, full) as at:
        at.go("/?q=pump&project=PUMP&project=HALL&status=Done&status=(none)&year=2024&year=2026")
        told = at.page.get_by_role("status").filter(has_text="issue")
        before = told.inner_text().split(" · ")[0]
        at.step("As a query")
        box = at.page.get_by_role("combobox", name="Search issues")
        expect(box).to_have_value(
            'project in ("PUMP", "HALL") and (status in ("Done") or status is empty) and '
            '((created >= "2024-01-01" and created < "2025-01-01") or (created >= "2026-01-01" and created < "2027-01-01")) '
            'and about "pump"'
        )
        expect(told).to_contain_text(before)
        expect(at.page.get_by_role("button", name="Remove the filter")).to_have_count(0)
        at.page.go_back()
        expect(box).to_have_value("pump")
        expect(at.page.get_by_role("button", name="Remove the filter")).to_have_count(6)
        at.page.go_forward()
        expect(box).to_have_value(re.compile("^project in"))


def test_a_theme_that_was_chosen_stays(browser: Browser, full: Full) -> None:
    with signed_in(browser, full) as at:
        at.page.get_by_role("button", name="Theme: system").click()
        at.page.get_by_role("button", name="Theme: light").click()
        at.page.reload()
        expect(at.page.locator("html")).to_have_attribute("data-theme", "dark")


def test_an_older_answer_never_replaces_a_newer_one(browser: Browser, full: Full) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        if '"pump 1' in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    with signed_in(browser, full) as at:
        at.page.route("**/v1/search", hold)
        at.find("pump 1")
        with at.page.expect_response("**/v1/search"):
            at.page.wait_for_timeout(300)
            at.find("zzzzzz")
        expect(at.page.get_by_text("Nothing found")).to_be_visible()
        assert held, "the first question was asked"
        with suppress(Error):  # the page may have given it up
            held[0].fulfill(json={"hits": [], "total": 77, "took_ms": 1, "vectors_ready": 1, "facets": {}, "notes": []})
        at.page.wait_for_timeout(300)
        expect(at.page.get_by_role("status").get_by_text("0 issues")).to_be_visible()


def test_a_query_is_completed_as_it_is_typed(browser: Browser, full: Full) -> None:
    with signed_in(browser, full) as at:
        box = at.page.get_by_role("combobox", name="Search issues")
        box.press_sequentially("project = PUMP and stat")
        option = at.page.get_by_role("option", name="status", exact=False).first
        expect(option).to_be_visible()
        assert at.trouble() == []
        at.page.keyboard.press("Enter")
        expect(box).to_have_value("project = PUMP and status ")


def test_keys_are_made_shown_once_and_revoked(browser: Browser, full: Full) -> None:
    with signed_in(browser, full) as at:
        at.go("/keys")
        at.step("Make a key")
        at.page.get_by_label("Name").fill("reader")
        at.page.get_by_label("Expires").select_option("30")
        at.page.get_by_label("May read beyond").fill("*")
        at.step("Make it")
        text = at.page.locator(".secret code").inner_text()
        assert text.startswith("jkb_")
        at.step("Done")
        row = at.page.get_by_role("row", name="reader")
        expect(row).to_contain_text("everything")
        expect(row).to_contain_text("in 30 d")
        at.page.reload()
        assert text not in at.page.content()
        with visit(browser, full.served) as other:
            other.go("/")
            other.page.get_by_label("API key").fill(text)
            other.page.get_by_role("button", name="Sign in").click()
            views = other.page.get_by_role("navigation", name="Views").get_by_role("link")
            expect(views).to_have_text(["Search"])
            other.go("/connectors")
            expect(other.page.get_by_text("This key may not do that")).to_be_visible()
            row.get_by_role("button", name="Revoke reader").click()
            at.page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
            expect(row).to_contain_text("revoked")
            other.go("/")
            expect(other.page.get_by_label("API key")).to_be_visible()
