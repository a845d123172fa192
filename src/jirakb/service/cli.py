"""The command line: each command reads its options, calls one function and shows what came back.

Commands import what they need when they run: models, indexes and databases take seconds to load, --help should not.
"""

from __future__ import annotations

import sys
import traceback
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer
from ulid import ULID

from jirakb import __version__
from jirakb.errors import JirakbError, UsageError
from jirakb.report import Report
from jirakb.service import console, options
from jirakb.service.commands import backup, doctor, rebuild
from jirakb.service.commands import keys as keys_command
from jirakb.service.commands import serve as serve_command
from jirakb.service.commands import worker as worker_command
from jirakb.service.commands.search import context, search, similar
from jirakb.service.memory import share_heaps
from jirakb.settings import Settings

EmbeddingsName = Literal["minilm", "openai", "none"]
ExportFormat = Literal["md", "jsonl"]
Flavor = Literal["cloud", "dc"]
Prune = Literal["auto", "always", "never"]
INTERRUPTED = 130
READER_GONE = 141
"""What a shell shows for a process that SIGPIPE ended."""

app = typer.Typer(
    help="Makes a Jira site a searchable knowledge base and keeps it true.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """The `jirakb` command: runs what was typed and ends with the exit code of the contract."""
    arguments = sys.argv[1:]
    share_heaps()
    try:
        code = app(arguments, standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        _end_interrupted()
    except typer.Exit as stop:
        raise SystemExit(stop.exit_code) from None
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):  # typer and rich make a 1 of a reader that goes away
            raise SystemExit(READER_GONE) from None
        raise
    except JirakbError as error:
        _fail(error, wants_json="--json" in arguments)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a reference instead of a traceback
        if hasattr(error, "exit_code") and hasattr(error, "show"):  # a usage error of the option parser
            error.show()
            raise SystemExit(error.exit_code) from None
        _fail_on_bug(error, _home(arguments), wants_json="--json" in arguments)
    else:
        if code == INTERRUPTED:  # what typer makes of Ctrl-C
            _end_interrupted()
        raise SystemExit(code if isinstance(code, int) else 0)


def _end_interrupted() -> NoReturn:
    console.say("Interrupted. What was committed stays; the next run goes on from there.")
    raise SystemExit(INTERRUPTED) from None


def _fail(error: JirakbError, *, wants_json: bool) -> None:
    report = getattr(error, "report", None)
    if isinstance(report, Report):
        console.show_report(report)
    console.show_error(error)
    if wants_json:
        answer: dict[str, Any] = report.to_json() if isinstance(report, Report) else {}
        console.write_json({**answer, "error": {"message": error.message, "fix": error.fix}})
    raise SystemExit(error.exit_code)


def _fail_on_bug(error: Exception, home: Path, *, wants_json: bool) -> None:
    reference = str(ULID())
    log = home / "jirakb.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        log.touch(mode=0o600)
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{reference} {datetime.now(UTC).isoformat()}\n{''.join(traceback.format_exception(error))}\n")
        where = f"see {reference} in {log}"
    except OSError:
        where = "".join(traceback.format_exception(error))
    message = f"a fault of jirakb ({type(error).__name__}); {where}."
    console.say(f"Error: {message}")
    if wants_json:
        console.write_json({"error": {"message": message, "fix": "Report it with what the log says."}})
    raise SystemExit(1)


def _home(arguments: list[str]) -> Path:
    given = [value for option, value in pairwise(arguments) if option == "--home"]
    given += [argument.removeprefix("--home=") for argument in arguments if argument.startswith("--home=")]
    return Path(given[-1]) if given else Settings.read().home


@app.command()
def sync(
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
    full: Annotated[bool, typer.Option("--full", help="Read every issue again.")] = False,
    prune: Annotated[
        Prune, typer.Option(metavar="auto|always|never", help="When to look for deleted issues.")
    ] = "auto",
    confirm_deletions: Annotated[
        bool, typer.Option("--confirm-deletions", help="Delete even as many issues as the brake stops at.")
    ] = False,
    embeddings: Annotated[
        EmbeddingsName | None,
        typer.Option(
            metavar="minilm|openai|none",
            help="The model for search by meaning [minilm; openai where JIRAKB_EMBEDDINGS_URL is set].",
        ),
    ] = None,
    home: options.Home = None,
    kb: options.Kb = "default",
    as_json: options.Json = False,
) -> None:
    """Bring a knowledge base up to date with a Jira site: all of it the first time, what changed later."""
    from jirakb.service.app import run_sync
    from jirakb.sync import Wish

    reading = options.Reading(
        base_url=base_url, projects=tuple(project or ()), jql=jql, email=email, username=username, token=token,
        token_file=token_file, password=password, scoped_token=scoped_token, batch_size=batch_size,
        include_comments=include_comments, include_attachments=include_attachments,
        attachment_size_limit=attachment_size_limit, labels_to_skip=options.names(labels_to_skip),
        comment_blacklist=options.names(comment_email_blacklist), timezone_offset=timezone_offset,
        fields=tuple(field or ()), excluded_fields=tuple(exclude_field or ()), include_history=include_history,
    )  # fmt: skip
    wish = Wish(
        query="", full=full, prune=prune, confirm_deletions=confirm_deletions, batch_size=batch_size,
        since=options.moment(start_ts, "--start-ts"), until=options.moment(end_ts, "--end-ts"),
    )  # fmt: skip
    with console.progress_bars() as watch:
        report = run_sync(reading, wish, Settings.for_home(home), kb=kb, embeddings=embeddings, watch=watch)
    console.show_report(report)
    if as_json:
        console.write_json(report.to_json())
    if report.failed:
        raise typer.Exit(3)


@app.command()
def show(
    key: Annotated[str, typer.Argument(help="The issue's key, present or former.")],
    home: options.Home = None,
    kb: options.Kb = "default",
    as_json: options.Json = False,
) -> None:
    """Print an issue's document, as markdown."""
    from jirakb.service.app import knowledge_base
    from jirakb.service.export import document_json

    with knowledge_base(Settings.for_home(home), kb) as (_, base):
        documents = base.documents(key)
    if as_json:
        console.write_json(document_json(documents[0]))
    else:
        console.write(documents[0].markdown.rstrip("\n"))


@app.command("export")
def export_command(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write into.")],
    format_: Annotated[
        ExportFormat, typer.Option("--format", metavar="md|jsonl", help="A file per issue, or one file.")
    ] = "md",
    home: options.Home = None,
    kb: options.Kb = "default",
    as_json: options.Json = False,
) -> None:
    """Write every document to files."""
    from jirakb.knowledge.opening import having_room
    from jirakb.service import export
    from jirakb.service.app import knowledge_base

    export.prepare_folder(out)
    write = export.export_markdown if format_ == "md" else export.export_jsonl
    with knowledge_base(Settings.for_home(home), kb) as (_, base), having_room(out):
        count = write(base.each_document(), out)
    console.say(f"{count} documents written to {out}.")
    if as_json:
        console.write_json({"documents": count, "out": str(out)})


@app.command()
def status(home: options.Home = None, as_json: options.Json = False, kb: options.KbOrAll = None) -> None:
    """Say what each knowledge base holds and up to when it has read; one that cannot be read hides no other."""
    from jirakb.service.app import every_knowledge_base
    from jirakb.service.status import status_json

    settings = Settings.for_home(home)
    told = [status_json(entry) for entry in every_knowledge_base(settings, kb)]
    found = [one for one, _ in told]
    if as_json:
        console.write_json({"kbs": found})
    else:
        console.show_status(found)
    if unread := [error for _, error in told if error]:
        raise typer.Exit(unread[0].exit_code)


@app.command()
def simulate(
    flavor: Annotated[Flavor, typer.Option(metavar="cloud|dc", help="Jira Cloud or Jira Data Center.")] = "cloud",
    site: Annotated[
        list[Path] | None, typer.Option("--site", metavar="FILE", help="Issues as JSON lines; default: a sample site.")
    ] = None,
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="Port; 0 takes a free one.")] = 0,
) -> None:
    """Serve a simulated Jira site on this machine, until interrupted. The first line of output says how to reach it."""
    from jirakb.simulator.simulate import simulate as simulate_site

    try:
        simulate_site(flavor, site or [], port)
    except (OSError, ValueError) as exc:  # a file that is not there or no site file, a port that is taken
        raise UsageError(f"The site cannot be simulated: {exc}.", fix="Check --site and --port.") from exc


@app.command("demo")
def demo_command(
    once: Annotated[bool, typer.Option("--once", help="Sync, search, print and exit.")] = False,
    home: options.Home = None,
) -> None:
    """Start a simulated site, sync it, search it."""
    from jirakb.service.demo import demo

    demo(home, once=once)


app.command("search")(search)
app.command("similar")(similar)
app.command("context")(context)
app.command("doctor")(doctor.doctor)
app.command("rebuild")(rebuild.rebuild)
app.command("backup")(backup.backup)
app.command("worker")(worker_command.worker)
app.command("serve")(serve_command.serve)
app.add_typer(keys_command.keys, name="keys")


def _print_version(wanted: bool) -> None:
    if wanted:
        console.write(f"jirakb {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    """Makes a Jira site a searchable knowledge base and keeps it true."""
