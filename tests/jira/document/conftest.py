"""What the tests of rendering share: a context, and a short way from fields to a rendered issue."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jirakb.documents import RawIssue
from jirakb.jira.document.fields import FieldCatalog
from jirakb.jira.document.render import RenderContext, render
from jirakb.source import Rendered

GOLDEN = Path(__file__).parent / "golden"
SEEN = datetime(2025, 3, 6, tzinfo=UTC)


@pytest.fixture(scope="session")
def catalog() -> FieldCatalog:
    return FieldCatalog.parse(json.loads((GOLDEN / "fields.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def cloud(catalog: FieldCatalog) -> RenderContext:
    return RenderContext("5f3c", "https://shop.example.net", "cloud", catalog)


@pytest.fixture(scope="session")
def dc(catalog: FieldCatalog) -> RenderContext:
    return RenderContext("https://core.example/jira", "https://core.example/jira", "dc", catalog)


@pytest.fixture(scope="session")
def issue(cloud: RenderContext) -> Callable[..., Rendered]:
    """Renders an issue of these fields; keywords change the context (`top` adds members beside `fields`)."""

    def rendered(
        fields: object, context: RenderContext = cloud, top: dict[str, Any] | None = None, **changes: Any
    ) -> Rendered:
        payload = json.dumps({"id": "7", "key": "T-7", "fields": fields, **(top or {})}).encode()
        return render(RawIssue(7, "T-7", SEEN, payload), replace(context, **changes))

    return rendered
