"""A city at work on a virtual clock: problems are reported, people do their tasks, timers fall due, leaders intervene.

Everything goes through the services that the web and the API use. One queue orders all of it: the next report, the next
task somebody gets done, the next act from outside, the next due timer of the database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from engine.cases.actions import act_on_case
from engine.cases.reporting import report_case
from engine.cases.tasks import complete_task
from engine.cases.timekeeping import fire_due_timers
from engine.database import begin_write
from engine.errors import Conflict, DomainError, NotFound
from engine.models import Case, CaseUnit, Instance, Task, Timer
from engine.organisation.actor import Actor
from engine.organisation.roles import load_roles
from engine.platform import Platform
from engine.simulation.agenda import Agenda, Appointment
from engine.simulation.answers import Pen, Situation
from engine.simulation.chances import log_normal, stream
from engine.simulation.demand import Demand
from engine.simulation.people import People
from engine.simulation.photos import add_photo
from engine.simulation.places import Places
from engine.simulation.settings import Settings, load_settings
from engine.simulation.summary import Summary, Tally, summarise
from engine.simulation.waiting import Pace
from engine.workflow.forms import FormInvalid

HOUR = timedelta(hours=1)
MOST_ACTS = 80
"""A case somebody has worked on this often goes the plain way from then on: a changed diagram must not loop for ever."""
ANYTIME = ("supervise", "cancel", "merge")
REPORTING_ROLES = {"patrol": "collector", "leader": "leader", "video": "acceptor", "media": "acceptor"}
PHOTOGRAPHED = ("patrol", "public", "video")

OPEN_TASK = (
    Task.id, Task.case_id, Task.instance_id, Task.process, Task.element, Task.name, Task.stage, Task.role, Task.scope,
    Task.form, Task.evidence, Task.defaults, Task.created_at, Task.due_at, Case.number, Case.source, Case.kind,
    Case.full_code, Case.catalogue_version_id, Case.limit_text, Case.due_at.label("case_due_at"),
)  # fmt: skip


class CityAtWork:
    """One run of a simulated city. ``end`` is the moment nothing happens after."""

    def __init__(self, session: Session, platform: Platform, settings: Settings, *, seed: int, start: datetime) -> None:
        self.session = session
        self.platform = platform
        self.settings = settings
        self.seed = seed
        self.zone = platform.city.time_zone
        self.people = People(session, load_roles(platform.city.layers))
        self.places = Places(session, platform.host.ground, settings.demand["area_classes"])
        day = start.astimezone(self.zone).date()
        english = platform.city.language == "en"
        self.demand = Demand(session, settings, self.places, self.zone, day, english)
        handling = [unit.code for unit in platform.host.directory.handling()]
        self.pace = Pace(settings, handling, seed)
        self.handling = tuple(code for code in handling if platform.host.directory.units[code].duties)
        self.departments = [{"value": code, "label": code} for code in handling]
        self.agenda = Agenda()
        self.tally = Tally()
        self._planned: set[object] = set()
        self._chances: dict[str, Random] = {}
        self._duplicates: dict[int, str] = {}
        self._answered: Counter[tuple[int, str]] = Counter()
        self._worked: Counter[int] = Counter()
        self._settled: set[tuple[int, str]] = set()
        self._last_case = session.scalar(select(func.max(Case.id))) or 0
        session.commit()

    # The queue -----------------------------------------------------------------------------------------------

    def run(self, start: datetime, end: datetime, cases_per_day: float, tick: Callable[[datetime], None]) -> None:
        """Work from ``start`` to ``end``; ``tick`` hears every moment reached."""
        self.plan_reports(start, end, cases_per_day)
        self.plan_tasks(self.open_tasks(), start)
        blocked = None
        while True:
            at = self.agenda.next_moment()
            timer = self.next_timer(blocked)
            if timer is not None and (at is None or timer <= at) and timer <= end:
                moment = max(timer, start)
                tick(moment)
                if not self.fire(moment):
                    blocked = timer
            elif at is not None and at <= end:
                tick(at)
                self.keep(*self.agenda.take())
            else:
                break
        tick(end)

    def keep(self, now: datetime, appointment: Appointment) -> None:
        """Do what was planned for this moment."""
        if appointment.kind == "report":
            self.report(now, appointment)
        elif appointment.kind == "task":
            self.do_task(now, appointment)
        else:
            self.act(now, appointment)

    def chance(self, number: str) -> Random:
        """The stream of chance of a case."""
        if number not in self._chances:
            self._chances[number] = stream(self.seed, f"case {number}")
        return self._chances[number]

    def plan_reports(self, start: datetime, end: datetime, cases_per_day: float) -> None:
        """All reports of the period."""
        day, last = start.astimezone(self.zone).date(), end.astimezone(self.zone).date()
        while day <= last:
            moments = self.demand.moments(day, cases_per_day, stream(self.seed, f"day {day}"))
            for serial, (moment, source) in enumerate(moments):
                if start <= moment <= end:
                    self.agenda.add(moment.astimezone(UTC), Appointment("report", source=source, serial=serial))
            day += timedelta(days=1)

    # Reports -------------------------------------------------------------------------------------------------

    def report(self, now: datetime, appointment: Appointment) -> None:
        """Somebody reports a problem."""
        chance = stream(self.seed, f"report {now.isoformat()} {appointment.serial}")
        wish = self.demand.draw(appointment.source, now, chance)
        place = self.platform.host.ground.locate(wish.spot.lon, wish.spot.lat)
        actor = None
        if appointment.source != "public":
            role = REPORTING_ROLES.get(appointment.source, "acceptor")
            scope = place.duty_grid if place is not None and role == "collector" else None
            actor = self.people.find(role, scope, chance) or self.people.find(role, None, chance)
        begin_write(self.session)
        try:
            case = report_case(self.session, self.platform, wish.report, actor, now)
            if appointment.source in PHOTOGRAPHED:
                add_photo(self.session, case, "before_photo", actor, now, chance.randrange(4))
            self.session.commit()
        except DomainError as error:
            self.session.rollback()
            self.tally.stuck[error.message] += 1
            return
        self.tally.reported += 1
        self._last_case = max(self._last_case, case.id)
        if wish.duplicates is not None:
            self._duplicates[case.id] = wish.duplicates
        self.demand.remember(wish, case.number, now)
        self.plan_acts(case.id, self.chance(case.number), now, ANYTIME)
        self.plan_tasks(self.open_tasks(case.id), now)

    # Tasks ---------------------------------------------------------------------------------------------------

    def open_tasks(self, *case_ids: int) -> list[Row[tuple[object, ...]]]:
        """The open tasks of some cases, of all without any, oldest first and always in the same order."""
        query = select(*OPEN_TASK).join(Case, Case.id == Task.case_id).where(Task.status == "open")
        if case_ids:
            query = query.where(Task.case_id.in_(case_ids))
        rows = self.session.execute(query.order_by(Task.created_at, Task.case_id, Task.element, Task.scope)).all()
        # Ending the read with a commit keeps what the session knows; a rollback would make it read everything again.
        self.session.commit()
        return list(rows)

    def plan_tasks(self, tasks: list[Row[tuple[object, ...]]], now: datetime) -> None:
        """Decide when the tasks that are new get done."""
        for task in tasks:
            if task.id in self._planned:
                continue
            self._planned.add(task.id)
            at = self.pace.done_at(
                task.stage, task.scope, max(task.created_at, now), task.due_at, task.limit_text, self.chance(task.number)
            )
            self.agenda.add(at, Appointment("task", task=task.id, case_id=task.case_id))

    def do_task(self, now: datetime, appointment: Appointment) -> None:
        """Somebody does a task, unless it is gone by now."""
        row = next((task for task in self.open_tasks(appointment.case_id) if task.id == appointment.task), None)
        if row is None:
            return
        chance = self.chance(row.number)
        actor = self.people.find(row.role, row.scope, chance)
        if actor is None:
            self.tally.unstaffed[f"{row.role}@{row.scope}" if row.scope else row.role] += 1
            return
        self._worked[row.case_id] += 1
        plain = self._worked[row.case_id] > MOST_ACTS
        if self.complete(now, row, actor, plain) or (not plain and self.complete(now, row, actor, plain=True)):
            return
        self.tally.stuck[f"{row.process} / {row.element}: no answer was accepted"] += 1

    def complete(self, now: datetime, row: Row[tuple[object, ...]], actor: Actor, plain: bool) -> bool:
        """Fill in the form and complete the task; false when the answers were refused."""
        chance = self.chance(row.number)
        for role in row.evidence.split():
            self.photograph(row.case_id, role, actor, now, chance)
        situation = self.situation(row, actor, now)
        answers = self.fill(row, situation, Pen(self.settings, chance, plain, self.tally.completed + 1))
        try:
            result = complete_task(self.session, self.platform, actor, row.id, answers, now=now)
        except (Conflict, NotFound) as error:
            self.tally.branches[f"gone: {type(error).__name__}"] += 1
            return True
        except (DomainError, FormInvalid) as error:
            self.tally.stuck[str(error)] += plain
            return False
        self.tally.completed += 1
        decision = next((answers[key] for key in ("decision", "verified", "satisfaction") if key in answers), "")
        self.tally.branches[f"{row.element} {decision}".strip()] += 1
        self._answered[row.case_id, row.form or row.element] += 1
        self.follow(row.case_id, now)
        self.settle(row.case_id, result["status"], bool(result["tasks"]), now, chance)
        return True

    def fill(self, row: Row[tuple[object, ...]], situation: Situation, pen: Pen) -> dict[str, object]:
        """The answers to a task's form; none when it has no form."""
        instance = self.session.get_one(Instance, row.instance_id)
        form = self.platform.definitions.get(self.session, instance.deployment_id).forms.get(row.form or "")
        return pen.fill(form, situation) if form is not None else {}

    def situation(self, row: Row[tuple[object, ...]], actor: Actor, now: datetime) -> Situation:
        """What the actor knows about a task and its case."""
        case = self.session.get_one(Case, row.case_id)
        labels = {row.source}
        if self._answered[row.case_id, row.form or row.element]:
            labels.add("again")
        if row.scope in self.pace.slow_units:
            labels.add("slow")
        if row.case_due_at is not None and row.case_due_at < now:
            labels.add("overdue")
        facts = self.platform.host.facts(self.session, case, now)
        present = {unit["department"] for unit in facts["units"]}
        likely = (facts["duty_department"], facts["territory_department"], facts["fallback_department"])
        candidates = (*likely, *self.chance(row.number).sample(self.handling, min(3, len(self.handling))))
        own = f"{row.kind}/{row.full_code}/"
        conditions = self.platform.host.conditions(self.session, row.catalogue_version_id)
        return Situation(
            now=now.astimezone(self.zone),
            labels=frozenset(labels),
            defaults={key: value for key, value in row.defaults.items() if value is not None},
            context={
                "case": facts, "departments": self.departments, "now": now,
                "conditions": [choice for choice in conditions if choice["value"].startswith(own)] or conditions[:1],
            },
            duplicate_of=self.original(row.case_id),
            other_units=tuple(dict.fromkeys(code for code in candidates if code and code not in present)),
            add_evidence=lambda: self.photograph(row.case_id, "photo", actor, now, self.chance(row.number)),
        )  # fmt: skip

    def original(self, case_id: int) -> str | None:
        """The case this one repeats, while that can still be merged into."""
        number = self._duplicates.get(case_id)
        if number is None:
            return None
        status = self.session.scalar(select(Case.status).where(Case.number == number))
        return number if status not in (None, "merged", "voided", "rejected") else None

    def photograph(self, case_id: int, role: str, actor: Actor, now: datetime, chance: Random) -> int:
        """Upload a photo; its id."""
        begin_write(self.session)
        photo = add_photo(self.session, self.session.get_one(Case, case_id), role, actor, now, chance.randrange(4))
        self.session.commit()
        return photo.id

    # What follows --------------------------------------------------------------------------------------------

    def follow(self, case_id: int, now: datetime) -> None:
        """Plan what an act has opened, in its case and in cases opened beside it."""
        last = self.session.scalar(select(func.max(Case.id))) or 0
        beside = range(self._last_case + 1, last + 1)
        self._last_case = max(self._last_case, last)
        self.plan_tasks(self.open_tasks(case_id, *beside), now)

    def settle(self, case_id: int, status: str, still_open: bool, now: datetime, chance: Random) -> None:
        """Acts that a suspension or a late close brings about, once each."""
        if status == "suspended" and (case_id, status) not in self._settled:
            self._settled.add((case_id, status))
            self.plan_acts(case_id, chance, now, ("resume",))
        if status == "closed" and not still_open and (case_id, status) not in self._settled:
            self._settled.add((case_id, status))
            on_time = self.session.scalar(select(Case.on_time).where(Case.id == case_id))
            if on_time is False:
                self.plan_acts(case_id, chance, now, ("appeal",))

    def plan_acts(self, case_id: int, chance: Random, now: datetime, names: tuple[str, ...]) -> None:
        """Decide whether and when somebody intervenes."""
        for name in names:
            act = self.settings.acts.get(name)
            if act is not None and chance.random() < act.share:
                self.agenda.add(now + HOUR * log_normal(chance, act.median_h, act.spread), Appointment(name, case_id=case_id))

    def act(self, now: datetime, appointment: Appointment) -> None:
        """Somebody intervenes in a case, if it takes that where it stands now."""
        case = self.session.get_one(Case, appointment.case_id)
        chance, name = self.chance(case.number), appointment.kind
        role = self.settings.acts[name].role
        scope = case.lead_department if role.startswith("unit_") else None
        actor = self.people.find(role, scope, chance)
        if actor is None:
            return
        text = chance.choice(self.settings.texts.get(f"acts.{name}") or self.settings.texts["otherwise"])
        payload: dict[str, object] = {"instruction" if name == "supervise" else "reason": text}
        if name == "merge":
            other = next((each for each in reversed(self.demand.recent) if each.number != case.number
                          and each.case_kind.full_code == case.full_code), None)  # fmt: skip
            if other is None:
                return
            payload["into"] = other.number
        if name == "supervise":
            payload["level"] = 1
        try:
            act_on_case(self.session, self.platform, actor, case.number, name, payload, now=now)
        except DomainError:
            self.tally.acts[f"{name} (not possible)"] += 1
            return
        self.tally.acts[name] += 1
        self.follow(case.id, now)

    # Timers --------------------------------------------------------------------------------------------------

    def next_timer(self, after: datetime | None) -> datetime | None:
        """When the next timer is due; ``after`` leaves out those that do not fire."""
        query = select(func.min(Timer.due_at))
        due = self.session.scalar(query.where(Timer.due_at > after) if after is not None else query)
        self.session.commit()
        return due

    def fire(self, now: datetime) -> bool:
        """Fire what is due; false when nothing moved."""
        due = select(Instance.case_id).join(Timer, Timer.instance_id == Instance.id).where(Timer.due_at <= now)
        case_ids = list(self.session.scalars(due.distinct().order_by(Instance.case_id)))
        self.session.commit()
        moved = fire_due_timers(self.session, self.platform, now)
        self.tally.fired += moved
        for case_id in case_ids:
            self.follow(case_id, now)
        return moved > 0


