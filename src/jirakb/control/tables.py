"""The control tables: what exists for whom. The knowledge bases' contents stand in files of their own."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)

metadata = MetaData()


class Moment(TypeDecorator[datetime]):
    """An aware UTC time, kept as epoch milliseconds: both databases sort and compare it alike."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Milliseconds."""
        return None if value is None else round(value.timestamp() * 1000)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """The time."""
        return None if value is None else datetime.fromtimestamp(value / 1000, UTC)


tenant = Table(
    "tenant",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("created", Moment, nullable=False),
)
"""Whom the rows belong to. The command line's is `local`."""

knowledge_base = Table(
    "knowledge_base",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("tenant", String(26), nullable=False),
    Column("name", String(200), nullable=False),
    Column("created", DateTime(timezone=True), nullable=False),
    UniqueConstraint("tenant", "name"),
)
"""Each knowledge base: its id is its folder's name below `kb/`."""

connector = Table(
    "connector",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("tenant", String(26), nullable=False),
    Column("kb", String(26), nullable=False),
    Column("name", String(200), nullable=False),
    Column("site", String(500), nullable=False),
    Column("config", Text, nullable=False),
    Column("credentials", Text),
    Column("state", String(20), nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    Column("refresh_minutes", Integer),
    Column("prune_minutes", Integer),
    Column("next_sync", Moment),
    Column("next_census", Moment),
    Column("created", Moment, nullable=False),
    Column("updated", Moment, nullable=False),
    Column("removed", Moment),
    Index("connector_by_tenant", "tenant", "id"),
    Index("connector_by_due", "next_sync"),
)
"""A saved configuration, and its credentials as the vault sealed them. `site` is the address that its runs are limited by."""

run = Table(
    "run",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("tenant", String(26), nullable=False),
    Column("connector", String(26), ForeignKey("connector.id", ondelete="CASCADE")),
    Column("kb", String(26), nullable=False),
    Column("lane", String(10), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("wish", Text, nullable=False, server_default="{}"),
    Column("state", String(20), nullable=False),
    Column("requested", Moment, nullable=False),
    Column("started", Moment),
    Column("finished", Moment),
    Column("worker", String(100)),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("stop", String(20), nullable=False, server_default=""),
    Column("progress", Text, nullable=False, server_default="{}"),
    Column("result", Text, nullable=False, server_default="{}"),
    Column("error", Text),
    Index("run_by_connector", "connector", "id"),
    Index("run_by_state", "state"),
    Index(
        "run_under_way",
        "connector",
        "lane",
        unique=True,
        sqlite_where=text("finished IS NULL"),
        postgresql_where=text("finished IS NULL"),
    ),
)
"""What was asked of a connector or knowledge base, and how it went. A connector has one unfinished run in each lane (sync,
rebuild, delete). `stop` is what a running one is asked to do: pause, cancel."""

api_key = Table(
    "api_key",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("tenant", String(26), nullable=False),
    Column("name", String(200), nullable=False),
    Column("scope", String(10), nullable=False),
    Column("principals", Text, nullable=False, server_default="[]"),
    Column("digest", String(64), nullable=False, unique=True),
    Column("created", Moment, nullable=False),
    Column("expires", Moment),
    Column("revoked", Boolean, nullable=False, server_default=false()),
    Column("used", Moment),
    Index("api_key_by_tenant", "tenant", "id"),
)
"""Keys of the HTTP interface. Only the digest is kept: the key itself is shown once."""

worker = Table(
    "worker",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("started", Moment, nullable=False),
    Column("beat", Moment, nullable=False),
)
"""Processes that do the work, and when each was last seen."""

sign_in = Table(
    "sign_in",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("key", String(26), ForeignKey("api_key.id", ondelete="CASCADE"), nullable=False),
    Column("created", Moment, nullable=False),
    Column("expires", Moment, nullable=False),
)
"""Sessions of the web page and one-time codes that begin one, by the digest of the text that their holder sends."""

sample = Table(
    "sample",
    metadata,
    Column("tenant", String(26), primary_key=True),
    Column("kb", String(26), primary_key=True),
    Column("span", Integer, primary_key=True),
    Column("time", Moment, primary_key=True),
    Column("memory", BigInteger),
    Column("searches", BigInteger),
    Column("search_seconds", Double),
    Column("search_slowest", Double),
    Column("backlog", BigInteger),
)
"""What was measured in a span of so many seconds. Without a knowledge base it is a tenant's; without either, the service's."""
