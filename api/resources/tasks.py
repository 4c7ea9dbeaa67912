"""Tasks: list, open, claim, release, complete."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView

from api.auth import current_actor
from api.context import language, now, platform, session, translations
from api.resources.blueprint import group
from api.resources.cases import next_link
from api.resources.incidents import note_incident
from api.schemas.base import KeyHeader, LanguageQuery
from api.schemas.cases import StandingSchema
from api.schemas.tasks import CompletionSchema, TaskDetailSchema, TaskPageSchema, TaskQuery, TaskSummarySchema
from engine.cases.task_list import TaskDetail, TaskSummary, list_tasks, open_task, summarise_tasks
from engine.cases.tasks import claim_task, complete_task, release_task
from engine.models import Instance, Task
from engine.workflow.forms import FieldView
from engine.workflow.step import StepFailed

blueprint = group("tasks", "User tasks: what waits for you and your posts.")


@blueprint.route("/tasks")
class Tasks(MethodView):
    """Your task list."""

    @blueprint.arguments(TaskQuery, location="query")
    @blueprint.response(200, TaskPageSchema)
    @blueprint.problems(422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Open tasks you may do, least time left first, with counts for every stage."""
        page = list_tasks(
            session(), platform(), current_actor(), now(), mine=query["mine"], group=query["group"],
            stage=query["stage"], limit=query["limit"], cursor=query["cursor"],
        )  # fmt: skip
        return {
            "tasks": page.tasks, "stages": page.stages, "next_cursor": page.next_cursor,
            "next": next_link(page.next_cursor),
        }  # fmt: skip


@blueprint.route("/tasks/<uuid:task_id>")
class OneTask(MethodView):
    """One task."""

    @blueprint.arguments(LanguageQuery, location="query")
    @blueprint.response(200, TaskDetailSchema)
    @blueprint.problems(404)
    def get(self, query: dict[str, Any], task_id: UUID) -> dict[str, Any]:
        """A task with its case, its form in your language and what the form starts with."""
        return task_answer(open_task(session(), platform(), current_actor(), task_id, now()))


@blueprint.route("/tasks/<uuid:task_id>/claim")
class Claim(MethodView):
    """Taking a task."""

    @blueprint.response(200, TaskSummarySchema)
    @blueprint.problems(404, 409)
    def post(self, task_id: UUID) -> TaskSummary:
        """Take a task of your group for yourself. 409 names who holds it already."""
        return one_line(claim_task(session(), current_actor(), task_id, now()))


@blueprint.route("/tasks/<uuid:task_id>/release")
class Release(MethodView):
    """Giving a task back."""

    @blueprint.response(200, TaskSummarySchema)
    @blueprint.problems(404, 409)
    def post(self, task_id: UUID) -> TaskSummary:
        """Give a task you hold back to your group."""
        return one_line(release_task(session(), current_actor(), task_id, now()))


@blueprint.route("/tasks/<uuid:task_id>/completion")
class Completion(MethodView):
    """Completing a task."""

    @blueprint.arguments(CompletionSchema)
    @blueprint.arguments(KeyHeader, location="headers")
    @blueprint.response(200, StandingSchema)
    @blueprint.problems(403, 404, 409, 422, 500)
    def put(self, body: dict[str, Any], headers: dict[str, Any], task_id: UUID) -> dict[str, Any]:
        """Complete a task and learn where the case stands then. One transaction: the answer goes out after the commit.

        409 when the task changed since `seen_version`; 422 with one entry a faulty answer; 403 when your department
        handles the case and would check or close it. The same idempotency key answers the same.
        """
        db, moment = session(), now()
        try:
            return complete_task(
                db, platform(), current_actor(), task_id, body["answers"],
                now=moment, seen_version=body["seen_version"], key=headers["key"],
            )  # fmt: skip
        except StepFailed as error:
            db.rollback()
            task = db.get_one(Task, task_id)
            note_incident(error, task.case_id, db.get(Instance, task.instance_id), moment)
            raise


def one_line(task: Task) -> TaskSummary:
    """A task in one line."""
    return summarise_tasks(session(), platform(), current_actor(), [task], now())[0]


def task_answer(detail: TaskDetail) -> dict[str, Any]:
    """A task with its form in the reader's language."""
    spoken = language()
    known = translations()
    name = known.element(spoken, detail.task.process, detail.task.element, detail.task.name)
    form = detail.form.to_dict(spoken, known.speaker(spoken)) if detail.form is not None else None
    labels = {field["key"]: field["label"] for field in flatten(form)} if form else {}
    options = {
        field["key"]: {str(o["value"]): o["label"] for o in field.get("values") or ()} for field in flatten(form)
    }
    return {
        "task": {**vars(detail.task), "name": name},
        "limit": detail.limit,
        "evidence": [asked.role for asked in detail.evidence],
        "evidence_asked": detail.evidence,
        "form": form,
        "fields_": [field_answer(field, labels, options, spoken) for field in detail.fields if field.field.is_answered],
        "defaults": detail.defaults,
    }


def flatten(form: dict[str, Any] | None) -> list[dict[str, Any]]:
    """All components of a form-js schema that have a key, groups opened."""
    found: list[dict[str, Any]] = []
    waiting = list((form or {}).get("components") or ())
    while waiting:
        component = waiting.pop(0)
        waiting = list(component.get("components") or ()) + waiting
        if component.get("key"):
            found.append({"label": "", **component})
    return found


def field_answer(
    view: FieldView, labels: dict[str, str], options: dict[str, dict[str, str]], spoken: str
) -> dict[str, Any]:
    """A field as it is shown now, with its choices in the reader's language."""
    known = options.get(view.field.key, {})
    choices = [
        {
            "value": option.value,
            "label": known.get(str(option.value))
            or (option.label_en if spoken == "en" and option.label_en else option.label),
        }
        for option in view.options
    ]
    return {
        "key": view.field.key, "kind": view.field.kind, "label": labels.get(view.field.key) or view.field.label,
        "visible": view.visible, "required": view.field.required, "readonly": view.readonly, "value": view.value,
        "options": choices,
    }  # fmt: skip
