"""Cases wait for messages and signals of other cases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0005"
down_revision = "core_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index what cases wait for; no running diagram could wait for another case before."""
    op.create_table(
        "waiting_event",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("instance_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name=op.f("fk_waiting_event_instance_id")),
        sa.PrimaryKeyConstraint("task_id", "position", name=op.f("pk_waiting_event")),
    )
    op.create_index(op.f("ix_waiting_event_instance_id"), "waiting_event", ["instance_id"], unique=False)
    op.create_index("ix_waiting_event_kind_name_key", "waiting_event", ["kind", "name", "key"], unique=False)


def downgrade() -> None:
    """Forget what cases wait for."""
    op.drop_table("waiting_event")
