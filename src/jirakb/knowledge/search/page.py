"""Which of the matching issues does a search show, in which order, and what with them? What a caller asks beside the query."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from jirakb.knowledge.index.columns import Sort
from jirakb.knowledge.search.cursor import Place
from jirakb.knowledge.search.facets import columns_of
from jirakb.knowledge.search.order import sorted_columns

MOST_HITS = 1_000
MOST_SECTIONS = 50


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search. `sorts` are empty for the order of relevance, `place` is None for the first page."""

    limit: int = 10
    sorts: tuple[Sort, ...] = ()
    place: Place | None = None
    facets: tuple[str, ...] = ()
    sections: int = 1
    explains: bool = False

    @property
    def seen(self) -> frozenset[int]:
        """The issues that pages before this one showed, where the order is that of relevance."""
        return frozenset(self.place.seen) if self.place else frozenset()

    @property
    def depth(self) -> int:
        """How many issues there are up to the end of this page."""
        return self.limit + len(self.seen)

    @property
    def columns(self) -> Collection[str]:
        """The columns that order and facets look at."""
        return {*sorted_columns(self.sorts), *columns_of(self.facets)}
