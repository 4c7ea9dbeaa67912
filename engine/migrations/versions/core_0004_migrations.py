"""Deployments take effect at a moment; running instances migrate; incidents know the act that failed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0004"
down_revision = "core_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Deployments so far took effect when they were deployed; open incidents know no act to repeat."""
    with op.batch_alter_table("deployment") as table:
        table.add_column(sa.Column("effective_at", sa.DateTime(), nullable=True))
    op.execute("UPDATE deployment SET effective_at = deployed_at")
    with op.batch_alter_table("deployment") as table:
        table.alter_column("effective_at", existing_type=sa.DateTime(), nullable=False)
    op.create_index(op.f("ix_deployment_effective_at"), "deployment", ["effective_at"], unique=False)
    _extend_incidents()
    _create_migrations()


def _extend_incidents() -> None:
    with op.batch_alter_table("incident") as table:
        table.add_column(sa.Column("process", sa.String(), nullable=False, server_default=sa.text("''")))
        table.add_column(sa.Column("act", sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
        table.add_column(sa.Column("resolution", sa.Text(), nullable=False, server_default=sa.text("''")))
    with op.batch_alter_table("incident") as table:
        table.alter_column("process", existing_type=sa.String(), existing_nullable=False, server_default=None)
        table.alter_column("act", existing_type=sa.JSON(), existing_nullable=False, server_default=None)
        table.alter_column("resolution", existing_type=sa.Text(), existing_nullable=False, server_default=None)
    op.create_index(op.f("ix_incident_resolved_at"), "incident", ["resolved_at"], unique=False)


def _create_migrations() -> None:
    op.create_table(
        "migration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("mapping", sa.JSON(), nullable=False),
        sa.Column("selection", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["target_id"], ["deployment.id"], name=op.f("fk_migration_target_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_migration")),
    )
    op.create_table(
        "migration_item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("migration_id", sa.Integer(), nullable=False),
        sa.Column("instance_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("from_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=True),
        sa.Column("tasks", sa.JSON(), nullable=False),
        sa.Column("timers", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["city_case.id"], name=op.f("fk_migration_item_case_id")),
        sa.ForeignKeyConstraint(["from_id"], ["deployment.id"], name=op.f("fk_migration_item_from_id")),
        sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name=op.f("fk_migration_item_instance_id")),
        sa.ForeignKeyConstraint(["migration_id"], ["migration.id"], name=op.f("fk_migration_item_migration_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_migration_item")),
        sa.UniqueConstraint("migration_id", "instance_id", name=op.f("uq_migration_item_migration_id")),
    )
    op.create_index(op.f("ix_migration_item_migration_id"), "migration_item", ["migration_id"], unique=False)
    op.create_index(op.f("ix_migration_item_instance_id"), "migration_item", ["instance_id"], unique=False)


def downgrade() -> None:
    """Back to deployments in force at once; instances stay where they are."""
    op.drop_table("migration_item")
    op.drop_table("migration")
    op.drop_index(op.f("ix_incident_resolved_at"), table_name="incident")
    with op.batch_alter_table("incident") as table:
        for name in ("process", "act", "resolution"):
            table.drop_column(name)
    op.drop_index(op.f("ix_deployment_effective_at"), table_name="deployment")
    with op.batch_alter_table("deployment") as table:
        table.drop_column("effective_at")
