"""Cases by the phone they were reported from; which plugins' rows a version of the catalogue has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0025"
down_revision = "core_0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; the index follows with what asks for it."""
    op.add_column("catalogue_version", sa.Column("plugins", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    """Take it away."""
    with op.batch_alter_table("catalogue_version") as table:
        table.drop_column("plugins")
