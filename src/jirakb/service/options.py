"""The options that several commands share, each with the text that --help shows for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from jirakb.errors import UsageError
from jirakb.settings import Settings

Home = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="Folder of the knowledge bases [JIRAKB_HOME, ~/.jirakb]."),
]
Kb = Annotated[str, typer.Option("--kb", metavar="NAME", help="The knowledge base.")]
KbOrAll = Annotated[str | None, typer.Option("--kb", metavar="NAME", help="The knowledge base; default: all.")]
Json = Annotated[bool, typer.Option("--json", help="Make the last line of the output one JSON object.")]
BaseUrl = Annotated[str, typer.Option("--base-url", metavar="URL", help="Address of the Jira site.")]
Project = Annotated[
    list[str] | None, typer.Option("--project", metavar="K", help="Project key; may be repeated; '*' is all projects.")
]
Jql = Annotated[str | None, typer.Option("--jql", metavar="JQL", help="JQL that restricts the issues further.")]
Email = Annotated[
    str | None, typer.Option("--email", metavar="E", help="E-mail of the token's account (Cloud API token).")
]
Username = Annotated[
    str | None, typer.Option("--username", metavar="U", help="User name (Data Center, with a password).")
]
Token = Annotated[
    str | None, typer.Option("--token", metavar="T", help="API token or personal access token [JIRAKB_TOKEN].")
]
TokenFile = Annotated[Path | None, typer.Option("--token-file", metavar="F", help="File that holds the token.")]
Password = Annotated[
    str | None, typer.Option("--password", metavar="P", help="Password (Data Center) [JIRAKB_PASSWORD].")
]
ScopedToken = Annotated[bool, typer.Option("--scoped-token", help="The token has scopes: go through the gateway.")]
StartTs = Annotated[
    float | None, typer.Option("--start-ts", metavar="S", help="Only changes from this epoch second on.")
]
EndTs = Annotated[float | None, typer.Option("--end-ts", metavar="S", help="Only changes before this epoch second.")]
BatchSize = Annotated[int, typer.Option("--batch-size", metavar="N", min=1, max=500, help="Issues per task.")]
IncludeComments = Annotated[bool, typer.Option("--include-comments/--no-include-comments", help="Index comments.")]
IncludeAttachments = Annotated[
    bool, typer.Option("--include-attachments/--no-include-attachments", help="Index the text of attachments.")
]
AttachmentSizeLimit = Annotated[
    int, typer.Option("--attachment-size-limit", metavar="BYTES", min=0, help="Leave larger attachments out.")
]
LabelsToSkip = Annotated[
    str, typer.Option("--labels-to-skip", metavar="A,B", help="Leave issues with these labels out.")
]
CommentBlacklist = Annotated[
    str,
    typer.Option(
        "--comment-email-blacklist", metavar="A,B", help="Leave comments of these e-mails, account ids or names out."
    ),
]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--field", metavar="NAME", help="Show this field (name or id) and no others; may be repeated; '*' is the usual."
    ),
]
ExcludedFields = Annotated[
    list[str] | None,
    typer.Option("--exclude-field", metavar="NAME", help="Leave this field out (name or id); may be repeated."),
]
IncludeHistory = Annotated[
    bool, typer.Option("--include-history/--no-include-history", help="Index what changed, who did it, and when.")
]
TimezoneOffset = Annotated[
    float | None,
    typer.Option(
        "--timezone-offset", metavar="H", min=-24, max=24, help="Hours from UTC, instead of the account's zone."
    ),
]


@dataclass(frozen=True, slots=True)
class Reading:
    """The options that say what is read from which site."""

    base_url: str
    projects: tuple[str, ...]
    jql: str | None
    email: str | None
    username: str | None
    token: str | None
    token_file: Path | None
    password: str | None
    scoped_token: bool
    batch_size: int
    include_comments: bool
    include_attachments: bool
    attachment_size_limit: int
    labels_to_skip: tuple[str, ...]
    comment_blacklist: tuple[str, ...]
    timezone_offset: float | None
    fields: tuple[str, ...] = ()
    excluded_fields: tuple[str, ...] = ()
    include_history: bool = False

    @property
    def chosen_fields(self) -> dict[str, tuple[str, ...]]:
        """The fields to show and not to show, as a connector takes them."""
        return {"include": self.fields, "exclude": self.excluded_fields}

    def credentials(self, settings: Settings) -> dict[str, str]:
        """The credentials in the specification's names: options first, then the environment."""
        token = self.token or _read_token(self.token_file) or ("" if self.password else settings.token)
        password = self.password or ("" if token else settings.password)
        given = {
            "jira_user_email": self.email,
            "jira_api_token": token,
            "jira_username": self.username,
            "jira_password": password,
        }
        return {name: value for name, value in given.items() if value}


def _read_token(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"The token file {path} cannot be read: {exc}.", fix="Check --token-file.") from exc


def names(text: str) -> tuple[str, ...]:
    """The items of a comma-separated option."""
    return tuple(item.strip() for item in text.split(",") if item.strip())


def moment(epoch_seconds: float | None, option: str) -> datetime | None:
    """An option's epoch seconds as a time; raises UsageError when no calendar has it."""
    if epoch_seconds is None:
        return None
    try:
        return datetime.fromtimestamp(epoch_seconds, UTC)
    except (OverflowError, ValueError, OSError) as exc:
        raise UsageError(
            f"{option} {epoch_seconds} is no time.", fix="Give seconds since 1970, not milliseconds."
        ) from exc


def since(text: str, now: datetime, option: str = "--updated-since") -> datetime:
    """`--updated-since` or the like as a time: a day (its start in UTC), or "-30d" for days back; raises UsageError."""
    try:
        if text.startswith("-") and text.endswith("d"):
            return now - timedelta(days=int(text[1:-1]))
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except (ValueError, OverflowError) as exc:
        raise UsageError(
            f"{option} {text!r} is neither a day nor a number of days.", fix="Write 2026-01-31, or -30d."
        ) from exc
