"""Count how often a run failed since it last got on, beside how often it was begun."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the count, which begins at none."""
    op.add_column("run", sa.Column("failures", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    """Remove the count."""
    op.drop_column("run", "failures")
