"""What does each knowledge base hold, and where do its connectors stand?"""

from __future__ import annotations

from typing import Any

from jirakb.control.catalog import Entry
from jirakb.errors import JirakbError
from jirakb.knowledge.opening import opened
from jirakb.knowledge.runs import Runs
from jirakb.knowledge.store import KnowledgeBase
from jirakb.report import utc_text


def status_json(entry: Entry) -> tuple[dict[str, Any], JirakbError | None]:
    """One knowledge base as `jirakb status --json` lists it: its name and error alone where it cannot be read."""
    try:
        with opened(entry.folder, entry.name) as base:
            return _holdings(entry, base), None
    except JirakbError as exc:
        return {"name": entry.name, "error": exc.message, "fix": exc.fix}, exc


def _holdings(entry: Entry, base: KnowledgeBase) -> dict[str, Any]:
    counts = base.counts()
    runs = Runs(base)
    return {
        "name": entry.name,
        "issues": counts.issues,
        "documents": counts.documents,
        "passages": counts.passages,
        "vectors_ready": round(counts.vectors_ready, 4),
        "connectors": [
            {
                "site": connector.base_url,
                "query": connector.query,
                "watermark": utc_text(connector.watermark),
                "last_run": _last_run(runs, connector.id),
            }
            for connector in runs.connectors()
        ],
    }


def _last_run(runs: Runs, connector: str) -> dict[str, str] | None:
    last = runs.last(connector)
    return {"id": last[0], "state": last[1]} if last else None
