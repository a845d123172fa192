"""How many of the matching issues have which value of a field? Counts rows that were admitted; never looks at others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from jirakb.errors import UsageError
from jirakb.knowledge.index.columns import NOTHING, Columns, Integers, ListColumn

FACETS = ("project", "type", "status", "priority", "assignee", "labels", "components", "year")
"""What can be counted; `year` is that in which an issue was created."""
MOST_VALUES = 100
"""So many values of one facet are told, those that most issues have."""


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value, "" for none, and how many issues have it."""

    value: str
    count: int


Facets = Mapping[str, tuple[FacetValue, ...]]


def facet_names(wanted: Collection[str] | bool) -> tuple[str, ...]:
    """The facets that were asked for by name, or all; raises UsageError on another name."""
    if isinstance(wanted, bool):
        return FACETS if wanted else ()
    unknown = sorted(set(wanted) - set(FACETS))
    if unknown:
        raise UsageError(f"There is no facet {unknown[0]!r}.", fix=f"There are: {', '.join(FACETS)}.")
    return tuple(name for name in FACETS if name in wanted)


def columns_of(names: Sequence[str]) -> frozenset[str]:
    """The columns that these facets look at."""
    return frozenset("created" if name == "year" else name for name in names)


def count_facet(columns: Columns, rows: Integers, name: str) -> tuple[FacetValue, ...]:
    """One facet over these rows, one of each issue: values by how many have them, then by name."""
    counted = _years(columns, rows) if name == "year" else _values(columns, rows, name)
    found = [FacetValue(value, count) for value, count in counted.items() if count]
    return tuple(sorted(found, key=lambda entry: (-entry.count, entry.value))[:MOST_VALUES])


def _years(columns: Columns, rows: Integers) -> dict[str, int]:
    created = columns.numbers("created")[rows]
    known = created[created != NOTHING]
    years, counts = np.unique(known.astype("datetime64[ms]").astype("datetime64[Y]"), return_counts=True)
    told = dict(zip(years.astype(str).tolist(), counts.tolist(), strict=True))
    return {**told, "": len(created) - len(known)}


def _values(columns: Columns, rows: Integers, name: str) -> dict[str, int]:
    column = columns.fields[name]
    if isinstance(column, ListColumn):
        return _listed(column, rows)
    values = columns.values(name)
    counts = np.bincount(values.codes[rows], minlength=values.size).tolist()
    return dict(zip(values.spelled, counts, strict=True))


def _listed(column: ListColumn, rows: Integers) -> dict[str, int]:
    chosen = np.zeros(column.length, dtype=np.bool_)
    chosen[rows] = True
    inside = chosen[column.rows]
    counts = np.bincount(column.codes[inside], minlength=column.size).tolist()
    without = len(rows) - len(np.unique(column.rows[inside]))
    return {**dict(zip(column.spelled, counts, strict=True)), "": without}
