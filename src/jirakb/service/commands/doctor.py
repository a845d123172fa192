"""`jirakb doctor`: what is wrong with a connector, before it runs? Shows a diagnosis; makes none, and keeps nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from jirakb.service import console, options
from jirakb.settings import Settings

if TYPE_CHECKING:
    from jirakb.jira.doctor import Diagnosis, Finding, Subject

_SAME = "As in sync; makes no difference here."
_MARKS = {"error": ("✗", "bold red"), "warning": ("!", "bold yellow"), "info": ("✓", "green")}


def doctor(
    base_url: options.BaseUrl,
    project: options.Project = None,
    jql: options.Jql = None,
    email: options.Email = None,
    username: options.Username = None,
    token: options.Token = None,
    token_file: options.TokenFile = None,
    password: options.Password = None,
    scoped_token: options.ScopedToken = False,
    start_ts: options.StartTs = None,
    end_ts: options.EndTs = None,
    batch_size: options.BatchSize = 50,
    include_comments: options.IncludeComments = True,
    include_attachments: options.IncludeAttachments = False,
    attachment_size_limit: options.AttachmentSizeLimit = 10 * 1024 * 1024,
    labels_to_skip: options.LabelsToSkip = "",
    comment_email_blacklist: options.CommentBlacklist = "",
    timezone_offset: options.TimezoneOffset = None,
    field: options.Fields = None,
    exclude_field: options.ExcludedFields = None,
    include_history: options.IncludeHistory = False,
    full: Annotated[bool, typer.Option("--full", help=_SAME)] = False,
    prune: Annotated[
        Literal["auto", "always", "never"], typer.Option(metavar="auto|always|never", help=_SAME)
    ] = "auto",
    confirm_deletions: Annotated[bool, typer.Option("--confirm-deletions", help=_SAME)] = False,
    embeddings: Annotated[
        Literal["minilm", "openai", "none"] | None, typer.Option(metavar="minilm|openai|none", help=_SAME)
    ] = None,
    home: options.Home = None,
    kb: Annotated[str, typer.Option("--kb", metavar="NAME", help=_SAME)] = "default",
    as_json: options.Json = False,
) -> None:
    """Say in a minute whether a sync with these options would work, what is wrong, and what it would cost."""
    from jirakb.jira.doctor import diagnose

    del full, prune, confirm_deletions, embeddings, kb  # taken so that the options of a sync can be given as they are
    settings = Settings.for_home(home)
    reading = options.Reading(
        base_url=base_url, projects=tuple(project or ()), jql=jql, email=email, username=username, token=token,
        token_file=token_file, password=password, scoped_token=scoped_token, batch_size=batch_size,
        include_comments=include_comments, include_attachments=include_attachments,
        attachment_size_limit=attachment_size_limit, labels_to_skip=options.names(labels_to_skip),
        comment_blacklist=options.names(comment_email_blacklist), timezone_offset=timezone_offset,
        fields=tuple(field or ()), excluded_fields=tuple(exclude_field or ()), include_history=include_history,
    )  # fmt: skip
    diagnosis = diagnose(_subject(reading, settings, start_ts, end_ts), settings)
    show(diagnosis)
    if as_json:
        console.write_json(diagnosis.to_json())
    if diagnosis.exit_code:
        raise typer.Exit(diagnosis.exit_code)


def _subject(reading: options.Reading, settings: Settings, start: float | None, end: float | None) -> Subject:
    from jirakb.jira.doctor import Subject

    return Subject(
        base_url=reading.base_url,
        credentials=reading.credentials(settings),
        projects=reading.projects,
        jql=reading.jql,
        labels_to_skip=reading.labels_to_skip,
        fields=reading.chosen_fields,
        scoped_token=reading.scoped_token,
        timezone_offset=reading.timezone_offset,
        since=options.moment(start, "--start-ts"),
        until=options.moment(end, "--end-ts"),
    )


def show(diagnosis: Diagnosis) -> None:
    """The findings, worst first, and what they come to."""
    from rich.console import Console
    from rich.text import Text

    screen = Console(soft_wrap=True, highlight=False)
    for found in _worst_first(diagnosis):
        mark, style = _MARKS[found.severity]
        screen.print(Text.assemble((mark, style), " ", (found.message, "bold" if found.severity == "error" else "")))
        if found.fix:
            screen.print(Text(f"  {found.fix}", style="dim"))
    screen.print(Text(_verdict(diagnosis), style="bold"))


def _worst_first(diagnosis: Diagnosis) -> list[Finding]:
    return sorted(diagnosis.findings, key=lambda found: list(_MARKS).index(found.severity))


def _verdict(diagnosis: Diagnosis) -> str:
    if not diagnosis.ok:
        return "A sync with these options would not work."
    warnings = sum(found.severity == "warning" for found in diagnosis.findings)
    looks = {0: "", 1: " One thing deserves a look."}
    return "A sync with these options would work." + looks.get(warnings, f" {warnings} things deserve a look.")
