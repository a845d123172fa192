"""`jirakb rebuild`: make a knowledge base anew from what it keeps, or have the next sync read everything again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from jirakb.service import console, options
from jirakb.settings import Settings

if TYPE_CHECKING:
    from jirakb.report import Report

Origin = Literal["raw", "jira"]
Model = Literal["minilm", "openai", "none"]


def rebuild(
    origin: Annotated[
        Origin,
        typer.Option(
            "--from", metavar="raw|jira", help="From the kept answers, without a call; or from Jira, by the next sync."
        ),
    ] = "raw",
    embeddings: Annotated[
        Model | None,
        typer.Option(
            metavar="minilm|openai|none",
            help="The model for search by meaning; default: the one that made the vectors.",
        ),
    ] = None,
    home: options.Home = None,
    kb: options.Kb = "default",
    as_json: options.Json = False,
) -> None:
    """Render, split, index and embed a knowledge base again, after a change of program or model."""
    settings = Settings.for_home(home)
    if origin == "jira":
        _ask_for_full_runs(settings, kb, as_json=as_json)
        return
    report = _rebuild(settings, kb, embeddings)
    _show(report)
    if as_json:
        console.write_json(report.to_json())
    if report.failed:
        raise typer.Exit(3)


def _rebuild(settings: Settings, kb: str, embeddings: Model | None) -> Report:
    from jirakb.engine.sources import kept_site
    from jirakb.knowledge.models import Models
    from jirakb.rebuild import rebuild as rebuild_base
    from jirakb.service.app import knowledge_base

    with console.progress_bars() as watch, knowledge_base(settings, kb) as (entry, base):
        models = Models(settings)
        embedder = models.named(embeddings) if embeddings else models.maker_of(base)
        return rebuild_base(base, kept_site(base), embedder=embedder, name=entry.name, watch=watch)


def _ask_for_full_runs(settings: Settings, kb: str, *, as_json: bool) -> None:
    from jirakb.rebuild import ask_for_full_runs
    from jirakb.service.app import knowledge_base

    with knowledge_base(settings, kb) as (entry, base):
        due = ask_for_full_runs(base)
    console.say(f"{entry.name!r}: the next sync of each site reads everything again; it needs credentials:")
    for connector in due:
        console.say(f"  jirakb sync --base-url {connector.base_url} ...  (the options as before: {connector.query})")
    if as_json:
        listed = [{"site": connector.base_url, "query": connector.query} for connector in due]
        console.write_json({"kb": entry.name, "from": "jira", "due": listed})


def _show(report: Report) -> None:
    counts = report.counts
    console.say(f"Rebuilt {report.kb!r} from what it keeps: {report.state}, {report.seconds['total']:.1f} s.")
    console.say(
        f"  issues: {counts.indexed} rebuilt, {counts.omitted} left as they were; {counts.comments} comments, "
        f"{counts.attachments} attachments, {counts.passages} passages, {counts.embedded} with a vector"
    )
    for omission in report.omissions[:10]:
        console.say(f"  not indexed: {omission.kind} {omission.key}: {omission.reason} ({omission.detail})")
