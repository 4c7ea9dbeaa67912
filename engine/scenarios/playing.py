"""Play one scenario on a city: its people do its steps through the services everybody else uses."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.calendar import LimitError, parse_limit
from engine.casefile.unit import Unit
from engine.cases.actions import act_on_case
from engine.cases.evidence import add_evidence
from engine.cases.matters import Application, matter_named, open_matter
from engine.cases.messages import NobodyWaits, case_handlers
from engine.cases.opening import Report
from engine.cases.reporting import report_case
from engine.cases.tasks import complete_task
from engine.cases.timekeeping import fire_due_timers
from engine.database import begin_write
from engine.errors import DomainError
from engine.matters.declaring import REQUIRED
from engine.matters.procedures import Procedures
from engine.models import Case, CaseLink, Incident, OutboxMessage, Person, Task, Timer
from engine.organisation.actor import Actor
from engine.organisation.duty import people_for
from engine.organisation.people import load_actor
from engine.outbox import Outbox, deliver_one
from engine.overdue.telling import next_look, tell_overdue
from engine.registers.declaring import Register
from engine.registers.keeping import Hand, add_entry
from engine.scenarios.bench import Bench, Place
from engine.scenarios.values import ACTION, TASK, UNTIL, WAIT, Given, OpenTask, ScenarioStep
from engine.simulation.photos import draw, name_photo
from engine.workflow.expressions import ExpressionError, parse_template
from engine.workflow.forms import FormInvalid
from engine.workflow.timers import OF_LIMIT

OTHER = "other"
DEFAULT_REPORT: Mapping[str, Any] = {"kind": "component", "full_code": "0101", "source": "patrol", "description": "-"}
APPLICATION = ("lon", "lat", "address", "source", "urgent", "reporter_name", "reporter_phone", "external_id", "title")
"""What of a report a matter takes."""
REFUSALS = (DomainError, FormInvalid, ExpressionError)
DUE = "due"
MOST_FIRINGS = 10_000


class Unplayable(DomainError):
    """The scenario asks for what the city does not have; names it and the remedy."""


class Play:
    """A scenario under way: the city's copy, the case and those beside it."""

    def __init__(self, bench: Bench, place: Place) -> None:
        self.bench = bench
        self.session: Session = place.session
        self.platform = place.platform
        self.clock = place.clock
        self.numbers: dict[str, str] = {}

    def begin(self, given: Given) -> None:
        """Report the case or open the matter (and another one of the same first when there is to be one)."""
        if given.procedures:
            host = copy.copy(self.platform.host)
            host.procedures = Procedures(given.procedures)
            self.platform = replace(self.platform, host=host)
        for name, entries in given.registers.items():
            self._enter(self.register(name), entries)
        for name in (OTHER, "") if given.other else ("",):
            self.numbers[name] = self._open(given, given.matter) if given.matter else self._report(given)
        self._carry_messages()

    def register(self, name: str) -> Register:
        """A register of the city."""
        found: Register | None = self.platform.host.registers.get(name)
        if found is None:
            raise Unplayable(f"there is no register {name!r}; there are {', '.join(self.platform.host.registers)}")
        return found

    def _enter(self, register: Register, entries: list[Mapping[str, Any]]) -> None:
        begin_write(self.session)
        for values in entries:
            add_entry(self.session, register, self.fill(values, self._places()), Hand(self.clock.now()))
        self.session.commit()

    def act(self, step: ScenarioStep) -> None:
        """Do one step. Raises one of REFUSALS when it cannot be done."""
        if step.kind == TASK:
            self._do_task(step)
        elif step.kind == ACTION:
            actor = self._person(step.by, step.scope, self._scopes(step.of), "step needs by")
            payload = self.fill(step.answers, self.names(step.of))
            act_on_case(
                self.session, self.platform, actor, self.number(step.of), step.what, payload, now=self.clock.now()
            )
        elif step.kind == WAIT:
            self._wait_until(self._after(step.what))
        elif step.kind == UNTIL:
            self._wait_until(self._moment(step.what, step.of))
        self._carry_messages()

    def _carry_messages(self) -> None:
        """Give what cases tell each other to those it is for; what nobody waits for yet is tried again later."""
        outbox = Outbox(handlers=case_handlers(self.platform))
        due = select(OutboxMessage.id).where(
            OutboxMessage.topic.in_(outbox.handlers), OutboxMessage.done_at.is_(None),
            OutboxMessage.due_at <= self.clock.now(),
        )  # fmt: skip
        while ids := self.session.scalars(due.order_by(OutboxMessage.id)).all():
            for message_id in ids:
                deliver_one(self.session, outbox, message_id, self.clock.now())
                message = self.session.get_one(OutboxMessage, message_id)
                if message.done_at is None and not str(message.last_error).startswith(NobodyWaits.__name__):
                    raise Unplayable(f"a message between cases was not taken: {message.last_error}")

    def number(self, of: str = "") -> str:
        """The number of the first case, of the other one, or of the latest case linked to the first under ``of``."""
        if of in self.numbers:
            return self.numbers[of]
        if "" not in self.numbers:
            raise Unplayable("there is no case, opening it was refused; expect that and add no steps")
        first = select(Case.id).where(Case.number == self.numbers[""]).scalar_subquery()
        query = select(Case.number).join(CaseLink, CaseLink.to_id == Case.id)
        found = self.session.scalar(
            query.where(CaseLink.from_id == first, CaseLink.kind == of).order_by(Case.id.desc()).limit(1)
        )
        if found is None:
            raise Unplayable(f"the case has no linked case of kind {of!r}; leave 'of' out or open one first")
        return found

    def case(self, of: str = "") -> Case:
        """A case as the database has it now."""
        self.session.rollback()
        self.session.expire_all()
        return self.session.scalars(select(Case).where(Case.number == self.number(of))).one()

    def names(self, of: str = "", task: Task | None = None) -> dict[str, Any]:
        """What ``${…}`` may read: the case's facts, the task's defaults, the city's units by duty, the other case."""
        case = self.case(of)
        facts = self.platform.host.facts(Unit(self.session), case, self.clock.now())
        names = {"case": facts, "task": dict(task.defaults) if task is not None else {}, "unit": self._units(case)}
        if OTHER in self.numbers:
            names[OTHER] = {"number": self.numbers[OTHER]}
        return names

    def fill(self, value: Any, names: Mapping[str, Any]) -> Any:
        """A scenario's value with its expressions computed."""
        if isinstance(value, str):
            return parse_template(value, self.platform.host.functions).evaluate(names) if "${" in value else value
        if isinstance(value, Mapping):
            return {key: self.fill(each, names) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.fill(each, names) for each in value]
        return value

    def fill_open(self, expected: tuple[OpenTask, ...], names: Mapping[str, Any]) -> tuple[OpenTask, ...]:
        """Expected tasks with the expressions of their scopes computed."""
        return tuple(replace(each, scope=self.fill(each.scope, names)) if each.scope else each for each in expected)

    def open_tasks(self, case: Case) -> list[Task]:
        """Open tasks, oldest first."""
        query = select(Task).where(Task.case_id == case.id, Task.status == "open")
        return list(self.session.scalars(query.order_by(Task.created_at, Task.element, Task.scope)))

    def _open(self, given: Given, name: str) -> str:
        """Open a matter. It has a place where it needs one, or the scenario names one."""
        values = {key: value for key, value in given.report.items() if key in APPLICATION}
        needs = matter_named(self.platform.host, name).place == REQUIRED or given.area_class is not None
        if needs and "lon" not in values:
            values["lon"], values["lat"] = self._point(given.area_class)
        actor = self._reporter(given, values)
        application = Application(name, self.fill(given.answers, self._places()), **values)
        begin_write(self.session)
        number = open_matter(self.session, self.platform, application, actor, self.clock.now()).number
        self.session.commit()
        return number

    def _places(self) -> dict[str, Any]:
        """What the answers that open a matter may name: there is no case yet, only the city's units by duty."""
        directory = self.platform.host.directory
        duties = sorted({duty for unit in directory.units.values() for duty in unit.duties})
        return {"unit": {duty: directory.answering(duty, ()) for duty in duties}}

    def _reporter(self, given: Given, values: Mapping[str, Any]) -> Actor | None:
        if not given.by:
            return None
        place = self.platform.host.ground.locate(values["lon"], values["lat"]) if values.get("lon") else None
        return self._person(given.by, None, {"collector": place.duty_grid if place else None}, "given.by")

    def _report(self, given: Given) -> str:
        values = {**DEFAULT_REPORT, **given.report}
        if "lon" not in values and "component_code" not in values:
            values["lon"], values["lat"] = self._point(given.area_class)
        now, actor = self.clock.now(), self._reporter(given, values)
        begin_write(self.session)
        case = report_case(self.session, self.platform, Report(**values), actor, now, process=given.process)
        number = case.number
        self.session.commit()
        return number

    def _point(self, area_class: str | None) -> tuple[float, float]:
        """A point of the first unit grid of that area class whose duty grid somebody patrols."""
        ground = self.platform.host.ground
        grids = sorted(zip(ground.places, ground.shapes, strict=True), key=lambda pair: pair[0].grid)
        for place, shape in grids:
            patrolled = place.duty_grid and people_for(self.session, "collector", place.duty_grid, most=1)
            if patrolled and area_class in (None, place.area_class):
                point = shape.representative_point()
                return point.x, point.y
        raise Unplayable(
            f"no patrolled unit grid of {self.bench.city.name} is of area class {area_class or 'any'}; "
            "give lon and lat in given.report"
        )

    def _units(self, case: Case) -> dict[str, str | None]:
        directory = self.platform.host.directory
        places = (case.community_code or "", case.subdistrict_code or "", case.district_code or "")
        duties = sorted({duty for unit in directory.units.values() for duty in unit.duties})
        return {duty: directory.answering(duty, places) for duty in duties}

    def _scopes(self, of: str) -> dict[str, str | None]:
        """Where somebody of a role is looked for when the scenario does not say: the case's own grid and lead unit."""
        case = self.case(of)
        handling = {role.role: case.lead_department for role in self.bench.roles.values() if role.side == "handling"}
        return {**handling, "collector": case.duty_grid_code}

    def _person(self, by: str | None, scope: str | None, scopes: Mapping[str, str | None], missing: str) -> Actor:
        """Somebody of a role, or the person of a login."""
        if not by:
            raise Unplayable(f"nobody is named to act ({missing}); write by = a role or a login")
        if by in self.bench.roles:
            where = scope or scopes.get(by)
            people = people_for(self.session, by, where, most=1)
            if not people:
                place = f" in {where}" if where else ""
                raise Unplayable(f"nobody holds the role {by}{place}; add somebody in organisation/people.csv")
            person, role = people[0], by
        else:
            found = self.session.scalar(select(Person).where(Person.login == by))
            if found is None:
                raise Unplayable(f"{by!r} is neither a role nor a login; use one of {', '.join(self.bench.roles)}")
            person, role = found, ""
        actor = load_actor(self.session, person.id, self.bench.roles, role)
        assert actor is not None  # people_for gives active people only
        return actor

    def _do_task(self, step: ScenarioStep) -> None:
        case = self.case(step.of)
        scope = self.fill(step.scope, self.names(step.of)) if step.scope else None
        found = [task for task in self.open_tasks(case) if task.element == step.what]
        task = next((task for task in found if scope in (None, task.scope)), None)
        if task is None:
            listed = ", ".join(
                f"{each.element} @ {each.scope}" if each.scope else each.element for each in self.open_tasks(case)
            )
            place = f" @ {scope}" if scope else ""
            raise Unplayable(f"no task {step.what}{place} is open; open are: {listed or 'none'}")
        answers = self.fill(step.answers, self.names(step.of, task))
        where = task.scope if step.by in (None, task.role) else None
        by = step.by or task.role
        if task.assignee_id is not None and by == task.role:
            by, where = self.session.get_one(Person, task.assignee_id).login, None
        actor = self._person(by, where, self._scopes(step.of), "by")
        for at, role in enumerate(step.photos):
            # The same role twice is two photos: the manual counts different ones.
            serial = step.photos[:at].count(role)
            add_evidence(
                self.session, self.platform, actor, case.number, role, name_photo(role, serial), draw(role, serial),
                now=self.clock.now(),
            )  # fmt: skip
        complete_task(self.session, self.platform, actor, task.id, answers, now=self.clock.now())

    def _after(self, text: str) -> datetime:
        try:
            return self.platform.host.calendar.add(self.clock.now(), parse_limit(text))
        except LimitError as error:
            raise Unplayable(f"wait = {text!r}: {error}; write for example '3 work_hour'") from error

    def _moment(self, text: str, of: str) -> datetime:
        """``2026-03-02 14:00``, ``due``, or a share of the handling limit: ``80 % of limit``."""
        share = 1.0 if text.strip() == DUE else None
        match = OF_LIMIT.match(text)
        if match:
            share = float(match.group(1)) / 100
        if share is None:
            return local_moment(self.bench.city, text)
        moment = self.platform.host.clock_moment(self.case(of), "handling", share)
        if moment is None:
            raise Unplayable(f"until = {text!r}: the handling clock does not run now; write a moment instead")
        return moment

    def _wait_until(self, end: datetime) -> None:
        """Let time pass; every timer fires, and overdue tasks are told of, at their own moments on the way."""
        if end < self.clock.now():
            raise Unplayable(f"{end:%Y-%m-%d %H:%M} UTC is past already; time only moves on")
        for _ in range(MOST_FIRINGS):
            timer = self.session.scalar(select(Timer.due_at).where(Timer.due_at <= end).order_by(Timer.due_at).limit(1))
            due = min((at for at in (timer, next_look(self.session, end)) if at is not None), default=None)
            if due is None:
                break
            self.clock.set(max(due, self.clock.now()))
            fire_due_timers(self.session, self.platform, self.clock.now())
            tell_overdue(self.session, self.platform, self.clock.now())
            self._carry_messages()
            incident = self.session.scalar(select(Incident).where(Incident.resolved_at.is_(None)).limit(1))
            if incident is not None:
                raise Unplayable(f"a timer's step failed: {incident.message}")
        self.clock.set(end)

    def latest(self, column: Any) -> int:
        """The highest id of a table so far."""
        return int(self.session.scalar(select(func.max(column))) or 0)


def local_moment(city: Any, text: str) -> datetime:
    """A moment in the city's time as a scenario writes it; a date alone is its first moment."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Unplayable(f"{text!r} is no moment; write it in the city's time: '2026-03-02 14:00'") from error
    return moment.replace(tzinfo=city.time_zone) if moment.tzinfo is None else moment


__all__ = ["REFUSALS", "Play", "Unplayable", "local_moment"]
