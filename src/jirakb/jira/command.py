"""`python -m jirakb.jira.connector`: writes the documents of a site as JSON lines to stdout. Stores nothing.

Errors go to stderr; the exit codes are those of the command line.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TextIO

import orjson

from jirakb.documents import Document, Omission
from jirakb.errors import JirakbError, UsageError
from jirakb.jira.auth import Credentials
from jirakb.jira.connector import JiraConnector
from jirakb.jira.document.times import time_text
from jirakb.settings import Settings

_FAILED_OMISSIONS = 3
_INTERRUPTED = 130
_READER_GONE = 141


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Runs the command; the result is its exit code."""
    out, err = out or sys.stdout, err or sys.stderr
    options = _parser().parse_args(arguments)
    try:
        with closing(_connector(options, Settings.read())) as connector:
            return _write_documents(connector, options, out, err)
    except BrokenPipeError:
        # What is left unwritten would be tried again, and told, when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        return _READER_GONE
    except JirakbError as exc:
        err.write(f"error: {exc.message}\n" + (f"  {exc.fix}\n" if exc.fix else ""))
        return exc.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED


def document_line(document: Document) -> str:
    """A document as one line of JSON, as `jirakb export --format jsonl` writes it, too."""
    fields = {
        "id": document.id,
        "key": document.key,
        "kind": document.kind,
        "title": document.title,
        "url": document.url,
        "updated": time_text(document.updated),
        "markdown": document.markdown,
        "metadata": document.metadata,
    }
    return orjson.dumps(fields, default=str).decode()


def _write_documents(connector: JiraConnector, options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    failed = False
    connector.validate_connector_settings()
    for item in connector.load_from_checkpoint(options.start_ts, options.end_ts):
        if isinstance(item, Omission):
            failed = failed or item.cls == "failed"
            err.write(f"{item.cls}: {item.kind} of {item.key}: {item.reason} {item.detail}".rstrip() + "\n")
        else:
            out.write(document_line(item) + "\n")
    out.flush()
    return _FAILED_OMISSIONS if failed else 0


def _connector(options: argparse.Namespace, settings: Settings) -> JiraConnector:
    return JiraConnector(
        options.base_url,
        None,
        options.jql,
        options.batch_size,
        options.include_comments,
        options.include_attachments,
        _listed(options.labels_to_skip),
        _listed(options.comment_email_blacklist),
        options.scoped_token,
        options.attachment_size_limit,
        options.timezone_offset,
        credentials=_credentials(options, settings),
        projects=options.project,
        fields={"include": options.field, "exclude": options.exclude_field},
        include_history=options.include_history,
        settings=settings,
    )


def _credentials(options: argparse.Namespace, settings: Settings) -> Credentials:
    password = options.password or ("" if options.token or options.token_file else settings.password)
    token = options.token or _token_in(options.token_file) or ("" if options.password else settings.token)
    return Credentials(options.email, token, options.username, password)


def _token_in(path: Path | None) -> str:
    try:
        return path.read_text(encoding="utf-8").strip() if path else ""
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"The token file {path} cannot be read.", fix="Check --token-file.") from exc


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jirakb.jira.connector", description="Writes the documents of a Jira site as JSON lines."
    )
    _add_site_options(parser)
    _add_reading_options(parser)
    return parser


def _add_site_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--base-url", required=True, help="address of the site")
    add("--project", action="append", default=[], metavar="KEY", help="project to read (repeat for several, * for all)")
    add("--jql", default="", help="further restriction")
    add("--email", default="", help="account of a Cloud API token")
    add("--username", default="", help="Data Center account")
    add("--token", default="", help="API token or personal access token (better: JIRAKB_TOKEN)")
    add("--token-file", type=Path, help="file that holds the token")
    add("--password", default="", help="Data Center password (better: JIRAKB_PASSWORD)")
    add("--scoped-token", action="store_true", help="the API token has scopes")


def _add_reading_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    switch = argparse.BooleanOptionalAction
    add("--start-ts", type=float, metavar="S", help="updated from these epoch seconds on")
    add("--end-ts", type=float, metavar="S", help="updated before these epoch seconds")
    add("--batch-size", type=int, default=50, metavar="N", help="issues per page, 1 to 500")
    add("--include-comments", action=switch, default=True)
    add("--include-attachments", action=switch, default=False)
    add("--attachment-size-limit", type=int, default=10_485_760, metavar="BYTES")
    add("--labels-to-skip", default="", metavar="A,B")
    add("--comment-email-blacklist", default="", metavar="A,B")
    add("--field", action="append", default=[], metavar="NAME", help="show this field, and no others (repeat)")
    add("--exclude-field", action="append", default=[], metavar="NAME", help="leave this field out (repeat)")
    add("--include-history", action=switch, default=False)
    add("--timezone-offset", type=float, metavar="HOURS", help="instead of the account's time zone")
