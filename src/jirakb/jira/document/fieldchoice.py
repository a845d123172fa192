"""Which further fields of an issue does its document show? What a user named, and what is noise unless it is named.

Noise is told by the declared type of a field and by the form of one value, never by how often values occur: a share
would differ from one sync to the next, and documents would change although their issues did not. So the first issue of
a site is measured as well as the last. Never reads a value as a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jirakb.errors import UsageError
from jirakb.jira.document.fields import Field, FieldCatalog

DEFAULT = "*"
"""Among included names: all that would be shown without any name."""

_NOISE = frozenset(
    (
        *("gh-lexo-rank", "gh-global-rank", "gh-epic-color", "jsw-issue-color", "gh-sprint", "gh-epic-link"),
        *("devsummary", "devsummarycf", "designcf", "vulnerabilitycf", "timeinstatus", "viewmessage", "message"),
        *("viewhtml", "lastcommentdate", "numberofcomments", "attachments", "lastupdaterorcommenter"),
        *("forms-total-field-cftype", "forms-open-field-cftype", "forms-locked-field-cftype"),
        *("forms-submitted-field-cftype", "velocity", "jira-development-integration-plugin"),
    )
)
"""Types of plug-ins, below their plug-in's name, whose values are made for machines (ranks, colours, summaries of
branches), are the same text on every issue (messages), or repeat what the document says elsewhere (sprints, epics,
the last comment)."""

_SHOWN_OF_JIRA = frozenset({"versions", "duedate"})
"""Jira's own fields that stand among the custom ones, since the document has no place of their own for them."""


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """Fields by name or id. With `include` only those are shown, noise or not; those of `exclude` never are."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: Mapping[str, object] | FieldChoice | None) -> FieldChoice:
        """The choice in `{"include": [...], "exclude": [...]}`; raises UsageError for anything else."""
        if isinstance(given, FieldChoice):
            return given
        if given is None:
            return cls()
        if not isinstance(given, Mapping) or given.keys() - {"include", "exclude"}:
            raise UsageError(f"fields may hold include and exclude, not {given!r}.", fix="Name fields or their ids.")
        return cls(_named("include", given.get("include")), _named("exclude", given.get("exclude")))

    def to_json(self) -> dict[str, list[str]]:
        """What `of` takes, the same for the same choice however it was ordered; empty when nothing was chosen."""
        return {name: names for name in ("include", "exclude") if (names := sorted(set(getattr(self, name))))}

    def check(self, catalog: FieldCatalog) -> None:
        """Raises UsageError when a field is included that the site does not have."""
        known = {text for field in catalog.fields.values() for text in _handles(field, catalog)}
        unknown = [name for name in self.include if name != DEFAULT and name.casefold() not in known]
        if unknown:
            raise UsageError(
                f"The site has no field {unknown[0]!r}, or does not show it to this account.",
                fix="Name a field as Jira shows it, or by its id (customfield_10010).",
                code="unknown_field",
            )

    def named(self, field: Field, catalog: FieldCatalog) -> bool:
        """Whether the field was included by its name or id: then even noise is shown."""
        return _is_among(self.include, field, catalog)

    def shows(self, field: Field, catalog: FieldCatalog) -> bool:
        """Whether a value of this field is shown."""
        if _is_among(self.exclude, field, catalog):
            return False
        if self.named(field, catalog):
            return True
        return (not self.include or DEFAULT in self.include) and _is_shown_by_default(field)


EVERYTHING = FieldChoice()
"""What is shown when nobody chose: all but noise."""


def _named(name: str, value: object) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if listed is None:
        return ()
    if not isinstance(listed, Sequence) or not all(isinstance(member, str) for member in listed):
        raise UsageError(f"fields.{name} must be a list of names or ids, not {value!r}.")
    return tuple(text for member in listed if (text := member.strip()))


def _is_among(names: Iterable[str], field: Field, catalog: FieldCatalog) -> bool:
    handles = _handles(field, catalog) if names else frozenset[str]()
    return any(name.casefold() in handles for name in names)


def _handles(field: Field, catalog: FieldCatalog) -> frozenset[str]:
    """What a user may call a field: its id, its name, its label, or `cf[10010]` as in JQL."""
    number = field.id.rpartition("_")[2]
    return frozenset({field.id.casefold(), field.name.casefold(), catalog.label(field).casefold(), f"cf[{number}]"})


def _is_shown_by_default(field: Field) -> bool:
    if not field.id.startswith("customfield_"):
        return field.id in _SHOWN_OF_JIRA
    return field.name != field.id and field.custom.rpartition(":")[2].casefold() not in _NOISE
