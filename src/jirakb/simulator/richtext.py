"""The two forms of a rich text, wiki markup and ADF: which a stored value holds, and how the other is made. Serves nobody."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from jirakb.simulator.wiki_adf import wiki_to_adf

_MENTION = re.compile(r"\[~(?!accountid:)([^\]\n|]{1,100})\]")
_BLOCKS = frozenset({"paragraph", "heading", "listItem", "tableRow", "codeBlock", "taskItem", "decisionItem", "rule"})
EMPTY_DOCUMENT = b'{"type":"doc","version":1,"content":[]}'


def is_rich(value: object) -> bool:
    """Whether a stored value names its forms: {"wiki": ..., "adf": ...}."""
    return isinstance(value, Mapping) and ("wiki" in value or value.get("type") == "doc" or "adf" in value)


def wiki_of(value: Any) -> str | None:
    """The wiki text; of a text that has only an ADF form, its words."""
    if value is None or isinstance(value, str):
        return value
    if value.get("wiki") is not None:
        return str(value["wiki"])
    document = value.get("adf", value)
    return "".join(_words(document)).strip() if document else None


def _words(node: Mapping[str, Any]) -> list[str]:
    attrs = node.get("attrs") or {}
    own = str(node.get("text") or attrs.get("text") or attrs.get("url") or "")
    inner = [word for child in node.get("content") or () for word in _words(child)]
    return [own, *inner, "\n" if node.get("type") in _BLOCKS else ""]


def with_account_ids(wiki: str, ids: Mapping[str, str]) -> str:
    """Cloud's form of mentions: `[~ann]` becomes `[~accountid:...]` where the login is known."""
    if "[~" not in wiki:
        return wiki
    return _MENTION.sub(lambda m: f"[~accountid:{ids[m[1]]}]" if m[1] in ids else m[0], wiki)


def document_of(value: Any, *, people: Mapping[str, str], files: Mapping[str, str]) -> bytes:
    """The ADF document as JSON: the stored one, or made from the wiki text (which already has account ids)."""
    if not isinstance(value, str):
        return orjson.dumps(value.get("adf", value))
    return orjson.dumps(wiki_to_adf(value, users=people, attachments=files))
