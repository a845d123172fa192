"""What a context for a language model looks like from outside. Never decides who may read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from jirakb.service.web.models.knowledge import Filter, KbId, Mode
from jirakb.service.web.models.paging import Strict


class ContextRequest(Strict):
    """A question that a language model is to answer, and how much text it may be given."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"query": "why does the pump stop after a restart?", "budget_tokens": 4000}]}
    )

    query: Annotated[str, Field(max_length=20_000)]
    budget_tokens: Annotated[int, Field(ge=1, le=1_000_000, description="A token is counted as three bytes.")] = 4000
    kb_id: KbId = None
    filter: Filter = Filter()
    mode: Mode = "hybrid"
    language: Literal["auto", "text", "jql"] = "auto"
    limit: Annotated[int, Field(ge=1, le=100, description="At most so many issues.")] = 20
    sections_per_issue: Annotated[int, Field(ge=1, le=50)] = 3


class Source(BaseModel):
    """Where a piece of the text is from: `number` is its mark [1] there, `is_section` false for a part of a section."""

    number: int
    key: str
    title: str
    kind: str
    heading: str
    url: str
    section: str
    is_section: bool
    tokens: int


class ContextAnswer(BaseModel):
    """Text of at most `budget` tokens with its sources; `total` is how many issues match. `notes` say what was not as asked."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kb_id": "01JDC2M9RZ7N5K3H1F9D7B5Z3X", "text": "[1] BUG-123: Pump stops <https://...>\nIt stops ...",
                 "tokens": 310, "budget": 4000, "total": 12, "notes": [],
                 "sources": [{"number": 1, "key": "BUG-123", "title": "Pump stops", "kind": "issue", "heading": "",
                              "url": "https://company.atlassian.net/browse/BUG-123", "section": "41",
                              "is_section": True, "tokens": 310}]}
            ]
        }
    )  # fmt: skip

    kb_id: str
    text: str
    tokens: int
    budget: int
    total: int
    sources: list[Source]
    notes: list[str]
