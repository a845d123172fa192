"""How does the service hand out the page? Small, kept where it never changes, under a policy that no word of an issue passes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, expect
from tests.engine.house import house
from tests.web.house import served, visit

from jirakb.service.web.app import create_app


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with house(tmp_path_factory.mktemp("served") / "home") as made, TestClient(create_app(made.service)) as client:
        yield client


def script(client: TestClient) -> str:
    (name,) = re.findall(r'src="(/assets/[^"]+)"', client.get("/").text)
    return str(name)


@pytest.mark.parametrize(
    "path", ["/", "/search", "/connectors/new", "/connectors/01JDC2M9S0Q4V6T8X1Z3B5D7F9/runs", "/signin"]
)
def test_every_address_of_the_page_is_the_page(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["content-type"].startswith("text/html")
    assert '<div id="page">' in answer.text
    assert answer.headers["cache-control"] == "no-cache", "a new build is seen at once"


def test_what_is_named_by_its_content_is_kept_for_long_and_sent_small(client: TestClient) -> None:
    answer = client.get(script(client), headers={"Accept-Encoding": "gzip"})
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("path", ["/assets/none.js", "/v1/none", "/assets/../../app.py", "/%2e%2e/app.py"])
def test_nothing_else_is_handed_out(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404 or '<div id="page">' in answer.text
    assert "create_app" not in answer.text


def test_the_policy_lets_nothing_run_that_is_not_the_page_s_own(client: TestClient) -> None:
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_who_signs_out_is_out(browser: Browser, tmp_path: Path) -> None:
    with served(tmp_path / "home") as service, visit(browser, service) as at:
        at.sign_in()
        kept = {one["name"]: one for one in at.context.cookies()}
        at.step("Sign out")
        expect(at.page.get_by_label("API key")).to_be_visible()
        at.context.add_cookies(
            [{"name": name, "value": str(one["value"]), "url": service.address} for name, one in kept.items()]
        )
        at.page.reload()
        expect(at.page.get_by_label("API key")).to_be_visible()
        assert all(one["httpOnly"] and one["sameSite"] == "Strict" for one in kept.values())
        assert kept
