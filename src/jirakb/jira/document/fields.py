"""Which fields does a site have, and what are they called? Reads the answer of GET /field and finds the agile ones.

Custom ids differ from site to site, so those fields are known by the type of the plug-in that made them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import orjson

from jirakb.jira.document.lenient import decode, line, mapping, objects

_AGILE = "com.pyxis.greenhopper.jira:"
SPRINT = _AGILE + "gh-sprint"
EPIC_LINK = _AGILE + "gh-epic-link"
EPIC_NAME = _AGILE + "gh-epic-label"
RANK = _AGILE + "gh-lexo-rank"
STORY_POINTS = _AGILE + "jsw-story-points"

_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a site: `type` is the kind of its value, `custom` the type of a custom field ("" for Jira's own).

    `scope` is the id of the one project that has it, "" for a field of the whole site.
    """

    id: str
    name: str
    type: str = ""
    custom: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True)
class FieldCatalog:
    """The fields of a site by id, and the ids of those that carry sprints, epics, rank and story points."""

    fields: Mapping[str, Field] = field(default_factory=dict)
    sprint: tuple[str, ...] = ()
    epic_link: tuple[str, ...] = ()
    epic_name: tuple[str, ...] = ()
    rank: tuple[str, ...] = ()
    story_points: tuple[str, ...] = ()
    second: frozenset[str] = frozenset()
    """The ids of fields whose name an older field has, too: names are not unique in Jira."""

    def label(self, known: Field) -> str:
        """What a document calls a field, always the same: its name, with its id where an older field has the name."""
        return f"{known.name} ({known.id})" if known.id in self.second else known.name

    @classmethod
    def parse(cls, fields: object) -> FieldCatalog:
        """The catalog in the array that GET /field answers; entries that are no fields are passed over."""
        known = [_parse_field(entry) for entry in objects(fields)]
        return cls(
            fields={found.id: found for found in known if found.id},
            sprint=_of_type(known, SPRINT),
            epic_link=_of_type(known, EPIC_LINK),
            epic_name=_of_type(known, EPIC_NAME),
            rank=_of_type(known, RANK),
            story_points=_of_type(known, STORY_POINTS) or _numbers_named(known, "story points"),
            second=frozenset(_second_of_their_name(known)),
        )

    def to_json(self) -> str:
        """The catalog as a text to keep, in the shape that GET /field has."""
        return orjson.dumps([_as_answered(known) for known in self.fields.values()]).decode()

    @classmethod
    def from_json(cls, text: str) -> FieldCatalog:
        """The catalog that `to_json` wrote; raises ValueError on a text that is not JSON."""
        return cls.parse(decode(text.encode()))


def _parse_field(entry: Mapping[str, object]) -> Field:
    schema = mapping(entry.get("schema"))
    identity = line(entry.get("id"))
    name = line(entry.get("name"))[:_LONGEST_NAME]
    scope = line(mapping(mapping(entry.get("scope")).get("project")).get("id"))
    return Field(identity, name, line(schema.get("type")), line(schema.get("custom")), scope)


def _as_answered(known: Field) -> dict[str, object]:
    answered: dict[str, object] = {"id": known.id, "name": known.name}
    answered["schema"] = {"type": known.type, "custom": known.custom}
    if known.scope:
        answered["scope"] = {"type": "PROJECT", "project": {"id": known.scope}}
    return answered


def _second_of_their_name(known: list[Field]) -> Iterator[str]:
    """Fields of two projects never meet in one issue; one of the whole site meets them all."""
    taken: set[tuple[str, str]] = set()
    named = [found for found in known if found.id and found.name]
    for found in sorted(named, key=lambda found: (bool(found.scope), len(found.id), found.id)):
        name = found.name.casefold()
        if (name, "") in taken or (name, found.scope) in taken:
            yield found.id
        taken.add((name, found.scope))


def _of_type(known: list[Field], custom: str) -> tuple[str, ...]:
    return tuple(found.id for found in known if found.custom == custom)


def _numbers_named(known: list[Field], name: str) -> tuple[str, ...]:
    """Data Center's story points are an ordinary number field that goes by its name."""
    return tuple(found.id for found in known if found.type == "number" and found.name.lower() == name)