def simulate(
    session: Session,
    platform: Platform,
    *,
    start: datetime,
    days: float,
    cases_per_day: float,
    seed: int,
    progress: Callable[[int], None] = lambda done: None,
) -> Summary:
    """Let the city work for ``days`` from ``start`` (aware). Commits as it goes, like the real thing.

    The same database, files and seed give the same histories. Open tasks already there are worked on too.

    :param progress: hears how many more hours of the period are over, ``round(days * 24)`` in all.
    :raises CityBroken: the city's ``simulation.toml`` cannot be used.
    """
    settings = load_settings(platform.city)
    end = start + timedelta(days=days)
    hours = Hours(start, round(days * 24), progress)
    work = CityAtWork(session, platform, settings, seed=seed, start=start)
    work.run(start, end, cases_per_day, hours.tick)
    return summarise(session, work.tally, end)


class Hours:
    """Tells a progress bar of whole hours that are over."""

    def __init__(self, start: datetime, total: int, progress: Callable[[int], None]) -> None:
        self.start, self.total, self.progress, self.told = start, total, progress, 0

    def tick(self, now: datetime) -> None:
        """Hear of a moment."""
        over = min(self.total, int((now - self.start) / HOUR))
        if over > self.told:
            self.progress(over - self.told)
            self.told = over
