"""Who may ask for what: keys, scopes, tenants, sessions, and the limits of a request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.engine.house import TENANT, house
from tests.service.web.conftest import Web, web_on
from tests.service.web.test_connectors import FIRST

from jirakb.control.sessions import Sessions
from jirakb.service.web.app import create_app
from jirakb.service.web.edge import Edge
from jirakb.service.web.failures import ALLOWED

OPEN = {"/healthz", "/readyz", "/metrics"}
PAGE = {"X-Requested-With": "jirakb"}
SEARCHES = {
    "/v1/kb",
    "/v1/kb/{id}",
    "/v1/documents/{key}",
    "/v1/search",
    "/v1/similar",
    "/v1/context",
    "/v1/complete",
    "/v1/session",
}
FOR_ADMINS = {
    ("POST", "/v1/connector/set"), ("POST", "/v1/connector/{id}/rm"), ("POST", "/v1/connector/test"),
    ("POST", "/v1/connector/preview"), ("POST", "/v1/kb"), ("DELETE", "/v1/kb/{id}"), ("GET", "/v1/keys"),
    ("POST", "/v1/keys"), ("DELETE", "/v1/keys/{id}"),
}  # fmt: skip


def operations(web: Web) -> Iterator[tuple[str, str, Any]]:
    """Each route that wants a key: its method, its path, and an example of its body."""
    schema = web.app.openapi()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if path in OPEN or (method, path) == ("post", "/v1/session"):
                continue
            yield method.upper(), path, _example(schema, operation)


def _example(schema: Any, operation: Any) -> Any:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body is None:
        return None
    name = next(one["$ref"] for one in (body, *body.get("anyOf", ())) if "$ref" in one).rpartition("/")[2]
    return schema["components"]["schemas"][name]["examples"][0]


def filled(path: str, ids: dict[str, str]) -> str:
    """The path with the ids of real things."""
    kind = "kb" if "/kb/" in path else "key" if "/keys/" in path else "connector"
    return path.replace("{id}", ids[kind]).replace("{run}", ids["run"]).replace("{key}", "PUMP-1")


@pytest.fixture
def things(idle: Web) -> dict[str, str]:
    """A connector, its knowledge base and its run, and a key, all of the first tenant."""
    connector = idle.ask("POST", "/v1/connector/set", FIRST).json()
    run = idle.ask("POST", f"/v1/connector/{connector['id']}/sync").json()["run_id"]
    key = idle.ask("POST", "/v1/keys", {"scope": "search"}).json()
    return {"connector": connector["id"], "kb": connector["kb_id"], "run": run, "key": key["id"]}


def test_every_route_wants_a_key(idle: Web, things: dict[str, str]) -> None:
    for method, path, body in operations(idle):
        answer = idle.client.request(method, filled(path, things), json=body)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="jirakb"'), path
        assert answer.headers["content-type"] == "application/problem+json"


def test_every_route_refuses_too_small_a_scope(idle: Web, things: dict[str, str]) -> None:
    refused = set()
    for scope in ("search", "sync"):
        key = idle.key(scope)
        for method, path, body in operations(idle):
            enough = path in SEARCHES if scope == "search" else True
            if enough and (method, path) not in FOR_ADMINS:
                continue
            answer = idle.ask(method, filled(path, things), body, key=key)
            assert (answer.status_code, answer.json()["code"]) == (403, "scope"), (method, path, scope)
            refused.add((method, path))
    assert refused >= FOR_ADMINS


def test_every_things_of_another_tenant_are_not_found(idle: Web, things: dict[str, str]) -> None:
    stranger = idle.key("admin", "t2")
    tried = 0
    for method, path, body in operations(idle):
        if "{" not in path:
            continue
        answer = idle.ask(method, filled(path, things), body, key=stranger)
        assert answer.status_code == 404, (method, path)
        tried += 1
    assert tried > 12
    body = {"id": things["connector"], "name": "mine now"}
    assert idle.ask("POST", "/v1/connector/set", body, key=stranger).status_code == 404
    assert idle.ask("POST", "/v1/connector/set", {**FIRST, "kb_id": things["kb"]}, key=stranger).status_code == 404
    assert idle.ask("POST", "/v1/search", {"query": "pump", "kb_id": things["kb"]}, key=stranger).status_code == 404
    assert (
        idle.ask("POST", "/v1/connector/test", {**_trial(), "id": things["connector"]}, key=stranger).status_code == 404
    )
    for path in ("/v1/connector/list", "/v1/kb"):
        assert idle.ask("GET", path, key=stranger).json()["items"] == []
    assert [one["scope"] for one in idle.ask("GET", "/v1/keys", key=stranger).json()["items"]] == ["admin"]


def _trial() -> dict[str, Any]:
    return {"config": FIRST["config"]}


@pytest.mark.parametrize("text", ["", "x", "jkb_x", "%00", "a" * 300], ids=["none", "short", "foreign", "nul", "long"])
def test_an_id_that_cannot_be_one_is_not_found(idle: Web, text: str) -> None:
    if text:
        assert idle.ask("GET", f"/v1/connector/{text}").status_code == 404
        assert idle.ask("GET", f"/v1/kb/{text}").status_code == 404


def test_a_revoked_and_an_expired_key_are_refused(idle: Web) -> None:
    made = idle.ask("POST", "/v1/keys", {"scope": "admin", "name": "short"}).json()
    assert idle.ask("GET", "/v1/keys", key=made["key"]).status_code == 200
    assert idle.ask("DELETE", f"/v1/keys/{made['id']}").status_code == 204
    assert idle.ask("GET", "/v1/keys", key=made["key"]).status_code == 401
    past = {"scope": "admin", "expires": "2020-01-01T00:00:00Z"}
    assert idle.ask("POST", "/v1/keys", past).status_code == 422
    listed = idle.ask("GET", "/v1/keys").text
    assert made["key"] not in listed


def test_too_many_wrong_keys_close_the_door_for_a_while(idle: Web) -> None:
    wrong = [idle.ask("GET", "/v1/kb", key="jkb_wrong").status_code for _ in range(ALLOWED + 1)]
    assert wrong == [401] * ALLOWED + [429]
    refused = idle.ask("GET", "/v1/kb")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 60


def test_a_session_stands_for_its_key_until_it_ends(idle: Web) -> None:
    made = idle.ask("POST", "/v1/keys", {"scope": "admin", "name": "page"}).json()
    answer = idle.client.post("/v1/session", json={"key": made["key"]}, headers=PAGE)
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/"))
    assert "Secure" not in cookie
    assert idle.client.get("/v1/session").json()["key_id"] == made["id"]
    assert idle.client.get("/v1/connector/list").status_code == 200
    idle.ask("DELETE", f"/v1/keys/{made['id']}", headers=PAGE)
    assert idle.client.get("/v1/connector/list").status_code == 401


def test_signing_out_ends_the_session_for_whoever_kept_it(idle: Web) -> None:
    answer = idle.client.post("/v1/session", json={"key": idle.key()}, headers=PAGE)
    kept = answer.cookies["jirakb_session"]
    assert idle.client.delete("/v1/session", headers=PAGE).status_code == 204
    again = idle.client.get("/v1/session", headers={"Cookie": f"jirakb_session={kept}"})
    assert (again.status_code, again.json()["code"]) == (401, "session_ended")


def test_a_session_ends_after_half_a_day(tmp_path: Path) -> None:
    now = [datetime.now(UTC)]
    with house(tmp_path / "home") as made:
        app = create_app(made.service, clock=lambda: now[0])
        with TestClient(app) as client:
            text = made.service.keys.create(TENANT, "search")[1]
            client.post("/v1/session", json={"key": text}, headers=PAGE)
            now[0] += timedelta(hours=11)
            assert client.get("/v1/session", headers=PAGE).status_code == 200
            now[0] += timedelta(hours=2)
            assert client.get("/v1/session", headers=PAGE).status_code == 401


def test_over_tls_the_cookie_goes_over_tls_only(idle: Web) -> None:
    with TestClient(idle.app, base_url="https://testserver") as client:
        answer = client.post("/v1/session", json={"key": idle.key()}, headers=PAGE)
    assert "Secure" in answer.headers["set-cookie"]


def test_a_sign_in_code_works_once(idle: Web) -> None:
    key, _ = idle.house.service.keys.create(TENANT, "admin")
    code = Sessions(idle.house.service.engine_db).code(key, datetime.now(UTC))
    assert idle.client.post("/v1/session", json={"code": code}, headers=PAGE).status_code == 200
    again = idle.client.post("/v1/session", json={"code": code}, headers=PAGE)
    assert (again.status_code, again.json()["code"]) == (401, "unknown_code")
    old = Sessions(idle.house.service.engine_db).code(key, datetime.now(UTC) - timedelta(minutes=11))
    assert idle.client.post("/v1/session", json={"code": old}, headers=PAGE).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-Requested-With": "else"}, {**PAGE, "Origin": "https://evil.example"}, {**PAGE, "Origin": "null"}],
    ids=["no-header", "other-header", "other-origin", "null-origin"],
)
def test_another_page_cannot_ride_on_the_cookie(idle: Web, headers: dict[str, str]) -> None:
    idle.client.post("/v1/session", json={"key": idle.key()}, headers=PAGE)
    answer = idle.client.post("/v1/kb", json={"name": "planted"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_from_page")
    own = {**PAGE, "Origin": "http://testserver"}
    assert idle.client.post("/v1/kb", json={"name": "own"}, headers=own).status_code == 201


@pytest.mark.parametrize("told", [True, False], ids=["with-length", "in-pieces"])
def test_a_body_over_a_megabyte_is_refused(idle: Web, told: bool) -> None:
    body = b'{"query": "' + b"a" * (1 << 20) + b'"}'
    content: Any = body if told else (body[at : at + 65536] for at in range(0, len(body), 65536))
    headers = {"Authorization": f"Bearer {idle.key()}", "Content-Type": "application/json"}
    answer = idle.client.post("/v1/search", content=content, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")


def test_a_body_that_does_not_come_is_not_waited_for(idle: Web) -> None:
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": "/v1/search",
        "raw_path": b"/v1/search", "root_path": "", "scheme": "http", "query_string": b"", "client": ("192.0.2.1", 9),
        "server": ("testserver", 80),
        "headers": [(b"authorization", f"Bearer {idle.key()}".encode()), (b"content-type", b"application/json")],
    }  # fmt: skip
    sent: list[Any] = []

    async def drop() -> Any:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(asyncio.wait_for(Edge(idle.app, body_seconds=0.3)(scope, drop, send), 10))
    assert sent[0]["status"] == 408
    assert (b"content-type", b"application/problem+json") in sent[0]["headers"]


def test_every_answer_carries_the_headers_that_protect_it(idle: Web) -> None:
    for path in ("/healthz", "/docs", "/v1/kb", "/nowhere"):
        headers = idle.ask("GET", path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert len(headers["x-request-id"]) == 26
        assert "access-control-allow-origin" not in headers
    assert idle.ask("GET", "/v1/kb").headers["cache-control"] == "no-store"
    assert idle.ask("GET", "/v1/kb", headers={"X-Request-Id": "abcd-1234"}).headers["x-request-id"] == "abcd-1234"


def test_other_origins_may_ask_where_the_setting_names_them(tmp_path: Path) -> None:
    origin = "https://portal.example"
    with house(tmp_path / "home", cors_origins=(origin,)) as made, web_on(made) as web:
        assert web.ask("GET", "/v1/kb", headers={"Origin": origin}).headers["access-control-allow-origin"] == origin
        other = web.ask("GET", "/v1/kb", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers


def test_a_fault_of_ours_tells_a_reference_and_nothing_else(idle: Web, caplog: pytest.LogCaptureFixture) -> None:
    @idle.app.get("/v1/broken")
    def broken() -> None:
        raise ValueError("secret detail")

    answer = idle.ask("GET", "/v1/broken")
    assert answer.status_code == 500
    told = answer.json()
    assert set(told) == {"type", "title", "status", "code", "reference"}
    assert told["reference"] == answer.headers["x-request-id"]
    assert told["reference"] in caplog.text


def test_a_lost_database_is_told_as_a_503(tmp_path: Path) -> None:
    with house(tmp_path / "home") as made, web_on(made) as web:
        key = web.key()
        made.service.engine_db.dispose()
        (tmp_path / "home" / "control.sqlite").rename(tmp_path / "away")
        (tmp_path / "home" / "control.sqlite").mkdir()
        answer = web.ask("GET", "/v1/kb", key=key)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert web.client.get("/readyz").status_code == 503
        assert web.client.get("/healthz").status_code == 200
        (tmp_path / "home" / "control.sqlite").rmdir()
        (tmp_path / "away").rename(tmp_path / "home" / "control.sqlite")
        assert web.ask("GET", "/v1/kb", key=key).status_code == 200


def test_the_metrics_are_open_on_this_machine_and_the_owners_elsewhere(idle: Web) -> None:
    with TestClient(idle.app, client=("127.0.0.1", 5000)) as here:
        assert "jirakb_" in here.get("/metrics").text
    with TestClient(idle.app, client=("192.0.2.7", 5000)) as elsewhere:
        assert elsewhere.get("/metrics").status_code == 401
        stranger = {"Authorization": f"Bearer {idle.key('admin', 't2')}"}
        assert elsewhere.get("/metrics", headers=stranger).status_code == 403
        owner = {"Authorization": f"Bearer {idle.key('search', 'local')}"}
        assert elsewhere.get("/metrics", headers=owner).status_code == 200
