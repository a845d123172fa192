"""What becomes of a run, given how its work ended? Pure. Writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jirakb.control.connectors import ConnectorState
from jirakb.control.runs import RunState
from jirakb.errors import (
    DeletionBrakeError,
    InsufficientPermissionsError,
    JirakbError,
    KnowledgeBaseBusyError,
    RunStoppedError,
    SecretsError,
    SiteError,
)
from jirakb.report import Report

TRIES = 3
"""Times that a run is begun while its site is at fault."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the run goes on: it ends, is tried again (`delay` tells how long to wait: short, or longer each time), or stopped.

    `connector` is the state that its connector enters, and `why`; None leaves it.
    """

    then: Literal["end", "busy", "again", "stop"]
    state: RunState = "failed"
    kind: str | None = None
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    connector: ConnectorState | None = None
    why: str = ""


def of_report(report: Report, connector: ConnectorState | None = "active") -> Outcome:
    """A run that came to its end. Reading the site shows that the connector works (`connector`)."""
    state: RunState = "incomplete" if report.failed else "complete"
    return Outcome("end", state, report.kind, summary(report), connector=connector)


def of_error(error: JirakbError, failures: int) -> Outcome:
    """A run that was broken off, after so many failures before this one."""
    if isinstance(error, RunStoppedError):
        return Outcome("stop")
    if isinstance(error, KnowledgeBaseBusyError):
        return Outcome("busy", error=described(error))
    if isinstance(error, DeletionBrakeError):
        return _braked(error)
    if isinstance(error, SiteError) and failures + 1 < TRIES:
        return Outcome("again", error=described(error))
    if isinstance(error, (InsufficientPermissionsError, SecretsError)):
        why = f"{error.message} {error.fix}".strip()
        return Outcome("end", error=described(error), connector="needs_attention", why=why)
    return Outcome("end", error=described(error))


def _braked(error: DeletionBrakeError) -> Outcome:
    report = error.report
    fix = "Check the account's permissions and the query. If it is right, sync with confirm_deletions."
    told = {**described(error), "fix": fix}
    result, kind = (summary(report), report.kind) if isinstance(report, Report) else (None, None)
    return Outcome(
        "end", "stopped", kind, result, told, connector="needs_attention", why=f"{error.message} {fix}"
    )  # fmt: skip


def described(error: JirakbError) -> dict[str, Any]:
    """An error as a run shows it."""
    told = {"error": type(error).__name__, "message": error.message, "fix": error.fix, "code": error.code}
    return {name: text for name, text in told.items() if text}


def summary(report: Report) -> dict[str, Any]:
    """The report without its list of omissions, which may be as long as the site; the knowledge base has them."""
    whole = report.to_json()
    omissions = Counter(f"{omission.cls} {omission.reason}" for omission in report.omissions)
    del whole["omissions"]
    return {**whole, "omissions_by_reason": dict(omissions), "failed": report.failed}
