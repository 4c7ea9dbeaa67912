"""Cases by place, how many are merged into one, no-report rules they came under; links with reason and end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0017"
down_revision = "core_0016"
branch_labels = None
depends_on = None

BATCH = 10_000
MERGED = sa.text("merged_into_id IS NOT NULL")
NO_REPORT = sa.text("no_report IS NOT NULL")


def upgrade() -> None:
    """Give the cases that are there their cells and the count of those merged into them."""
    op.add_column("city_case", sa.Column("cell", sa.BigInteger(), nullable=True))
    op.add_column("city_case", sa.Column("merged_reports", sa.Integer(), server_default="0", nullable=False))
    op.add_column("city_case", sa.Column("no_report", sa.String(), nullable=True))
    _fill_cells()
    op.execute(
        "UPDATE city_case SET merged_reports = (SELECT count(*) FROM city_case AS other "
        "WHERE other.merged_into_id = city_case.id AND other.status = 'merged') "
        "WHERE id IN (SELECT merged_into_id FROM city_case WHERE merged_into_id IS NOT NULL)"
    )
    op.create_index("ix_city_case_cell", "city_case", ["cell", "reported_at"], unique=False)
    for name, columns, condition in _partial():
        op.create_index(name, "city_case", columns, unique=False, sqlite_where=condition, postgresql_where=condition)
    with op.batch_alter_table("case_link") as table:
        table.add_column(sa.Column("reason", sa.Text(), server_default="", nullable=False))
        table.add_column(sa.Column("created_by", sa.Integer(), nullable=True))
        table.add_column(sa.Column("removed_at", sa.DateTime(), nullable=True))
        table.create_foreign_key(op.f("fk_case_link_created_by"), "person", ["created_by"], ["id"])


def downgrade() -> None:
    """Forget links that were undone, and why others were made."""
    op.execute("DELETE FROM case_link WHERE removed_at IS NOT NULL")
    with op.batch_alter_table("case_link") as table:
        table.drop_constraint(op.f("fk_case_link_created_by"), type_="foreignkey")
        for name in ("removed_at", "created_by", "reason"):
            table.drop_column(name)
    for name, _columns, _condition in _partial():
        op.drop_index(name, table_name="city_case")
    op.drop_index("ix_city_case_cell", table_name="city_case")
    for name in ("no_report", "merged_reports", "cell"):
        op.drop_column("city_case", name)


def _partial() -> tuple[tuple[str, list[str], sa.TextClause], ...]:
    return (
        ("ix_city_case_merged_into", ["merged_into_id"], MERGED),
        ("ix_city_case_no_report", ["reported_at"], NO_REPORT),
    )


def _fill_cells() -> None:
    """Cells as engine.components.cells had them at this revision."""
    bind, last = op.get_bind(), 0
    query = sa.text(
        f"SELECT id, lon, lat FROM city_case WHERE id > :last AND lon IS NOT NULL AND lat IS NOT NULL "
        f"ORDER BY id LIMIT {BATCH}"
    )
    while rows := bind.execute(query, {"last": last}).all():
        values = [{"id": key, "cell": _cell(lon, lat)} for key, lon, lat in rows]
        bind.execute(sa.text("UPDATE city_case SET cell = :cell WHERE id = :id"), values)
        last = rows[-1][0]


def _cell(lon: float, lat: float) -> int:
    column, row = (
        min(max(int(share * (1 << 19)), 0), (1 << 19) - 1) for share in ((lon + 180) / 360, (lat + 90) / 360)
    )
    return sum(((column >> bit & 1) | (row >> bit & 1) << 1) << 2 * bit for bit in range(19))
