"""Road segments and their chiefs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0013"
down_revision = "core_0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table of its own, empty."""
    op.create_table(
        "road_segment",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("chief", sa.String(), nullable=True),
        sa.Column("chief_phone", sa.String(), nullable=True),
        sa.Column("geometry", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_road_segment")),
    )


def downgrade() -> None:
    """As it was."""
    op.drop_table("road_segment")
