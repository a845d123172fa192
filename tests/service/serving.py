"""The commands of a service as processes of their own, and a client of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from tests.engine.house import wait_for


@dataclass
class Serving:
    """Processes that share an environment; what they write to stderr goes to files in `folder`."""

    folder: Path
    environment: Mapping[str, str]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    """Every answer that came, headers and all."""
    url: str = ""
    key: str = ""

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Begin a command of jirakb."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("JIRAKB_")}
        log = self.folder / f"{len(self.processes)}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "jirakb", *arguments], env={**own, **self.environment}, stdout=file, stderr=file
            )
        self.processes.append(process)
        return process

    def log(self, process: subprocess.Popen[bytes]) -> str:
        """What a process has written."""
        return (self.folder / f"{self.processes.index(process)}.log").read_text()

    def serve(self, *more: str) -> subprocess.Popen[bytes]:
        """Begin to answer on a free port; signs in with the first key where one is shown."""
        process = self.start("serve", "--port", "0", *more)
        self.find_address(process)
        if shown := re.search(r"shown only now: (\S+)", self.log(process)):
            self.key = shown[1]
        return process

    def find_address(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until the process answers; it is asked from then on."""
        wait_for(lambda: "answers at" in self.log(process) or process.poll() is not None)
        found = re.search(r"answers at (\S+)", self.log(process))
        assert found, self.log(process)
        self.url = found[1]
        wait_for(lambda: self._answers())

    def ask(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> httpx2.Response:
        """A request; its answer is remembered."""
        headers = {"Authorization": f"Bearer {self.key if key is None else key}"}
        answer = httpx2.request(method, self.url + path, json=body, headers=headers, timeout=60, trust_env=False)
        self.answers.append(f"{answer.status_code} {dict(answer.headers)} {answer.text}")
        return answer

    def ended(self, connector: str, run: str) -> dict[str, Any]:
        """The run when it has ended."""
        path = f"/v1/connector/{connector}/runs/{run}"
        wait_for(lambda: self.ask("GET", path).json()["finished"])
        found: dict[str, Any] = self.ask("GET", path).json()
        return found

    def stop(self) -> None:
        """End all processes, as an operator does."""
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(timeout=30)

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/healthz", trust_env=False).status_code == 200
        except httpx2.TransportError:
            return False


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[Serving]:
    """Nothing runs yet; what still runs at the end is killed."""
    folder.mkdir(exist_ok=True)
    made = Serving(folder, environment)
    try:
        yield made
    finally:
        for process in made.processes:
            process.kill()
            process.wait()
