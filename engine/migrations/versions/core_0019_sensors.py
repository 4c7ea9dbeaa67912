"""Devices, positions, alarms and geofences."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0019"
down_revision = "core_0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tables of their own, empty."""
    op.create_table(
        "sensor_device",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("vehicle", sa.String(), nullable=False),
        sa.Column("component_code", sa.String(), nullable=True),
        sa.Column("department_code", sa.String(), nullable=True),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("token_digest", sa.String(), nullable=True),
        sa.Column("signing_key", sa.String(), nullable=True),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sensor_device")),
        sa.UniqueConstraint("code", name=op.f("uq_sensor_device_code")),
    )
    op.create_index(op.f("ix_sensor_device_department_code"), "sensor_device", ["department_code"])
    op.create_index(op.f("ix_sensor_device_kind"), "sensor_device", ["kind"])
    op.create_table(
        "sensor_fence",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("properties", sa.JSON(), nullable=False),
        sa.Column("geometry", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_sensor_fence")),
    )
    op.create_table(
        "sensor_listener",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("broker", sa.String(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.Column("connected", sa.Boolean(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sensor_listener")),
        sa.UniqueConstraint("broker", "slot", name=op.f("uq_sensor_listener_broker")),
    )
    op.create_table(
        "sensor_refusal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("device_code", sa.String(), nullable=False),
        sa.Column("via", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(), nullable=False),
        sa.Column("last_at", sa.DateTime(), nullable=False),
        sa.Column("replayed_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sensor_refusal")),
        sa.UniqueConstraint("digest", name=op.f("uq_sensor_refusal_digest")),
    )
    op.create_index(op.f("ix_sensor_refusal_device_code"), "sensor_refusal", ["device_code"])
    op.create_index(op.f("ix_sensor_refusal_last_at"), "sensor_refusal", ["last_at"])
    op.create_table(
        "sensor_crossing",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("fence", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("stayed_s", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["device_id"], ["sensor_device.id"], name=op.f("fk_sensor_crossing_device_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sensor_crossing")),
    )
    op.create_index(op.f("ix_sensor_crossing_device_id_at"), "sensor_crossing", ["device_id", "at"])
    op.create_index(op.f("ix_sensor_crossing_fence"), "sensor_crossing", ["fence"])
    op.create_table(
        "sensor_hour",
        sa.Column("device_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("hour", sa.DateTime(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("least", sa.Double(), nullable=False),
        sa.Column("mean", sa.Double(), nullable=False),
        sa.Column("most", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["sensor_device.id"], name=op.f("fk_sensor_hour_device_id")),
        sa.PrimaryKeyConstraint("device_id", "field", "hour", name=op.f("pk_sensor_hour")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sensor_reading",
        sa.Column("device_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["device_id"], ["sensor_device.id"], name=op.f("fk_sensor_reading_device_id")),
        sa.PrimaryKeyConstraint("device_id", "at", "sequence", name=op.f("pk_sensor_reading")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sensor_state",
        sa.Column("device_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_at", sa.DateTime(), nullable=True),
        sa.Column("last_sequence", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=True),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("positioned_at", sa.DateTime(), nullable=True),
        sa.Column("fences", sa.JSON(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("silent_since", sa.DateTime(), nullable=True),
        sa.Column("readings", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.Column("summarised_until", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["device_id"], ["sensor_device.id"], name=op.f("fk_sensor_state_device_id")),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_sensor_state")),
    )
    op.create_index(op.f("ix_sensor_state_due_at"), "sensor_state", ["due_at"])
    op.create_index(op.f("ix_sensor_state_silent_since"), "sensor_state", ["silent_since"])
    op.create_table(
        "sensor_track",
        sa.Column("device_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hour", sa.DateTime(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("length_m", sa.Double(), nullable=False),
        sa.Column("line", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["sensor_device.id"], name=op.f("fk_sensor_track_device_id")),
        sa.PrimaryKeyConstraint("device_id", "hour", name=op.f("pk_sensor_track")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sensor_alarm",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("began_at", sa.DateTime(), nullable=False),
        sa.Column("raised_at", sa.DateTime(), nullable=False),
        sa.Column("over_at", sa.DateTime(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("readings", sa.JSON(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("held_until", sa.DateTime(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("over_told", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["city_case.id"], name=op.f("fk_sensor_alarm_case_id")),
        sa.ForeignKeyConstraint(["device_id"], ["sensor_device.id"], name=op.f("fk_sensor_alarm_device_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sensor_alarm")),
    )
    op.create_index(op.f("ix_sensor_alarm_case_id"), "sensor_alarm", ["case_id"])
    op.create_index(op.f("ix_sensor_alarm_device_id_rule"), "sensor_alarm", ["device_id", "rule"])
    op.create_index(op.f("ix_sensor_alarm_outcome"), "sensor_alarm", ["outcome"])
    op.create_index(op.f("ix_sensor_alarm_over_told"), "sensor_alarm", ["over_told"])
    op.create_index(op.f("ix_sensor_alarm_raised_at"), "sensor_alarm", ["raised_at"])
    op.create_index(op.f("ix_sensor_alarm_rule_subject"), "sensor_alarm", ["rule", "subject"])


def downgrade() -> None:
    """As it was; readings and alarms are lost, the cases they became stay."""
    op.drop_table("sensor_alarm")
    op.drop_table("sensor_track")
    op.drop_table("sensor_state")
    op.drop_table("sensor_reading")
    op.drop_table("sensor_hour")
    op.drop_table("sensor_crossing")
    op.drop_table("sensor_refusal")
    op.drop_table("sensor_listener")
    op.drop_table("sensor_fence")
    op.drop_table("sensor_device")
