"""Intake: models that suggest classes, what they said of each report, and the numbers other systems gave reports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0016"
down_revision = "core_0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """No model is trained yet; numbers of cases that came before are found by the case itself."""
    op.create_table(
        "intake_model",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("trained_at", sa.DateTime(), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("held_out", sa.Integer(), nullable=False),
        sa.Column("top1", sa.Double(), nullable=False),
        sa.Column("top3", sa.Double(), nullable=False),
        sa.Column("start_top1", sa.Double(), nullable=False),
        sa.Column("start_top3", sa.Double(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_model")),
        sa.UniqueConstraint("sha256", name=op.f("uq_intake_model_sha256")),
    )
    op.create_table(
        "intake_suggestion",
        sa.Column("case_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("first", sa.String(), nullable=True),
        sa.Column("second", sa.String(), nullable=True),
        sa.Column("third", sa.String(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("noted_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["city_case.id"], name=op.f("fk_intake_suggestion_case_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_intake_suggestion")),
    )
    op.create_index(op.f("ix_intake_suggestion_model"), "intake_suggestion", ["model"], unique=False)
    op.create_table(
        "intake_number",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["city_case.id"], name=op.f("fk_intake_number_case_id")),
        sa.PrimaryKeyConstraint("channel", "number", name=op.f("pk_intake_number")),
    )
    op.create_index(op.f("ix_intake_number_case_id"), "intake_number", ["case_id"], unique=False)


def downgrade() -> None:
    """Forget models, suggestions and numbers; cases keep their own numbers."""
    for table in ("intake_number", "intake_suggestion", "intake_model"):
        op.drop_table(table)
