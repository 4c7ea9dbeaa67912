"""Tell of overdue tasks: one transaction a case, each rung of a task exactly once however many pollers run.

A task that is overdue is looked at once; then it is known when its next rung is reached: it is not looked at before. A
task whose due moment has moved is looked at anew: of a rung it has left behind, it is told again when it gets there.
After a downtime every rung reached meanwhile is told, the lowest first.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, exists, func, select
from sqlalchemy.orm import Session

from engine.calendar import parse_limit
from engine.casefile.unit import unit_of
from engine.cases.clocks import find_clock
from engine.cases.steps import step_on
from engine.database import begin_write
from engine.errors import DomainError
from engine.models import Instance, Task, TaskOverdue
from engine.models.workflow import OPEN
from engine.outbox import people_of
from engine.overdue.rungs import RECIPIENT, Rung
from engine.overdue.watching import is_watched, timers_on, watched_processes
from engine.pace import Pace, at_once
from engine.platform import Platform
from engine.workflow.elements import Diagram, Element
from engine.workflow.step import Step
from engine.workflow.timers import TimerUnreadable, parse_timer

log = logging.getLogger("wangge.overdue")

BATCH = 50
PUT_OFF = timedelta(hours=1)
"""How long a task is left alone whose recipients or text could not be computed."""
EVERYTHING = timedelta(minutes=5)
"""How often a poller passes over everything that is overdue."""
EVENT = "task_overdue"
OVERDUE = "overdue"
"""Notices about overdue tasks bear the share under this key of their payload."""

Look = tuple[int, UUID]
"""An instance and one of its tasks."""


@dataclass
class Lookout:
    """What earlier rounds of a poller have settled, so that a round passes over what became overdue since alone.

    Now and then it passes over everything that is overdue: a moment may have been moved into the past.
    """

    since: datetime | None = None
    everything_at: datetime | None = None

    def begin(self, now: datetime) -> datetime | None:
        """Due moments up to the answer need no look; none: all do."""
        if self.since is None or self.everything_at is None or not self.since <= now < self.everything_at:
            self.since = self.everything_at = None
        return self.since

    def settled(self, now: datetime) -> None:
        """Everything due by ``now`` was looked at."""
        self.since, self.everything_at = now, self.everything_at or now + EVERYTHING


def tell_overdue(
    session: Session,
    platform: Platform,
    now: datetime,
    *,
    most: int = 500,
    pace: Pace | None = None,
    lookout: Lookout | None = None,
) -> int:
    """Tell of the tasks that are overdue at ``now``, of at most ``most``. Returns how many rungs were told of."""
    pace, lookout = pace or at_once(), lookout or Lookout()
    since = lookout.begin(now)
    told, seen = 0, set[UUID]()
    while len(seen) < most and not pace.spent:
        looks = find_looks(session, now, min(BATCH, most - len(seen)), since)
        new = sorted((each for each in looks if each[1] not in seen), key=itemgetter(0))
        if not new:
            lookout.settled(now)
            break
        for instance_id, group in groupby(new, key=itemgetter(0)):
            if pace.spent:
                break
            tasks = [task_id for _, task_id in group]
            seen.update(tasks)
            with pace.transaction():
                told += look_at(session, platform, instance_id, tasks, now)
    session.rollback()
    return told


def find_looks(session: Session, now: datetime, most: int, since: datetime | None = None) -> list[Look]:
    """Tasks to look at: those overdue (``since`` a moment) that have not been, as they are due now, and those whose
    next rung is reached."""
    forget_closed(session, now, most)
    new = _new().where(Task.due_at <= now).order_by(Task.due_at).limit(most)
    if since is not None:
        new = new.where(Task.due_at > since)
    reached = (
        select(Task.instance_id, Task.id)
        .join(TaskOverdue, TaskOverdue.task_id == Task.id)
        .join(Instance, Instance.id == Task.instance_id)
        .where(TaskOverdue.next_at <= now, Task.status == OPEN, Instance.status == "running")
        .order_by(TaskOverdue.next_at)
        .limit(most)
    )
    rows = [*session.execute(new), *session.execute(reached)]
    return list(dict.fromkeys((instance_id, task_id) for instance_id, task_id in rows))


def _new() -> Any:
    looked = and_(TaskOverdue.task_id == Task.id, TaskOverdue.due_at == Task.due_at)
    return (
        select(Task.instance_id, Task.id)
        .join(Instance, Instance.id == Task.instance_id)
        .where(Task.status == OPEN, Instance.status == "running", ~exists().where(looked))
    )


def forget_closed(session: Session, now: datetime, most: int) -> None:
    """Tasks that are done need no further look."""
    gone = (
        select(TaskOverdue.task_id)
        .outerjoin(Task, and_(Task.id == TaskOverdue.task_id, Task.status == OPEN))
        .where(TaskOverdue.next_at <= now, Task.id.is_(None))
        .limit(most)
    )
    if ids := session.scalars(gone).all():
        session.rollback()
        begin_write(session)
        session.execute(delete(TaskOverdue).where(TaskOverdue.task_id.in_(ids)))
        session.commit()


def next_look(session: Session, until: datetime) -> datetime | None:
    """The first moment up to ``until`` at which some task is to be looked at; none when there is none."""
    new = _new().where(Task.due_at <= until).with_only_columns(func.min(Task.due_at))
    reached = (
        select(func.min(TaskOverdue.next_at))
        .join(Task, Task.id == TaskOverdue.task_id)
        .where(TaskOverdue.next_at <= until, Task.status == OPEN)
    )
    moments = [moment for query in (new, reached) if (moment := session.scalar(query)) is not None]
    return min(moments, default=None)


def look_at(session: Session, platform: Platform, instance_id: int, tasks: list[UUID], now: datetime) -> int:
    """Look at tasks of one instance and commit. What fails is tried again in an hour, and stops nothing else."""
    begin_write(session)
    try:
        told = look_into(session, platform, instance_id, tasks, now)
        session.commit()
    except Exception as error:
        # Recipients and texts are other people's expressions: whatever they raise must stop this case only.
        log.warning(
            "overdue tasks of instance %s cannot be told of: %s; correct overdue.csv", instance_id, error,
            exc_info=not isinstance(error, DomainError),
        )  # fmt: skip
        session.rollback()
        put_off(session, tasks, now)
        return 0
    return told


def look_into(session: Session, platform: Platform, instance_id: int, tasks: list[UUID], now: datetime) -> int:
    """Tell of every rung reached; 0 when another poller has the case."""
    step = step_on(unit_of(session), platform, instance_id, now, None, lock="skip")
    if step is None:
        return 0
    found = (step.tasks.get(task_id) for task_id in tasks)
    return sum(tell_task(step, platform, task) for task in found if task is not None)


def tell_task(step: Step, platform: Platform, task: Task) -> int:
    """Tell of the rungs of one task that are reached and not told of, and note when the next one is."""
    now = step.now
    state = step.session.get(TaskOverdue, task.id, populate_existing=True)
    if state is None:
        state = TaskOverdue(task_id=task.id, due_at=None, rung=0, told_at=None, next_at=None)
        step.session.add(state)
    if task.due_at is None or task.due_at > now:  # its clock is paused or was extended: a new due moment is looked at
        state.due_at = state.next_at = None
        return 0
    rungs = rungs_of(step, platform, task)
    moments = [(rung, moment_of_rung(step, task, rung.percent)) for rung in rungs]
    reached = [(rung, moment) for rung, moment in moments if moment is not None and moment <= now]
    new = [rung for rung, moment in reached if not _was_told(step, task, state, rung, moment)]
    for rung in new:
        tell(step, platform, task, rung, rungs)
    state.rung = reached[-1][0].percent if reached else 0
    state.told_at = now if new else state.told_at
    state.due_at = task.due_at
    state.next_at = min((moment for _, moment in moments if moment is not None and moment > now), default=None)
    return len(new)


def _was_told(step: Step, task: Task, state: TaskOverdue, rung: Rung, moment: datetime) -> bool:
    """Whether it was told of a rung since the task reached it. A clock that runs on after a pause has reached what it
    had reached before."""
    if rung.percent > state.rung or state.told_at is None:
        return False
    clock = find_clock(step.case, task.clock or "") if not task.limit_text else None
    return moment <= state.told_at or (clock is not None and moment == clock.running_since)


def rungs_of(step: Step, platform: Platform, task: Task) -> tuple[Rung, ...]:
    """The rungs of a task; none where the diagram itself does something at or before the whole limit.

    Rows for this very element hold in any case.
    """
    rungs = platform.host.rungs.of(task.process, task.element, task.role)
    if not rungs or rungs[0].task == f"{task.process}/{task.element}":
        return rungs
    diagram = step.definition.diagrams.get(task.process)
    element = diagram.elements.get(task.element) if diagram is not None else None
    if diagram is None or element is None:
        return rungs
    return () if left_to_diagram(step, diagram, element, task) else rungs


def left_to_diagram(step: Step, diagram: Diagram, element: Element, task: Task) -> bool:
    """Whether a timer sees to it: for a case's clock one on the task, around it or around its process; for a limit of
    its own, one on its border that is due no later than the task."""
    if not task.limit_text:
        return is_watched(diagram, element) or diagram.id in watched_processes(step.definition.diagrams)
    return any(_in_time(step, timer, task) for timer in timers_on(diagram, element))


def _in_time(step: Step, timer: Element, task: Task) -> bool:
    rows = [row for row in step.timers.values() if row.element == timer.id]
    texts = {row.text for row in rows} or {timer.timer or ""}
    if len(texts) == 1 and "${" not in (text := texts.pop()):
        try:
            parsed = parse_timer(text, step.host.calendar)
        except TimerUnreadable:
            return False
        if parsed.share is not None and not timer.properties.get("clock") and not task.clock:
            return parsed.share <= 1.0
        if parsed.limit is not None and task.due_at is not None:
            return step.host.calendar.add(task.created_at, parsed.limit) <= task.due_at
    # Dates, cycles and shares of a clock: one that still waits is later than the limit, one that is gone was due.
    return not rows or not all(row.due_at is None or (task.due_at and row.due_at > task.due_at) for row in rows)


def moment_of_rung(step: Step, task: Task, percent: int) -> datetime | None:
    """When so much of a task's limit is used up; none while its clock is paused."""
    if not task.limit_text:
        return step.host.clock_moment(step.case, task.clock or "", percent / 100)
    if task.due_at is None or percent == 100:
        return task.due_at
    limit, calendar = parse_limit(task.limit_text), step.host.calendar
    return calendar.advance(task.due_at, calendar.amount(task.created_at, limit) * (percent - 100) / 100, limit.unit)


