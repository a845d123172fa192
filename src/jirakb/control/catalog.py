"""Which knowledge bases are there, and in which folder does each stand? Opens none of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, create_engine, inspect, select, text
from sqlalchemy.exc import DatabaseError, IntegrityError
from ulid import ULID

from jirakb.control.tables import knowledge_base
from jirakb.errors import CorruptStoreError, NotFoundError, SettingsError

OWN_TENANT = "local"
"""The tenant of the command line: the owner of the home."""
HEAD_REVISION = "0001"


@dataclass(frozen=True, slots=True)
class Entry:
    """One knowledge base."""

    id: str
    name: str
    folder: Path


class Catalog:
    """The knowledge bases of one home; the folder is made, readable by its owner alone, when it is first needed."""

    def __init__(self, home: Path) -> None:
        self._home = home
        try:
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            (home / "kb").mkdir(exist_ok=True, mode=0o700)
            self._engine = create_engine(f"sqlite:///{home / 'control.sqlite'}", connect_args={"timeout": 60})
            with self._engine.begin() as connection:
                _migrate(connection)
            (home / "control.sqlite").chmod(0o600)
        except DatabaseError as exc:
            raise CorruptStoreError(
                f"{home / 'control.sqlite'}, the list of knowledge bases, cannot be read: {exc.orig}.",
                fix="Restore it from a copy, or choose another home with --home DIR.",
            ) from exc
        except OSError as exc:
            raise SettingsError(
                f"The home {home} cannot be used: {exc}.", fix="Choose another with --home DIR."
            ) from exc

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def entries(self, tenant: str = OWN_TENANT) -> list[Entry]:
        """All knowledge bases of a tenant, by name."""
        query = select(knowledge_base).where(knowledge_base.c.tenant == tenant).order_by(knowledge_base.c.name)
        with self._engine.connect() as connection:
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
            with self._engine.begin() as connection:
                connection.execute(knowledge_base.insert().values(row))
        except IntegrityError:  # another process entered it meanwhile
            return self.find(name, tenant)
        return self._entry(str(row["id"]), name)

    def _entry(self, identity: str, name: str) -> Entry:
        return Entry(identity, name, self._home / "kb" / identity)


def _migrate(connection: Connection) -> None:
    if inspect(connection).has_table("alembic_version"):
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if version == HEAD_REVISION:
            return
    # Imported here: alembic takes longer to load than most commands take to run.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
