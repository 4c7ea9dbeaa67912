"""Versions of the ground and further areal layers.

What a database holds becomes version 1 when it is first changed, or when the server starts (``begin_history``).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0014"
down_revision = "core_0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two tables of their own, empty."""
    op.create_table(
        "ground_version",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("effective_at", sa.DateTime(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.Column("applied_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ground_version")),
    )
    op.create_table(
        "ground_area",
        sa.Column("layer", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("change", sa.String(), nullable=False),
        sa.Column("properties", sa.JSON(), nullable=False),
        sa.Column("geometry", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["version"], ["ground_version.number"], name=op.f("fk_ground_area_version")),
        sa.PrimaryKeyConstraint("layer", "code", "version", name=op.f("pk_ground_area")),
    )
    op.create_index(op.f("ix_ground_area_version"), "ground_area", ["version"], unique=False)


def downgrade() -> None:
    """As it was; the ground in force stays in its own tables."""
    op.drop_table("ground_area")
    op.drop_table("ground_version")
