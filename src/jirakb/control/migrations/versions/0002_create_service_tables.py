"""Create the tables of the service: tenants, connectors, runs, keys, workers."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables; the command line's tenant is entered."""
    tenants = op.create_table(
        "tenant",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False, unique=True),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(tenants, [{"id": "local", "name": "local", "created": 0}])
    op.create_table(
        "connector",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("tenant", sa.String(26), nullable=False),
        sa.Column("kb", sa.String(26), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("site", sa.String(500), nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("credentials", sa.Text),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("why", sa.Text, nullable=False, server_default=""),
        sa.Column("refresh_minutes", sa.Integer),
        sa.Column("prune_minutes", sa.Integer),
        sa.Column("next_sync", sa.BigInteger),
        sa.Column("next_census", sa.BigInteger),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("removed", sa.BigInteger),
    )
    op.create_index("connector_by_tenant", "connector", ["tenant", "id"])
    op.create_index("connector_by_due", "connector", ["next_sync"])
    op.create_table(
        "run",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("tenant", sa.String(26), nullable=False),
        sa.Column("connector", sa.String(26), sa.ForeignKey("connector.id", ondelete="CASCADE")),
        sa.Column("kb", sa.String(26), nullable=False),
        sa.Column("lane", sa.String(10), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("wish", sa.Text, nullable=False, server_default="{}"),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("requested", sa.BigInteger, nullable=False),
        sa.Column("started", sa.BigInteger),
        sa.Column("finished", sa.BigInteger),
        sa.Column("worker", sa.String(100)),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("stop", sa.String(20), nullable=False, server_default=""),
        sa.Column("progress", sa.Text, nullable=False, server_default="{}"),
        sa.Column("result", sa.Text, nullable=False, server_default="{}"),
        sa.Column("error", sa.Text),
    )
    op.create_index("run_by_connector", "run", ["connector", "id"])
    op.create_index("run_by_state", "run", ["state"])
    unfinished = sa.text("finished IS NULL")
    op.create_index(
        "run_under_way",
        "run",
        ["connector", "lane"],
        unique=True,
        sqlite_where=unfinished,
        postgresql_where=unfinished,
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("tenant", sa.String(26), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("scope", sa.String(10), nullable=False),
        sa.Column("principals", sa.Text, nullable=False, server_default="[]"),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger),
        sa.Column("revoked", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("used", sa.BigInteger),
    )
    op.create_index("api_key_by_tenant", "api_key", ["tenant", "id"])
    op.create_table(
        "worker",
        sa.Column("id", sa.String(100), primary_key=True),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables."""
    for name in ("worker", "api_key", "run", "connector", "tenant"):
        op.drop_table(name)
