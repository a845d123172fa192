"""What deploy/ describes works: its commands run as processes with real servers, and its image is built of what there is."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from tests.engine.house import FETCH, LOGIN, made_site, wait_for
from tests.servers import fresh_database
from tests.service.serving import Serving, serving

from jirakb.simulator.server import serve
from jirakb.simulator.switches import throttle

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
ENVIRONMENT: dict[str, str] = SERVICES["api"]["environment"]


def test_all_processes_share_home_database_and_pace() -> None:
    assert SERVICES["worker"]["environment"] == ENVIRONMENT
    assert SERVICES["worker"]["volumes"] == SERVICES["api"]["volumes"] == [f"home:{ENVIRONMENT['JIRAKB_HOME']}"]
    assert SERVICES["worker"]["deploy"]["replicas"] == 2
    for name in ("JIRAKB_DATABASE_URL", "JIRAKB_REDIS_URL"):
        assert urlsplit(re.sub(r"\$\{[^}]*\}", "x", ENVIRONMENT[name])).hostname in SERVICES


def test_every_setting_is_one_and_no_password_stands_in_the_file() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    assert [name for name in ENVIRONMENT if f"`{name}`" not in page] == []
    assert SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWORD:?")


def test_only_the_interface_is_published_and_only_to_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(published) == ["api"]
    assert all(port.startswith("127.0.0.1:") for port in published["api"])


def test_the_image_is_made_of_files_that_exist_by_a_lock_and_runs_as_nobody_special() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    copied = [word for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.M) for word in line.split()[:-1]]
    kept = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().split()
    assert copied
    assert [name for name in copied if not (ROOT / name).exists() or f"!{name}" not in kept] == []
    assert "--require-hashes -r requirements.lock" in text
    last = text.rpartition("FROM ")[2]
    (user,) = re.findall(r"^USER (\d+):(\d+)$", last, re.M)
    assert user == ("10001", "10001")
    assert 'ENTRYPOINT ["jirakb"]' in last


@pytest.fixture
def environment(postgres: Any, valkey: Any, tmp_path: Path) -> dict[str, str]:
    """The file's settings where .env says nothing more, with servers of this machine in place of its services."""
    usual = {name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) for name, value in ENVIRONMENT.items()}
    return {
        **usual,
        "JIRAKB_HOME": str(tmp_path / "home"),
        "JIRAKB_DATABASE_URL": fresh_database(postgres),
        "JIRAKB_REDIS_URL": f"redis://127.0.0.1:{valkey.port}/0",
        "JIRAKB_ALLOWED_SITES": "127.0.0.1",
    }


def arguments(service: str) -> list[str]:
    """The file's command; only the place where it listens is another one."""
    given = list(SERVICES[service]["command"])
    for option in ("--host", "--port"):
        if option in given:
            del given[given.index(option) : given.index(option) + 2]
    return given


def test_its_commands_make_a_service_of_one_that_answers_and_two_that_work(
    environment: dict[str, str], valkey: Any, tmp_path: Path
) -> None:
    site = made_site(30)
    site.switches.faults = [throttle(every=1, endpoints=(FETCH,), times=1, retry_after="1")]
    with serving(tmp_path / "logs", **environment) as made, serve(site) as running:
        made.key = first_key(made)
        command = arguments("api")
        assert command.pop(0) == "serve"
        made.serve(*command)
        workers = [made.start(*arguments("worker")) for _ in range(SERVICES["worker"]["deploy"]["replicas"])]
        wait_for(lambda: made.ask("GET", "/readyz").json()["workers"] == 2)
        is_healthy(made)
        config = {"base_url": running.base_url, "project_key": "*", "embeddings": "none"}
        body = {"name": "one", "config": config, "credentials": LOGIN}
        connector = made.ask("POST", "/v1/connector/set", body).json()
        run = made.ask("POST", f"/v1/connector/{connector['id']}/sync").json()["run_id"]
        assert made.ended(connector["id"], run)["state"] == "complete"
        assert made.ask("POST", "/v1/search", {"query": "pump 7"}).json()["total"] > 0
        with closing(valkey.client()) as client:
            assert client.exists(f"jirakb:pace:{running.base_url}"), "the workers pace themselves through it"
        made.stop()
        assert [worker.returncode for worker in workers] == [0, 0]


def first_key(made: Serving) -> str:
    process = made.start("keys", "create", "--scope", "admin", "--json")
    process.wait(timeout=60)
    found = re.search(r'"key": ?"([^"]+)"', made.log(process))
    assert found, made.log(process)
    return found[1]


def is_healthy(made: Serving) -> None:
    """What the file asks to know whether it works, of the place where it listens here."""
    _, _, option, script = SERVICES["api"]["healthcheck"]["test"]
    asked = script.replace("http://127.0.0.1:8080", made.url)
    assert asked != script
    assert subprocess.run([sys.executable, option, asked], check=False).returncode == 0
