"""Would this configuration work, and what would it read? Asks the site as a sync would; stores nothing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from itertools import islice

from jirakb.control.config import ConnectorConfig
from jirakb.documents import Document
from jirakb.engine.open import Service
from jirakb.engine.sources import source_of
from jirakb.errors import (
    ConnectorValidationError,
    InsufficientPermissionsError,
    SiteUnreachableError,
    SkippedIssueError,
)
from jirakb.jira import doctor
from jirakb.jira.client.retries import Budget
from jirakb.jira.connector import JiraConnector
from jirakb.service.web.models.connectors import Diagnosis, Preview, Sample

SAMPLES = 3
_TRIED = 12  # issues that are fetched for the samples: some may have a fault
_BUDGET = Budget(attempts=2, seconds=15.0, throttles=2, patience=15.0)


def test(config: ConnectorConfig, credentials: Mapping[str, str], service: Service) -> Diagnosis:
    """What the doctor says."""
    return Diagnosis.model_validate(_diagnosis(config, credentials, service).to_json())


def preview(config: ConnectorConfig, credentials: Mapping[str, str], service: Service) -> Preview:
    """The doctor's count, and the first issues as documents; raises what keeps them from being read."""
    found = _diagnosis(config, credentials, service)
    if not found.ok or found.estimate is None:
        raise _as_error(found)
    source = source_of(
        config, credentials, service.settings, _BUDGET, pacers=service.pacers, guard=service.guard
    )  # fmt: skip
    with closing(source):
        return Preview(issues=found.estimate.issues, documents=_samples(source))


def _diagnosis(config: ConnectorConfig, credentials: Mapping[str, str], service: Service) -> doctor.Diagnosis:
    subject = doctor.Subject(
        base_url=config.base_url,
        credentials=dict(credentials),
        projects=(config.project_key,) if config.project_key else (),
        jql=config.jql_query,
        labels_to_skip=config.labels_to_skip,
        fields=config.fields.model_dump(),
        scoped_token=config.scoped_token,
        timezone_offset=config.timezone_offset,
    )
    return doctor.diagnose(subject, service.settings, guard=service.guard)


def _as_error(found: doctor.Diagnosis) -> ConnectorValidationError | SiteUnreachableError:
    worst = next((one for one in found.findings if one.severity == "error"), None)
    if worst is None:
        return ConnectorValidationError("The site did not tell how many issues there are.", fix="Try again.")
    if worst.exit_code == SiteUnreachableError.exit_code:
        return SiteUnreachableError(worst.message, fix=worst.fix, code=worst.code)
    kind = InsufficientPermissionsError if found.account is None else ConnectorValidationError
    return kind(worst.message, fix=worst.fix, code=worst.code)


def _samples(source: JiraConnector) -> list[Sample]:
    source.identify()
    first = next(iter(source.list_all()), None)
    numbers = [ref.number for ref in islice(first.refs, _TRIED)] if first else []
    samples: list[Sample] = []
    for raw in source.fetch(numbers).issues if numbers else ():
        try:
            document = source.render(raw).documents[0]
        except SkippedIssueError:
            continue
        samples.append(_sample(document))
    return samples[:SAMPLES]


def _sample(document: Document) -> Sample:
    return Sample(
        key=document.key,
        kind=document.kind,
        title=document.title,
        url=document.url,
        updated=document.updated,
        markdown=document.markdown,
    )
