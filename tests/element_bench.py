"""Run an example diagram in a small town as its people would: every act goes through the product's own services."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from engine.casefile.unit import unit_of
from engine.cases.messages import case_handlers
from engine.cases.opening import Report, new_case, new_file, number_case, settle_stage, start_process, what_opens
from engine.cases.steps import step_on_case
from engine.cases.tasks import complete_task
from engine.cases.timekeeping import fire_due_timers
from engine.core_operators import CORE_OPERATORS
from engine.database import begin_write
from engine.errors import OperatorError
from engine.models import CaseEvent, Instance, Task, Timer, WaitingEvent
from engine.outbox import Outbox, deliver_due
from engine.platform import build_platform
from engine.registry import Operator, build_registry
from engine.testing.small_city import SmallTown
from engine.workflow.runtime import Runtime, read_live
from engine.workflow.step import Step

EXAMPLES = Path(__file__).parents[1] / "docs/reference/examples"
FOLDERS = {".bpmn": "processes", ".dmn": "decisions", ".json": "forms"}


def order_truck(step: Step, kind: str | None = None) -> dict[str, Any]:
    """An operator of the examples: there are trucks, but not for every wish."""
    if kind != "yes":
        raise OperatorError("no_truck" if kind == "no" else "no_driver", "车辆都在外面")
    return {"plate": "A1"}


REGISTRY = build_registry([*CORE_OPERATORS, Operator("example/order_truck", order_truck, "examples")])


def copy_examples(city: Path) -> None:
    """Put every example file into a city's folder."""
    for path in EXAMPLES.iterdir():
        if path.suffix in FOLDERS:
            target = city / FOLDERS[path.suffix]
            target.mkdir(exist_ok=True)
            shutil.copy(path, target / path.name)


class Bench:
    """A town with the examples deployed. With ``reloading`` nothing stays in memory between two acts."""

    def __init__(self, town: SmallTown, *, reloading: bool) -> None:
        self.town, self.reloading = town, reloading
        town.platform = build_platform(town.session, town.city, clock=town.clock, registry=REGISTRY)

    def start(self, process: str, **values: Any) -> Work:
        """Open a case that runs the process."""
        town, now = self.town, self.town.clock.now()
        begin_write(town.session)
        case = new_case(Report("component", "0101", "井盖缺失", "patrol", lon=116.0005, lat=28.0005), now)
        for name, value in values.items():
            setattr(case, name, value)
        platform, unit = town.platform, unit_of(town.session)
        instance_id = number_case(unit, town.city, case, now, unit.ask(*what_opens(town.city, now)))
        definition = platform.definitions.current(town.session, now)
        file = new_file(unit, platform.runtime.shelf, case, instance_id, definition, process, now)
        start_process(Step(unit, platform.host, platform.runtime, definition, file, now, None, process=process))
        town.session.commit()
        return Work(self, case.id, case.number)

    def deliver(self) -> int:
        """Empty the outbox. Returns how many messages got through."""
        self.settle()
        outbox = Outbox()
        outbox = replace(outbox, handlers=case_handlers(self.town.platform))
        count = 0
        while delivered := deliver_due(self.town.session, outbox, self.town.clock.now()):
            count += delivered
        return count

    def wait(self, **delta: float) -> None:
        """Let time pass; every timer fires at its own moment on the way."""
        town = self.town
        end = town.clock.now() + timedelta(**delta)
        while True:
            self.settle()
            query = select(Timer.due_at).where(Timer.due_at <= end).order_by(Timer.due_at).limit(1)
            due = town.session.scalar(query)
            if due is None:
                break
            town.clock.set(max(due, town.clock.now()))
            assert fire_due_timers(town.session, town.platform, town.clock.now())
        town.clock.set(end)

    def settle(self) -> None:
        """Between two acts: forget what a restart would forget."""
        self.town.session.rollback()
        if self.reloading:
            self.town.platform.runtime = Runtime()
            self.town.session.expunge_all()


class Work:
    """One running example."""

    def __init__(self, bench: Bench, case_id: int, number: str) -> None:
        self.bench, self.id, self.number = bench, case_id, number

    def open(self) -> list[str]:
        """Elements of the open tasks."""
        self.bench.settle()
        query = select(Task.element).where(Task.case_id == self.id, Task.status == "open")
        return sorted(self.bench.town.session.scalars(query))

    def do(self, element: str, scope: str | None = None, **answers: Any) -> None:
        """Complete a task as somebody of its role."""
        town = self.bench.town
        self.bench.settle()
        query = select(Task).where(Task.case_id == self.id, Task.status == "open", Task.element == element)
        if scope is not None:
            query = query.where(Task.scope == scope)
        task = town.session.scalars(query.order_by(Task.created_at)).first()
        assert task is not None, f"no open task {element}; open are {self.open()}"
        login = task.role if task.scope is None else f"{task.role}_{task.scope.lower()}"
        actor = town.actor(login)
        complete_task(town.session, town.platform, actor, task.id, answers, now=town.clock.now())

    def send(self, message: str, **payload: Any) -> bool:
        """Send a message to this case, as an action on it does."""
        town = self.bench.town
        self.bench.settle()
        begin_write(town.session)
        step = step_on_case(unit_of(town.session), town.platform, self.id, town.clock.now(), None)
        assert step is not None
        taken = town.platform.runtime.send(step, message, payload)
        settle_stage(step)
        town.session.commit()
        return taken

    def data(self) -> dict[str, Any]:
        """The variables the last step left."""
        self.bench.settle()
        town = self.bench.town
        instance = town.session.scalars(select(Instance).where(Instance.case_id == self.id)).one()
        definition = town.platform.definitions.get(town.session, instance.deployment_id)
        return dict(read_live(instance, definition).last_task.data)

    def task_data(self, element: str) -> dict[str, Any]:
        """The variables an open task sees."""
        self.bench.settle()
        town = self.bench.town
        task = town.session.scalars(
            select(Task).where(Task.case_id == self.id, Task.element == element, Task.status == "open")
        ).first()
        assert task is not None, f"no open task {element}; open are {self.open()}"
        instance = town.session.get_one(Instance, task.instance_id)
        definition = town.platform.definitions.get(town.session, instance.deployment_id)
        workflow = read_live(instance, definition)
        return dict(workflow.get_task_from_id_or_none(task.id).data)

    def ended(self) -> bool:
        """Whether the diagram has run to its end and left nothing behind."""
        self.bench.settle()
        session = self.bench.town.session
        instance = session.scalars(select(Instance).where(Instance.case_id == self.id)).one()
        if instance.status == "running":
            return False
        for table in (Timer, WaitingEvent):
            assert session.scalars(select(table).where(table.instance_id == instance.id)).first() is None
        assert self.open() == []
        return True

    def passed(self) -> set[str]:
        """Elements that were completed."""
        self.bench.settle()
        town = self.bench.town
        instance = town.session.scalars(select(Instance).where(Instance.case_id == self.id)).one()
        definition = town.platform.definitions.get(town.session, instance.deployment_id)
        return {element for _, element in town.platform.runtime.tokens(instance, definition)[1]}

    def history(self, kind: str) -> list[dict[str, Any]]:
        """The lines of one kind in the case's history."""
        self.bench.settle()
        query = select(CaseEvent.data).where(CaseEvent.case_id == self.id, CaseEvent.kind == kind)
        return list(self.bench.town.session.scalars(query.order_by(CaseEvent.id)))
