"""How is one question answered? `Searcher` is the door."""

from jirakb.knowledge.search.searcher import Mode, Searcher

__all__ = ["Mode", "Searcher"]
