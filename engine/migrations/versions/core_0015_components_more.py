"""Photos of proposals, whether a survey was the city's own folder, and indexes that answer by themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0015"
down_revision = "core_0014"
branch_labels = None
depends_on = None

CELLS = {
    "ix_component_class_cell": (["full_code", "cell"], ["lon", "lat", "code", "name", "state"]),
    "ix_component_cell": (["cell"], ["lon", "lat", "code", "full_code", "name", "state"]),
}
PRESENT = sa.text("present")


def upgrade() -> None:
    """Every survey until now was imported by somebody, and nobody has sent a photo."""
    op.add_column("component_survey", sa.Column("origin", sa.String(), nullable=False, server_default="import"))
    with op.batch_alter_table("component_survey") as table:
        table.alter_column("origin", existing_type=sa.String(), existing_nullable=False, server_default=None)
    op.create_table(
        "component_photo",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("component_code", sa.String(), nullable=False),
        sa.Column("change_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.DateTime(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("uploaded_at", sa.DateTime(), nullable=False),
        sa.Column("uploader_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["change_id"], ["component_change.id"], name=op.f("fk_component_photo_change_id")),
        sa.ForeignKeyConstraint(["uploader_id"], ["person.id"], name=op.f("fk_component_photo_uploader_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_component_photo")),
    )
    op.create_index(op.f("ix_component_photo_component_code"), "component_photo", ["component_code"], unique=False)
    op.create_index(op.f("ix_component_photo_change_id"), "component_photo", ["change_id"], unique=True)
    op.create_index(op.f("ix_component_photo_sha256"), "component_photo", ["sha256"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        for name, (columns, carried) in CELLS.items():
            op.drop_index(name, table_name="component")
            op.create_index(name, "component", columns, postgresql_include=carried, postgresql_where=PRESENT)


def downgrade() -> None:
    """Forget the photos; their files are taken by the next sweep of the store."""
    if op.get_bind().dialect.name == "postgresql":
        for name, (columns, _carried) in CELLS.items():
            op.drop_index(name, table_name="component")
            op.create_index(name, "component", columns)
    op.drop_table("component_photo")
    with op.batch_alter_table("component_survey") as table:
        table.drop_column("origin")
