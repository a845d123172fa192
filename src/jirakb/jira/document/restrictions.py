"""Who beyond an issue's ordinary readers must a reader be? Turns security levels and visibilities into principals.

What is there but cannot be understood is closed ("unknown"), never open.
"""

from __future__ import annotations

from collections.abc import Mapping

from jirakb.documents import Readers
from jirakb.jira.document.lenient import line, mapping, objects

OPEN: frozenset[str] = frozenset()
CLOSED = "unknown"
INTERNAL = "internal"

_INTERNAL_PROPERTY = "sd.public.comment"


def principals(site: str, *restrictions: frozenset[str]) -> Readers:
    """The readers that restrictions of one site ask for; every restriction adds to the others."""
    return frozenset(f"site:{site}/{restriction}" for some in restrictions for restriction in some)


def level_restriction(security: object) -> frozenset[str]:
    """What an issue's security level asks for: "level:10001"."""
    if security is None:
        return OPEN
    level = line(mapping(security).get("id"))
    return frozenset({f"level:{level}" if level else CLOSED})


def entry_restrictions(entry: Mapping[str, object]) -> frozenset[str]:
    """What a comment or worklog asks for: its role or group, and "internal" for a service desk's internal note."""
    visibility = _visibility(entry.get("visibility"))
    return visibility | {INTERNAL} if _is_internal(entry) else visibility


def _visibility(value: object) -> frozenset[str]:
    if value is None:
        return OPEN
    visibility = mapping(value)
    kind, name = line(visibility.get("type")).lower(), line(visibility.get("value"))
    return frozenset({f"{kind}:{name}" if kind in {"role", "group"} and name else CLOSED})


def _is_internal(entry: Mapping[str, object]) -> bool:
    """Cloud says it in `jsdPublic`, Data Center in a comment property; both are public only where they say so."""
    if entry.get("jsdPublic") not in (None, True):
        return True
    notes = [item.get("value") for item in objects(entry.get("properties")) if item.get("key") == _INTERNAL_PROPERTY]
    return any(mapping(note).get("internal") not in (False, "false") for note in notes)
