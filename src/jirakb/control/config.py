"""What may a saved connector be told? The specification's keys with their defaults, types and units, and ours. Unknown keys are refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

Short = Annotated[str, Field(min_length=1, max_length=500)]


def _address(url: str) -> str:
    parts = urlsplit(url)
    is_plain = not any(sign <= " " or sign == "\x7f" for sign in url)  # urlsplit passes over line breaks
    surplus = parts.username or parts.password or parts.query or parts.fragment  # shown to whoever sees the connector
    if parts.scheme not in ("http", "https") or not parts.hostname or surplus or not is_plain:
        raise ValueError("must be an http or https address without user name, password, query and blanks")
    return url


class FieldSelection(BaseModel):
    """Fields by name or id. With `include` only those are shown ('*': the usual ones, too); those of `exclude` never are."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    include: Annotated[tuple[Short, ...], Field(max_length=500)] = ()
    exclude: Annotated[tuple[Short, ...], Field(max_length=500)] = ()


class ConnectorConfig(BaseModel):
    """One site and query. `base_url` and `jira_base_url` are the same key."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    base_url: Annotated[str, Field(max_length=500, description="Base URL of the Jira site."), AfterValidator(_address)]
    project_key: Annotated[str | None, Field(max_length=500, description="Project to sync; '*' is all.")] = None
    jql_query: Annotated[str | None, Field(max_length=20_000, description="JQL that restricts the issues.")] = None
    batch_size: Annotated[int, Field(ge=1, le=500, description="Issues per task.")] = 50
    include_comments: Annotated[bool, Field(description="Comments are part of the documents.")] = True
    include_attachments: Annotated[bool, Field(description="Attachments are documents of their own.")] = False
    attachment_size_limit: Annotated[
        int, Field(ge=0, le=1 << 31, description="Bytes; larger files are listed only.")
    ] = 10 * 1024 * 1024
    labels_to_skip: Annotated[tuple[Short, ...], Field(max_length=200)] = ()
    comment_email_blacklist: Annotated[tuple[Short, ...], Field(max_length=500)] = ()
    fields: Annotated[
        FieldSelection, Field(description="Which fields without a place of their own stand in the documents.")
    ] = FieldSelection()
    include_history: Annotated[bool, Field(description="What changed, who did it, and when, is indexed too.")] = False
    scoped_token: Annotated[bool, Field(description="The token works at Atlassian's gateway only.")] = False
    timezone_offset: Annotated[
        float | None, Field(ge=-14, le=14, description="Hours from UTC, in place of the account's zone.")
    ] = None
    embeddings: Annotated[
        Literal["minilm", "openai", "none"],
        Field(description="The model for search by meaning: built in, of the service's settings, or none."),
    ] = "minilm"

    @model_validator(mode="before")
    @classmethod
    def _accept_both_names(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "jira_base_url" not in given:
            return given
        if "base_url" in given and given["base_url"] != given["jira_base_url"]:
            raise ValueError("base_url and jira_base_url are the same key: give one of them")
        rest = {name: value for name, value in given.items() if name != "jira_base_url"}
        return {**rest, "base_url": given["jira_base_url"]}

    @field_validator("labels_to_skip", "comment_email_blacklist", mode="before")
    @classmethod
    def _split_text(cls, given: Any) -> Any:
        """A comma-separated text is as good as a list: forms send it so."""
        return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given

    @model_validator(mode="after")
    def _restricts(self) -> ConnectorConfig:
        if not (self.project_key or "").strip() and not (self.jql_query or "").strip():
            raise ValueError("give a project_key, a jql_query or both; project_key '*' reads every project")
        return self


class ConnectorCredentials(BaseModel):
    """What signs in: e-mail and token, a token alone, or user name and password."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    jira_user_email: Annotated[str | None, Field(max_length=500, repr=False)] = None
    jira_api_token: Annotated[str | None, Field(max_length=5000, repr=False)] = None
    jira_username: Annotated[str | None, Field(max_length=500, repr=False)] = None
    jira_password: Annotated[str | None, Field(max_length=5000, repr=False)] = None

    def given(self) -> dict[str, str]:
        """Those that are set."""
        return {name: value for name, value in self.model_dump().items() if value}


def _can_sign_in(credentials: ConnectorCredentials) -> ConnectorCredentials:
    """None at all is no fault: a form sends its empty fields."""
    given = credentials.given()
    if "jira_password" in given and not given.get("jira_username", "").strip():
        raise ValueError("a jira_password needs a jira_username: give both, or a jira_api_token instead")
    if given and not given.keys() & {"jira_api_token", "jira_password"}:
        raise ValueError("a name alone signs nobody in: give a jira_api_token, or a jira_username and jira_password")
    return credentials


CompleteCredentials = Annotated[ConnectorCredentials, AfterValidator(_can_sign_in)]
"""Those that may be saved. To try a site out, half of them will do."""
