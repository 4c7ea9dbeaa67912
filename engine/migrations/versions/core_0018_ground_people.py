"""Shifts, tracks and patrols of people on the ground."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0018"
down_revision = "core_0017"
branch_labels = None
depends_on = None

WAITS = sa.text("status IN ('open', 'candidate')")


def person(table: str, column: str = "person_id") -> sa.ForeignKeyConstraint:
    """A reference to a person."""
    return sa.ForeignKeyConstraint([column], ["person.id"], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    """Nobody has a shift or a track yet."""
    op.create_table(
        "duty_shift",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("duty_grid_code", sa.String(), nullable=False),
        sa.Column("shift", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(), nullable=False),
        sa.Column("ends_at", sa.DateTime(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("stands_for_id", sa.Integer(), nullable=True),
        sa.Column("changed_by_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        person("duty_shift"),
        person("duty_shift", "changed_by_id"),
        sa.ForeignKeyConstraint(["stands_for_id"], ["duty_shift.id"], name=op.f("fk_duty_shift_stands_for_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_shift")),
        sa.UniqueConstraint("person_id", "starts_at", "duty_grid_code", name=op.f("uq_duty_shift_person_id")),
    )
    op.create_index(op.f("ix_duty_shift_ends_at"), "duty_shift", ["ends_at"], unique=False)
    op.create_index("ix_duty_shift_grid", "duty_shift", ["duty_grid_code", "ends_at"], unique=False)
    op.create_table(
        "track_point",
        sa.Column("person_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("device_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("skew_ms", sa.BigInteger(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("accuracy_m", sa.Double(), nullable=False),
        sa.Column("battery", sa.Double(), nullable=True),
        person("track_point"),
        sa.PrimaryKeyConstraint("person_id", "device_ms", name=op.f("pk_track_point")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "track_day",
        sa.Column("person_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("line", sa.JSON(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("tolerance_m", sa.Double(), nullable=False),
        sa.Column("length_m", sa.Double(), nullable=False),
        person("track_day"),
        sa.PrimaryKeyConstraint("person_id", "day", name=op.f("pk_track_day")),
    )
    op.create_table(
        "patrol_state",
        sa.Column("person_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("accuracy_m", sa.Double(), nullable=False),
        sa.Column("battery", sa.Double(), nullable=True),
        sa.Column("duty_grid_code", sa.String(), nullable=False),
        sa.Column("inside", sa.Boolean(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("streak", sa.Integer(), nullable=False),
        sa.Column("streak_since", sa.DateTime(), nullable=True),
        person("patrol_state"),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_patrol_state")),
    )
    op.create_index(op.f("ix_patrol_state_at"), "patrol_state", ["at"], unique=False)
    op.create_table(
        "patrol_coverage",
        sa.Column("shift_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("cells", sa.Integer(), nullable=False),
        sa.Column("cells_visited", sa.Integer(), nullable=False),
        sa.Column("missed_cells", sa.JSON(), nullable=False),
        sa.Column("roads_m", sa.Double(), nullable=False),
        sa.Column("roads_visited_m", sa.Double(), nullable=False),
        sa.Column("track_m", sa.Double(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("reports", sa.Integer(), nullable=False),
        sa.Column("quota", sa.Integer(), nullable=False),
        sa.Column("computed_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["shift_id"], ["duty_shift.id"], name=op.f("fk_patrol_coverage_shift_id")),
        sa.PrimaryKeyConstraint("shift_id", name=op.f("pk_patrol_coverage")),
    )
    op.create_table(
        "patrol_fact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("duty_grid_code", sa.String(), nullable=False),
        sa.Column("shift_id", sa.Integer(), nullable=True),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        person("patrol_fact"),
        person("patrol_fact", "decided_by_id"),
        sa.ForeignKeyConstraint(["shift_id"], ["duty_shift.id"], name=op.f("fk_patrol_fact_shift_id")),
        sa.ForeignKeyConstraint(["case_id"], ["city_case.id"], name=op.f("fk_patrol_fact_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patrol_fact")),
        sa.UniqueConstraint("key", name=op.f("uq_patrol_fact_key")),
    )
    op.create_index(op.f("ix_patrol_fact_case_id"), "patrol_fact", ["case_id"], unique=False)
    op.create_index("ix_patrol_fact_person", "patrol_fact", ["person_id", "at"], unique=False)
    op.create_index("ix_patrol_fact_kind", "patrol_fact", ["kind", "at"], unique=False)
    op.create_index(
        "ix_patrol_fact_open", "patrol_fact", ["status", "person_id"], sqlite_where=WAITS, postgresql_where=WAITS
    )
    op.create_table(
        "patrol_access",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        person("patrol_access", "actor_id"),
        person("patrol_access"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patrol_access")),
    )
    op.create_index("ix_patrol_access_person", "patrol_access", ["person_id", "at"], unique=False)


def downgrade() -> None:
    """Forget shifts and tracks."""
    for table in (
        "patrol_access", "patrol_fact", "patrol_coverage", "patrol_state", "track_day", "track_point", "duty_shift",
    ):  # fmt: skip
        op.drop_table(table)
