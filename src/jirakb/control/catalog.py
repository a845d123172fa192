"""Which knowledge bases are there, and in which folder does each stand? Opens none of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from ulid import ULID

from jirakb.control.database import open_database, reachable
from jirakb.control.tables import knowledge_base
from jirakb.errors import NameTakenError, NotFoundError, SettingsError

OWN_TENANT = "local"
"""The tenant of the command line: the owner of the home."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One knowledge base."""

    id: str
    name: str
    folder: Path


class Catalog:
    """The knowledge bases of one home; the folder is made, readable by its owner alone, when it is first needed."""

    def __init__(self, home: Path, database_url: str = "", *, engine: Engine | None = None) -> None:
        self._home = home
        self._owns = engine is None
        self._engine = engine or open_database(home, database_url)

    def close(self) -> None:
        """Let go of the database, where it was opened here."""
        if self._owns:
            self._engine.dispose()

    def entries(self, tenant: str = OWN_TENANT) -> list[Entry]:
        """All knowledge bases of a tenant, by name."""
        query = select(knowledge_base).where(knowledge_base.c.tenant == tenant).order_by(knowledge_base.c.name)
        with reachable(self._engine), self._engine.connect() as connection:
            return [self._entry(row.id, row.name) for row in connection.execute(query)]

    def find(self, name: str, tenant: str = OWN_TENANT) -> Entry:
        """The knowledge base of that name; raises NotFoundError."""
        found = [entry for entry in self.entries(tenant) if entry.name == name]
        if not found:
            raise NotFoundError(f"There is no knowledge base {name!r} in {self._home}.", fix="Run jirakb sync first.")
        return found[0]

    def find_or_create(self, name: str, tenant: str = OWN_TENANT) -> Entry:
        """The knowledge base of that name, entered when it is new."""
        if not 0 < len(name) <= 200:
            raise SettingsError("A knowledge base's name has 1 to 200 characters.", fix="Choose another --kb NAME.")
        row = {"id": str(ULID()), "tenant": tenant, "name": name, "created": datetime.now(UTC)}
        try:
            return self.find(name, tenant)
        except NotFoundError:
            pass
        try:
            with reachable(self._engine), self._engine.begin() as connection:
                connection.execute(knowledge_base.insert().values(row))
        except IntegrityError:  # another process entered it meanwhile
            return self.find(name, tenant)
        return self._entry(str(row["id"]), name)

    def get(self, identity: str, tenant: str = OWN_TENANT) -> Entry:
        """The knowledge base with that id; raises NotFoundError, for another tenant's too."""
        found = [entry for entry in self.entries(tenant) if entry.id == identity]
        if not found:
            raise NotFoundError(f"There is no knowledge base {identity}.")
        return found[0]

    def create(self, name: str, tenant: str = OWN_TENANT) -> Entry:
        """A new knowledge base; raises NameTakenError."""
        if any(entry.name == name for entry in self.entries(tenant)):
            raise NameTakenError(f"There is a knowledge base {name!r} already.", fix="Choose another name.")
        return self.find_or_create(name, tenant)

    def forget(self, identity: str, tenant: str = OWN_TENANT) -> None:
        """It is not found from now on; its folder stays until it is removed."""
        mine = (knowledge_base.c.tenant == tenant) & (knowledge_base.c.id == identity)
        with reachable(self._engine), self._engine.begin() as connection:
            connection.execute(knowledge_base.delete().where(mine))

    def _entry(self, identity: str, name: str) -> Entry:
        return Entry(identity, name, self._home / "kb" / identity)
