"""What a terminal shows: progress with rate and time left, a report in words, hits. Results go to stdout, all else to stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from jirakb.errors import JirakbError
from jirakb.progress import Stage, Watch
from jirakb.report import Report

LABELS: dict[Stage, str] = {
    "list": "listing issues",
    "fetch": "fetching issues",
    "render": "rendering issues",
    "prune": "taking out deleted",
    "index": "indexing text",
    "embed": "embedding passages",
}


class RateColumn(TextColumn):
    """Items per second and the time left at that rate."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Any) -> Text:
        """For example "512/s, 0:41 left"."""
        if not task.speed:
            return Text("")
        rate = f"{task.speed:,.0f}/s" if task.speed >= 10 else f"{task.speed:.1f}/s"
        if task.total is None or task.time_remaining is None or task.finished:
            return Text(rate, style="cyan")
        minutes, seconds = divmod(int(task.time_remaining), 60)
        return Text(f"{rate}, {minutes}:{seconds:02} left", style="cyan")


@contextmanager
def progress_bars() -> Iterator[Watch]:
    """A watch that draws a bar per stage on stderr while the block lasts; draws nothing where stderr is no terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks: dict[Stage, TaskID] = {}

        def show(stage: Stage, done: int, total: int | None) -> None:
            if stage not in LABELS:
                return
            if stage not in tasks:
                tasks[stage] = bars.add_task(LABELS[stage], total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show


def say(text: str) -> None:
    """A message, on stderr."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def write(text: str) -> None:
    """A result, on stdout."""
    print(text, flush=True)  # noqa: T201


def write_json(value: object) -> None:
    """A result as one line of JSON, on stdout."""
    write(orjson.dumps(value).decode())


def show_error(error: JirakbError) -> None:
    """What happened, to what, and what to do."""
    say(f"Error: {error.message}" + (f"\n{error.fix}" if error.fix else ""))


def show_report(report: Report) -> None:
    """A run in a few lines."""
    counts, seconds = report.counts, report.seconds
    say(
        f"{report.kind.capitalize()} sync of {report.site} into {report.kb!r}: {report.state}, {seconds['total']:.1f} s."
    )
    say(
        f"  issues: {counts.listed} listed, {counts.indexed} indexed, {counts.unchanged} unchanged, "
        f"{counts.deleted} deleted, {counts.omitted} omitted"
    )
    say(
        f"  stored: {counts.comments} comments, {counts.attachments} attachments, {counts.sections} sections, {counts.passages} passages, {counts.embedded} embedded"
    )
    say(f"  requests: {report.requests.total} ({report.requests.throttled} throttled)")
    for omission in report.omissions[:10]:
        say(f"  not indexed: {omission.kind} {omission.key}: {omission.reason} ({omission.detail})")
    if len(report.omissions) > 10:
        say(f"  ... and {len(report.omissions) - 10} more; --json lists them.")


def show_hits(result: dict[str, Any]) -> None:
    """The hits of a search, best first, with the matched words in bold where the terminal can."""
    console = Console(soft_wrap=True, highlight=False)
    for hit in result["hits"]:
        fields = hit["fields"]
        facts = [fields.get(name) for name in ("type", "status", "priority", "assignee")]
        line = Text.assemble((hit["key"], "bold cyan"), "  ", (hit["title"], "bold"))
        console.print(line)
        console.print(Text("    " + " · ".join(str(fact) for fact in facts if fact), style="dim"))
        console.print(Text("    ") + _bold(hit["snippet"]))
        console.print(Text(f"    {hit['section']['url']}", style="dim"))
    ready = result["vectors_ready"]
    note = "" if ready >= 1 else f", vectors {ready:.0%} ready"
    say(f"{len(result['hits'])} of {result['total']} issues in {result['took_ms']:.1f} ms{note}")


def show_status(found: list[dict[str, Any]]) -> None:
    """Each knowledge base in two lines and a line per connector."""
    if not found:
        say("There is no knowledge base yet. Run jirakb sync first.")
    for kb in found:
        if "error" in kb:
            write(f"{kb['name']}: {kb['error']} {kb['fix']}".rstrip())
            continue
        write(f"{kb['name']}: {kb['issues']} issues, {kb['documents']} documents, {kb['passages']} passages, "
              f"vectors {kb['vectors_ready']:.0%} ready")  # fmt: skip
        for connector in kb["connectors"]:
            last = connector["last_run"]
            state = last["state"] if last else "never run"
            write(f"  {connector['site']}: read up to {connector['watermark'] or 'nothing yet'}, last run {state}")
            write(f"    {connector['query']}")


def _bold(snippet: str) -> Text:
    text = Text()
    for number, piece in enumerate(" ".join(snippet.split()).split("**")):
        text.append(piece, style="bold yellow" if number % 2 else "")
    return text
