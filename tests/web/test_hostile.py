"""Can an issue harm whoever reads it? Its words are words in every view, whatever they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.engine.house import wait_for
from tests.web.house import EMAIL, TOKEN, Visit, on_the_network, served, visit

from jirakb.simulator.site import Site

SCRIPT = "<script>window.harmed=1</script><img src=x onerror=window.harmed=2><svg/onload=window.harmed=3>"
LINK = "[press me|javascript:window.harmed=4] [or me|data:text/html,<script>window.harmed=5</script>]"
ADF_LINK = {
    "type": "doc",
    "version": 1,
    "content": [
        {"type": "paragraph", "content": [
            {"type": "text", "text": "press", "marks": [{"type": "link", "attrs": {"href": "javascript:window.harmed=6"}}]},
            {"type": "text", "text": f" {SCRIPT}"},
        ]}
    ],
}  # fmt: skip
TURNED = "invoice\u202efdp.exe \u2066left\u2067right"
LONG = "x" * 100_000
VIEWS = ("/", "/?q=hostile", "/?q=hostile&explain=1", "/connectors", "/health", "/keys")


def hostile() -> Site:
    site = Site("cloud")
    site.account("mallory", display_name=f"Mallory {SCRIPT}")
    key = site.create(
        "EVIL", f"Hostile {TURNED} {SCRIPT}", description=f"{SCRIPT}\n{LINK}\n{TURNED}\n{{code}}{SCRIPT}{{code}}",
        labels=["<b>bold</b>", "javascript:alert(1)"], assignee="mallory",
    )  # fmt: skip
    site.comment(key, f"{SCRIPT} {LINK} {TURNED}", author="mallory")
    site.comment(key, {"wiki": "press", "adf": ADF_LINK}, author="mallory")
    site.attach(key, f"../{SCRIPT[:60]}\u202egpj.exe", "some words of a hostile file", mime="text/plain")
    site.create(
        "EVIL", "Hostile and long", description=f"{LONG}\n\n{'[' * 20_000}\n\n{'*a ' * 20_000}\n\n{'> ' * 5_000}deep"
    )
    return site


@pytest.fixture(scope="module")
def at(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    home: Path = tmp_path_factory.mktemp("hostile") / "home"
    with on_the_network(hostile()) as running, served(home, running) as service, visit(browser, service) as visitor:
        visitor.sign_in()
        service.ask("POST", "/v1/keys", {"name": f"Key {TURNED} {SCRIPT}"[:200], "scope": "search"})
        service.ask("POST", "/v1/kb", {"name": f"Base {TURNED} {SCRIPT}"[:200]})
        made = service.ask("POST", "/v1/connector/set", {
            "name": f"Name {SCRIPT[:120]}", "config": {"base_url": running.base_url, "project_key": "*",
            "include_attachments": True, "embeddings": "none"},
            "credentials": {"jira_user_email": EMAIL, "jira_api_token": TOKEN},
        })  # fmt: skip
        run = service.ask("POST", f"/v1/connector/{made['id']}/sync")["run_id"]
        wait_for(lambda: service.ask("GET", f"/v1/connector/{made['id']}/runs/{run}")["finished"])
        visitor.connector = made["id"]
        yield visitor


def assert_unharmed(at: Visit) -> None:
    assert at.page.evaluate("window.harmed") is None
    assert at.page.locator("#page script, #page img, #page iframe, #page [onerror], #page [onload]").count() == 0
    addresses = at.page.eval_on_selector_all("#page a[href]", "all => all.map(one => one.href)")
    assert [one for one in addresses if not one.startswith(("http://127.0.0.1", "mailto:"))] == []
    assert at.faults == []


@pytest.mark.parametrize("view", VIEWS)
def test_hostile_words_are_words(at: Visit, view: str) -> None:
    at.go(view)
    expect(at.page.get_by_role("navigation", name="Views")).to_be_visible()
    at.page.wait_for_load_state("load")
    if "q=" in view:
        expect(at.hits()).to_have_count(2)
        expect(at.page.locator(".hits .snippet").get_by_text("<script>window").first).to_be_visible()
    assert_unharmed(at)


def test_a_hostile_issue_is_read_as_it_is_written(at: Visit) -> None:
    at.go("/?q=hostile&doc=EVIL-1")
    shown = at.page.get_by_role("complementary")
    expect(shown).to_contain_text("<script>window.harmed=1</script>")
    expect(shown).to_contain_text("press me")
    assert "\u202e" not in shown.inner_text(), "nothing turns the direction of what follows"
    expect(shown).not_to_contain_text("some words of a hostile file")  # hundreds of files are not drawn at once
    shown.get_by_text("Its text").click()
    expect(shown).to_contain_text("some words of a hostile file")
    for link in shown.get_by_text("press").all():
        link.click()
    assert_unharmed(at)


def test_a_word_of_a_hundred_thousand_characters_breaks_no_layout(at: Visit) -> None:
    at.go("/?q=hostile&doc=EVIL-2")
    expect(at.page.get_by_role("complementary")).to_contain_text("xxxx")
    width = at.page.evaluate("document.documentElement.scrollWidth")
    assert width <= at.page.viewport_size["width"]  # type: ignore[index]
    pane = at.page.evaluate(
        "(() => { const p = document.querySelector('.document'); return p.scrollWidth - p.clientWidth; })()"
    )
    assert pane <= 0
    assert_unharmed(at)


def test_hostile_values_are_facets_chips_and_parts_of_a_query(at: Visit) -> None:
    at.go("/?q=hostile")
    at.page.get_by_role("button", name="<b>bold</b>").click()
    expect(at.page.get_by_role("button", name="Remove the filter Label")).to_contain_text("<b>bold</b>")
    at.page.get_by_role("button", name="Mallory <script>").click()
    expect(at.hits()).to_have_count(1)
    assert_unharmed(at)
    at.step("As a query")
    expect(at.page.get_by_role("combobox", name="Search issues")).to_have_value(re.compile("labels in .*<b>bold</b>"))
    expect(at.hits()).to_have_count(1)
    assert_unharmed(at)


def test_what_a_hostile_jira_says_of_an_error_is_text(at: Visit) -> None:
    at.go(f"/connectors/{at.connector}/edit?step=3")
    at.page.get_by_label("And only issues that match").fill(f'project = "{SCRIPT}"')
    at.step("Count and show samples")
    expect(at.page.get_by_role("alert")).to_contain_text("<script>")
    assert_unharmed(at)


@pytest.mark.parametrize("tab", ["", "/runs", "/omissions", "/settings"])
def test_a_hostile_name_is_a_name(at: Visit, tab: str) -> None:
    at.go(f"/connectors/{at.connector}{tab}")
    expect(at.page.get_by_role("heading", level=1)).to_contain_text("<script>")
    assert_unharmed(at)


def test_the_address_is_no_way_in(at: Visit) -> None:
    at.go("/?q=%3Cimg%20src%3Dx%20onerror%3Dharmed%3D1%3E&project=%3Cscript%3E&doc=%3Cscript%3Ealert(1)%3C/script%3E")
    expect(at.page.get_by_role("alert")).to_be_visible()
    assert_unharmed(at)
