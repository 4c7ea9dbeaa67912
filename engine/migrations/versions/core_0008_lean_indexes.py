"""Indexes of open tasks alone, and timers that lie by instance: fewer pages are written in every act."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0008"
down_revision = "core_0007"
branch_labels = None
depends_on = None

OPEN = sa.text("status = 'open'")
MINE = sa.text("status = 'open' AND assignee_id IS NOT NULL")
COLUMNS = "instance_id, task_id, position, element, text, clock, share, due_at"


def upgrade() -> None:
    """Done tasks leave the indexes; the table of timers is its own index."""
    op.drop_index("ix_task_status_role_scope", table_name="task")
    op.drop_index("ix_task_status_assignee", table_name="task")
    op.drop_index("ix_task_instance_status", table_name="task")
    columns = ["role", "scope", "due_at"]
    op.create_index("ix_task_open_role", "task", columns, sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index("ix_task_open_assignee", "task", ["assignee_id"], sqlite_where=MINE, postgresql_where=MINE)
    _move_timers(("instance_id", "task_id", "position"), with_rowid=False)


def downgrade() -> None:
    """As it was."""
    _move_timers(("task_id", "position"), with_rowid=True)
    op.create_index(op.f("ix_timer_instance_id"), "timer", ["instance_id"], unique=False)
    op.drop_index("ix_task_open_assignee", table_name="task")
    op.drop_index("ix_task_open_role", table_name="task")
    op.create_index("ix_task_instance_status", "task", ["instance_id", "status"], unique=False)
    op.create_index("ix_task_status_assignee", "task", ["status", "assignee_id"], unique=False)
    op.create_index("ix_task_status_role_scope", "task", ["status", "role", "scope", "due_at"], unique=False)


def _move_timers(key: tuple[str, ...], *, with_rowid: bool) -> None:
    """Lay the timers out anew under another key."""
    op.rename_table("timer", "timer_before")
    if op.get_bind().dialect.name != "sqlite":  # there, names of constraints belong to their table
        op.execute("ALTER TABLE timer_before DROP CONSTRAINT pk_timer")
        op.execute("ALTER TABLE timer_before DROP CONSTRAINT fk_timer_instance_id")
    op.execute("DROP INDEX ix_timer_due_at")
    op.execute("DROP INDEX IF EXISTS ix_timer_instance_id")
    op.create_table(
        "timer",
        sa.Column("instance_id", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("element", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("clock", sa.String(), nullable=True),
        sa.Column("share", sa.Double(), nullable=True),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name=op.f("fk_timer_instance_id")),
        sa.PrimaryKeyConstraint(*key, name=op.f("pk_timer")),
        sqlite_with_rowid=with_rowid,
    )
    op.execute(f"INSERT INTO timer ({COLUMNS}) SELECT {COLUMNS} FROM timer_before")
    op.drop_table("timer_before")
    op.create_index(op.f("ix_timer_due_at"), "timer", ["due_at"], unique=False)
