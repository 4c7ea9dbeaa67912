"""Addresses with a class, found by a full-text index over their distinct names, and by map cell."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0009"
down_revision = "core_0008"
branch_labels = None
depends_on = None

COLUMNS = ("class_code", "stem", "house", "cell")


def upgrade() -> None:
    """The new columns are empty until the next start, which fills them (``index_if_stale``)."""
    op.add_column("address", sa.Column("class_code", sa.String(), nullable=False, server_default=""))
    op.add_column("address", sa.Column("stem", sa.Text(), nullable=False, server_default=""))
    op.add_column("address", sa.Column("house", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("address", sa.Column("cell", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("ix_address_stem_house", "address", ["stem", "house"], unique=False)
    op.create_index(op.f("ix_address_cell"), "address", ["cell"], unique=False)
    op.create_table(
        "address_name",
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stem", sa.Text(), nullable=False),
        sa.Column("pinyin", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_address_name")),
        sa.UniqueConstraint("stem", name=op.f("uq_address_name_stem")),
    )
    op.create_table(
        "address_token",
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("names", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_address_token")),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE address_search USING fts5"
            "(tokens, content='', detail='none', columnsize=0, tokenize='ascii')"
        )
    else:
        op.execute("CREATE TABLE address_search (no integer PRIMARY KEY, tokens tsvector NOT NULL)")
        op.execute("CREATE INDEX ix_address_search_tokens ON address_search USING gin (tokens)")


def downgrade() -> None:
    """Addresses are a plain list again."""
    op.execute("DROP TABLE address_search")
    op.drop_table("address_token")
    op.drop_table("address_name")
    op.drop_index(op.f("ix_address_cell"), table_name="address")
    op.drop_index("ix_address_stem_house", table_name="address")
    for column in COLUMNS:
        op.drop_column("address", column)
    op.execute("DELETE FROM counter WHERE name = 'address index'")
