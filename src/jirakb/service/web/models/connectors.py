"""What a connector and its runs look like from outside. Never holds a credential."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from jirakb.control.config import CompleteCredentials, ConnectorConfig, ConnectorCredentials
from jirakb.control.connectors import ConnectorState
from jirakb.control.runs import RunState
from jirakb.service.web.models.paging import Line, Page, PageQuery, Strict

ID = "01JDC2M9S0Q4V6T8X1Z3B5D7F9"
_KB = "01JDC2M9RZ7N5K3H1F9D7B5Z3X"
_RUN = "01JDC2P4Y6T8R0Q2M4K6H8F0D2"
_CONFIG: dict[str, Any] = {
    "base_url": "https://company.atlassian.net",
    "project_key": "BUGS",
    "jql_query": "priority = High AND issuetype = Bug AND status != Closed",
    "batch_size": 100,
    "include_comments": True,
    "include_attachments": False,
    "labels_to_skip": ["wontfix", "duplicate"],
    "timezone_offset": -5.0,
}
_CREDENTIALS: dict[str, Any] = {"jira_user_email": "automation@example.com", "jira_api_token": "your-api-token"}
_FULL_CONFIG = {
    **_CONFIG, "attachment_size_limit": 10485760, "comment_email_blacklist": [],
    "fields": {"include": ["*", "Story Points"], "exclude": ["Rank"]}, "include_history": False, "scoped_token": False,
    "embeddings": "minilm",
}  # fmt: skip
_RUN_EXAMPLE: dict[str, Any] = {
    "id": _RUN, "connector_id": ID, "kb_id": _KB, "kind": "incremental", "state": "complete",
    "requested": "2026-11-23T10:00:00Z", "started": "2026-11-23T10:00:00Z", "finished": "2026-11-23T10:00:09Z",
    "counts": {"listed": 12, "fetched": 12, "indexed": 12, "unchanged": 0, "deleted": 0, "omitted": 0},
    "requests": {"total": 4, "throttled": 0, "by_endpoint": {"GET search/jql": 1}}, "seconds": {"total": 8.6},
    "watermark": "2026-11-23T09:58:00Z", "omissions_by_reason": {}, "error": None, "attempts": 1,
    "progress": {"stages": {"fetch": {"done": 12, "total": 12, "rate": 40.0}}, "throttled": 0,
                 "throttled_seconds": 0.0, "seconds_left": 0},
    "stopping": False,
}  # fmt: skip
_CONNECTOR_EXAMPLE: dict[str, Any] = {
    "id": ID, "name": "High Priority Bugs", "source": "jira", "kb_id": _KB, "state": "active", "why": "",
    "config": _FULL_CONFIG, "has_credentials": True, "refresh_freq": 60, "prune_freq": 1440,
    "created": "2026-11-20T08:00:00Z", "updated": "2026-11-20T08:00:00Z",
    "freshness": {"watermark": "2026-11-23T09:58:00Z", "seconds": 240.0},
    "counts": {"issues": 1200, "documents": 1200, "omissions": 3}, "last_run": _RUN_EXAMPLE,
    "next_run": "2026-11-23T11:00:00Z",
}  # fmt: skip
Minutes = Annotated[int, Field(ge=1, le=527_040)]


class ConnectorSet(Strict):
    """A connector to make, or (with `id`) to change: what is not given stays as it is."""

    model_config = ConfigDict(
        hide_input_in_errors=True,
        json_schema_extra={
            "examples": [
                {"name": "High Priority Bugs", "source": "jira", "config": _CONFIG, "credentials": _CREDENTIALS},
                {"id": ID, "refresh_freq": 60, "prune_freq": 1440},
            ]
        },
    )

    id: Annotated[str | None, Field(max_length=26, description="The connector to change; none for a new one.")] = None
    name: Annotated[Line | None, Field(description="Its name; needed for a new one.")] = None
    source: Annotated[Literal["jira"], Field(description="What it reads from.")] = "jira"
    config: Annotated[ConnectorConfig | None, Field(description="Site and query; needed for a new one.")] = None
    credentials: Annotated[
        CompleteCredentials | None, Field(description="What signs in; kept sealed and never answered.")
    ] = None
    kb_id: Annotated[
        str | None, Field(max_length=26, description="The knowledge base it feeds; default: a new one of its name.")
    ] = None
    refresh_freq: Annotated[Minutes | None, Field(description="Minutes between two syncs; null: on demand.")] = None
    prune_freq: Annotated[Minutes | None, Field(description="Minutes between two censuses; null: as syncs decide.")] = (
        None
    )

    @model_validator(mode="after")
    def _is_enough(self) -> ConnectorSet:
        if self.id is None and (self.name is None or self.config is None):
            raise ValueError("a new connector needs name and config")
        return self


class StageProgress(BaseModel):
    """How far one stage of a run is: counts, and items per second."""

    done: int
    total: int | None = None
    rate: float


class Progress(BaseModel):
    """How far a run is. `throttled` counts the answers that said "wait"; the waits of several connections add up."""

    stages: dict[str, StageProgress] = {}
    throttled: int = 0
    throttled_seconds: float = 0.0
    seconds_left: int | None = None


class Requests(BaseModel):
    """What was asked of the site so far."""

    total: int = 0
    throttled: int = 0
    by_endpoint: dict[str, int] = {}


class RunError(BaseModel):
    """Why a run failed, stopped or waits, and what to do."""

    error: str
    message: str
    fix: str = ""
    code: str = ""


class Run(BaseModel):
    """One run of a connector or knowledge base."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RUN_EXAMPLE]})

    id: str
    connector_id: str | None
    kb_id: str
    kind: Annotated[
        str, Field(description="full, incremental, census, rebuild, embed, delete, or sync until it is known.")
    ]
    state: RunState
    requested: datetime
    started: datetime | None
    finished: datetime | None
    counts: dict[str, int]
    requests: Requests
    seconds: dict[str, float]
    watermark: datetime | None
    omissions_by_reason: Annotated[dict[str, int], Field(description='Such as {"failed bad_body": 2}.')]
    error: RunError | None
    attempts: int
    progress: Progress
    stopping: Annotated[bool, Field(description="Whether it was asked to stop and has not yet.")]


