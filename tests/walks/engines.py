"""Three ways to run a drawing: stock SpiffWorkflow in memory, this platform live, and reloaded between any two acts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from SpiffWorkflow.bpmn.parser.BpmnParser import BpmnParser
from SpiffWorkflow.bpmn.parser.util import full_tag
from SpiffWorkflow.bpmn.specs.event_definitions.message import MessageEventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition
from SpiffWorkflow.bpmn.util.event import BpmnEvent
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.util.task import TaskState

from engine.casefile.records import CaseRecord, InstanceRecord
from engine.casefile.unit import unit_of
from engine.cases.opening import NEXT_CASE, NEXT_INSTANCE, Report, new_case, new_file
from engine.models import Case
from engine.testing.small_city import SmallTown
from engine.workflow.definitions import Definition
from engine.workflow.runtime import Runtime, take_live
from engine.workflow.specs import DueTimer, NamedMessage
from engine.workflow.step import Step


@dataclass(frozen=True)
class Standing:
    """Where an instance stands: what somebody could do, what it waits for, whether it has ended and with which data."""

    tasks: tuple[tuple[str, str], ...]
    timers: tuple[tuple[str, int, str], ...]
    messages: tuple[tuple[str, str], ...]
    end: str | None


def write(data: Mapping[str, Any]) -> str:
    """Data in one form, types kept apart."""
    return json.dumps(data, sort_keys=True, ensure_ascii=False)


def stand(workflow: Any, timer: type, message: type) -> Standing:
    """The standing of a live workflow, by looking at every task."""
    tasks, timers, messages = [], [], []
    for part in (workflow, *workflow.subprocesses.values()):
        for task in part.tasks.values():
            name, data = task.task_spec.bpmn_id, write(task.data)
            if task.state == TaskState.READY and task.task_spec.manual:
                tasks.append((name, data))
            if task.state == TaskState.WAITING:
                for position, each in enumerate(definitions(task)):
                    if isinstance(each, timer):
                        timers.append((name, position, data))
                    elif isinstance(each, message):
                        messages.append((name, each.name))
    end = write(workflow.last_task.data) if workflow.is_completed() else None
    return Standing(tuple(sorted(tasks)), tuple(sorted(timers)), tuple(sorted(messages)), end)


def definitions(task: Any) -> list[Any]:
    found = getattr(task.task_spec, "event_definition", None)
    return list(getattr(found, "event_definitions", None) or [found])


class HandTimer(TimerEventDefinition):  # type: ignore[misc]
    """Stock's timer with the clock taken out: it fires when the walk says so."""

    def has_fired(self, my_task: Any) -> bool:
        return bool(my_task._get_internal_data("event_fired", False))

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


class _HandTimers:
    def parse_timer_event(self, event: Any) -> HandTimer:
        return HandTimer(event.getparent().get("id"), "")


def _with_hand_timers(tag: str) -> tuple[type, type]:
    parser, spec = BpmnParser.PARSER_CLASSES[full_tag(tag)]
    return type(parser.__name__, (_HandTimers, parser), {}), spec


class StockParser(BpmnParser):  # type: ignore[misc]
    """Stock's parser; only the time of timers is not read."""

    OVERRIDE_PARSER_CLASSES = {  # noqa: RUF012 - SpiffWorkflow reads this attribute from the class
        full_tag(tag): _with_hand_timers(tag)
        for tag in ("boundaryEvent", "intermediateCatchEvent", "eventBasedGateway")
    }


