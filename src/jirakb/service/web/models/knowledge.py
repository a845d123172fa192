"""What a knowledge base, a document and a search look like from outside. Never decides who may read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from jirakb.service.web.models.paging import Line, Page, Strict

Mode = Literal["hybrid", "text", "vector"]
Facet = Literal["project", "type", "status", "priority", "assignee", "labels", "components", "year"]
_Value = Annotated[str, Field(max_length=500)]
Values = Annotated[tuple[_Value, ...], Field(max_length=200)]
KbId = Annotated[str | None, Field(max_length=26, description="One knowledge base; default: all of them.")]


class KnowledgeBase(BaseModel):
    """A knowledge base and what it holds. `vectors_ready` is the share of passages that have their vector."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"id": "01JDC2M9RZ7N5K3H1F9D7B5Z3X", "name": "default", "issues": 1200, "documents": 1200,
                 "passages": 5200, "vectors_ready": 1.0}
            ]
        }
    )  # fmt: skip

    id: str
    name: str
    issues: int
    documents: int
    passages: int
    vectors_ready: float
    error: Annotated[str | None, Field(description="Why it cannot be read; its counts are 0 then.")] = None


class KnowledgeBasePage(Page[KnowledgeBase]):
    """Knowledge bases by name."""


class KnowledgeBaseNew(Strict):
    """A knowledge base to make."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Engineering"}]})

    name: Line


class Attachment(BaseModel):
    """The text of one of an issue's attachments."""

    id: str
    title: str
    url: str
    updated: datetime
    markdown: str


class Document(BaseModel):
    """An issue as one document, cut to what the key may read, with the attachments that have text."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"id": "SITE:10001", "kb_id": "01JDC2M9RZ7N5K3H1F9D7B5Z3X", "kind": "issue", "key": "BUG-123",
                 "title": "Critical memory leak in API endpoint", "url": "https://company.atlassian.net/browse/BUG-123",
                 "updated": "2024-01-16T14:45:00Z", "markdown": "---\nkey: BUG-123\n---\n", "metadata": {},
                 "attachments": []}
            ]
        }
    )  # fmt: skip

    id: str
    kb_id: str
    kind: str
    key: str
    title: str
    url: str
    updated: datetime
    markdown: str
    metadata: dict[str, Any]
    attachments: list[Attachment]


class DocumentQuery(Strict):
    """Where to look."""

    kb_id: KbId = None


class Filter(Strict):
    """What hits must have: one of the values of each field that names any; from ..._since on, before ..._before. `years` are
    those in which issues were created (UTC), "" for none."""

    projects: Values = ()
    types: Values = ()
    statuses: Values = ()
    status_categories: Values = ()
    priorities: Values = ()
    resolutions: Values = ()
    assignees: Values = ()
    reporters: Values = ()
    labels: Values = ()
    components: Values = ()
    versions: Values = ()
    years: Annotated[tuple[Annotated[str, Field(pattern=r"^(\d{4})?$")], ...], Field(max_length=200)] = ()
    updated_since: AwareDatetime | None = None
    updated_before: AwareDatetime | None = None
    created_since: AwareDatetime | None = None
    created_before: AwareDatetime | None = None


_FACETS = (
    "Count all that matches by these fields; by one that the filter names, what would match without that part of it."
)


class SearchRequest(Strict):
    """A question. What may be read is the key's affair, not the question's."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"query": "pump stops after restart", "filter": {"projects": ["BUG"]}, "limit": 10},
                {"query": "status = Open ORDER BY updated", "language": "jql", "facets": True},
            ]
        }
    )

    query: Annotated[str, Field(max_length=20_000)]
    kb_id: KbId = None
    filter: Filter = Filter()
    mode: Mode = "hybrid"
    limit: Annotated[int, Field(ge=1, le=1000)] = 10
    cursor: Annotated[str | None, Field(max_length=400_000, description="`next_cursor` of the page before.")] = None
    language: Annotated[
        Literal["auto", "text", "jql"],
        Field(description="auto: the query language where the query begins with a field and an operator."),
    ] = "auto"
    order: Annotated[
        str, Field(max_length=500, description="relevance, or as behind ORDER BY: updated, created asc.")
    ] = ""
    facets: Annotated[bool | tuple[Facet, ...], Field(description=_FACETS)] = False
    sections_per_issue: Annotated[int, Field(ge=1, le=50)] = 1
    explain: Annotated[bool, Field(description="Say what each score is made of.")] = False


