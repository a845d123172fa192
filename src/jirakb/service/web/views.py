"""How are the program's records told over HTTP? From rows to answers; asks the knowledge base for counts, changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from jirakb.control.catalog import Entry
from jirakb.control.connectors import SavedConnector
from jirakb.control.keys import ApiKey
from jirakb.control.runs import RunRecord
from jirakb.documents import Readers
from jirakb.engine.claims import Claims
from jirakb.errors import CorruptStoreError, NotFoundError
from jirakb.knowledge import store
from jirakb.knowledge.runs import Runs
from jirakb.service.web.models import connectors as told
from jirakb.service.web.models.keys import Key
from jirakb.service.web.models.knowledge import KnowledgeBase
from jirakb.service.web.shelf import Shelf

_NOTHING = told.ConnectorCounts(issues=0, documents=0, omissions=0)


def run_view(run: RunRecord) -> told.Run:
    """A run."""
    result = run.result
    return told.Run(
        id=run.id,
        connector_id=run.connector,
        kb_id=run.kb,
        kind=run.kind,
        state=run.state,
        requested=run.requested,
        started=run.started,
        finished=run.finished,
        counts=result.get("counts", {}),
        requests=requests_of(run),
        seconds=result.get("seconds", {}),
        watermark=result.get("watermark"),
        omissions_by_reason=result.get("omissions_by_reason", {}),
        error=told.RunError.model_validate(run.error) if run.error else None,
        attempts=run.attempts,
        progress=told.Progress.model_validate(run.progress),
        stopping=bool(run.stop),
    )


def requests_of(run: RunRecord) -> told.Requests:
    """What was asked of the site so far, in all attempts, however the run ended: the report tells of the last alone."""
    calls: dict[str, int] = run.progress.get("requests", {})
    return told.Requests(
        total=sum(calls.values()), throttled=run.progress.get("throttled", 0), by_endpoint=calls
    )  # fmt: skip


def connector_view(
    saved: SavedConnector, last: RunRecord | None, entry: Entry | None, shelf: Shelf, now: datetime
) -> told.Connector:
    """A connector with what it has in its knowledge base."""
    counts, watermark, damage = _standing(saved, entry, shelf)
    return told.Connector(
        id=saved.id,
        name=saved.name,
        source="jira",
        kb_id=saved.kb,
        state=saved.state,
        why=" ".join(filter(None, (saved.why, damage))),
        config=saved.config,
        has_credentials=saved.has_credentials,
        refresh_freq=saved.refresh_minutes,
        prune_freq=saved.prune_minutes,
        created=saved.created,
        updated=saved.updated,
        freshness=told.Freshness(
            watermark=watermark, seconds=max(0.0, (now - watermark).total_seconds()) if watermark else None
        ),
        counts=counts,
        last_run=run_view(last) if last else None,
        next_run=next_run(saved),
    )


def next_run(saved: SavedConnector) -> datetime | None:
    """When it runs next by itself."""
    planned = [time for time in (saved.next_sync, saved.next_census) if time]
    return min(planned) if planned and saved.state == "active" else None


def _standing(
    saved: SavedConnector, entry: Entry | None, shelf: Shelf
) -> tuple[told.ConnectorCounts, datetime | None, str]:  # fmt: skip
    """What it has, up to when it has read, and why that cannot be told where its knowledge base is damaged."""
    if entry is None or not shelf.has(entry):
        return _NOTHING, None, ""
    try:
        with shelf.base(entry) as base:
            owned = Claims(base).of(saved.id)
            return _counts(base, owned), _watermark(base, owned), ""
    except NotFoundError:  # removed meanwhile
        return _NOTHING, None, ""
    except CorruptStoreError as damage:
        return _NOTHING, None, _damage(damage)


def _damage(error: CorruptStoreError) -> str:
    return f"{error.message} {error.fix}".strip()


def _counts(base: store.KnowledgeBase, owned: Sequence[str]) -> told.ConnectorCounts:
    mine = (orjson.dumps(owned).decode(),)
    with base.snapshot() as reader:
        issues, documents, omissions = (store.query(reader, sql, mine)[0][0] for sql in _COUNTS)
    return told.ConnectorCounts(issues=issues, documents=documents, omissions=omissions)


def _watermark(base: store.KnowledgeBase, owned: Sequence[str]) -> datetime | None:
    found = Runs(base).connectors(owned[-1]) if owned else []
    return found[0].watermark if found else None


def omissions_view(
    base: store.KnowledgeBase, owned: Sequence[str], *, run: str | None, reason: str | None, after: int, limit: int
) -> list[tuple[int, told.Omission]]:
    """What of these connectors is not indexed, behind a row, with the row's number; of one run and reason where named."""
    bindings = (orjson.dumps(owned).decode(), run, reason, after, limit)
    addresses = {one.id: one.base_url for one in Runs(base).connectors()}
    return [
        (row, told.Omission.model_validate(_omission(rest, addresses.get(connector, ""))))
        for row, connector, *rest in store.query(base.reader(), _OMISSIONS, bindings)
    ]


def _omission(row: Sequence[Any], address: str) -> Mapping[str, Any]:
    key, kind, cls, reason, detail = row
    place = f"secure/ViewIssue.jspa?id={key}" if key.isdigit() else f"browse/{key}"
    url = f"{address}/{place}" if address and (key.isdigit() or "-" in key) else None
    return {"key": key, "kind": kind, "class": cls, "reason": reason, "detail": detail, "url": url}


def base_view(entry: Entry, shelf: Shelf, principals: Readers | None) -> KnowledgeBase:
    """A knowledge base with what these principals may read of it; one that nothing was stored in yet is empty."""
    empty = _empty(entry)
    if not shelf.has(entry):
        return empty
    try:
        with shelf.base(entry) as base:
            counts = base.counts() if principals is None else base.readable_counts(principals)
    except NotFoundError:
        return empty
    return KnowledgeBase(
        id=entry.id, name=entry.name, issues=counts.issues, documents=counts.documents, passages=counts.passages,
        vectors_ready=round(counts.vectors_ready, 4),
    )  # fmt: skip


def listed_base_view(entry: Entry, shelf: Shelf, principals: Readers | None) -> KnowledgeBase:
    """The same among others, which one that is damaged must not hide."""
    try:
        return base_view(entry, shelf, principals)
    except CorruptStoreError as damage:
        return _empty(entry).model_copy(update={"error": _damage(damage)})


def _empty(entry: Entry) -> KnowledgeBase:
    return KnowledgeBase(id=entry.id, name=entry.name, issues=0, documents=0, passages=0, vectors_ready=1.0)


def key_view(key: ApiKey) -> Key:
    """A key."""
    return Key(
        id=key.id, name=key.name, scope=key.scope, principals=list(key.principals), created=key.created,
        expires=key.expires, revoked=key.revoked, used=key.used,
    )  # fmt: skip


_MINE = "connector IN (SELECT value FROM json_each(?1))"
_COUNTS = (
    f"SELECT count(DISTINCT issue) FROM claim WHERE {_MINE}",
    f"SELECT count(*) FROM document WHERE issue IN (SELECT issue FROM claim WHERE {_MINE})",
    f"SELECT count(*) FROM omission WHERE {_MINE}",
)
_OMISSIONS = f"""
SELECT rowid, connector, key, kind, class, reason, detail FROM omission
WHERE {_MINE} AND (?2 IS NULL OR run = ?2) AND (?3 IS NULL OR reason = ?3) AND rowid > ?4
ORDER BY rowid LIMIT ?5
"""
