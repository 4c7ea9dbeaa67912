"""What the host remembers of plugins: the history they were told, and their jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0021"
down_revision = "core_0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two tables, empty."""
    op.create_table(
        "plugin_mark",
        sa.Column("plugin", sa.String(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("failed_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("plugin", name=op.f("pk_plugin_mark")),
    )
    op.create_table(
        "plugin_job",
        sa.Column("plugin", sa.String(), nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("cron", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("plugin", "job", name=op.f("pk_plugin_job")),
    )


def downgrade() -> None:
    """As it was."""
    op.drop_table("plugin_job")
    op.drop_table("plugin_mark")
