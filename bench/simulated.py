"""Where does the bench find a site? Starts a simulated one in a process of its own, so that its work is not counted as ours."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import httpx2
import psutil

from jirakb.jira.auth import Credentials

Flavor = Literal["cloud", "dc"]


@dataclass(frozen=True)
class SimulatedSite:
    """A site of another process."""

    flavor: Flavor
    base_url: str
    settings: dict[str, str]
    credentials: Credentials
    authorization: str
    process: psutil.Process

    def cpu(self) -> float:
        """CPU seconds that the site has used so far."""
        used = self.process.cpu_times()
        return float(used.user + used.system)

    def set_latency(self, seconds: float) -> None:
        """How long each call waits from now on."""
        httpx2.post(f"{self.base_url}/_sim/latency", json={"seconds": seconds}).raise_for_status()


def some_issues(corpus: Path, file: Path, count: int) -> Path:
    """About so many issues from all over the corpus, as a site file."""
    opened = gzip.open if corpus.suffix == ".gz" else open
    with opened(corpus, "rb") as lines, file.open("wb") as site:
        total = sum(1 for _ in lines)
        lines.seek(0)
        step = max(1, total // count)
        site.writelines(islice(lines, 0, step * count, step))
    return file


@contextmanager
def simulated(flavor: Flavor, files: Sequence[Path]) -> Iterator[SimulatedSite]:
    """A site with these issues (none: the bundled sample) that runs until the block ends."""
    command = [sys.executable, "-m", "jirakb.simulator", "--flavor", flavor]
    command += ["--site", *map(str, files)] if files else []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield _announced(json.loads(process.stdout.readline()), process.pid)
        finally:
            process.terminate()


def _announced(told: dict[str, object], pid: int) -> SimulatedSite:
    secrets = told["credentials"]
    assert isinstance(secrets, dict)
    given = {"jira_api_token": secrets["token"]}
    given |= {"jira_user_email": secrets["email"]} if told["flavor"] == "cloud" else {}
    credentials = Credentials.from_dict(given)
    basic = httpx2.BasicAuth(secrets["email"], secrets["token"])
    request = next(basic.auth_flow(httpx2.Request("GET", str(told["base_url"]))))
    authorization = request.headers["authorization"] if told["flavor"] == "cloud" else f"Bearer {secrets['token']}"
    flavor: Flavor = "cloud" if told["flavor"] == "cloud" else "dc"
    settings = {"JIRAKB_GATEWAY_URL": str(told["gateway_url"])}
    return SimulatedSite(flavor, str(told["base_url"]), settings, credentials, authorization, psutil.Process(pid))
