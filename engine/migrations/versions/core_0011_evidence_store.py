"""Evidence may lie in a store, tells what was broken in it, and photos are found by their likeness."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0011"
down_revision = "core_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bytes stay in their rows, readable, until ``wangge evidence move`` takes them to the store."""
    with op.batch_alter_table("evidence") as table:
        table.add_column(sa.Column("likeness", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("notes", sa.JSON(), nullable=False, server_default="[]"))
        table.alter_column("original", existing_type=sa.LargeBinary(), nullable=True)
        table.alter_column("public_copy", existing_type=sa.LargeBinary(), nullable=True)
    with op.batch_alter_table("evidence") as table:
        table.alter_column("notes", existing_type=sa.JSON(), server_default=None)
    op.create_table(
        "photo_band",
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("evidence_id", sa.Integer(), nullable=False),
        sa.Column("bits", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["evidence_id"], ["evidence.id"], name=op.f("fk_photo_band_evidence_id")),
        sa.PrimaryKeyConstraint("key", "evidence_id", name=op.f("pk_photo_band")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Refused while a row's bytes are in the store: the tables of before had no place that names one."""
    rows = sa.table("evidence", sa.column("original"))
    moved = op.get_bind().scalar(sa.select(sa.func.count()).select_from(rows).where(rows.c.original.is_(None)))
    if moved:
        raise RuntimeError(f"the bytes of {moved} files of evidence are in the store; this schema cannot go back")
    op.drop_table("photo_band")
    with op.batch_alter_table("evidence") as table:
        table.alter_column("public_copy", existing_type=sa.LargeBinary(), nullable=False)
        table.alter_column("original", existing_type=sa.LargeBinary(), nullable=False)
        table.drop_column("notes")
        table.drop_column("likeness")