def tell(step: Step, platform: Platform, task: Task, rung: Rung, rungs: tuple[Rung, ...]) -> None:
    """Tell the recipients, or where nobody is one, those of the next rung; one line of the history says who."""
    step.element, step.process = step.definition.element(task.process, task.element), task.process
    language = "zh" if platform.city.language == "zh" else "en"
    name = platform.translations.element(language, task.process, task.element, task.name)
    due = step.host.calendar.local(task.due_at) if task.due_at is not None else None
    names = {
        "task": name, "role": task.role, "scope": task.scope or "", "percent": rung.percent, "case": step.facts,
        "due": f"{due:%Y-%m-%d %H:%M}" if due is not None else "",
    }  # fmt: skip
    recipients: list[str] = []
    for each in (rung, *(other for other in rungs if other.percent > rung.percent)):
        recipients = [who for text in each.recipients if (who := _recipient(step, text, names))]
        if recipients:
            break
    text = str(step.fill(rung.text_zh if language == "zh" else rung.text_en, names))
    data = {"task": str(task.id), "name": task.name, "role": task.role, "percent": rung.percent, "text": text}
    step.record(EVENT, **data, scope=task.scope, recipients=recipients)
    if recipients:
        step.tell("notify", recipients=recipients, text=text, **{OVERDUE: rung.percent})


def _recipient(step: Step, text: str, names: dict[str, Any]) -> str:
    """A recipient with its scope computed; empty when nobody is one, or the scope is."""
    who = str(step.fill(text, names)) if "${" in text else text
    match = RECIPIENT.fullmatch(who)
    return who if match is not None and people_of(step.session, who) else ""


def put_off(session: Session, tasks: list[UUID], now: datetime) -> None:
    """Leave tasks alone for an hour."""
    begin_write(session)
    for task_id in tasks:
        task = session.get(Task, task_id, populate_existing=True)
        if task is None:
            continue
        state = session.get(TaskOverdue, task_id, populate_existing=True)
        if state is None:
            state = TaskOverdue(task_id=task_id, due_at=None, rung=0, told_at=None, next_at=None)
            session.add(state)
        state.due_at, state.next_at = task.due_at, now + PUT_OFF
    session.commit()
