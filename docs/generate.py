"""Writes docs/reference/commands.md from the commands and http.md from the OpenAPI (`make docs`); tests say when they are stale."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from jirakb.engine.open import open_service
from jirakb.service.cli import app
from jirakb.service.web.app import create_app
from jirakb.service.web.reference import markdown_page
from jirakb.settings import Settings

PAGE = Path(__file__).parent / "reference" / "commands.md"
HTTP_PAGE = Path(__file__).parent / "reference" / "http.md"
HEAD = """# Commands

Messages and progress go to stderr, results to stdout. `--json` makes the last line of stdout one JSON object.

| exit | meaning |
|---|---|
| 0 | complete |
| 1 | a fault of jirakb, with a reference to the log in the home |
| 2 | settings, usage or credentials |
| 3 | finished, but at least one omission is a fault |
| 4 | stopped by the deletion brake |
| 5 | the site could not be reached or kept refusing |
| 6 | not found |
| 130 | interrupted; what was committed stays, the next run goes on |
| 141 | the reader of the output went away, as `head` does |
"""


def commands_page() -> str:
    """The whole page."""
    root: Any = get_command(app)
    context = typer.Context(root, info_name="jirakb")
    return "\n".join([HEAD, *(_section(name, command) for name, command in _commands(root, context))])


def http_page() -> str:
    """The page of the HTTP interface."""
    with tempfile.TemporaryDirectory() as home, closing(open_service(Settings.read({"JIRAKB_HOME": home}))) as service:
        return markdown_page(create_app(service).openapi())


def _commands(group: Any, context: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Each command with its whole name; those of a group stand after it."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield f"{before}{name}", command
        if hasattr(command, "list_commands"):
            yield from _commands(command, context, f"{before}{name} ")


def _section(name: str, command: Any) -> str:
    params = [param for param in command.params if param.name != "help"]
    arguments = " ".join(str(p.name).upper() for p in params if p.param_type_name == "argument")
    lines = [f"## jirakb {name} {arguments}".rstrip(), "", str(command.help or ""), ""]
    if params:
        lines += ["| option | default | meaning |", "|---|---|---|", *map(_row, params)]
    return "\n".join(lines).rstrip() + "\n"


def _row(param: Any) -> str:
    is_option = param.param_type_name == "option"
    names = [*param.opts, *param.secondary_opts]
    metavar = "" if getattr(param, "is_flag", False) or not is_option else f" {param.metavar}"
    shown = f"`{' / '.join(names) if is_option else str(param.name).upper()}{metavar}`"
    return f"| {_cell(shown)} | {_default(param)} | {_cell(param.help)} |"


def _default(param: Any) -> str:
    if param.required:
        return "required"
    if param.secondary_opts:
        return f"`{param.opts[0] if param.default else param.secondary_opts[0]}`"
    return "" if param.default in (None, False, "", []) else f"`{param.default}`"


def _cell(text: object) -> str:
    return str(text or "").replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(commands_page(), encoding="utf-8")
    HTTP_PAGE.write_text(http_page(), encoding="utf-8")
