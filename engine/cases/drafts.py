"""Drafts of task forms: one a task and person, kept valid or not, until the task is completed or the author drops it.

A draft belongs to its author alone. When a migration changes the form, what the new form has no place for is set
aside, told to the author, and back in its place when the migration is undone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, or_, select
from sqlalchemy.orm import Session

from engine.cases.access import access_task
from engine.cases.transaction import act_once
from engine.database import begin_write, dumps
from engine.errors import Conflict, Invalid, NotFound
from engine.models import Draft, Instance, Migration, MigrationItem, Task
from engine.organisation.actor import Actor
from engine.platform import Platform
from engine.workflow.definitions import Definition
from engine.workflow.forms import Form, FormInvalid
from engine.workflow.forms_drafts import Worded, is_empty, part_answers, put_back, word_stray
from engine.workflow.migration_nodes import Words

SIZE_LIMIT = 200_000
"""Bytes of JSON a draft may have."""
KEPT = timedelta(days=90)
"""How long a draft is kept for its author after the task went another way."""

_table: Any = Draft.__table__
DROP_OWN = delete(_table).where(_table.c.task_id == bindparam("task"), _table.c.person_id == bindparam("person"))
"""Forgets a person's draft of a task, in the transaction that completes it. What others wrote stays theirs."""


class Unchecked(Enum):
    """The caller does not say what it has seen; the last one wins."""

    UNCHECKED = "unchecked"


@dataclass(frozen=True)
class Sheet:
    """The form a page was made from: somebody may still write in it while the case migrates to another."""

    deployment: int
    form: str


@dataclass(frozen=True)
class DraftView:
    """A draft as the task's form shows it now. ``set_aside`` is what that form has no place for.

    ``words`` has what is filled in, in the words of the form.
    """

    task: UUID
    process: str
    element: str
    name: str
    answers: dict[str, Any]
    set_aside: tuple[Worded, ...]
    saved_at: datetime
    words: tuple[Worded, ...]


def save_draft(
    session: Session,
    platform: Platform,
    actor: Actor,
    task_id: UUID,
    answers: Mapping[str, Any],
    *,
    now: datetime,
    seen_at: datetime | Unchecked | None = Unchecked.UNCHECKED,
    sheet: Sheet | None = None,
) -> DraftView:
    """Keep what the actor has filled in so far, instead of what was kept before; commits.

    :param answers: need not be valid or complete.
    :param seen_at: when the draft the caller started from was saved, none for no draft.
    :param sheet: the form it was written in, when that may not be the task's present one.
    :raises NotFound: the task is not for the actor.
    :raises Conflict: the task is no longer open, or another window saved a draft since ``seen_at``.
    :raises FormInvalid: naming every field the form does not have.
    :raises Invalid: the task has no form, or the draft is too large.
    """
    measure(answers)

    def act() -> dict[str, Any]:
        # A completion holds the task; whoever comes after it must see that it is done.
        task = access_task(session, actor, task_id, lock=True)
        if task.status != "open":
            raise Conflict(f"{task.name} is no longer open, nothing was saved; copy your text before you reload")
        written, form = written_form(session, platform, task, sheet)
        parted = part_answers(form, answers)
        if parted.strays:
            raise FormInvalid(form.form_id, {path: [stray.message] for path, stray in parted.strays.items()})
        row = session.get(Draft, (task_id, actor.person_id), with_for_update=True)
        before = row.saved_at if row is not None else None
        if row is not None and (row.answers, row.deployment_id, row.form) == (
            parted.known, written.deployment, written.form,
        ):  # fmt: skip
            return {}  # the same again, as after an answer that got lost
        if not isinstance(seen_at, Unchecked) and seen_at != before:
            raise Conflict(_other_window(before))
        values = {
            "deployment_id": written.deployment, "form": written.form, "answers": parted.known,
            "set_aside": _kept_aside(session, platform, row, form, deepcopy(parted.known)) if row is not None else {},
            "saved_at": max(now, before + timedelta(microseconds=1)) if before is not None else now,
        }  # fmt: skip
        if row is None:
            session.add(Draft(task_id=task_id, person_id=actor.person_id, **values))
        else:
            for name, value in values.items():
                setattr(row, name, value)
        return {}

    act_once(session, actor.person_id, None, {}, now, act)
    return read_draft(session, platform, actor, task_id)


