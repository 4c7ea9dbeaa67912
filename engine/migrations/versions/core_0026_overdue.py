"""What was told of overdue tasks; open tasks by their due moment."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0026"
down_revision = "core_0025"
branch_labels = None
depends_on = None

OPEN = sa.text("status = 'open'")
WAITS = sa.text("next_at IS NOT NULL")


def upgrade() -> None:
    """An empty table: tasks that are overdue already are told of in the first round."""
    op.create_table(
        "task_overdue",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("rung", sa.Integer(), nullable=False),
        sa.Column("told_at", sa.DateTime(), nullable=True),
        sa.Column("next_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_task_overdue")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_task_overdue_next_at", "task_overdue", ["next_at"], sqlite_where=WAITS, postgresql_where=WAITS)
    op.create_index("ix_task_open_due", "task", ["due_at"], sqlite_where=OPEN, postgresql_where=OPEN)


def downgrade() -> None:
    """Take both away."""
    op.drop_index("ix_task_open_due", table_name="task")
    op.drop_table("task_overdue")
