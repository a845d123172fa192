"""How long until a view of the web page can be used? With all real issues, a thousand runs and samples of a month, in a real browser.

Time goes from the navigation until everything that the view asks for is drawn. Needs Chromium (tests/web/install_chromium.sh).
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page
from tests.engine.house import wait_for
from tests.web.house import Served, browser, chromium, remember, served, visit

from bench.simulated import simulated
from bench.tables import Table

ROUNDS = 7
RUNS = 1_000
LIMIT_MS = 1_000.0
COLUMNS = ("view", "median ms", "worst ms", "of them asking")
TITLE = "Opening a view of the page"
QUESTION = "app crashes when the window is opened"


@dataclass(frozen=True)
class View:
    """An address, and what must stand in the page before it can be used."""

    name: str
    path: str
    shown: str


def run(corpus: Path | None) -> Table:
    """Measure each view; without the corpus or a browser there are no rows."""
    if corpus is None or not chromium():
        return Table("page", f"{TITLE}: not run", COLUMNS, ())
    with full(corpus) as (service, connector, issues), browser() as made:
        rows = [measured(made, service, view) for view in views(service, connector)]
        rows.append(typed(made, service))
    detail = {
        "load_average": os.getloadavg()[0],
        "issues": issues,
        "runs": RUNS,
        "rounds": ROUNDS,
        "within_a_second": all(row[2] < LIMIT_MS for row in rows),
    }
    return Table(
        "page", f"{TITLE}, {issues} issues, {RUNS} runs", COLUMNS, rows, packages=("playwright",), detail=detail
    )


@contextmanager
def full(corpus: Path) -> Iterator[tuple[Served, str, int]]:
    """A service that has read all issues, with its connector and how many issues they are."""
    with (
        tempfile.TemporaryDirectory(prefix="jirakb-page-") as folder,
        simulated("cloud", [corpus]) as site,
        served(Path(folder) / "home", None, **site.settings) as service,
    ):
        made = service.ask("POST", "/v1/connector/set", {
            "name": "Corpus", "config": {"base_url": site.base_url, "project_key": "*", "embeddings": "none"},
            "credentials": {"jira_user_email": site.credentials.email, "jira_api_token": site.credentials.token},
        })  # fmt: skip
        path = f"/v1/connector/{made['id']}"
        run = service.ask("POST", f"{path}/sync")["run_id"]
        wait_for(lambda: service.ask("GET", f"{path}/runs/{run}")["finished"], 3600)
        remember(service, made, RUNS)
        yield service, made["id"], service.ask("GET", path)["counts"]["issues"]


def views(service: Served, connector: str) -> list[View]:
    """Every view that shows what was read."""
    key = service.ask("POST", "/v1/search", {"query": QUESTION, "mode": "text"})["hits"][0]["key"]
    asked, one = f"/?q={QUESTION.replace(' ', '+')}", f"/connectors/{connector}"
    return [
        View("search, nothing asked", "/", ".hit"),
        View("search", asked, ".hit"),
        View("search with filters and reasons", f"{asked}&type=Bug&explain=1", ".why"),
        View("search with a document", f"{asked}&doc={key}", ".similar li"),
        View("connectors", "/connectors", "tbody tr"),
        View("connector", one, ".facts"),
        View("runs", f"{one}/runs", "tbody tr:nth-child(50)"),
        View("omissions", f"{one}/omissions", ".empty, tbody tr"),
        View("settings", f"{one}/settings", ".pairs"),
        View("edit", f"{one}/edit?step=3", "fieldset"),
        *(View(f"health, {hours} h", f"/health?hours={hours}", "svg") for hours in (1, 24, 720)),
        View("keys", "/keys", "tbody tr"),
    ]


def measured(made: Browser, service: Served, view: View) -> tuple[str, float, float, float]:
    """Median and worst of some openings, each in a browser that knows the page's files; and the median's share of requests."""
    with visit(made, service) as at:
        at.sign_in()
        times, asking = [], []
        for _ in range(ROUNDS):
            at.go(view.path)
            times.append(settled(at.page, view.shown))
            asking.append(at.page.evaluate(_ASKED))
        assert at.faults == []
    return view.name, statistics.median(times), max(times), statistics.median(asking)


def settled(page: Page, shown: str) -> float:
    """The milliseconds since the navigation began, when nothing is awaited any more."""
    return float(page.wait_for_function(_SETTLED, arg=shown, polling="raf").json_value())


def typed(made: Browser, service: Served) -> tuple[str, float, float, float]:
    """From the last key to the hits of a question that was typed."""
    with visit(made, service) as at:
        at.sign_in()
        at.go("/")
        settled(at.page, ".hit")
        times = []
        for number in range(ROUNDS):
            box = at.page.get_by_role("combobox", name="Search issues")
            with at.page.expect_response("**/v1/search"):
                before = at.page.evaluate("performance.now()")
                box.fill(f"{QUESTION} {number}")
            times.append(settled(at.page, ".hit") - before)
    return "search, typed", statistics.median(times), max(times), 0.0


_SETTLED = """shown => !document.querySelector(".skeleton, [data-stale=true]") && document.querySelector(shown) && performance.now()"""
_ASKED = """() => Math.max(0, ...performance.getEntriesByType("resource").filter(one => one.name.includes("/v1/")).map(one => one.duration))"""
