"""Real issues, where they are at hand: nothing fails, nothing is lost, the front matter reads back."""

from __future__ import annotations

import gzip
import itertools
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from jirakb.documents import RawIssue
from jirakb.jira.document.fields import FieldCatalog
from jirakb.jira.document.render import RenderContext, render
from jirakb.jira.document.times import time_text

SHARED = Path(os.environ.get("JIRAKB_SHARED", Path(__file__).parents[3] / ".." / "shared"))
CORPUS = SHARED / "data" / "titanium.jsonl.gz"


def test_real_issues_keep_their_comments_files_and_front_matter() -> None:
    if not CORPUS.exists():
        pytest.skip("the corpus is not there")
    context = RenderContext("https://t.example", "https://t.example", "dc", FieldCatalog())
    with gzip.open(CORPUS) as lines:
        for payload in itertools.islice(lines, 0, 6000, 15):
            raw = json.loads(payload)
            document = render(RawIssue(int(raw["id"]), raw["key"], datetime.now(UTC), payload), context).documents[0]
            comments = [part.id for part in document.parts if part.kind == "comment"]
            assert sorted(comments) == sorted(entry["id"] for entry in raw["fields"]["comment"]["comments"])
            assert all(f"/{file['id']}/" in document.markdown for file in raw["fields"].get("attachment", []))
            head = next(yaml.safe_load_all(document.head))
            read = {key: time_text(value) if isinstance(value, datetime) else value for key, value in head.items()}
            assert read == document.metadata
