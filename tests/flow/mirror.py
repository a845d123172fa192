"""What must an index hold after a sync? Follows a simulated site look by look, and holds a knowledge base against it.

A site is not seen at once: search shows a change only after its lag, and what was out of sight or came later than the overlap
is promised to a census alone. Whatever is promised is compared word by word; so is what may not have been taken out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from jirakb.knowledge.prepare import decompress, load_parts
from jirakb.knowledge.store import KnowledgeBase, moment
from jirakb.report import Report
from jirakb.simulator.issues import Issue
from jirakb.simulator.site import Site

OVERLAP = 600  # seconds that an incremental sync reads again
EARLY = datetime(1970, 1, 1, tzinfo=UTC)
WORD = re.compile(r"zq\d+x")


@dataclass(frozen=True)
class Ran:
    """What a run was, as the knowledge base keeps it."""

    kind: str
    census: bool
    began: datetime

    @property
    def sees_all(self) -> bool:
        """Whether it compared every issue, not only those of a span of time."""
        return self.census or self.kind == "full"

    @classmethod
    def of(cls, base: KnowledgeBase, report: Report) -> Ran:
        sql = "SELECT kind, census, site_time FROM run WHERE id = ?"
        ((kind, census, began),) = rows(base, sql, report.run)
        return cls(kind, bool(census), moment(began))


@dataclass
class Mirror:
    """A site as it was at the last look. `skipped` is the label whose issues the query leaves out."""

    site: Site
    skipped: str = ""
    sources: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    due: dict[int, datetime] = field(default_factory=dict)  # from here on search shows an issue's last change
    gone: dict[int, datetime] = field(default_factory=dict)  # from here on search no longer shows what was deleted
    hidden: dict[int, datetime] = field(default_factory=dict)  # or what is out of sight
    shown: dict[int, datetime] = field(default_factory=dict)  # when it was last out of sight
    unsure: set[int] = field(default_factory=set)  # those whose last change only a census has to find
    keys: dict[str, int] = field(default_factory=dict)  # every key under which an issue was indexed

    def look(self, lag: float, now: datetime) -> None:
        """Note what changed since the last look, for a search that shows changes `lag` seconds late, and in their order."""
        seen_from = now + timedelta(seconds=lag)
        for issue in self.site.issues.values():
            if self.sources.get(issue.number) != (issue.key, issue.source):
                self._note_change(issue, seen_from, lag)
            self._note_sight(issue, seen_from, now)
        for number in self.sources.keys() - self.site.issues.keys():
            del self.sources[number]
            self.gone[number] = max(seen_from, self.due.pop(number))
            self.hidden.pop(number, None)

    def _note_change(self, issue: Issue, seen_from: datetime, lag: float) -> None:
        self.sources[issue.number] = (issue.key, issue.source)
        self.due[issue.number] = max(seen_from, self.due.get(issue.number, EARLY))
        if lag > OVERLAP:
            self.unsure.add(issue.number)

    def _note_sight(self, issue: Issue, seen_from: datetime, now: datetime) -> None:
        if self.shows(issue):
            if self.hidden.pop(issue.number, None):
                self.due[issue.number] = max(self.due[issue.number], seen_from)
            return
        self.unsure.add(issue.number)
        self.hidden.setdefault(issue.number, max(seen_from, self.due[issue.number]))
        self.shown[issue.number] = now

    def shows(self, issue: Issue) -> bool:
        """Whether the query shows it to the account, once search has caught up."""
        return issue.project not in self.hides() and self.skipped not in issue.stored().get("labels", ())

    def hides(self) -> set[str]:
        """The projects that the site shows nothing of: the account lost them, or they are archived."""
        archived = {project.key for project in self.site.projects.values() if project.archived}
        return archived | self.site.accounts.users["agent"].lost

    def visible(self) -> list[Issue]:
        return [issue for issue in self.site.issues.values() if self.shows(issue)]

    def promised(self, ran: Ran, since: datetime = EARLY, until: datetime | None = None) -> list[Issue]:
        """The issues that must be indexed as they are, after a run that came to its end."""
        return [issue for issue in self.visible() if self._is_promised(issue, ran, since, until)]

    def _is_promised(self, issue: Issue, ran: Ran, since: datetime, until: datetime | None) -> bool:
        number = issue.number
        if self.due[number] > ran.began:
            return False
        if ran.kind == "window":
            updated = datetime.fromisoformat(issue.stored()["updated"])
            return since <= updated and (until is None or updated < until)
        return number not in self.unsure or (ran.sees_all and self.shown.get(number, EARLY) <= ran.began)

    def over(self, ran: Ran) -> set[int]:
        """The issues that a census must have taken out."""
        gone = {number for number, due in self.gone.items() if due <= ran.began}
        return gone | {number for number, due in self.hidden.items() if due <= ran.began}

    def may_go(self, number: int, began: datetime) -> bool:
        """Whether it is right that the index lost it: it is deleted or out of sight, or search may have thought so."""
        issue = self.site.issues.get(number)
        return issue is None or not self.shows(issue) or self.due[number] > began

    def doubt(self, now: datetime) -> None:
        """Anything may have slipped past a listing: until a census that begins later nothing is promised."""
        for issue in self.site.issues.values():
            self.unsure.add(issue.number)
            self.shown[issue.number] = now

    def trust(self, promised: list[Issue], ran: Ran) -> None:
        """What a census has found is sure again."""
        if ran.sees_all:
            self.unsure -= {issue.number for issue in promised}

    def learn_keys(self, base: KnowledgeBase) -> None:
        """Remember under which keys issues were indexed; those of issues that were taken out lead nowhere."""
        indexed = {key: number for number, key in rows(base, "SELECT number, key FROM issue")}
        self.keys = {key: n for key, n in self.keys.items() if n in indexed.values()} | indexed

    def assert_keys(self, base: KnowledgeBase) -> None:
        """Every key that an issue ever had here leads to it."""
        for key, number in self.keys.items():
            assert base.documents(key)[0].id.endswith(f":{number}"), f"{key} leads elsewhere"

    def assert_equal(self, base: KnowledgeBase, promised: list[Issue]) -> None:
        """These issues are indexed as the site has them."""
        held = {row[0]: row[1:] for row in rows(base, _DOCUMENTS)}
        site = rows(base, "SELECT site FROM connector")[0][0]
        for issue in promised:
            assert issue.number in held, f"{issue.key} ({issue.number}) is not indexed"
            mine, theirs = said_by_index(held[issue.number]), said_by_site(self.site, site, issue)
            wrong = {name: (mine[name], theirs[name]) for name in theirs if mine[name] != theirs[name]}
            assert not wrong, f"{issue.key} differs in {wrong}"


def said_by_site(site: Site, site_id: str, issue: Issue) -> dict[str, Any]:
    """What the site says of an issue."""
    stored = issue.stored()
    level = stored.get("security")
    whole = {f"site:{site_id}/level:{site.levels[level]['id']}"} if level else set()
    comments = {
        comment["id"]: (
            words(comment["body"]),
            sorted(whole | {f"site:{site_id}/role:{v['value']}" for v in [comment.get("visibility")] if v}),
        )
        for comment in stored.get("comment", ())
    }
    return {
        "key": issue.key,
        "title": stored["summary"],
        "project": issue.project,
        "status": stored["status"]["name"],
        "labels": sorted(stored.get("labels", ())),
        "updated": datetime.fromisoformat(stored["updated"]).astimezone(UTC).replace(microsecond=0),
        "readers": sorted(whole),
        "description": words(stored["description"]),
        "comments": comments,
        "files": words(*(file["filename"] for file in stored.get("attachment", ()))),
        "links": sorted(key for link in stored.get("issuelinks", ()) for key in _linked(link)),
    }


def said_by_index(row: tuple[Any, ...]) -> dict[str, Any]:
    """The same, as the index has it."""
    key, title, project, status, labels, updated, readers, packed = row
    parts = load_parts(decompress(bytes(packed)))
    texts = {
        kind: [part.text for part in parts if part.kind == kind] for kind in ("description", "attachments", "links")
    }
    return {
        "key": key,
        "title": title,
        "project": project,
        "status": status,
        "labels": sorted(orjson.loads(labels)),
        "updated": moment(updated).replace(microsecond=0),  # a document says whole seconds
        "readers": orjson.loads(readers),
        "description": words(*texts["description"]),
        "comments": {part.id: (words(part.text), sorted(part.readers)) for part in parts if part.kind == "comment"},
        "files": words(*texts["attachments"]),
        "links": sorted(key for text in texts["links"] for key in re.findall(r"browse/([A-Z]+-\d+)", text)),
    }


def _linked(link: dict[str, Any]) -> Iterator[str]:
    for side in ("inwardIssue", "outwardIssue"):
        if side in link:
            yield link[side]["key"]


def words(*texts: str) -> list[str]:
    """The words of these texts that no other text holds."""
    return sorted(set(WORD.findall("\n".join(texts))))


def stored_keys(base: KnowledgeBase) -> dict[int, str]:
    """The issues of the knowledge base, each with its key there."""
    return dict(rows(base, "SELECT i.number, i.key FROM claim c JOIN issue i ON i.id = c.issue"))


def failed_numbers(base: KnowledgeBase) -> set[int]:
    """The issues that could not be read, or not all of them."""
    return {number for (number,) in rows(base, "SELECT number FROM omission WHERE class = 'failed' AND number >= 0")}


def has_ended(base: KnowledgeBase) -> bool:
    """Whether the latest run came to its end, though nobody may have heard of it."""
    found = rows(base, "SELECT state FROM run ORDER BY started DESC, id DESC LIMIT 1")
    return bool(found) and found[0][0] in ("complete", "incomplete", "stopped")


def watermark(base: KnowledgeBase) -> datetime | None:
    """Up to where the only connector has read."""
    found = [value for (value,) in rows(base, "SELECT watermark FROM connector") if value is not None]
    return moment(found[0]) if found else None


def contents(base: KnowledgeBase) -> dict[str, list[tuple[Any, ...]]]:
    """All that a knowledge base says, apart from the numbers of its rows: equal for equal knowledge bases."""
    return {name: sorted(map(_opened, rows(base, sql)), key=repr) for name, sql in _CONTENTS.items()}


def _opened(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The last column is compressed where it is bytes."""
    return (*row[:-1], decompress(row[-1])) if isinstance(row[-1], bytes) else row


def rows(base: KnowledgeBase, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    return base.reader().execute(sql, values).fetchall()


_DOCUMENTS = """
SELECT i.number, d.key, d.title, d.project, d.status, d.labels, d.updated, r.principals, d.parts_zstd
FROM document d JOIN issue i ON i.id = d.issue JOIN readers r ON r.id = d.readers WHERE d.kind = 'issue'
"""
_CONTENTS = {
    "issues": "SELECT number, key, updated, hex(content), payload_zstd FROM issue JOIN raw ON issue = id",
    "documents": """
        SELECT name, kind, key, title, url, updated / 1000, created, principals, project, project_name, type, status,
          status_category, priority, assignee, reporter, resolution, labels, components, versions, metadata, head, parts_zstd
        FROM document d JOIN readers r ON r.id = d.readers""",
    "sections": """
        SELECT name, principals, overlap, anchors, text_zstd
        FROM section s JOIN document d ON d.id = s.document JOIN readers r ON r.id = s.readers""",
    "passages": """
        SELECT name, principals, start, stop, hex(p.hash), hex(v.hash), hex(v.value)
        FROM passage p JOIN document d ON d.id = p.document JOIN readers r ON r.id = p.readers
        LEFT JOIN vector v ON v.passage = p.id""",
}
