"""What a run did, in the shape that the command line prints and the service stores. Frozen values, no behaviour."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from jirakb.documents import Omission
from jirakb.source import RequestCounts


@dataclass(frozen=True, slots=True)
class RunCounts:
    """Issues listed = indexed + unchanged + omitted; the rest counts what was stored, taken out and embedded."""

    listed: int = 0
    fetched: int = 0
    indexed: int = 0
    unchanged: int = 0
    deleted: int = 0
    omitted: int = 0
    comments: int = 0
    attachments: int = 0
    sections: int = 0
    passages: int = 0
    embedded: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """One run from its beginning to its end. `failed` counts the omissions that are faults, of this and earlier runs."""

    run: str
    kb: str
    site: str
    flavor: str
    kind: str
    state: str
    counts: RunCounts
    omissions: tuple[Omission, ...]
    failed: int
    requests: RequestCounts
    seconds: dict[str, float] = field(default_factory=dict)
    watermark: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """The report as docs/reference/report.md describes it."""
        return {
            "run": self.run,
            "kb": self.kb,
            "site": self.site,
            "flavor": self.flavor,
            "kind": self.kind,
            "counts": asdict(self.counts),
            "omissions": [omission_json(omission) for omission in self.omissions],
            "requests": asdict(self.requests),
            "seconds": self.seconds,
            "watermark": utc_text(self.watermark),
        }


def omission_json(omission: Omission) -> dict[str, str]:
    """An omission with the field names of the contract."""
    return {
        "key": omission.key,
        "kind": omission.kind,
        "class": omission.cls,
        "reason": omission.reason,
        "detail": omission.detail,
    }


def utc_text(time: datetime | None) -> str | None:
    """A UTC time in whole seconds, as every output writes it."""
    return None if time is None else time.strftime("%Y-%m-%dT%H:%M:%SZ")
