"""How does the web page look? Takes the pictures of docs/images from the demonstration's site, with the browser of the tests.

Run it after a change of the page: `.venv/bin/python docs/pictures.py`; look at them before they are kept.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the house of the page's tests

from tests.engine.house import FETCH, wait_for  # noqa: E402
from tests.web.house import Served, Visit, browser, on_the_network, remember, served, visit  # noqa: E402

from jirakb.simulator.sample import SAMPLE  # noqa: E402
from jirakb.simulator.site import Site  # noqa: E402
from jirakb.simulator.switches import Fault  # noqa: E402

QUESTION = "/?q=sensor+readings+stop+after+an+update"
THEMES = ("light", "dark")


def main(folder: Path) -> None:
    """Connect the demonstration's site by hand, and take a picture of each view in both themes."""
    folder.mkdir(parents=True, exist_ok=True)
    site = Site.load([SAMPLE])
    with (
        tempfile.TemporaryDirectory() as home,
        on_the_network(site) as running,
        served(Path(home) / "home", running, JIRAKB_CONNECTIONS="1") as service,
        browser() as opened,
    ):
        with visit(opened, service) as at:
            at.go("/")
            take(at, folder, "sign-in-light")
            at.sign_in()
            connect(at, site, running.base_url, folder)
        wait_for(lambda: is_ready(service), 240)
        remember(service, service.ask("GET", "/v1/connector/list")["items"][0], 1000)
        for theme in THEMES:
            with visit(opened, service, theme=theme) as at:
                at.sign_in()
                tour(at, folder, theme)
        with visit(opened, service, width=375, height=740) as at:
            at.sign_in()
            at.go(QUESTION)
            expect(at.hits().first).to_be_visible()
            take(at, folder, "phone-light")


def connect(at: Visit, site: Site, address: str, folder: Path) -> None:
    """The steps, and the first sync while it works."""
    at.connect(address, name="Quillmoss")
    at.step("Count and show samples")
    expect(at.page.get_by_text("288 issues").last).to_be_visible()
    take(at, folder, "connect-light")
    at.step("Count and go on")
    expect(at.page.get_by_label("Labels to skip")).to_be_visible()
    take(at, folder, "options-light")
    at.step("Go on")
    take(at, folder, "schedule-light")
    site.switches.faults = [Fault(share=1.0, kind="slow", seconds=2.0, endpoints=(FETCH,))]
    at.step("Connect and sync")
    expect(at.page.get_by_role("progressbar", name="Fetching")).to_be_visible()
    take(at, folder, "syncing-light")
    site.switches.faults = []


def is_ready(service: Served) -> bool:
    """Whether everything can be searched by meaning, too."""
    (base,) = service.ask("GET", "/v1/kb")["items"]
    return bool(base["issues"] >= 288 and base["vectors_ready"] >= 1)


def tour(at: Visit, folder: Path, theme: str) -> None:
    """Every view with something in it."""
    (one,) = at.served.ask("GET", "/v1/connector/list")["items"]
    at.go(QUESTION + "&explain=1")
    at.hits().first.get_by_role("link").click()
    expect(at.page.locator(".similar li").first).to_be_visible()
    take(at, folder, f"search-{theme}")
    paths = {"connectors": "/connectors", "connector": f"/connectors/{one['id']}", "runs": f"/connectors/{one['id']}/runs",
             "settings": f"/connectors/{one['id']}/settings", "health": "/health", "keys": "/keys"}  # fmt: skip
    for name, path in paths.items():
        at.go(path)
        expect(at.page.locator(".skeleton")).to_have_count(0)
        take(at, folder, f"{name}-{theme}")


def take(at: Visit, folder: Path, name: str) -> None:
    """One picture, when what moves has come to rest."""
    at.page.wait_for_timeout(400)
    seen = Image.open(io.BytesIO(at.page.screenshot(animations="disabled")))
    seen.save(folder / f"{name}.webp", quality=82, method=6)
    assert at.faults == []


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/images")
