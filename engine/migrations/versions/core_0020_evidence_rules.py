"""Rounds of the sweep of the evidence are on record; photos are indexed by thirds of their hash, not by quarters."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "core_0020"
down_revision = "core_0019"
branch_labels = None
depends_on = None

THIRDS, QUARTERS = (22, 21, 21), (16, 16, 16, 16)
AT_ONCE = 5000
EVIDENCE = sa.table("evidence", sa.column("id"), sa.column("likeness"))
BAND = sa.table("photo_band", sa.column("key"), sa.column("evidence_id"), sa.column("bits"))


def upgrade() -> None:
    """One table, empty, and the index of photos written anew."""
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
    index_anew(THIRDS)


def downgrade() -> None:
    """As it was."""
    op.drop_index(op.f("ix_evidence_sweep_began_at"), table_name="evidence_sweep")
    op.drop_table("evidence_sweep")
    index_anew(QUARTERS)


def index_anew(widths: Sequence[int]) -> None:
    """Write the index of photos by parts of their hashes, the lowest first, some thousand photos at a time."""
    connection, last = op.get_bind(), 0
    connection.execute(sa.delete(BAND))
    photos = sa.select(EVIDENCE.c.id, EVIDENCE.c.likeness).where(EVIDENCE.c.likeness.is_not(None))
    while rows := connection.execute(photos.where(EVIDENCE.c.id > last).order_by(EVIDENCE.c.id).limit(AT_ONCE)).all():
        last = rows[-1].id
        bands = []
        for photo, signed in rows:
            bits = signed & (1 << 64) - 1
            for band, width in enumerate(widths):
                key = band << max(widths) | bits & (1 << width) - 1
                bands.append({"key": key, "evidence_id": photo, "bits": signed})
                bits >>= width
        connection.execute(sa.insert(BAND), bands)
