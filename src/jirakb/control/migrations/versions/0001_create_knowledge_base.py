"""Create the table of knowledge bases."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "knowledge_base",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("tenant", sa.String(26), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("tenant", "name"),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("knowledge_base")
