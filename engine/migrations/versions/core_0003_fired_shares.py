"""Clocks remember which timers of their shares have fired."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0003"
down_revision = "core_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Clocks remember which timers of their shares have fired; those that run now remember none."""
    with op.batch_alter_table("case_clock") as clocks:
        clocks.add_column(sa.Column("fired", sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
    with op.batch_alter_table("case_clock") as clocks:
        clocks.alter_column("fired", existing_type=sa.JSON(), existing_nullable=False, server_default=None)


def downgrade() -> None:
    """Back to clocks without memory."""
    with op.batch_alter_table("case_clock") as clocks:
        clocks.drop_column("fired")
