"""The page of one case: where it stands, what to do now, why it is due when it is, what happened so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from flask import request, url_for
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.pages.controls import Control, Picture, Sheet
from api.pages.devices import alarms_of_case
from api.pages.document_part import documents_part
from api.pages.drafts import Leftover, leftovers, name_sheet, tell
from api.pages.frame import actor, back_to, render
from api.pages.languages import _, page_language
from api.pages.near import beside
from api.pages.panels import case_panels
from api.pages.refusals import Refusal, refusal_of
from api.pages.steps import steps_of
from api.pages.timeline import timeline
from api.pages.words import local_moment, word
from engine.calendar import LimitError, parse_limit
from engine.cases.access import access_case
from engine.cases.actions import ACTIONS, act_on_case
from engine.cases.deadlines import ClockReason, explain_deadline
from engine.cases.diagrams import case_instance
from engine.cases.drafts import DraftView, find_draft, left_drafts
from engine.cases.evidence import ROLES as PHOTO_ROLES
from engine.cases.evidence_asked import Asked
from engine.cases.matters import matters_read
from engine.cases.task_list import TaskDetail, open_task
from engine.cases.view_values import CaseDetail, EvidenceView
from engine.cases.views import describe
from engine.errors import DomainError, NotFound
from engine.evidence.kinds import LIMITS, PHOTO
from engine.models import Case, Task

SHOWN_LINES = 12
"""Lines of the history shown at once; earlier ones unfold."""


@dataclass(frozen=True)
class Attempt:
    """What somebody tried to send: kept on the page, with the reasons it was refused."""

    task: UUID | None = None
    action: str = ""
    answers: Mapping[str, Any] = field(default_factory=dict)
    finds: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    refusal: Refusal | None = None


@dataclass(frozen=True)
class WorkForm:
    """The task at hand with the controls of its form."""

    detail: TaskDetail
    controls: tuple[Control, ...]
    conditional: bool
    asked: tuple[Asked, ...]
    missing: tuple[str, ...]
    extension: str
    sentences: tuple[str, ...]
    key: str
    sheet: str
    draft: DraftView | None
    leftovers: tuple[Leftover, ...]


def one_case(number: str) -> BaseResponse:
    """The page of a case; ``?task=`` names the task to work on, else the first of one's own."""
    return show_case(find_case(number), Attempt(task=read_id(request.args.get("task"))))


def find_case(number: str) -> Case:
    """The case, when the person may see it."""
    return access_case(context.session(), actor(), context.platform().host.directory, number)


def read_id(text: str | None) -> UUID | None:
    """A task's id, none for anything else."""
    try:
        return UUID(text or "")
    except ValueError:
        return None


def show_case(case: Case, attempt: Attempt) -> BaseResponse:
    """The whole page, with what was tried."""
    db, platform, moment = context.session(), context.platform(), context.now()
    detail = describe(db, platform, actor(), case, moment)
    work = work_form(case, detail, attempt)
    reason = explain_deadline(platform, case, moment)
    values = {
        "case": detail.summary, "detail": detail, "work": work, "attempt": attempt,
        "steps": steps_of(detail), "lines": timeline(db, platform, case), "reasons": told(reason.clocks),
        "actions": [ACTIONS[name] for name in detail.actions], "photos": photos_by_role(detail),
        **beside(case, detail), "photo_roles": PHOTO_ROLES, "upload_limits": LIMITS, "shown_lines": SHOWN_LINES,
        "has_diagram": case_instance(db, case) is not None,
        "may_upload": actor().may("evidence.add") and case.status not in ("rejected", "merged", "voided"),
        "left": drafts_left(case),
        **documents_part(case),
        "alarms": alarms_of_case(case), "may_see_devices": actor().may("sensor.read"),
        "may_list_matter": case.matter in {each.name for each in matters_read(platform.host, actor())},
        "panels": case_panels(case, actor(), page_language()),
        "lost": lost_words(attempt) if work is None or work.detail.task.id != attempt.task else [],
    }  # fmt: skip
    response = render("case.html", attempt.refusal.status if attempt.refusal else 200, **values)
    db.commit()  # nothing was written: the commit gives the live instance back to the cache
    return response


def work_form(case: Case, detail: CaseDetail, attempt: Attempt) -> WorkForm | None:
    """The task to work on: the one asked for while it is open, else the first of one's own; none when there is none."""
    mine = [UUID(task.id) for task in detail.tasks if task.mine]
    chosen = attempt.task if attempt.task in mine else next(iter(mine), None)
    if chosen is None:
        return None
    tried = attempt if chosen == attempt.task else Attempt()
    return build_work(case, chosen, tried, detail.evidence)


