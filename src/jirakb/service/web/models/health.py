"""What the service says of itself."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


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
