"""Cases by the phone they were reported from; which plugins' rows a version of the catalogue has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0025"
down_revision = "core_0024"
branch_labels = None
depends_on = None


GIVEN = sa.text("reporter_phone <> ''")


def upgrade() -> None:
    """A caller is found without reading a year of cases."""
    op.add_column("catalogue_version", sa.Column("plugins", sa.Text(), server_default="", nullable=False))
    op.create_index(
        "ix_city_case_reporter_phone", "city_case", ["reporter_phone", "reported_at"], unique=False,
        sqlite_where=GIVEN, postgresql_where=GIVEN,
    )  # fmt: skip


def downgrade() -> None:
    """Take both away."""
    op.drop_index("ix_city_case_reporter_phone", table_name="city_case")
    with op.batch_alter_table("catalogue_version") as table:
        table.drop_column("plugins")
