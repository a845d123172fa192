"""Which parts of an issue does a connector read? What a user chose, as a text to compare and to keep, and as a renderer's context.

Holds no credentials and nothing of the query. Never talks to the site.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import orjson

from jirakb.errors import CorruptStoreError, UsageError
from jirakb.jira.document.fieldchoice import FieldChoice
from jirakb.jira.document.fields import FieldCatalog
from jirakb.jira.document.lenient import mapping
from jirakb.jira.document.render import RenderContext


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What the site told that rendering needs: its fields, and the accounts that the addresses of a blacklist mean."""

    fields: FieldCatalog
    blacklisted: frozenset[str] = frozenset()

    def to_json(self) -> str:
        """The facts as a text to keep."""
        facts = {"fields": orjson.loads(self.fields.to_json()), "blacklisted": sorted(self.blacklisted)}
        return orjson.dumps(facts).decode()

    @classmethod
    def from_json(cls, text: str) -> SiteFacts:
        """The facts that `to_json` wrote; raises CorruptStoreError."""
        try:
            found = orjson.loads(text)
            return cls(FieldCatalog.parse(found["fields"]), frozenset(found["blacklisted"]))
        except (ValueError, TypeError, KeyError) as exc:
            raise CorruptStoreError(f"What a site told cannot be read back: {text[:100]!r}.") from exc


@dataclass(frozen=True, slots=True)
class Parts:
    """`blacklist` names the people whose comments are left out; `attachments` is the size limit in bytes, None: not read.

    `fields` says which fields without a place of their own are shown; `history` whether changes are.
    """

    comments: bool = True
    blacklist: frozenset[str] = frozenset()
    attachments: int | None = None
    fields: FieldChoice = field(default_factory=FieldChoice)
    history: bool = False

    def to_json(self) -> str:
        """The same text for the same parts: when it changes, all issues must be read again."""
        parts: dict[str, object] = {"comments": self.comments, "blacklist": sorted(self.blacklist)}
        if self.attachments is not None:
            parts["attachments"] = self.attachments
        if chosen := self.fields.to_json():
            parts["fields"] = chosen
        if self.history:
            parts["history"] = True
        return json.dumps(parts, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Parts:
        """The parts that `to_json` wrote; "" is what a connector reads by default. Raises CorruptStoreError."""
        try:
            found = mapping(json.loads(text or "{}"))
            listed, limit = found.get("blacklist") or (), found.get("attachments")
            return cls(
                comments=found.get("comments", True) is True,
                blacklist=frozenset(map(str, listed if isinstance(listed, list) else ())),
                attachments=limit if isinstance(limit, int) else None,
                fields=FieldChoice.of(mapping(found.get("fields"))),
                history=found.get("history") is True,
            )
        except (ValueError, UsageError) as exc:
            raise CorruptStoreError(f"What a connector reads cannot be read back: {text[:100]!r}.") from exc

    def context(self, *, site: str, base_url: str, flavor: str, facts: SiteFacts) -> RenderContext:
        """What rendering an issue of this site depends on besides the issue."""
        return RenderContext(
            site=site,
            base_url=base_url,
            flavor=flavor,
            fields=facts.fields,
            include_comments=self.comments,
            comment_blacklist=self.blacklist | facts.blacklisted,
            chosen=self.fields,
            include_history=self.history,
        )
