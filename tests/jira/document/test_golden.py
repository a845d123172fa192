"""Each folder of golden/ holds an issue as a site sends it and the document that it becomes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jirakb.documents import RawIssue
from jirakb.jira.document.render import RenderContext, render
from jirakb.jira.document.times import parse_time

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/issue.json"))


@pytest.mark.parametrize("case", CASES)
def test_an_issue_becomes_its_document(case: str, cloud: RenderContext, dc: RenderContext) -> None:
    payload = (GOLDEN / case / "issue.json").read_bytes()
    updated = parse_time("2025-03-06T00:00:00Z")
    assert updated
    raw = RawIssue(json.loads(payload)["id"], "X-1", updated, payload)
    document = render(raw, cloud if case.startswith("cloud") else dc).documents[0]
    expected = (GOLDEN / case / "document.md").read_text(encoding="utf-8")
    assert document.markdown == expected
