"""Which of a knowledge base's connectors (a site and a query) belong to a saved one? A saved connector whose query was changed
has several, until the new one has been read. Remembers them in the knowledge base, and takes back what nobody claims any more."""

from __future__ import annotations

from collections.abc import Callable, Collection

import orjson

from jirakb.knowledge.runs import Runs
from jirakb.knowledge.store import KnowledgeBase, query

_OWNER = "owner:"
_BLOCK = 200


class Claims:
    """What the saved connectors of one knowledge base have read into it."""

    def __init__(self, base: KnowledgeBase) -> None:
        self._base = base

    def of(self, saved: str) -> list[str]:
        """The ids, within the knowledge base, of what a saved connector has read; the one it reads now comes last."""
        rows = query(self._base.reader(), "SELECT value FROM meta WHERE name = ?", (_OWNER + saved,))
        return [str(name) for name in orjson.loads(rows[0][0])] if rows else []

    def add(self, saved: str, connector: str) -> None:
        """The saved connector reads this from now on."""
        self._write(saved, [*(name for name in self.of(saved) if name != connector), connector])

    def release_former(self, saved: str, go_on: Callable[[], bool]) -> int:
        """Take back what it read by queries that it does not have any more; how many documents' issues went."""
        return sum(self._release(saved, name, go_on) for name in self.of(saved)[:-1])

    def release_all(self, saved: str, go_on: Callable[[], bool], *, keep: bool) -> int:
        """Take back everything it read, or only forget that it did (`keep`); how many issues went."""
        gone = 0 if keep else sum(self._release(saved, name, go_on) for name in self.of(saved))
        if go_on():
            with self._base.transaction() as tx:
                tx.execute("DELETE FROM meta WHERE name = ?", (_OWNER + saved,))
        return gone

    def _release(self, saved: str, connector: str, go_on: Callable[[], bool]) -> int:
        gone = 0
        if not self._is_shared(saved, connector):
            while go_on() and (rows := query(self._base.reader(), _CLAIMED, (connector, _BLOCK))):
                with self._base.transaction() as tx:
                    gone += sum(self._base.release(tx, connector, int(issue)) for (issue,) in rows)
            if go_on():
                self._forget_connector(connector)
        if go_on():
            self._write(saved, [name for name in self.of(saved) if name != connector])
        return gone

    def _is_shared(self, saved: str, connector: str) -> bool:
        rows = query(self._base.reader(), _OTHERS, (_OWNER, _OWNER + saved))
        return any(connector in orjson.loads(names) for (names,) in rows)

    def _forget_connector(self, connector: str) -> None:
        with self._base.transaction() as tx:
            tx.execute("DELETE FROM listing WHERE run IN (SELECT id FROM run WHERE connector = ?)", (connector,))
            for table in ("run", "omission"):
                tx.execute(f"DELETE FROM {table} WHERE connector = ?", (connector,))
            tx.execute("DELETE FROM connector WHERE id = ?", (connector,))

    def _write(self, saved: str, names: Collection[str]) -> None:
        with self._base.transaction() as tx:
            tx.execute(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", (_OWNER + saved, orjson.dumps(list(names)).decode())
            )


def connector_of(base: KnowledgeBase, *, site: str, flavor: str, base_url: str, name: str) -> str:
    """The id, within the knowledge base, of this site and query, made when it is new."""
    return Runs(base).connector(site=site, flavor=flavor, base_url=base_url, query=name).id


_CLAIMED = "SELECT issue FROM claim WHERE connector = ? ORDER BY issue LIMIT ?"
_OTHERS = "SELECT value FROM meta WHERE substr(name, 1, length(?1)) = ?1 AND name <> ?2"
