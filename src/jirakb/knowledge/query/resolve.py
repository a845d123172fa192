"""Which issues do the keys in a condition name? Present and former keys, looked up within a snapshot."""

from __future__ import annotations

from typing import Any

import apsw
import orjson

from jirakb.knowledge.index.columns import folded
from jirakb.knowledge.index.conditions import Among, Condition, Either, Every, Issues, Named, Not


def resolve(condition: Condition, connection: apsw.Connection) -> Condition:
    """The condition with issues in the place of keys."""
    match condition:
        case Every(parts):
            return Every(tuple(resolve(part, connection) for part in parts))
        case Either(parts):
            return Either(tuple(resolve(part, connection) for part in parts))
        case Not(part):
            return Not(resolve(part, connection))
        case Named("key", keys):
            return issues(issues_named(keys, connection), connection)
        case Named(column, keys):
            known = _keys_of(issues_named(keys, connection), connection)
            return Among(column, frozenset(map(folded, keys | known)))
        case _:
            return condition


def issues(rows: frozenset[int], connection: apsw.Connection) -> Issues:
    """That it is one of these issues."""
    found: Any = connection.execute(_DOCUMENTS, (orjson.dumps(sorted(rows)).decode(),))
    return Issues(rows, frozenset(int(document) for (document,) in found))


def issues_named(keys: frozenset[str], connection: apsw.Connection) -> frozenset[int]:
    """The issues that have or had one of these keys, or are known to their site by one of these numbers."""
    names = orjson.dumps(sorted(keys)).decode()
    numbers = orjson.dumps([int(key) for key in keys if key.isascii() and key.isdigit() and len(key) < 19]).decode()
    rows: Any = connection.execute(_NAMED, (names, numbers))
    return frozenset(int(issue) for (issue,) in rows)


def _keys_of(issues: frozenset[int], connection: apsw.Connection) -> frozenset[str]:
    rows: Any = connection.execute(_KEYS, (orjson.dumps(sorted(issues)).decode(),))
    return frozenset(str(key) for (key,) in rows)


_NAMED = """
SELECT id FROM issue WHERE key IN (SELECT value FROM json_each(?1))
UNION SELECT issue FROM alias WHERE key IN (SELECT value FROM json_each(?1))
UNION SELECT id FROM issue WHERE number IN (SELECT value FROM json_each(?2))
"""
_DOCUMENTS = "SELECT id FROM document WHERE issue IN (SELECT value FROM json_each(?))"
_KEYS = """
SELECT key FROM issue WHERE id IN (SELECT value FROM json_each(?1))
UNION SELECT key FROM alias WHERE issue IN (SELECT value FROM json_each(?1))
"""
