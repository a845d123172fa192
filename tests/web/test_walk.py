"""Does the page carry somebody from the first start to the day a connector is removed?"""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, expect
from tests.engine.house import FETCH
from tests.web.house import EMAIL, TOKEN, on_the_network, served, visit

from jirakb.simulator.site import Site
from jirakb.simulator.switches import Fault


def garden() -> Site:
    """A site that is read slowly enough to be watched."""
    site = Site("cloud")
    site.create("PUMP", "Pump stops after the restart", description="The valve turns once and stays.", type="Bug")
    site.create("PUMP", "Pump halts when the valve is shut", description="The valve turns once and halts.", type="Bug")
    for number in range(240):
        site.create(("PUMP", "HALL")[number % 2], f"Lamp {number} flickers", description=f"Socket s{number}x hums.")
    return site


def test_from_the_first_start_to_the_removal_of_a_connector(browser: Browser, tmp_path: Path) -> None:
    site = garden()
    with (
        on_the_network(site) as running,
        served(tmp_path / "home", running, JIRAKB_CONNECTIONS="1") as service,
        visit(browser, service) as at,
    ):
        page = at.page
        page.goto(service.link)
        expect(page.get_by_text("Nothing to search yet")).to_be_visible()
        assert "#" not in page.url, "the code stays in no address"
        page.get_by_role("link", name="Connect a site").click()

        page.get_by_label("Address of the Jira site").fill(running.base_url)
        page.get_by_label("Name", exact=True).fill("Garden")
        at.step("Test the address")
        expect(page.get_by_text("Jira Cloud answers")).to_be_visible()
        page.get_by_label("E-mail").fill(EMAIL)
        page.get_by_label("API token").fill(TOKEN)
        at.step("Test the sign-in")
        expect(page.get_by_text("Signed in as Sync Agent")).to_be_visible()
        expect(page.get_by_text("242 issues, about")).to_be_visible()
        page.get_by_label("Some projects").check()
        page.get_by_label("PUMP").check()
        at.step("Count and show samples")
        expect(page.get_by_role("status").get_by_text("122 issues")).to_be_visible()
        page.locator(".sample summary").first.click()
        expect(page.locator(".sample pre").first).to_contain_text("key: PUMP-1")
        page.get_by_label("Every project").check()
        site.switches.faults = [Fault(share=1.0, kind="slow", seconds=1.5, endpoints=(FETCH,))]
        at.finish_connecting()

        expect(page.get_by_role("region", name="Run under way")).to_be_visible()
        expect(page.get_by_role("progressbar", name="Fetching")).to_have_attribute("aria-valuemax", "242")
        expect(page.get_by_role("region", name="Last run")).to_contain_text("242 indexed")
        site.switches.faults = []

        page.get_by_role("link", name="Search", exact=True).click()
        page.keyboard.press("/")
        page.keyboard.type("valve turns")
        expect(at.hits()).to_have_count(2)
        expect(page.locator("mark").first).to_be_visible()
        at.find("socket")
        expect(page.get_by_role("status").get_by_text("240 issues")).to_be_visible()
        page.get_by_role("button", name=re.compile("^HALL ")).click()
        expect(page.get_by_role("status").get_by_text("120 issues")).to_be_visible()
        assert "project=HALL" in page.url
        expect(page.get_by_role("button", name="PUMP 120")).to_be_visible()
        page.reload()
        expect(page.get_by_role("status").get_by_text("120 issues")).to_be_visible()
        page.get_by_role("button", name="Remove the filter Project HALL").click()
        at.find("pump stops")
        expect(page.get_by_role("status").get_by_text("122 issues")).to_be_visible()
        expect(at.hits().first).to_contain_text("PUMP-1")
        page.keyboard.press("ArrowDown")
        expect(at.hits().first.get_by_role("link")).to_be_focused()
        page.keyboard.press("Enter")
        shown = page.get_by_role("complementary")
        expect(shown).to_contain_text("The valve turns once and stays.")
        page.get_by_role("button", name="Copy as markdown").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert "key: PUMP-1" in page.evaluate("navigator.clipboard.readText()")
        expect(page.get_by_role("link", name="Open in Jira")).to_have_attribute(
            "href", f"{running.base_url}/browse/PUMP-1"
        )
        shown.get_by_role("region", name="Similar issues").get_by_role("link", name="Pump halts").click()
        expect(shown).to_contain_text("The valve turns once and halts.")
        page.go_back()
        expect(shown).to_contain_text("The valve turns once and stays.")
        at.hits().first.get_by_role("link").focus()
        page.keyboard.press("ArrowRight")
        expect(shown).to_be_focused()
        page.keyboard.press("ArrowLeft")
        expect(at.hits().first.get_by_role("link")).to_be_focused()
        page.keyboard.press("Escape")
        expect(shown).to_have_count(0)

        page.get_by_role("link", name="Connectors").click()
        page.get_by_role("link", name="Garden").click()
        at.step("Pause")
        expect(page.locator(".badge").get_by_text("paused", exact=True)).to_be_visible()
        site.edit("PUMP-1", summary="Pump sings after the restart")
        at.step("Resume")
        expect(page.locator(".badge").get_by_text("active", exact=True)).to_be_visible()
        at.step("Sync now")
        page.get_by_role("link", name="Runs").click()
        expect(page.get_by_role("row").nth(1)).to_contain_text("1 indexed")
        at.go("/?q=sings")
        expect(at.hits()).to_have_count(1)
        expect(at.hits().first).to_contain_text("Pump sings after the restart")

        at.go("/connectors")
        page.get_by_role("link", name="Garden").click()
        rebuild = page.get_by_role("button", name="Rebuild…")
        rebuild.click()
        expect(page.get_by_role("dialog")).to_contain_text("the search goes on meanwhile")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(rebuild).to_be_focused()
        rebuild.click()
        asked = page.get_by_role("dialog")
        asked.get_by_label("From").select_option("raw")
        asked.get_by_role("button", name="Rebuild").click()
        expect(page.get_by_role("region", name="Last run")).to_contain_text("rebuild, ended")
        expect(page.get_by_role("region", name="Last run").locator(".badge")).to_have_text("complete")

        at.step("Remove…")
        expect(page.get_by_role("dialog")).to_contain_text("242 issues")
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        expect(page.get_by_text("No site is connected yet")).to_be_visible()
        assert at.faults == []
