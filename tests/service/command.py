"""The installed command on a home of its own, against a simulated site: as a process, or in this one where that is faster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jirakb.service import cli
from jirakb.simulator.server import Running

JIRAKB = [sys.executable, "-m", "jirakb"]
SECRETS = {"cloud": "sim-token", "dc": "sim-pat"}


@dataclass(frozen=True)
class Ended:
    """What a command left: its exit code and both outputs."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The last line of the results."""
        return json.loads(self.out.splitlines()[-1])


@dataclass
class Home:
    """A home folder, the site that it follows and the commands that work on it, in processes of their own."""

    folder: Path
    running: Running
    settings: dict[str, str] = field(default_factory=dict)
    embeddings: str = "none"

    @property
    def env(self) -> dict[str, str]:
        """What a command's environment says about jirakb and nothing else of ours."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("JIRAKB_")}
        return {**own, "JIRAKB_HOME": str(self.folder), "JIRAKB_GATEWAY_URL": self.running.gateway_url, **self.settings}

    @property
    def login(self) -> list[str]:
        """The options that sign in."""
        flavor = self.running.site.flavor
        email = ["--email", "agent@example.com"] if flavor == "cloud" else []
        return [*email, "--token", SECRETS[flavor]]

    def sync_options(self, *more: str) -> list[str]:
        """A whole sync of the site."""
        url = self.running.base_url
        fixed = ["--project", "*", "--embeddings", self.embeddings, "--json"]
        return ["sync", "--base-url", url, *self.login, *fixed, *more]

    def sync(self, *more: str) -> Ended:
        """Sync and wait."""
        return self.run(*self.sync_options(*more))

    def run(self, *arguments: str, seconds: float = 100.0) -> Ended:
        """Run a command and wait."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=seconds)
        return Ended(process.returncode, out, err)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command."""
        return subprocess.Popen(
            [*JIRAKB, *arguments], env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    @property
    def kb(self) -> Path:
        """The folder of the one knowledge base."""
        (folder,) = (self.folder / "kb").iterdir()
        return folder


def call_main() -> int:
    """The exit code of the command whose arguments stand in `sys.argv`."""
    try:
        cli.main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0
