"""Matters that do not begin on the street."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0023"
down_revision = "core_0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A case may be a matter, and may have been opened beside another; an index of the matters."""
    op.add_column("city_case", sa.Column("matter", sa.String(), nullable=True))
    op.add_column("city_case", sa.Column("origin", sa.String(), nullable=True))
    op.create_index(
        "ix_city_case_matter",
        "city_case",
        ["matter", "reported_at"],
        sqlite_where=sa.text("matter IS NOT NULL"),
        postgresql_where=sa.text("matter IS NOT NULL"),
    )


def downgrade() -> None:
    """As it was."""
    op.drop_index("ix_city_case_matter", "city_case")
    op.drop_column("city_case", "origin")
    op.drop_column("city_case", "matter")
