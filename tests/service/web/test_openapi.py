"""What the OpenAPI says holds: no answer that it does not tell, no fault, whatever is sent; and it tells everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from docs.generate import HTTP_PAGE, http_page
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.engine.house import TENANT, house
from tests.servers import fresh_database
from tests.service.web.conftest import Web
from tests.service.web.test_connectors import FIRST

from jirakb.control.config import ConnectorConfig
from jirakb.service.web.app import create_app
from jirakb.service.web.assets import Assets

SAVED = ConnectorConfig.model_validate(FIRST["config"])
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture]
BOUNDED = settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=QUIET, phases=[Phase.generate]
)  # fmt: skip


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def examples(database: str) -> int:
    """How many: what does not differ by the database is seen with the one that costs less."""
    return 6 if database == "sqlite" else 2


@pytest.fixture(scope="module")
def api(
    database: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:  # fmt: skip
    """The OpenAPI of an app that knows a connector, with an admin key in each request."""
    url = fresh_database(request.getfixturevalue("postgres")) if database == "postgres" else ""
    with house(tmp_path_factory.mktemp("api") / "home", url) as made:
        app = create_app(made.service)
        app.state.context.feed.close()  # a stream that has ended can be looked at
        key = made.service.keys.create(TENANT, "admin", principals=("*",))[1]
        schema = schemathesis.openapi.from_asgi("/openapi.json", app)
        schema.config.update(headers={"Authorization": f"Bearer {key}"})
        made.service.connectors.create(TENANT, made.service.catalog.create("one", TENANT).id, "one", SAVED)
        yield schema.exclude(path_regex="/v1/connector/(test|preview)$")  # they would call the sites that are made up


def _cases(operation: Any, mode: GenerationMode) -> SearchStrategy[Any]:
    strategy: SearchStrategy[Any] = operation.as_strategy(generation_mode=mode)
    return strategy


def _ask(case: Any) -> None:
    case.call_and_validate(checks=CHECKS)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "unfitting"])
def test_no_request_meets_a_fault_or_an_answer_that_is_not_told(
    api: Any, mode: GenerationMode, examples: int
) -> None:  # fmt: skip
    asked = []
    for found in api.get_all_operations():
        operation = found.ok()
        if mode is GenerationMode.POSITIVE or operation.body or operation.query:  # of others nothing can be wrong
            settings(BOUNDED, max_examples=examples)(given(case=_cases(operation, mode))(_ask))()
            asked.append(operation.label)
    assert len(asked) > (25 if mode is GenerationMode.POSITIVE else 15)


def test_requests_that_build_on_each_other_meet_no_fault(api: Any, examples: int) -> None:
    class Machine(api.as_state_machine()):  # type: ignore[misc]
        def validate_response(self, response: Any, case: Any, **more: Any) -> None:
            case.validate_response(response, checks=CHECKS)

    Machine.run(settings=settings(BOUNDED, max_examples=examples, stateful_step_count=10))


def test_every_answer_is_described_with_an_example(idle: Web) -> None:
    schema = idle.app.openapi()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description"), (method, path)
            for status, answer in operation["responses"].items():
                for content in answer.get("content", {}).values():
                    name = content["schema"].get("$ref", "").rpartition("/")[2]
                    known = schema["components"]["schemas"].get(name, {})
                    listed = known.get("properties", {}).get("items", {}).get("items", {}).get("$ref")
                    inner = schema["components"]["schemas"][listed.rpartition("/")[2]] if listed else {}
                    found = content.get("example") or known.get("examples") or inner.get("examples")
                    assert found, (method, path, status)


def test_the_reference_in_the_documentation_is_fresh() -> None:
    assert HTTP_PAGE.read_text("utf-8") == http_page(), "run .venv/bin/python docs/generate.py"


def test_the_page_of_the_interface_names_every_route_and_runs_nothing(idle: Web) -> None:
    page = idle.client.get("/docs").text
    assert all(path in page for path in idle.app.openapi()["paths"])
    assert "<script" not in page
    assert "style=" not in page
    assert idle.client.get("/docs/style.css").headers["content-type"].startswith("text/css")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """The files of a page."""
    (tmp_path / "static" / "assets").mkdir(parents=True)
    (tmp_path / "static" / "index.html").write_text("<title>page</title>")
    (tmp_path / "static" / "assets" / "app-1a2b.js").write_text("1")
    (tmp_path / "secret").write_text("hidden")
    return tmp_path / "static"


def test_the_web_page_answers_for_every_address_of_its_own(idle: Web, built: Path) -> None:
    with TestClient(Assets(idle.app, built)) as client:
        for path in ("/", "/search?q=x", "/connectors/1"):
            assert client.get(path).text == "<title>page</title>"
            assert client.get(path).headers["cache-control"] == "no-cache"
        assert "immutable" in client.get("/assets/app-1a2b.js").headers["cache-control"]
        for path in ("/v1/kb", "/v1", "/assets/gone.js", "/../secret", "/%2e%2e/secret", "/a%00b"):
            assert "hidden" not in client.get(path).text
            assert "title" not in client.get(path).headers["content-type"]
        assert client.get("/v1/kb").status_code == 401
        assert client.get("/assets/gone.js").status_code == 404
