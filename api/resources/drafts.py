"""Drafts: what you have filled in of a task's form so far."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView

from api.auth import current_actor
from api.context import language, now, platform, session, translations
from api.resources.blueprint import group
from api.schemas.base import LanguageQuery
from api.schemas.drafts import DraftSchema, SaveDraftSchema
from engine.cases.drafts import DraftView, Unchecked, discard_draft, read_draft, save_draft

blueprint = group("drafts", "Drafts: what you have filled in of a task's form so far, seen by nobody else.")


@blueprint.route("/tasks/<uuid:task_id>/draft")
class TaskDraft(MethodView):
    """Your draft of a task."""

    @blueprint.arguments(LanguageQuery, location="query")
    @blueprint.response(200, DraftSchema)
    @blueprint.problems(404)
    def get(self, query: dict[str, Any], task_id: UUID) -> dict[str, Any]:
        """Your draft, as the task's form shows it now.

        It stays readable for 90 days when the task is withdrawn.
        """
        return draft_answer(read_draft(session(), platform(), current_actor(), task_id))

    @blueprint.arguments(SaveDraftSchema)
    @blueprint.arguments(LanguageQuery, location="query")
    @blueprint.response(200, DraftSchema)
    @blueprint.problems(404, 409, 422)
    def put(self, body: dict[str, Any], query: dict[str, Any], task_id: UUID) -> dict[str, Any]:
        """Keep what you have filled in so far, instead of what was kept before.

        409 when the task is no longer open, or another window saved since `seen_at`; 422 names every field the form
        does not have, or the longest one when the draft is too large. Completing the task drops its drafts.
        """
        return draft_answer(
            save_draft(
                session(), platform(), current_actor(), task_id, body["answers"], now=now(),
                seen_at=body.get("seen_at", Unchecked.UNCHECKED),
            )
        )  # fmt: skip

    @blueprint.response(204)
    @blueprint.problems()
    def delete(self, task_id: UUID) -> None:
        """Forget your draft. There need not be one."""
        discard_draft(session(), current_actor(), task_id)


def draft_answer(draft: DraftView) -> dict[str, Any]:
    """A draft with the labels in the reader's language."""
    say = translations().speaker(language())
    return {
        "task": draft.task,
        "answers": draft.answers,
        "set_aside": [
            {
                "field": each.path, "label": say(each.key, each.label) if each.key else each.label,
                "value": each.value, "text_": each.text,
            }
            for each in draft.set_aside
        ],
        "saved_at": draft.saved_at,
    }  # fmt: skip
