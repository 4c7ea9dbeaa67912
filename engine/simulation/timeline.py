"""One virtual clock for everything: appointments and the database's due timers happen in the order of their moments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.cases.timekeeping import fire_due_timers
from engine.models import Case, Instance, Timer
from engine.overdue.telling import tell_overdue
from engine.platform import Platform
from engine.simulation.agenda import Agenda, Appointment
from engine.simulation.desk import OpenTask, open_tasks

LOOK = timedelta(minutes=30)
"""How often overdue tasks are looked for."""


class Timeline:
    """Runs an agenda. ``keep`` does what was planned; ``plan`` hears of every task once, as soon as it opens."""

    def __init__(
        self,
        session: Session,
        platform: Platform,
        keep: Callable[[datetime, Appointment], None],
        plan: Callable[[list[OpenTask], datetime], None],
    ) -> None:
        self.session = session
        self.platform = platform
        self.keep = keep
        self.plan = plan
        self.agenda = Agenda()
        self.fired = 0
        self._look: datetime | None = None
        self._known: set[UUID] = set()
        self._last_case = session.scalar(select(func.max(Case.id))) or 0

    def run(self, start: datetime, end: datetime, tick: Callable[[datetime], None]) -> None:
        """Let everything up to ``end`` happen; ``tick`` hears every moment reached."""
        blocked: datetime | None = None
        while True:
            at, timer = self.agenda.next_moment(), self.next_timer(blocked)
            if timer is not None and timer <= end and (at is None or timer <= at):
                moment = max(timer, start)
                tick(moment)
                self.look(moment)
                blocked = blocked if self.fire(moment) else timer
            elif at is not None and at <= end:
                tick(at)
                self.look(at)
                self.keep(*self.agenda.take())
            else:
                break
        tick(end)

    def look(self, now: datetime) -> None:
        """Tell of overdue tasks when it is time to."""
        if self._look is None or now >= self._look:
            self._look = now + LOOK
            tell_overdue(self.session, self.platform, now)

    def follow(self, case_id: int, now: datetime) -> None:
        """Have planned what an act has opened, in its case and in cases opened beside it."""
        last = self.session.scalar(select(func.max(Case.id))) or 0
        beside = range(self._last_case + 1, last + 1)
        self._last_case = max(self._last_case, last)
        self.plan_new(open_tasks(self.session, (case_id, *beside)), now)

    def plan_new(self, tasks: list[OpenTask], now: datetime) -> None:
        """Have those tasks planned that nobody has planned yet."""
        new = [task for task in tasks if task.id not in self._known]
        self._known.update(task.id for task in new)
        self.plan(new, now)

    def next_timer(self, after: datetime | None) -> datetime | None:
        """When the next timer is due; ``after`` leaves out those that do not fire."""
        query = select(func.min(Timer.due_at))
        due = self.session.scalar(query.where(Timer.due_at > after) if after is not None else query)
        self.session.commit()
        return due

    def fire(self, now: datetime) -> bool:
        """Fire what is due; false when nothing moved."""
        due = select(Instance.case_id).join(Timer, Timer.instance_id == Instance.id).where(Timer.due_at <= now)
        case_ids = self.session.scalars(due.distinct().order_by(Instance.case_id)).all()
        self.session.commit()
        moved = fire_due_timers(self.session, self.platform, now)
        self.fired += moved
        for case_id in case_ids:
            self.follow(case_id, now)
        return moved > 0
