"""Whose are the rows? The owner of the home, whom the command line acts for, and whoever else was given keys. Knows names alone."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from ulid import ULID

from jirakb.control.database import reachable
from jirakb.control.tables import tenant
from jirakb.errors import NotFoundError, UsageError

_LONGEST = 200


class Tenants:
    """The tenants of one service; the owner of the home, `local`, is the first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, name: str) -> str:
        """The id of the tenant of that name; raises NotFoundError."""
        found = self.all().get(name)
        if found is None:
            raise NotFoundError(f"There is no tenant {name!r}.", fix="jirakb keys tenants lists them.")
        return found

    def find_or_create(self, name: str) -> str:
        """The id of the tenant of that name, entered when it is new."""
        if not 0 < len(name.strip()) <= _LONGEST or not name.isprintable():
            raise UsageError(
                f"A tenant's name has 1 to {_LONGEST} characters, none of them a control character.",
                fix="Choose another --tenant NAME.",
            )
        if found := self.all().get(name):
            return found
        row = {"id": str(ULID()), "name": name, "created": datetime.now(UTC)}
        try:
            with reachable(self._engine), self._engine.begin() as connection:
                connection.execute(tenant.insert().values(row))
        except IntegrityError:  # another process entered it meanwhile
            return self.find(name)
        return str(row["id"])

    def all(self) -> dict[str, str]:
        """The ids by name, the owner's first."""
        query = select(tenant.c.name, tenant.c.id).order_by(tenant.c.created)
        with reachable(self._engine), self._engine.connect() as connection:
            return {row.name: row.id for row in connection.execute(query)}
