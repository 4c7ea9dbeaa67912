"""Tasks on the wire."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from api.schemas.base import LimitQuery, Strict, mapping, moment, real, text, truth, whole
from api.schemas.cases import CaseSummarySchema


class TaskQuery(LimitQuery):
    """Filters of the task list. Neither `mine` nor `group` gives both."""

    mine = truth("Those you hold.", load_default=False)
    group = truth("Those of your posts that nobody holds.", load_default=False)
    stage = text("Only this stage.", load_default=None)
    lang = text("Language of texts.", load_default=None)


class TaskSummarySchema(Strict):
    """A task in one line."""

    id = fields.UUID(metadata={"description": "Task id."})
    name = text("Name in the diagram.")
    stage = text("Stage.")
    process = text("Diagram.")
    element = text("Element of the diagram.")
    role = text("Role that may do it.")
    scope = text("Department or duty grid the role is narrowed to.", allow_none=True)
    status = text("open, done or withdrawn.")
    assignee = text("Who holds it.", allow_none=True)
    mine = truth("Whether you hold it.")
    created_at = moment("Since when it waits.")
    due_at = moment("When it is due; none while its clock pauses.", allow_none=True)
    left_s = real("Real seconds until it is due, negative when late.", allow_none=True)
    light = text("green, yellow, red or none.", allow_none=True)
    version = whole("What you send back as `seen_version`.")
    case = fields.Nested(CaseSummarySchema)


class TaskPageSchema(Strict):
    """A page of the task list, least time left first."""

    tasks = fields.List(fields.Nested(TaskSummarySchema))
    next_cursor = text("Cursor of the next page; none on the last.", allow_none=True)
    next = text("Link to the next page; none on the last.", allow_none=True)
    stages = mapping("How many open tasks each stage has, without the filter `stage`.")


class OptionSchema(Strict):
    """One choice."""

    value = fields.Raw(metadata={"description": "What is sent back."})
    label = text("What people read.")


class FieldSchema(Strict):
    """A field of the form as it is shown now."""

    key = text("Name of the answer.")
    kind = text("form-js type.")
    label = text("Label.")
    visible = truth("Hidden fields are neither required nor answered.")
    required = truth("Must be answered when visible.")
    readonly = truth("Shown only.")
    value = fields.Raw(metadata={"description": "What is filled in or shown."}, allow_none=True)
    options = fields.List(fields.Nested(OptionSchema))


class AskedSchema(Strict):
    """Evidence a task asks for, and which rule says so."""

    role = text("Kind of evidence.")
    count = whole("How many different files.")
    there = whole("How many the case has that count.")
    missing = whole("How many are to be added.")
    by = text("`diagram`, or `manual`: the command manual's rule for the filing condition of the case.")
    condition = text("The filing condition, `event/0110/2`; empty when the diagram asks.")
    rule = text("The manual's rule as it is written; empty when the diagram asks.")
    always = truth("Asked for whatever is answered; otherwise only for some answers.")


class TaskDetailSchema(Strict):
    """A task opened."""

    task = fields.Nested(TaskSummarySchema)
    limit = text("The task's own limit; empty when a case clock decides.")
    evidence = fields.List(fields.String(), metadata={"description": "Kinds of photos it needs before it completes."})
    evidence_asked = fields.List(fields.Nested(AskedSchema))
    form = mapping("The form-js schema in your language; none when the task has no form.", allow_none=True)
    fields_ = fields.List(fields.Nested(FieldSchema), data_key="fields")
    defaults = mapping("Values shown to the form.")


class CompletionSchema(Strict):
    """The answers that complete a task."""

    answers = mapping("One entry an answered field; hidden fields are left out.", load_default=dict)
    seen_version = whole(
        "The version you opened; 409 when the task changed since.", load_default=None, allow_none=True,
        validate=ma.validate.Range(1),
    )  # fmt: skip