class SimilarRequest(Strict):
    """The key of an issue, or the text of a new one, to find issues like it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"issue": "BUG-123", "limit": 5}]})

    issue: Annotated[str, Field(min_length=1, max_length=20_000)]
    kb_id: KbId = None
    filter: Filter = Filter()
    mode: Mode = "hybrid"
    limit: Annotated[int, Field(ge=1, le=1000)] = 10
    sections_per_issue: Annotated[int, Field(ge=1, le=50)] = 1
    explain: bool = False


class Section(BaseModel):
    """Where the passage stands that a hit shows; `url` leads to its comment where it is one."""

    id: str
    heading: str
    url: str


class Match(Section):
    """One of the best places of an issue."""

    kind: str
    snippet: str


class HitFields(BaseModel):
    """The fields of a hit's issue; "" where absent."""

    project: str
    type: str
    status: str
    status_category: str
    priority: str
    assignee: str
    reporter: str
    labels: list[str]
    created: datetime | None
    updated: datetime


class Explanation(BaseModel):
    """What a score is made of; null where that way had nothing to say."""

    text: float | None
    text_share: float | None
    vector: float | None
    vector_share: float | None
    fused: float | None
    exact: float | None
    is_named: bool
    words: dict[str, float]


class Passages(BaseModel):
    """The nearest passages of the two issues."""

    own: str
    theirs: str
    cosine: float


class Why(BaseModel):
    """Why an issue is like the other."""

    words: list[str]
    passages: Passages | None
    fields: dict[str, list[str]]
    days_apart: int | None


class Hit(BaseModel):
    """An issue that was found; `kind` says whether its own text or an attachment's matched best."""

    kb_id: str
    key: str
    kind: str
    title: str
    url: str
    score: float
    snippet: Annotated[str, Field(description="Words of the best place, the matching ones between two **.")]
    section: Section
    fields: HitFields
    sections: list[Match] | None = None
    explain: Explanation | None = None
    why: Why | None = None


class FacetValue(BaseModel):
    """One value of a field, "" for none, and how many of the matching issues have it."""

    value: str
    count: int


_HIT_EXAMPLE: dict[str, Any] = {
    "kb_id": "01JDC2M9RZ7N5K3H1F9D7B5Z3X", "key": "BUG-123", "kind": "issue",
    "title": "Critical memory leak in API endpoint", "url": "https://company.atlassian.net/browse/BUG-123",
    "score": 0.83, "snippet": "... memory **leak** ...",
    "section": {"id": "s1", "heading": "Description", "url": "https://company.atlassian.net/browse/BUG-123"},
    "fields": {"project": "BUG", "type": "Bug", "status": "Done", "status_category": "done", "priority": "High",
               "assignee": "Jane Smith", "reporter": "John Doe", "labels": ["memory"],
               "created": "2024-01-15T10:30:00Z", "updated": "2024-01-16T14:45:00Z"},
}  # fmt: skip


class SearchAnswer(BaseModel):
    """Hits, best first. `notes` say what was not as asked."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"hits": [_HIT_EXAMPLE], "total": 1234, "took_ms": 12.5, "vectors_ready": 1.0, "facets": {},
                 "next_cursor": None, "notes": []}
            ]
        }
    )  # fmt: skip

    hits: list[Hit]
    total: int
    took_ms: float
    vectors_ready: float
    facets: Annotated[dict[str, list[FacetValue]], Field(description="Empty unless they were asked for.")]
    next_cursor: str | None
    notes: list[str]


class CompleteQuery(Strict):
    """What was typed so far."""

    prefix: Annotated[str, Field(max_length=2000, description="The query up to the cursor.")] = ""
    kb_id: KbId = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class Completion(BaseModel):
    """What could stand next: the whole word, as it is to be written."""

    text: str
    kind: Literal["field", "operator", "function", "value", "keyword"]


class Completions(BaseModel):
    """What could come at the end of the prefix, in place of its last `replaces` characters."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"replaces": 2, "items": [{"text": "status", "kind": "field"}]}]}
    )

    replaces: int
    items: list[Completion]
