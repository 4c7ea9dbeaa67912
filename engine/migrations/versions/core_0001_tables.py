"""The tables of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0001"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    """The tables of the first release."""
    op.create_table(
        "address",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("grid_code", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_address")),
    )
    op.create_index(op.f("ix_address_name"), "address", ["name"], unique=False)

    op.create_table(
        "catalogue_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("loaded_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_version")),
        sa.UniqueConstraint("digest", name=op.f("uq_catalogue_version_digest")),
    )
    op.create_table(
        "component",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("full_code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("grid_code", sa.String(), nullable=True),
        sa.Column("dept_in_charge", sa.String(), nullable=True),
        sa.Column("dept_owner", sa.String(), nullable=True),
        sa.Column("dept_maintenance", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("initial_date", sa.Date(), nullable=True),
        sa.Column("change_date", sa.Date(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_component")),
    )
    op.create_index(op.f("ix_component_full_code"), "component", ["full_code"], unique=False)
    op.create_index(op.f("ix_component_grid_code"), "component", ["grid_code"], unique=False)

    op.create_table(
        "counter",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counter")),
        sa.UniqueConstraint("name", name=op.f("uq_counter_name")),
    )
    op.create_table(
        "department",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("parent_code", sa.String(), nullable=True),
        sa.Column("duties", sa.String(), nullable=False),
        sa.Column("territory", sa.String(), nullable=True),
        sa.Column("fallback", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_department")),
    )
    op.create_index(op.f("ix_department_territory"), "department", ["territory"], unique=False)

    op.create_table(
        "deployment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("versions", sa.JSON(), nullable=False),
        sa.Column("deployed_at", sa.DateTime(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployment")),
    )
    op.create_index(op.f("ix_deployment_digest"), "deployment", ["digest"], unique=False)

    op.create_table(
        "division",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("parent_code", sa.String(), nullable=True),
        sa.Column("geometry", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_division")),
    )
    op.create_index(op.f("ix_division_level"), "division", ["level"], unique=False)
    op.create_index(op.f("ix_division_parent_code"), "division", ["parent_code"], unique=False)

    op.create_table(
        "duty_grid",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("subdistrict_code", sa.String(), nullable=True),
        sa.Column("geometry", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_duty_grid")),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("instance_id", sa.Integer(), nullable=False),
        sa.Column("element", sa.String(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(), nullable=False),
        sa.Column("resolved_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index(op.f("ix_incident_case_id"), "incident", ["case_id"], unique=False)

    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_case_id"), "outbox", ["case_id"], unique=False)
    op.create_index(op.f("ix_outbox_due_at"), "outbox", ["due_at"], unique=False)

    op.create_table(
        "person",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("login", name=op.f("uq_person_login")),
    )
    op.create_table(
        "post",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_post")),
    )
    op.create_index(op.f("ix_post_role"), "post", ["role"], unique=False)

    op.create_table(
        "unit_grid",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("community_code", sa.String(), nullable=False),
        sa.Column("duty_grid_code", sa.String(), nullable=True),
        sa.Column("area_class", sa.String(), nullable=False),
        sa.Column("geometry", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_unit_grid")),
    )
    op.create_index(op.f("ix_unit_grid_community_code"), "unit_grid", ["community_code"], unique=False)
    op.create_index(op.f("ix_unit_grid_duty_grid_code"), "unit_grid", ["duty_grid_code"], unique=False)

    op.create_table(
        "access_token",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_access_token_person_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_access_token")),
    )
    op.create_index(op.f("ix_access_token_person_id"), "access_token", ["person_id"], unique=False)

    op.create_table(
        "city_case",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("full_code", sa.String(), nullable=False),
        sa.Column("condition_no", sa.Integer(), nullable=True),
        sa.Column("catalogue_version_id", sa.Integer(), nullable=True),
        sa.Column("limit_text", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("self_handled", sa.Boolean(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("component_code", sa.String(), nullable=True),
        sa.Column("grid_code", sa.String(), nullable=True),
        sa.Column("duty_grid_code", sa.String(), nullable=True),
        sa.Column("community_code", sa.String(), nullable=True),
        sa.Column("subdistrict_code", sa.String(), nullable=True),
        sa.Column("district_code", sa.String(), nullable=True),
        sa.Column("area_class", sa.String(), nullable=False),
        sa.Column("reporter_id", sa.Integer(), nullable=True),
        sa.Column("reporter_name", sa.String(), nullable=False),
        sa.Column("reporter_phone", sa.String(), nullable=False),
        sa.Column("lead_department", sa.String(), nullable=True),
        sa.Column("reported_at", sa.DateTime(), nullable=False),
        sa.Column("filed_at", sa.DateTime(), nullable=True),
        sa.Column("dispatched_at", sa.DateTime(), nullable=True),
        sa.Column("handled_at", sa.DateTime(), nullable=True),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("closed_at", sa.DateTime(), nullable=True),
        sa.Column("close_kind", sa.String(), nullable=True),
        sa.Column("on_time", sa.Boolean(), nullable=True),
        sa.Column("overdue_excluded", sa.Boolean(), nullable=False),
        sa.Column("satisfaction", sa.String(), nullable=True),
        sa.Column("extensions", sa.Integer(), nullable=False),
        sa.Column("suspensions", sa.Integer(), nullable=False),
        sa.Column("reworks", sa.Integer(), nullable=False),
        sa.Column("returns", sa.Integer(), nullable=False),
        sa.Column("supervisions", sa.Integer(), nullable=False),
        sa.Column("appeals", sa.Integer(), nullable=False),
        sa.Column("merged_into_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["catalogue_version_id"], ["catalogue_version.id"], name=op.f("fk_city_case_catalogue_version_id")
        ),
        sa.ForeignKeyConstraint(["merged_into_id"], ["city_case.id"], name=op.f("fk_city_case_merged_into_id")),
        sa.ForeignKeyConstraint(["reporter_id"], ["person.id"], name=op.f("fk_city_case_reporter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_city_case")),
        sa.UniqueConstraint("number", name=op.f("uq_city_case_number")),
    )
    op.create_index(op.f("ix_city_case_district_code"), "city_case", ["district_code"], unique=False)
    op.create_index(op.f("ix_city_case_due_at"), "city_case", ["due_at"], unique=False)
    op.create_index(op.f("ix_city_case_duty_grid_code"), "city_case", ["duty_grid_code"], unique=False)
    op.create_index(op.f("ix_city_case_external_id"), "city_case", ["external_id"], unique=False)
    op.create_index(op.f("ix_city_case_full_code"), "city_case", ["full_code"], unique=False)
    op.create_index(op.f("ix_city_case_grid_code"), "city_case", ["grid_code"], unique=False)
    op.create_index(op.f("ix_city_case_lead_department"), "city_case", ["lead_department"], unique=False)
    op.create_index(op.f("ix_city_case_reported_at"), "city_case", ["reported_at"], unique=False)
    op.create_index("ix_city_case_status_id", "city_case", ["status", "id"], unique=False)
    op.create_index(op.f("ix_city_case_subdistrict_code"), "city_case", ["subdistrict_code"], unique=False)

    op.create_table(
        "filing_condition",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("full_code", sa.String(), nullable=False),
        sa.Column("condition_no", sa.Integer(), nullable=False),
        sa.Column("defect_code", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("limit", sa.String(), nullable=False),
        sa.Column("closing_condition", sa.Text(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["catalogue_version.id"], name=op.f("fk_filing_condition_version_id")),
        sa.PrimaryKeyConstraint("version_id", "kind", "full_code", "condition_no", name=op.f("pk_filing_condition")),
    )
    op.create_table(
        "person_post",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("post_code", sa.String(), nullable=False),
        sa.Column("department_code", sa.String(), nullable=False),
        sa.Column("duty_grid_code", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["department_code"], ["department.code"], name=op.f("fk_person_post_department_code")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_post_person_id")),
        sa.ForeignKeyConstraint(["post_code"], ["post.code"], name=op.f("fk_person_post_post_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_post")),
    )
    op.create_index(op.f("ix_person_post_department_code"), "person_post", ["department_code"], unique=False)
    op.create_index(op.f("ix_person_post_duty_grid_code"), "person_post", ["duty_grid_code"], unique=False)
    op.create_index(op.f("ix_person_post_person_id"), "person_post", ["person_id"], unique=False)

    op.create_table(
        "subclass",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("full_code", sa.String(), nullable=False),
        sa.Column("class_code", sa.String(), nullable=False),
        sa.Column("class_name", sa.String(), nullable=False),
        sa.Column("class_name_en", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("geometry", sa.String(), nullable=False),
        sa.Column("dept_code", sa.String(), nullable=False),
        sa.Column("code_2007", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("code_source", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["catalogue_version.id"], name=op.f("fk_subclass_version_id")),
        sa.PrimaryKeyConstraint("version_id", "kind", "full_code", name=op.f("pk_subclass")),
    )
    op.create_table(
        "case_clock",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("limit_text", sa.String(), nullable=False),
        sa.Column("original", sa.Double(), nullable=False),
        sa.Column("total", sa.Double(), nullable=False),
        sa.Column("used", sa.Double(), nullable=False),
        sa.Column("running_since", sa.DateTime(), nullable=True),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("stopped_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["city_case.id"], name=op.f("fk_case_clock_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_clock")),
    )
    op.create_index(op.f("ix_case_clock_case_id"), "case_clock", ["case_id"], unique=False)

    op.create_table(
        "case_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("element", sa.String(), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor_role", sa.String(), nullable=False),
        sa.Column("department_code", sa.String(), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["person.id"], name=op.f("fk_case_event_actor_id")),
        sa.ForeignKeyConstraint(["case_id"], ["city_case.id"], name=op.f("fk_case_event_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_event")),
    )
    op.create_index(op.f("ix_case_event_case_id"), "case_event", ["case_id"], unique=False)

    op.create_table(
        "case_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("from_id", sa.Integer(), nullable=False),
        sa.Column("to_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["from_id"], ["city_case.id"], name=op.f("fk_case_link_from_id")),
        sa.ForeignKeyConstraint(["to_id"], ["city_case.id"], name=op.f("fk_case_link_to_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_link")),
    )
    op.create_index(op.f("ix_case_link_from_id"), "case_link", ["from_id"], unique=False)
    op.create_index(op.f("ix_case_link_to_id"), "case_link", ["to_id"], unique=False)

    op.create_table(
        "case_unit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("department_code", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["city_case.id"], name=op.f("fk_case_unit_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_unit")),
    )
    op.create_index(op.f("ix_case_unit_case_id"), "case_unit", ["case_id"], unique=False)
    op.create_index(op.f("ix_case_unit_department_code"), "case_unit", ["department_code"], unique=False)

    op.create_table(
        "evaluation",
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("department_code", sa.String(), nullable=True),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("evaluated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["city_case.id"], name=op.f("fk_evaluation_case_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_evaluation")),
    )
    op.create_index(op.f("ix_evaluation_department_code"), "evaluation", ["department_code"], unique=False)
    op.create_index(op.f("ix_evaluation_due_at"), "evaluation", ["due_at"], unique=False)

    op.create_table(
        "evidence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.DateTime(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("uploaded_at", sa.DateTime(), nullable=False),
        sa.Column("uploader_id", sa.Integer(), nullable=True),
        sa.Column("department_code", sa.String(), nullable=True),
        sa.Column("original", sa.LargeBinary(), nullable=False),
        sa.Column("public_copy", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["city_case.id"], name=op.f("fk_evidence_case_id")),
        sa.ForeignKeyConstraint(["uploader_id"], ["person.id"], name=op.f("fk_evidence_uploader_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
    )
    op.create_index(op.f("ix_evidence_case_id"), "evidence", ["case_id"], unique=False)
    op.create_index(op.f("ix_evidence_sha256"), "evidence", ["sha256"], unique=False)

    op.create_table(
        "instance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.Integer(), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["city_case.id"], name=op.f("fk_instance_case_id")),
        sa.ForeignKeyConstraint(["deployment_id"], ["deployment.id"], name=op.f("fk_instance_deployment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instance")),
    )
    op.create_index(op.f("ix_instance_case_id"), "instance", ["case_id"], unique=False)
    op.create_index(op.f("ix_instance_deployment_id"), "instance", ["deployment_id"], unique=False)

    op.create_table(
        "supervision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("instruction", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(), nullable=False),
        sa.Column("opened_by", sa.Integer(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("replied_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["city_case.id"], name=op.f("fk_supervision_case_id")),
        sa.ForeignKeyConstraint(["opened_by"], ["person.id"], name=op.f("fk_supervision_opened_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supervision")),
    )
    op.create_index(op.f("ix_supervision_case_id"), "supervision", ["case_id"], unique=False)

    op.create_table(
        "clock_span",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("clock_id", sa.Integer(), nullable=False),
        sa.Column("running", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["clock_id"], ["case_clock.id"], name=op.f("fk_clock_span_clock_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_span")),
    )
    op.create_index(op.f("ix_clock_span_clock_id"), "clock_span", ["clock_id"], unique=False)

    op.create_table(
        "task",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("instance_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("element", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=True),
        sa.Column("form", sa.String(), nullable=True),
        sa.Column("clock", sa.String(), nullable=True),
        sa.Column("limit_text", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("defaults", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("warn_at", sa.DateTime(), nullable=True),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("assignee_id", sa.Integer(), nullable=True),
        sa.Column("completed_at", sa.DateTime(), nullable=True),
        sa.Column("completed_by", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["assignee_id"], ["person.id"], name=op.f("fk_task_assignee_id")),
        sa.ForeignKeyConstraint(["case_id"], ["city_case.id"], name=op.f("fk_task_case_id")),
        sa.ForeignKeyConstraint(["completed_by"], ["person.id"], name=op.f("fk_task_completed_by")),
        sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name=op.f("fk_task_instance_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
    )
    op.create_index(op.f("ix_task_case_id"), "task", ["case_id"], unique=False)
    op.create_index(op.f("ix_task_instance_id"), "task", ["instance_id"], unique=False)
    op.create_index("ix_task_status_assignee", "task", ["status", "assignee_id"], unique=False)
    op.create_index("ix_task_status_role_scope", "task", ["status", "role", "scope", "due_at"], unique=False)

    op.create_table(
        "timer",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("instance_id", sa.Integer(), nullable=False),
        sa.Column("element", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("clock", sa.String(), nullable=True),
        sa.Column("share", sa.Double(), nullable=True),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name=op.f("fk_timer_instance_id")),
        sa.PrimaryKeyConstraint("task_id", "position", name=op.f("pk_timer")),
    )
    op.create_index(op.f("ix_timer_due_at"), "timer", ["due_at"], unique=False)
    op.create_index(op.f("ix_timer_instance_id"), "timer", ["instance_id"], unique=False)


def downgrade() -> None:
    """The way back."""
    op.drop_table("timer")
    op.drop_table("task")
    op.drop_table("clock_span")
    op.drop_table("supervision")
    op.drop_table("instance")
    op.drop_table("evidence")
    op.drop_table("evaluation")
    op.drop_table("case_unit")
    op.drop_table("case_link")
    op.drop_table("case_event")
    op.drop_table("case_clock")
    op.drop_table("subclass")
    op.drop_table("person_post")
    op.drop_table("filing_condition")
    op.drop_table("city_case")
    op.drop_table("access_token")
    op.drop_table("unit_grid")
    op.drop_table("post")
    op.drop_table("person")
    op.drop_table("outbox")
    op.drop_table("incident")
    op.drop_table("idempotency_key")
    op.drop_table("duty_grid")
    op.drop_table("division")
    op.drop_table("deployment")
    op.drop_table("department")
    op.drop_table("counter")
    op.drop_table("component")
    op.drop_table("catalogue_version")
    op.drop_table("address")