class RunPage(Page[Run]):
    """Runs, newest first."""


class Freshness(BaseModel):
    """How new what is indexed is: everything changed up to the watermark is there."""

    watermark: datetime | None
    seconds: Annotated[float | None, Field(description="Now minus the watermark.")]


class ConnectorCounts(BaseModel):
    """What the connector has read that is in its knowledge base now."""

    issues: int
    documents: int
    omissions: int


class Connector(BaseModel):
    """A saved connector."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CONNECTOR_EXAMPLE]})

    id: str
    name: str
    source: Literal["jira"]
    kb_id: str
    state: ConnectorState
    why: Annotated[str, Field(description="Why it is in this state, where that needs words.")]
    config: ConnectorConfig
    has_credentials: bool
    refresh_freq: int | None
    prune_freq: int | None
    created: datetime
    updated: datetime
    freshness: Freshness
    counts: ConnectorCounts
    last_run: Run | None
    next_run: datetime | None


class ConnectorBrief(BaseModel):
    """A connector as its events tell it."""

    id: str
    name: str
    state: ConnectorState
    why: str
    kb_id: str
    next_run: datetime | None


class ConnectorPage(Page[Connector]):
    """Connectors, oldest first."""


class Accepted(BaseModel):
    """The run that does what was asked; null where there is nothing to do."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"run_id": _RUN}]})

    run_id: str | None


class Resume(Strict):
    """Whether the connector goes on or pauses."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"resume": True}]})

    resume: bool


class Rebuild(Strict):
    """What the documents are made from: what is kept of Jira's answers, or Jira anew."""

    model_config = ConfigDict(populate_by_name=True, json_schema_extra={"examples": [{"from": "raw"}]})

    kb_id: Annotated[str | None, Field(max_length=26)] = None
    from_: Annotated[Literal["raw", "jira"], Field(alias="from")] = "raw"


class Remove(Strict):
    """What becomes of the documents that the connector alone has read."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"documents": "delete"}]})

    documents: Literal["delete", "keep"] = "delete"


class SyncNow(Strict):
    """How to sync this time."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"census": False}]})

    census: Annotated[bool, Field(description="Find out what was deleted, too.")] = False
    full: Annotated[bool, Field(description="Read every issue again.")] = False
    confirm_deletions: Annotated[bool, Field(description="Delete even more than the brake allows.")] = False


