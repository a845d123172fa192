"""Create the table of samples that the page's plots of the past are drawn from."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "sample",
        sa.Column("tenant", sa.String(26), primary_key=True),
        sa.Column("kb", sa.String(26), primary_key=True),
        sa.Column("span", sa.Integer, primary_key=True),
        sa.Column("time", sa.BigInteger, primary_key=True),
        sa.Column("memory", sa.BigInteger),
        sa.Column("searches", sa.BigInteger),
        sa.Column("search_seconds", sa.Double),
        sa.Column("search_slowest", sa.Double),
        sa.Column("backlog", sa.BigInteger),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("sample")
