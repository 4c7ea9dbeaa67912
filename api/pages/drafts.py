"""Drafts on the page of a case: saved as the clerk types or by a button, shown with the form, discarded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask import request
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.pages.answers import Sent, read_answers
from api.pages.controls import Control
from api.pages.frame import actor, back_to, render
from api.pages.languages import _, page_language
from api.pages.refusals import refusal_of
from engine.cases.access import access_task
from engine.cases.drafts import (
    DraftView,
    Sheet,
    Unchecked,
    discard_draft,
    drafted,
    find_draft,
    is_renewed,
    save_draft,
    written_form,
)
from engine.errors import DomainError, Invalid
from engine.models import Case, Task
from engine.workflow.forms import FormInvalid
from engine.workflow.forms_drafts import Worded
from engine.workflow.forms_rules import OPTIONS


@dataclass(frozen=True)
class Leftover:
    """A value the form has no place for, in the reader's language."""

    label: str
    text: str


def autosave(task_id: UUID) -> BaseResponse:
    """Keep what the page's form holds; the answer is the note that stands above the form."""
    task = access_task(context.session(), actor(), task_id)
    status, trouble = 200, ""
    try:
        save_page(task, request.form)
    except (DomainError, FormInvalid) as error:
        refusal, errors = refusal_of(error)
        status, trouble = (
            refusal.status,
            " ".join([refusal.what, *(message for found in errors.values() for message in found), refusal.remedy]),
        )
        context.session().rollback()
    draft = find_draft(context.session(), context.platform(), actor(), task_id)
    response = render("parts/draft.html", status, draft=draft, leftovers=leftovers(draft), trouble=trouble)
    context.session().commit()
    return response


def discard(task_id: UUID) -> BaseResponse:
    """Forget the draft and show the form as it was; the task may be over."""
    there = drafted(context.session(), actor(), [task_id])
    discard_draft(context.session(), actor(), task_id)
    if not there:
        return back_to("pages.inbox")
    task = context.session().get_one(Task, task_id)
    number = context.session().get_one(Case, task.case_id).number
    return back_to("pages.one_case", number=number, task=task_id, said=_("草稿已放弃。"))


def save_page(task: Task, sent: Sent) -> DraftView:
    """Keep what a page's form holds, in the form the page was made from. Raises as ``save_draft`` does."""
    sheet = read_sheet(sent)
    _written, form = written_form(context.session(), context.platform(), task, sheet)
    return save_draft(
        context.session(), context.platform(), actor(), task.id, read_answers(form, sent),
        now=context.now(), seen_at=seen_draft(sent), sheet=sheet,
    )  # fmt: skip


def has_new_form(task: Task, sent: Sent) -> bool:
    """Whether the case has migrated to another form since the page was made."""
    sheet = read_sheet(sent)
    return sheet is not None and is_renewed(context.session(), context.platform(), task, sheet)


def name_sheet(task: Task) -> str:
    """The form a page is made from, as the page sends it back."""
    try:
        sheet, _form = written_form(context.session(), context.platform(), task)
    except Invalid:
        return ""
    return f"{sheet.deployment}:{sheet.form}"


def read_sheet(sent: Sent) -> Sheet | None:
    """The form a page was made from."""
    deployment, colon, form = sent.get("sheet", "").partition(":")
    return Sheet(int(deployment), form) if colon and deployment.isdigit() else None


def seen_draft(sent: Sent) -> datetime | Unchecked | None:
    """When the draft the page began with was saved; none for no draft."""
    text = sent.get("draft_seen")
    if text is None:
        return Unchecked.UNCHECKED
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return Unchecked.UNCHECKED
    return moment if moment is None or moment.tzinfo is not None else Unchecked.UNCHECKED


def leftovers(draft: DraftView | None, controls: Sequence[Control] = ()) -> list[Leftover]:
    """What a draft holds that the form does not show: fields that are gone, choices that are no longer offered."""
    if draft is None:
        return []
    return [*(tell(each) for each in draft.set_aside), *_unoffered(controls)]


def tell(worded: Worded) -> Leftover:
    """A value with its label, and choices, in the reader's language."""
    if not worded.key:
        return Leftover(worded.label, worded.text)
    say = context.translations().speaker(page_language())
    values = worded.value if isinstance(worded.value, list) else [worded.value]
    texts = worded.text.split("\n")
    if len(texts) == len(values):
        texts = [say(f"{worded.key}:{value}", text) for value, text in zip(values, texts, strict=True)]
    return Leftover(say(worded.key, worded.label), "\n".join(texts))


def _unoffered(controls: Sequence[Control]) -> Iterator[Leftover]:
    for control in controls:
        if control.kind in OPTIONS and control.visible and not control.readonly:
            offered = {choice.value for choice in control.choices if choice.chosen}
            gone = [text for text in control.kept if text not in offered]
            if gone:
                yield Leftover(control.label, "、".join(gone))


ROUTES = (
    ("/tasks/<uuid:task_id>/draft", autosave, ("POST",)),
    ("/tasks/<uuid:task_id>/draft/discard", discard, ("POST",)),
)
