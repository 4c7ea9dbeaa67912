"""Rounds of the sweep of the evidence are on record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0020"
down_revision = "core_0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table, empty."""
    op.create_table(
        "evidence_sweep",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.DateTime(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("unfinished", sa.Integer(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_sweep")),
    )
    op.create_index(op.f("ix_evidence_sweep_began_at"), "evidence_sweep", ["began_at"])


def downgrade() -> None:
    """As it was."""
    op.drop_index(op.f("ix_evidence_sweep_began_at"), table_name="evidence_sweep")
    op.drop_table("evidence_sweep")
