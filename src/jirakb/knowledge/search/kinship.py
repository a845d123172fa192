"""What do two issues have in common beside their texts? When they were created, and values of their fields.

Used where an issue is compared with others, not for a question in words. Never looks at links between issues.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jirakb.knowledge.index.columns import NOTHING, Columns, Integers, ListColumn, ValueColumn, folded

NEARNESS_WEIGHT = 0.2
NEARNESS_DAYS = 300.0
"""Reports of one fault come in the same months: issues created together get so much, and less by a factor of e for each
so many days between them."""
AGREEMENT_WEIGHT = 0.03
AGREEING = ("project", "type", "components", "versions", "labels")
"""For each of these fields in which the two share a value."""
KINSHIP_COLUMNS = ("created", *AGREEING)
_DAY = 86_400_000.0
_MOST = NEARNESS_WEIGHT + AGREEMENT_WEIGHT * len(AGREEING)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Kin:
    """The issue that others are compared with: when it was created (epoch milliseconds), and its fields' folded values."""

    created: int | None = None
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, columns: Columns, row: int) -> Kin:
        """The issue in this row. The columns must have those of KINSHIP_COLUMNS."""
        created = int(columns.numbers("created")[row])
        values = {name: _values(columns, name, row) for name in AGREEING}
        return cls(None if created == NOTHING else created, values)

    def added(self, columns: Columns, rows: Integers, scores: Floats) -> Floats:
        """The scores, 0 to 1, of the issues in these rows with what they have in common added; again 0 to 1."""
        return (scores + self._nearness(columns, rows) + self._agreement(columns, rows)) / (1.0 + _MOST)

    def _nearness(self, columns: Columns, rows: Integers) -> Floats:
        created = columns.numbers("created")[rows]
        if self.created is None:
            return np.zeros(len(rows))
        days = np.abs(created.astype(np.float64) - self.created) / _DAY
        return np.where(created == NOTHING, 0.0, NEARNESS_WEIGHT * np.exp(-days / NEARNESS_DAYS))

    def _agreement(self, columns: Columns, rows: Integers) -> Floats:
        agreeing = np.zeros(len(rows))
        for name, values in self.values.items():
            column = columns.fields[name]
            if values and isinstance(column, ValueColumn | ListColumn):
                agreeing += column.among(values)[rows]
        return AGREEMENT_WEIGHT * agreeing


def _values(columns: Columns, name: str, row: int) -> frozenset[str]:
    """The folded values of one field, without the empty one."""
    column = columns.fields[name]
    if isinstance(column, ListColumn):
        return frozenset(folded(column.spelled[code]) for code in column.codes[column.rows == row])
    values = columns.values(name)
    return frozenset({folded(values.spelled[values.codes[row]])} - {""})
