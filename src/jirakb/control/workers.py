"""Which processes do the work, and which of them have died? Heartbeats. Takes nothing over itself."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine, select, update

from jirakb.control.database import reachable
from jirakb.control.tables import worker


class Workers:
    """The workers of all hosts that share this control database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def beat(self, identity: str, now: datetime) -> None:
        """This worker is alive."""
        with reachable(self._engine), self._engine.begin() as connection:
            mine = worker.c.id == identity
            if not connection.execute(update(worker).where(mine).values(beat=now)).rowcount:
                connection.execute(worker.insert().values(id=identity, started=now, beat=now))

    def alive(self, now: datetime, patience: timedelta) -> set[str]:
        """Those seen within the last `patience`."""
        query = select(worker.c.id).where(worker.c.beat >= now - patience)
        with reachable(self._engine), self._engine.connect() as connection:
            return set(connection.execute(query).scalars())

    def beats(self) -> dict[str, datetime]:
        """When each was last seen, by its own clock."""
        with reachable(self._engine), self._engine.connect() as connection:
            return {row.id: row.beat for row in connection.execute(select(worker.c.id, worker.c.beat))}

    def take_over(self, now: datetime, patience: timedelta) -> list[str]:
        """The workers not seen for longer than that, each given to one caller only: who gets an id looks after its work."""
        dead = worker.c.beat < now - patience
        with reachable(self._engine), self._engine.begin() as connection:
            return list(connection.execute(worker.delete().where(dead).returning(worker.c.id)).scalars())

    def leave(self, identity: str) -> None:
        """This worker ends."""
        with reachable(self._engine), self._engine.begin() as connection:
            connection.execute(worker.delete().where(worker.c.id == identity))
