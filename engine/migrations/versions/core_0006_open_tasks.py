"""The open tasks of an instance by one index; messages that are done leave the due index."""

from __future__ import annotations

from alembic import op

revision = "core_0006"
down_revision = "core_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Without it SQLite reads every open task of the city to find those of one case."""
    op.create_index("ix_task_instance_status", "task", ["instance_id", "status"], unique=False)
    op.drop_index("ix_task_instance_id", table_name="task")
    op.execute("UPDATE outbox SET due_at = NULL WHERE done_at IS NOT NULL")


def downgrade() -> None:
    """One index a column again."""
    op.create_index("ix_task_instance_id", "task", ["instance_id"], unique=False)
    op.drop_index("ix_task_instance_status", table_name="task")
