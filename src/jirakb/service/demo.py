"""The product on its own: a simulated site in a process of its own, a sync, an edit that arrives, searches."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import orjson

from jirakb.control.catalog import OWN_TENANT
from jirakb.control.config import ConnectorConfig
from jirakb.errors import InternalError, NotFoundError
from jirakb.knowledge.index.filters import NO_FILTER
from jirakb.knowledge.models import Models
from jirakb.knowledge.search import Searcher
from jirakb.report import Report
from jirakb.service import console
from jirakb.service.app import knowledge_base, run_sync, searcher_of
from jirakb.service.options import Reading
from jirakb.settings import Settings
from jirakb.sync import Wish

KB = "demo"
QUERIES = (
    "people are thrown out while signing in",
    "sensor readings stop after an update",
    "NullPointerException in the export",
    "how do I restore a backup",
)
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class SimulatedSite:
    """A simulated site that is being served: where, and with which credentials."""

    base_url: str
    gateway_url: str
    email: str
    token: str

    def edit(self, verb: str, **arguments: object) -> Any:
        """Change the site's state with one of its verbs."""
        body = orjson.dumps({"verb": verb, "args": arguments})
        answer = httpx2.post(f"{self.base_url}/_sim/edit", content=body, timeout=30)
        answer.raise_for_status()
        return answer.json()


def demo(home: Path | None, *, once: bool) -> None:
    """Run the demonstration; with `once` print some searches and return, else serve the web page (on a terminal)."""
    with ExitStack() as stack:
        home = home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jirakb-demo-")))
        site = stack.enter_context(simulated_site())
        settings = replace(Settings.for_home(home), gateway_url=site.gateway_url)
        console.say(f"A simulated Jira Cloud site is served at {site.base_url}.")
        _show_sync(site, settings)
        _show_edit(site, settings)
        if once or not sys.stdin.isatty():
            with knowledge_base(settings, KB) as (_, base), closing(searcher_of(base, Models(settings))) as searcher:
                _show_searches(searcher, once=once)
        else:
            _show_page(site, settings)
    if once:
        console.say("The demonstration worked.")


def _show_sync(site: SimulatedSite, settings: Settings) -> None:
    report = _sync(site, settings)
    if not report.counts.indexed and not report.counts.unchanged:
        raise InternalError("The demonstration's sync found no issue.")
    console.show_report(report)


def _show_edit(site: SimulatedSite, settings: Settings) -> None:
    project = _first_project(site)
    key = site.edit("create", project=project, summary="The walrus valve whistles at night")["result"]
    report = _sync(site, settings)
    console.say(f"An issue was created in Jira ({key}); the next sync took {report.seconds['total']:.1f} s.")
    with knowledge_base(settings, KB) as (_, base):
        try:
            base.documents(key)
        except NotFoundError as exc:
            raise InternalError(f"The new issue {key} did not arrive.") from exc


def _first_project(site: SimulatedSite) -> str:
    answer = httpx2.get(f"{site.base_url}/rest/api/3/project/search", auth=(site.email, site.token), timeout=30)
    return str(answer.json()["values"][0]["key"])


def _show_searches(searcher: Searcher, *, once: bool) -> None:
    for question in QUERIES:
        console.say(f"\n> {question}")
        result = searcher.search(question, filter=NO_FILTER, principals=None, mode="hybrid", limit=3).to_json()
        console.show_hits(result)
        if once and not result["hits"]:
            raise InternalError(f"The demonstration found nothing for {question!r}.")


def _show_page(site: SimulatedSite, settings: Settings) -> None:
    """The web page on the same knowledge base, with a connector that keeps it true from now on."""
    from jirakb.engine.open import open_service
    from jirakb.service.commands.serve import end_on_signals, serve_until_stopped

    end_on_signals()
    service = open_service(replace(settings, allowed_sites=("127.0.0.1",)))
    kb = service.catalog.find_or_create(KB, OWN_TENANT)
    if not any(one.config.base_url == site.base_url for one in service.connectors.page(OWN_TENANT, limit=1000)):
        config = ConnectorConfig(base_url=site.base_url, project_key="*")
        login = {"jira_user_email": site.email, "jira_api_token": site.token}
        service.connectors.create(OWN_TENANT, kb.id, "Demonstration", config, credentials=login, refresh_minutes=1)
    console.say("Open the link below, and ask there; for example:")
    for query in QUERIES:
        console.say(f"  {query}")
    serve_until_stopped(service, "127.0.0.1", 0, works=True)


def _sync(site: SimulatedSite, settings: Settings) -> Report:
    reading = Reading(
        base_url=site.base_url, projects=("*",), jql=None, email=site.email, username=None, token=site.token,
        token_file=None, password=None, scoped_token=False, batch_size=100, include_comments=True,
        include_attachments=False, attachment_size_limit=10 * 1024 * 1024, labels_to_skip=(), comment_blacklist=(),
        timezone_offset=None,
    )  # fmt: skip
    with console.progress_bars() as watch:
        return run_sync(reading, Wish(query=""), settings, kb=KB, embeddings="minilm", watch=watch)


@contextmanager
def simulated_site(flavor: str = "cloud", *arguments: str) -> Iterator[SimulatedSite]:
    """A simulated site in a process of its own, for the block."""
    command = [sys.executable, "-m", "jirakb.simulator", "--flavor", flavor, "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own module
        try:
            yield _announced(process)
        finally:
            process.terminate()


def _announced(process: subprocess.Popen[str]) -> SimulatedSite:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise InternalError("The simulated site did not start.")
    told = orjson.loads(line)
    account = told["credentials"]
    return SimulatedSite(told["base_url"], told["gateway_url"], account["email"], account["token"])
