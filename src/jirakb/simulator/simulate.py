"""Runs a simulated site as a program: loads files, says where it answers, ends at SIGINT or SIGTERM. Tests use `serve`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jirakb.simulator import accounts
from jirakb.simulator.oauth import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from jirakb.simulator.server import Running, serve
from jirakb.simulator.site import Site
from jirakb.simulator.state import Flavor


def simulate(
    flavor: Flavor = "cloud",
    files: Sequence[Path] = (),
    port: int = 0,
    *,
    stop: threading.Event | None = None,
    **settings: Any,
) -> None:
    """Answer for a site until `stop` is set or a signal comes; prints one line of JSON when ready.

    Without files it is the bundled sample; `settings` are those of `Site`.
    """
    site = Site.load(files or sample_files(), flavor, **settings)
    ended = stop or threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
    with serve(site, port=port) as running:
        sys.stdout.write(json.dumps(announcement(running)) + "\n")
        sys.stdout.flush()
        while not ended.wait(0.5):
            pass


def sample_files() -> list[Path]:
    """The site files of the bundled sample."""
    return sorted((Path(__file__).parent / "sample").glob("*.jsonl"))


def announcement(running: Running) -> dict[str, Any]:
    """Where the site answers, and secrets that it takes."""
    site = running.site
    credentials = {"email": accounts.AGENT_EMAIL, "token": site.token}
    if site.cloud:
        credentials |= {"scoped_token": site.scoped_token, "access_token": site.access_token}
        credentials |= {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}
    else:
        credentials |= {"username": accounts.AGENT, "password": site.password}
    return {
        "flavor": site.flavor,
        "base_url": running.base_url,
        "gateway_url": running.gateway_url,
        "media_url": running.media_url,
        "cloud_id": site.cloud_id if site.cloud else None,
        "issues": len(site.issues),
        "credentials": credentials,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command `python -m jirakb.simulator`."""
    parser = argparse.ArgumentParser(prog="python -m jirakb.simulator", description="A Jira site on this machine.")
    parser.add_argument("--flavor", choices=("cloud", "dc"), default="cloud")
    parser.add_argument(
        "--site", nargs="+", type=Path, default=[], metavar="FILE", help="site files; default: the sample"
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--base-path", default="", help="context path, as /jira")
    given = parser.parse_args(arguments)
    simulate(given.flavor, given.site or [], given.port, base_path=given.base_path)