def read_draft(session: Session, platform: Platform, actor: Actor, task_id: UUID) -> DraftView:
    """The actor's draft of a task, as the task's form shows it now.

    It stays readable when the task is withdrawn. Raises NotFound when there is none.
    """
    found = find_draft(session, platform, actor, task_id)
    if found is None:
        access_task(session, actor, task_id)
        raise NotFound(f"you have no draft of task {task_id}; PUT one to keep what is filled in so far")
    return found


def find_draft(session: Session, platform: Platform, actor: Actor, task_id: UUID) -> DraftView | None:
    """As ``read_draft``, none when there is none."""
    row, task = session.get(Draft, (task_id, actor.person_id)), session.get(Task, task_id)
    if row is None or task is None or task.status == "done":
        return None
    return _view(session, platform, row, task)


def discard_draft(session: Session, actor: Actor, task_id: UUID) -> None:
    """Forget the actor's draft of a task; there need not be one. Commits."""
    begin_write(session)
    session.execute(DROP_OWN, {"task": task_id, "person": actor.person_id})
    session.commit()


def left_drafts(session: Session, platform: Platform, actor: Actor, case_id: int) -> list[DraftView]:
    """The actor's drafts of tasks of a case that were withdrawn, or completed by somebody else; oldest first."""
    query = (
        select(Draft, Task)
        .join(Task, Task.id == Draft.task_id)
        .where(Task.case_id == case_id, Draft.person_id == actor.person_id, Task.status != "open")
        .order_by(Draft.saved_at)
    )
    return [_view(session, platform, row, task) for row, task in session.execute(query)]


def drafted(session: Session, actor: Actor, task_ids: Iterable[UUID]) -> frozenset[UUID]:
    """Which of these tasks the actor has a draft of."""
    query = select(Draft.task_id).where(Draft.person_id == actor.person_id, Draft.task_id.in_(list(task_ids)))
    return frozenset(session.scalars(query))


def sweep_drafts(session: Session, now: datetime) -> int:
    """Forget drafts nobody needs: of tasks that went another way or were done, 90 days after the draft was saved.

    Commits. Returns how many were dropped.
    """
    stale = (
        select(Draft.task_id, Draft.person_id)
        .join(Task, Task.id == Draft.task_id)
        .where(Task.status != "open", Draft.saved_at < now - KEPT)
    )
    found = session.execute(stale).all()
    session.rollback()
    if found:
        begin_write(session)
        session.execute(DROP_OWN, [{"task": task_id, "person": person_id} for task_id, person_id in found])
        session.commit()
    return len(found)


def draft_changes(session: Session, tasks: Mapping[UUID, Task], old: Definition, new: Definition) -> list[Words]:
    """What a migration does to the drafts of open tasks, in words: the fields whose text is set aside."""
    found: list[Words] = []
    for row in session.scalars(select(Draft).where(Draft.task_id.in_(list(tasks)))) if tasks else ():
        task = tasks[row.task_id]
        strays = part_answers(new.forms.get(task.form or ""), row.answers).strays
        labels = [word_stray(old.forms.get(row.form), path, stray.value).label for path, stray in strays.items()]
        if labels:
            zh, en = "、".join(labels), ", ".join(labels)
            found.append(
                Words(
                    f"待办“{task.name}”的草稿：{zh} 在新表单中没有对应项，另行保留",
                    f"open task {task.name}: its draft has {en}, which the new form does not ask for; it is set aside",
                )
            )
    return found


def measure(answers: Mapping[str, Any]) -> None:
    """Raise Invalid naming the longest field of a draft that is too large, or what is no JSON."""
    try:
        size = len(dumps(dict(answers)).encode())
    except TypeError as error:
        raise Invalid(f"the draft cannot be kept: {error}; send JSON values", field="answers") from error
    if size > SIZE_LIMIT:
        longest = max(answers, key=lambda key: len(dumps(answers[key])))
        raise Invalid(
            f"the draft has {size // 1000} kB, at most {SIZE_LIMIT // 1000} kB are kept; shorten {longest}",
            field=f"answers.{longest}",
        )


