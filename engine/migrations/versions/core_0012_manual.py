"""Changes of the command manual, and rules of evidence and extension of filing conditions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0012"
down_revision = "core_0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """No condition has rules yet, and nobody has proposed anything."""
    op.add_column("filing_condition", sa.Column("evidence", sa.Text(), nullable=False, server_default=""))
    op.add_column("filing_condition", sa.Column("extension", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "manual_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("file_digest", sa.String(), nullable=False),
        sa.Column("diff", sa.JSON(), nullable=False),
        sa.Column("diff_digest", sa.String(), nullable=False),
        sa.Column("effective_date", sa.Date(), nullable=False),
        sa.Column("base_id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=True),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.Column("effect", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["person.id"], name=op.f("fk_manual_change_author_id")),
        sa.ForeignKeyConstraint(["base_id"], ["catalogue_version.id"], name=op.f("fk_manual_change_base_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["person.id"], name=op.f("fk_manual_change_decided_by_id")),
        sa.ForeignKeyConstraint(["version_id"], ["catalogue_version.id"], name=op.f("fk_manual_change_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_manual_change")),
    )
    op.create_index(op.f("ix_manual_change_status"), "manual_change", ["status"], unique=False)


def downgrade() -> None:
    """Forget the changes; versions they became stay."""
    op.drop_index(op.f("ix_manual_change_status"), table_name="manual_change")
    op.drop_table("manual_change")
    with op.batch_alter_table("filing_condition") as table:
        table.drop_column("extension")
        table.drop_column("evidence")