def build_work(case: Case, task_id: UUID, attempt: Attempt, photos: Sequence[EvidenceView]) -> WorkForm:
    """A task with its form, filled with what was answered so far, else with the reader's draft."""
    db, platform = context.session(), context.platform()
    draft = find_draft(db, platform, actor(), task_id)
    answers = attempt.answers or (draft.answers if draft is not None else None)
    found = open_task(db, platform, actor(), task_id, context.now(), answers)
    controls: tuple[Control, ...] = ()
    if found.form is not None:
        near = f"{case.kind}/{case.full_code}/"
        shown = [picture_of(case, photo) for photo in photos if photo.kind == PHOTO]
        controls = Sheet(found.form, attempt.errors, attempt.finds, near, shown).controls(found.fields)
    return WorkForm(
        found, controls,
        conditional=found.form is not None and found.form.is_live,
        asked=found.evidence,
        missing=tuple(each.role for each in found.evidence if each.missing),
        extension=extension_told(found),
        sentences=tuple(own_limit(found)),
        key=uuid4().hex,
        sheet=name_sheet(db.get_one(Task, task_id)),
        draft=draft,
        leftovers=tuple(leftovers(draft, controls)),
    )  # fmt: skip


def extension_told(found: TaskDetail) -> str:
    """The manual's rule of extension, for tasks at which one is asked for or decided."""
    facts = found.context.get("case") or {}
    return str(facts.get("extension_rule") or "") if found.task.stage == "handle" else ""


def picture_of(case: Case, photo: EvidenceView) -> Picture:
    """A photo as a form shows it."""
    caption = f"{word('photo', photo.role)} {local_moment(photo.taken_at or photo.uploaded_at)}"
    return Picture(str(photo.id), url_for("pages.photo", number=case.number, evidence_id=photo.id), caption)


@dataclass(frozen=True)
class LeftDraft:
    """A draft of a task that is over, in the reader's language."""

    task: UUID
    name: str
    saved_at: datetime
    texts: tuple[Leftover, ...]


def drafts_left(case: Case) -> list[LeftDraft]:
    """What the reader had begun for tasks of the case that went another way."""
    found = left_drafts(context.session(), context.platform(), actor(), case.id)
    say = context.translations().element
    return [
        LeftDraft(
            each.task, say(page_language(), each.process, each.element, each.name), each.saved_at,
            tuple(tell(text) for text in (*each.words, *each.set_aside)),
        )
        for each in found
    ]  # fmt: skip


def own_limit(found: TaskDetail) -> list[str]:
    """Why a task with a limit of its own is due when it is."""
    try:
        limit = parse_limit(found.limit)
    except LimitError:
        return []
    return context.platform().host.calendar.explain(found.task.created_at, limit, page_language())


def told(clocks: Sequence[ClockReason]) -> list[tuple[ClockReason, tuple[str, ...]]]:
    """Every clock with its sentences in the reader's language: what runs first, the latest first."""
    order = {"running": 0, "paused": 1, "stopped": 2}
    latest = [each for _at, each in sorted(enumerate(clocks), key=lambda item: (order[item[1].clock.state], -item[0]))]
    return [(each, each.sentences if page_language() == "zh" else each.sentences_en) for each in latest]


def photos_by_role(detail: CaseDetail) -> dict[str, list[Any]]:
    """Photos before and after, and what is neither."""
    found: dict[str, list[Any]] = {"before_photo": [], "after_photo": []}
    for photo in detail.evidence:
        found.setdefault(photo.role, []).append(photo)
    return found


def lost_words(attempt: Attempt) -> list[str]:
    """Texts somebody typed for a task that is gone: shown so that they can be copied."""
    return [text for text in attempt.answers.values() if isinstance(text, str) and len(text) > 1]


def act(number: str, name: str) -> BaseResponse:
    """An act on the case: cancel, merge, supervise, resume, appeal. What was typed stays on the page when refused."""
    case = find_case(number)
    if name not in ACTIONS:
        raise NotFound(f"there is no action {name}; use one of {', '.join(ACTIONS)}")
    known = (*ACTIONS[name].required, *ACTIONS[name].optional)
    payload: dict[str, Any] = {key: request.form[key].strip() for key in known if request.form.get(key, "").strip()}
    try:
        act_on_case(
            context.session(), context.platform(), actor(), number, name, payload,
            now=context.now(), key=request.form.get("key") or None,
        )  # fmt: skip
    except DomainError as error:
        refusal, errors = refusal_of(error)
        context.session().rollback()
        return show_case(find_case(number), Attempt(action=name, answers=payload, errors=errors, refusal=refusal))
    return back_to("pages.one_case", number=case.number, said=_("已提交：%(what)s", what=word("action", name)))


ROUTES = (
    ("/cases/<string:number>", one_case, ("GET",)),
    ("/cases/<string:number>/actions/<string:name>", act, ("POST",)),
)
