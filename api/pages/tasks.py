"""Acts on tasks: claim, release, complete, and the form as it looks for what is answered so far."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from flask import request
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.pages.answers import finds_of, insert_standard_text, read_answers
from api.pages.case import Attempt, build_work, show_case
from api.pages.drafts import discard, has_new_form, save_page
from api.pages.frame import actor, back_to, broken, is_fragment, render
from api.pages.inbox import claim_next
from api.pages.languages import _, page_language
from api.pages.refusals import Refusal, refusal_of
from api.resources.incidents import note_incident
from engine.cases.access import access_case, access_task
from engine.cases.evidence_views import views_of
from engine.cases.tasks import claim_task, complete_task, find_form, release_task
from engine.errors import DomainError, NotFound
from engine.models import Case, Instance, Task
from engine.workflow.forms import Form, FormInvalid
from engine.workflow.step import StepFailed


def claim(task_id: UUID) -> BaseResponse:
    """Take a group's task, and open it unless the list was asked for."""
    task = claim_task(context.session(), actor(), task_id, context.now())
    number = context.session().get_one(Case, task.case_id).number
    if request.form.get("stay"):
        return back_to("pages.inbox", said=_("已签收案件 %(number)s。", number=number))
    return back_to("pages.one_case", number=number, task=task_id)


def release(task_id: UUID) -> BaseResponse:
    """Give a claimed task back to the group."""
    release_task(context.session(), actor(), task_id, context.now())
    return back_to("pages.inbox", said=_("已退回，同岗位人员可签收。"))


def complete(task_id: UUID) -> BaseResponse:
    """Complete a task with the page's answers, or only show the form anew for them (``act=refresh``)."""
    task = context.session().get(Task, task_id)
    if task is None:
        raise NotFound(
            f"there is no task {task_id} for your post; it may have been withdrawn or given to somebody else"
        )
    form = form_of(task)
    sent = request.form
    if sent.get("act") == "discard":
        return discard(task_id)
    answers = read_answers(form, sent) if form is not None else {}
    finds = finds_of(sent)
    if sent.get("act") == "draft" or (task.status == "open" and has_new_form(task, sent)):
        return keep_draft(task, Attempt(task_id, answers=answers, finds=finds))
    if sent.get("act") not in ("complete", "next"):
        insert_standard_text(answers, sent)
        return show_case(case_of(task), Attempt(task_id, answers=answers, finds=finds))
    try:
        complete_task(
            context.session(), context.platform(), actor(), task_id, answers, now=context.now(),
            seen_version=seen_version(), key=sent.get("key") or None,
        )  # fmt: skip
    except StepFailed as error:
        context.session().rollback()
        note_incident(error, task.case_id, context.session().get(Instance, task.instance_id), context.now())
        return broken(error)
    except (FormInvalid, DomainError) as error:
        context.session().rollback()
        refusal, errors = refusal_of(error)
        return show_case(case_of(task), Attempt(task_id, answers=answers, finds=finds, errors=errors, refusal=refusal))
    if sent.get("act") == "next":
        return claim_next()
    said = _("已提交：%(task)s", task=spoken_name(task))
    return back_to("pages.one_case", number=context.session().get_one(Case, task.case_id).number, said=said)


def keep_draft(task: Task, attempt: Attempt) -> BaseResponse:
    """Keep what the page holds as a draft, by wish or because the form has changed meanwhile."""
    renewed = has_new_form(task, request.form)
    try:
        save_page(task, request.form)
    except (FormInvalid, DomainError) as error:
        context.session().rollback()
        refusal, errors = refusal_of(error)
        return show_case(case_of(task), replace(attempt, errors=errors, refusal=refusal))
    if renewed:
        what = _("流程已更新，此任务的表单有变化。您填写的内容已存为草稿。")
        refusal = Refusal(409, _("表单已更新"), what, _("请核对后重新提交。"))
        return show_case(case_of(task), Attempt(task.id, refusal=refusal))
    number = context.session().get_one(Case, task.case_id).number
    return back_to("pages.one_case", number=number, task=task.id, said=_("草稿已保存。"))


def fields(task_id: UUID) -> BaseResponse:
    """Only the fields, as they are shown for what is answered so far: conditions are the server's to decide."""
    if not is_fragment():
        return complete(task_id)
    task = access_task(context.session(), actor(), task_id)
    if has_new_form(task, request.form):
        save_page(task, request.form)
        return BaseResponse("", headers={"HX-Refresh": "true"})
    form, case = form_of(task), context.session().get_one(Case, task.case_id)
    answers = read_answers(form, request.form) if form is not None else {}
    insert_standard_text(answers, request.form)
    photos = views_of(context.session(), context.platform(), actor(), case)
    work = build_work(case, task_id, Attempt(task_id, answers=answers, finds=finds_of(request.form)), photos)
    response = render("parts/form_fields.html", work=work)
    context.session().commit()
    return response


def seen_version() -> int | None:
    """The version of the task the page was made from."""
    text = request.form.get("version", "")
    return int(text) if text.isdigit() else None


def spoken_name(task: Task) -> str:
    """The task's name in the reader's language."""
    return context.translations().element(page_language(), task.process, task.element, task.name)


def form_of(task: Task) -> Form | None:
    """The form of a task in the version its case runs on."""
    db = context.session()
    instance = db.get_one(Instance, task.instance_id)
    return find_form(context.platform().definitions.get(db, instance.deployment_id), task)


def case_of(task: Task) -> Case:
    """The task's case, when the person may see it."""
    number = context.session().get_one(Case, task.case_id).number
    return access_case(context.session(), actor(), context.platform().host.directory, number)


ROUTES = (
    ("/tasks/<uuid:task_id>/claim", claim, ("POST",)),
    ("/tasks/<uuid:task_id>/release", release, ("POST",)),
    ("/tasks/<uuid:task_id>", complete, ("POST",)),
    ("/tasks/<uuid:task_id>/fields", fields, ("POST",)),
)