def written_form(session: Session, platform: Platform, task: Task, sheet: Sheet | None = None) -> tuple[Sheet, Form]:
    """The form a draft is written in: the task's, or the sheet's when the case has run on that before or after.

    Raises Invalid for a task without form.
    """
    instance = session.get_one(Instance, task.instance_id, populate_existing=True)
    here = Sheet(instance.deployment_id, task.form or "")
    if sheet is not None and sheet != here and _ran_on(session, task, sheet.deployment):
        before = _form_of(session, platform, sheet)
        if before is not None:
            return sheet, before
    form = _form_of(session, platform, here)
    if form is None:
        raise Invalid(f"{task.name} has no form; there is nothing to keep", field="answers")
    return here, form


def is_renewed(session: Session, platform: Platform, task: Task, sheet: Sheet) -> bool:
    """Whether the task's form says something else now than the sheet a page was made from."""
    here = Sheet(session.get_one(Instance, task.instance_id).deployment_id, task.form or "")
    if sheet == here or (sheet.deployment != here.deployment and not _ran_on(session, task, sheet.deployment)):
        return False
    before, now = _form_of(session, platform, sheet), _form_of(session, platform, here)
    return before is None or now is None or before.schema != now.schema


def _form_of(session: Session, platform: Platform, sheet: Sheet) -> Form | None:
    return platform.definitions.get(session, sheet.deployment).forms.get(sheet.form)


def _ran_on(session: Session, task: Task, deployment_id: int) -> bool:
    """Whether the case has been moved from or to a deployment."""
    query = (
        select(MigrationItem.id)
        .join(Migration, Migration.id == MigrationItem.migration_id)
        .where(
            MigrationItem.instance_id == task.instance_id,
            or_(MigrationItem.from_id == deployment_id, Migration.target_id == deployment_id),
        )
    )
    return session.scalar(query.limit(1)) is not None


def _other_window(before: datetime | None) -> str:
    if before is None:
        return "your draft was discarded meanwhile, in another window; reload to go on from there, copy your text first"
    return f"your draft was saved at {before.isoformat()} in another window; reload to see it, copy your text first"


def _kept_aside(
    session: Session, platform: Platform, row: Draft, form: Form | None, answers: dict[str, Any]
) -> dict[str, Any]:
    """What a draft has that ``form`` has no place for, with its words; what has one is put into ``answers``."""
    before = _form_of(session, platform, Sheet(row.deployment_id, row.form))
    kept = {
        path: _written(word_stray(before, path, stray.value))
        for path, stray in part_answers(form, row.answers).strays.items()
    }
    return kept | {
        path: each for path, each in row.set_aside.items() if not put_back(form, answers, path, each["value"])
    }


def _written(worded: Worded) -> dict[str, Any]:
    return {"label": worded.label, "key": worded.key, "value": worded.value, "text": worded.text}


def _view(session: Session, platform: Platform, row: Draft, task: Task) -> DraftView:
    instance = session.get_one(Instance, task.instance_id)
    form = _form_of(session, platform, Sheet(instance.deployment_id, task.form or ""))
    answers = part_answers(form, row.answers).known
    aside = _kept_aside(session, platform, row, form, answers)
    return DraftView(
        task.id, task.process, task.element, task.name, answers,
        tuple(Worded(path, each["label"], each["key"], each["value"], each["text"]) for path, each in aside.items()),
        row.saved_at,
        tuple(word_stray(form, key, value) for key, value in answers.items() if not is_empty(value)),
    )  # fmt: skip


__all__ = [
    "DraftView", "Sheet", "Unchecked", "discard_draft", "draft_changes", "drafted", "find_draft",
    "is_renewed", "left_drafts", "read_draft", "save_draft", "sweep_drafts", "written_form",
]  # fmt: skip
