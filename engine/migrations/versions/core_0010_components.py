"""Components on the map by cell, with attributes and photo; counts, surveys and changes of the register."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "core_0010"
down_revision = "core_0009"
branch_labels = None
depends_on = None

BATCH = 10_000
OWNERLESS = sa.text("dept_owner IS NULL")
PROPOSED = sa.text("status = 'proposed'")
NEW: dict[str, tuple[sa.types.TypeEngine[Any], Any]] = {
    "cell": (sa.BigInteger(), sa.text("0")),
    "present": (sa.Boolean(), sa.true()),
    "photo": (sa.String(), sa.text("''")),
    "attributes": (sa.JSON(), sa.text("'{}'")),
}


def upgrade() -> None:
    """Give the components that are there their cells and counts."""
    with op.batch_alter_table("component") as table:
        for name, (kind, default) in NEW.items():
            table.add_column(sa.Column(name, kind, nullable=False, server_default=default))
    _fill_cells()
    with op.batch_alter_table("component") as table:
        for name, (kind, _default) in NEW.items():
            table.alter_column(name, existing_type=kind, existing_nullable=False, server_default=None)
    op.drop_index("ix_component_full_code", table_name="component")
    op.create_index(op.f("ix_component_cell"), "component", ["cell"], unique=False)
    op.create_index("ix_component_class_cell", "component", ["full_code", "cell"], unique=False)
    op.create_index(
        "ix_component_ownerless", "component", ["code"], unique=False, sqlite_where=OWNERLESS,
        postgresql_where=OWNERLESS,
    )  # fmt: skip
    _create_counts()
    _create_surveys()
    _create_changes()


def downgrade() -> None:
    """Forget surveys, changes, attributes and photos."""
    for name in ("component_change", "component_survey_refusal", "component_survey", "component_count"):
        op.drop_table(name)
    op.drop_index("ix_component_ownerless", table_name="component")
    op.drop_index("ix_component_class_cell", table_name="component")
    op.drop_index(op.f("ix_component_cell"), table_name="component")
    with op.batch_alter_table("component") as table:
        for name in NEW:
            table.drop_column(name)
    op.create_index("ix_component_full_code", "component", ["full_code"], unique=False)


def _fill_cells() -> None:
    """Cells as engine.components.cells had them at this revision."""
    bind, last = op.get_bind(), ""
    query = sa.text(f"SELECT code, lon, lat FROM component WHERE code > :last ORDER BY code LIMIT {BATCH}")
    while rows := bind.execute(query, {"last": last}).all():
        values = [{"code": code, "cell": _cell(lon, lat)} for code, lon, lat in rows]
        bind.execute(sa.text("UPDATE component SET cell = :cell WHERE code = :code"), values)
        last = rows[-1][0]


def _cell(lon: float, lat: float) -> int:
    column, row = (
        min(max(int(share * (1 << 19)), 0), (1 << 19) - 1) for share in ((lon + 180) / 360, (lat + 90) / 360)
    )
    return sum(((column >> bit & 1) | (row >> bit & 1) << 1) << 2 * bit for bit in range(19))


def _create_counts() -> None:
    op.create_table(
        "component_count",
        sa.Column("full_code", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("cell", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("full_code", "level", "cell", name=op.f("pk_component_count")),
    )
    for level in range(19, 9, -1):
        _count(level, "''")
        if level <= 17:
            _count(level, "full_code")


def _count(level: int, full_code: str) -> None:
    shift = 2 * (19 - level)
    grouped = f"cell >> {shift}" if full_code == "''" else f"full_code, cell >> {shift}"
    op.execute(
        "INSERT INTO component_count (full_code, level, cell, amount) "
        f"SELECT {full_code}, {level}, cell >> {shift}, count(*) FROM component GROUP BY {grouped}"
    )


def _create_surveys() -> None:
    op.create_table(
        "component_survey",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("rows_done", "added", "changed", "unchanged", "refused", "claims")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_component_survey")),
    )
    op.create_index(op.f("ix_component_survey_sha256"), "component_survey", ["sha256"], unique=False)
    op.create_table(
        "component_survey_refusal",
        sa.Column("survey_id", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["survey_id"], ["component_survey.id"], name=op.f("fk_component_survey_refusal_survey_id")
        ),
        sa.PrimaryKeyConstraint("survey_id", "line", name=op.f("pk_component_survey_refusal")),
    )


def _create_changes() -> None:
    op.create_table(
        "component_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("component_code", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Integer(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("survey_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["decided_by"], ["person.id"], name=op.f("fk_component_change_decided_by")),
        sa.ForeignKeyConstraint(["proposed_by"], ["person.id"], name=op.f("fk_component_change_proposed_by")),
        sa.ForeignKeyConstraint(["survey_id"], ["component_survey.id"], name=op.f("fk_component_change_survey_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_component_change")),
    )
    op.create_index("ix_component_change_code", "component_change", ["component_code", "id"], unique=False)
    op.create_index(
        "ix_component_change_open", "component_change", ["kind", "id"], unique=False, sqlite_where=PROPOSED,
        postgresql_where=PROPOSED,
    )  # fmt: skip