class Stock:
    """SpiffWorkflow as it comes, in memory."""

    name = "stock"

    def __init__(self, files: Mapping[str, str]) -> None:
        parser = StockParser()
        for path, text in files.items():
            parser.add_bpmn_str(text.encode(), filename=path)
        self.workflow = BpmnWorkflow(parser.get_spec("main"), parser.get_subprocess_specs("main"))
        self.workflow.do_engine_steps()

    def standing(self) -> Standing:
        return stand(self.workflow, HandTimer, MessageEventDefinition)

    def complete(self, name: str, data: str, answers: Mapping[str, Any]) -> None:
        task = self._find(lambda task: task.state == TaskState.READY and task.task_spec.manual, name, data)
        task.data.update(answers)
        task.run()
        self.workflow.do_engine_steps()

    def fire(self, name: str, position: int, data: str) -> None:
        task = self._find(lambda task: task.state == TaskState.WAITING, name, data)
        definition = task.task_spec.event_definition
        if isinstance(definition, HandTimer):
            task._set_internal_data(event_fired=True)
        else:
            task._set_internal_data(seen_events=[BpmnEvent(definition.event_definitions[position])])
        task.task_spec._update(task)
        self.workflow.do_engine_steps()

    def send(self, message: str, payload: Mapping[str, Any]) -> None:
        self.workflow.send_event(BpmnEvent(MessageEventDefinition(message), payload={message: dict(payload)}))
        self.workflow.do_engine_steps()

    def _find(self, holds: Any, name: str, data: str) -> Any:
        parts = (self.workflow, *self.workflow.subprocesses.values())
        return next(
            task
            for part in parts
            for task in part.tasks.values()
            if task.task_spec.bpmn_id == name and holds(task) and write(task.data) == data
        )


class Ours:
    """This platform's runtime on a case of a small town; nothing is committed."""

    def __init__(self, town: SmallTown, definition: Definition, *, reloading: bool) -> None:
        self.name = "reloaded" if reloading else "live"
        self.town, self.definition, self.reloading = town, definition, reloading
        self.runtime = Runtime()
        now = town.clock.now()
        self.case: Case = new_case(Report("component", "0101", "井盖缺失", "patrol"), now)
        self.case.number = f"walk {self.name}"
        self.unit = unit_of(town.session)
        instance_id = self.unit.fresh_id(InstanceRecord, self.unit.ask((NEXT_INSTANCE, {}))[0][0])
        self.case.id = self.unit.fresh_id(CaseRecord, self.unit.ask((NEXT_CASE, {}))[0][0])
        self.file = new_file(self.unit, self.runtime.shelf, self.case, instance_id, definition, "main", now)
        self.runtime.start(self._step())

    def standing(self) -> Standing:
        self._forget()
        workflow = take_live(self._step())
        found = stand(workflow, DueTimer, NamedMessage)
        self._agree(found)
        return found

    def _agree(self, found: Standing) -> None:
        """Task list and due index say what the instance says."""
        self.unit.flush()
        written = self.unit.look("id", self.file.instance.id)
        assert written is not None
        open_now = sorted(row.element for row in written.tasks.values())
        assert open_now == [name for name, _ in found.tasks], "the task list differs"
        due = sorted((row.element, row.position) for row in written.timers.values())
        assert due == sorted((name, position) for name, position, _ in found.timers), "the due index differs"
        assert (written.instance.status == "ended") == (found.end is not None), "the status of the instance differs"

    def complete(self, name: str, data: str, answers: Mapping[str, Any]) -> None:
        self._forget()
        rows = [row for row in self.file.tasks.values() if row.element == name]
        self.runtime.complete(self._step(), self._matching(rows, data), answers)

    def fire(self, name: str, position: int, data: str) -> None:
        self._forget()
        rows = [row for row in self.file.timers.values() if (row.element, row.position) == (name, position)]
        self.runtime.fire(self._step(), [self._matching(rows, data)])

    def send(self, message: str, payload: Mapping[str, Any]) -> None:
        self._forget()
        assert self.runtime.send(self._step(), message, payload)

    def _matching(self, rows: Any, data: str) -> Any:
        workflow = take_live(self._step())
        order = [task.id for part in (workflow, *workflow.subprocesses.values()) for task in part.tasks.values()]

        def identity(row: Any) -> Any:
            return row.id if "id" in row.columns else row.task_id

        rows = sorted(rows, key=lambda row: order.index(identity(row)))
        return next(row for row in rows if write(workflow.get_task_from_id_or_none(identity(row)).data) == data)

    def _forget(self) -> None:
        if self.reloading:
            self.unit.flush()
            self.runtime = Runtime()
            file = self.unit.look("id", self.file.instance.id)
            assert file is not None
            self.file = file
            self.unit.hold(self.runtime.shelf, file)

    def _step(self) -> Step:
        town = self.town
        now = town.clock.now()
        return Step(self.unit, town.platform.host, self.runtime, self.definition, self.file, now, None, process="main")
