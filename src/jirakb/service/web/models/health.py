"""What the service says of itself."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Health(BaseModel):
    """The process answers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok", "version": "0.1.0"}]})

    status: str
    version: str


class Readiness(BaseModel):
    """The service can work: the database answers, and so many workers were seen lately."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ready", "workers": 1}]})

    status: str
    workers: int


class ServicePoint(BaseModel):
    """What was measured in one step of time: of the service as a whole, and of the searches of who asks."""

    time: Annotated[datetime, Field(description="The step's beginning.")]
    memory: Annotated[int | None, Field(description="Bytes that its largest process held, at most.")]
    searches: int
    search_seconds: Annotated[float | None, Field(description="How long a search took, on average.")]
    search_slowest: float | None


class ServiceHistory(BaseModel):
    """The service's past in equal steps of `step` seconds, oldest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"step": 900, "items": [{"time": "2026-11-23T10:00:00Z", "memory": 214958080, "searches": 12,
                 "search_seconds": 0.021, "search_slowest": 0.088}]}
            ]
        }
    )  # fmt: skip

    step: int
    items: list[ServicePoint]