class Omission(BaseModel):
    """Something that is not indexed, and why; `url` leads to its issue where the key is known."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"key": "BUGS-7", "kind": "issue", "class": "failed", "reason": "bad_body", "detail": "No summary.",
                 "url": "https://company.atlassian.net/browse/BUGS-7"}
            ]
        }
    )  # fmt: skip

    key: str
    kind: Literal["issue", "comment", "attachment"]
    class_: Annotated[Literal["excluded", "failed"], Field(alias="class")]
    reason: str
    detail: str
    url: str | None


class OmissionPage(Page[Omission]):
    """Omissions in the order of their issues' numbers."""


class OmissionQuery(PageQuery):
    """Which omissions."""

    reason: Annotated[str | None, Field(max_length=100, description="Only those with this reason.")] = None


class HistoryPoint(BaseModel):
    """What the runs come to that ended in one step of time, and how it stood then."""

    time: Annotated[datetime, Field(description="The step's beginning.")]
    runs: int
    failed: Annotated[int, Field(description="Runs that failed.")]
    documents: Annotated[int, Field(description="Issues that were stored anew.")]
    errors: Annotated[int, Field(description="Omissions that are faults, and runs that failed.")]
    seconds: Annotated[float, Field(description="How long the runs took together.")]
    requests: int
    throttled: Annotated[int, Field(description="How often the site said to wait.")]
    throttled_seconds: float
    age: Annotated[
        float | None, Field(description="Most seconds since a run had read everything; null before the first.")
    ]
    backlog: Annotated[int | None, Field(description="Most passages of the knowledge base that waited for a vector.")]


class History(BaseModel):
    """The connector's past in equal steps of `step` seconds, oldest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"step": 900, "items": [{"time": "2026-11-23T10:00:00Z", "runs": 1, "failed": 0, "documents": 12, "errors": 0,
                 "seconds": 8.6, "requests": 4, "throttled": 0, "throttled_seconds": 0.0, "age": 905.0, "backlog": 0}]}
            ]
        }
    )  # fmt: skip

    step: int
    items: list[HistoryPoint]


class HistoryQuery(Strict):
    """How far back."""

    hours: Annotated[float, Field(gt=0, le=744)] = 24.0


class ConnectorTest(Strict):
    """A configuration that is not saved; with `id`, the saved connector's credentials where none are given."""

    model_config = ConfigDict(
        hide_input_in_errors=True,
        json_schema_extra={"examples": [{"config": _CONFIG, "credentials": _CREDENTIALS}]},
    )

    id: Annotated[str | None, Field(max_length=26)] = None
    config: ConnectorConfig
    credentials: ConnectorCredentials | None = None


class Finding(BaseModel):
    """One thing that was noticed; an error keeps a sync from working."""

    code: str
    severity: Literal["error", "warning", "info"]
    message: str
    fix: str


class Estimate(BaseModel):
    """What a full read costs."""

    issues: int
    calls: int
    seconds: float


class Diagnosis(BaseModel):
    """What the doctor says; null where it could not be learned."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"ok": True, "flavor": "cloud", "account": "5b10a2844c20165700ede21g", "time_zone": "Europe/Berlin",
                 "projects": ["BUGS"], "findings": [{"code": "visible", "severity": "info", "message": "Sees 1 project.",
                 "fix": ""}], "estimate": {"issues": 1200, "calls": 14, "seconds": 9.5}}
            ]
        }
    )  # fmt: skip

    ok: bool
    flavor: Literal["cloud", "dc"] | None
    account: str | None
    time_zone: str | None
    projects: list[str]
    findings: list[Finding]
    estimate: Estimate | None


class Sample(BaseModel):
    """A document as it would be stored."""

    key: str
    kind: str
    title: str
    url: str
    updated: datetime
    markdown: str


class Preview(BaseModel):
    """How many issues the query admits, and up to three of them as documents."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"issues": 1200, "documents": [{"key": "BUGS-1", "kind": "issue", "title": "Pump stops",
                 "url": "https://company.atlassian.net/browse/BUGS-1", "updated": "2026-11-23T09:58:00Z",
                 "markdown": "---\nkey: BUGS-1\n---\n"}]}
            ]
        }
    )  # fmt: skip

    issues: int
    documents: list[Sample]
