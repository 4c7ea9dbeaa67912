"""Stock SpiffWorkflow: in memory; naively serialised each step; and the best its public API gives."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any
from uuid import UUID

from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.serializer.default.workflow import BpmnWorkflowConverter
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.spiff.parser import SpiffBpmnParser
from SpiffWorkflow.spiff.serializer.config import SPIFF_CONFIG
from SpiffWorkflow.util.task import TaskState
from sqlalchemy import Column, Engine, Integer, MetaData, Table, Text, bindparam, insert, select, update

from benchmarks.notations import stock_files
from benchmarks.peer import Open, Peer
from engine.database import WRITE

CASE = {"case": {"urgent": False, "full_code": "0101", "number": "20260302-00001"}}


def parse() -> tuple[Any, dict[str, Any]]:
    """The specs of the lifecycle, by stock's own parser."""
    diagrams, decision = stock_files()
    parser = SpiffBpmnParser()
    parser.add_dmn_str(decision, "bench_route.dmn")
    for number, diagram in enumerate(diagrams):
        parser.add_bpmn_str(diagram, f"{number}.bpmn")
    return parser.get_spec("bench"), parser.get_subprocess_specs("bench")


def begin(workflow: Any) -> Any:
    """Run a new instance to its first user task."""
    workflow.task_tree.data.update(json.loads(json.dumps(CASE)))
    workflow.do_engine_steps()
    workflow.refresh_timers()
    return waiting(workflow)


def waiting(workflow: Any) -> Any:
    """The user task that is ready, none at the end."""
    return workflow.get_next_task(state=TaskState.READY, manual=True)


def run_on(workflow: Any, task: Any, answers: dict[str, Any]) -> Any:
    """Complete a user task and run to the next, looking at the timers as SpiffWorkflow's own examples do."""
    task.data.update(answers)
    task.run()
    workflow.do_engine_steps()
    workflow.refresh_timers()
    return waiting(workflow)


class InMemory(Peer):
    """Nothing is kept: every instance lives in memory only."""

    name = "stock in memory"

    def __init__(self) -> None:
        self.spec, self.called = parse()

    def start(self) -> Open:
        workflow = BpmnWorkflow(self.spec, self.called)
        task = begin(workflow)
        return Open((workflow, task), task.task_spec.bpmn_id)

    def complete(self, task: Open, answers: dict[str, Any]) -> Open | None:
        workflow, ready = task.key
        following = run_on(workflow, ready, answers)
        return Open((workflow, following), following.task_spec.bpmn_id) if following is not None else None


class Kept(Peer):
    """A table of states beside the city's own, on the same database and sync mode."""

    table_name = ""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine.execution_options(**{WRITE: True})
        self.spec, self.called = parse()
        metadata = MetaData()
        self.table = Table(
            self.table_name, metadata, Column("id", Integer, primary_key=True), Column("version", Integer),
            Column("state", Text),
        )  # fmt: skip
        metadata.create_all(engine)
        self.insert = insert(self.table)
        self.select = select(self.table.c.version, self.table.c.state).where(self.table.c.id == bindparam("key"))
        self.update = update(self.table).where(self.table.c.id == bindparam("key"))
        self.serial = 0
        self.state_sizes: list[int] = []


class Naive(Kept):
    """The whole workflow, spec included, out of the database and back each step."""

    name = "naive"
    table_name = "bench_naive"

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.serializer = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure(SPIFF_CONFIG))

    def start(self) -> Open:
        workflow = BpmnWorkflow(self.spec, self.called)
        task = begin(workflow)
        self.serial += 1
        with self.engine.begin() as connection:
            state = self.serializer.serialize_json(workflow)
            connection.execute(self.insert, {"id": self.serial, "version": 1, "state": state})
        return Open((self.serial, task.id), task.task_spec.bpmn_id)

    def complete(self, task: Open, answers: dict[str, Any]) -> Open | None:
        key, task_id = task.key
        with self.engine.begin() as connection:
            row = connection.execute(self.select, {"key": key}).one()
            workflow = self.serializer.deserialize_json(row.state)
            following = run_on(workflow, workflow.get_task_from_id(task_id), answers)
            state = self.serializer.serialize_json(workflow)
            self.state_sizes.append(len(state))
            connection.execute(self.update, {"key": key, "version": row.version + 1, "state": state})
        return Open((key, following.id), following.task_spec.bpmn_id) if following is not None else None


class StateOnly(BpmnWorkflowConverter):  # type: ignore[misc]
    """Stock's converter of workflows without the specs; they come from the parser's cache."""

    specs: tuple[Any, dict[str, Any]]

    def to_dict(self, workflow: Any) -> dict[str, Any]:
        dct: dict[str, Any] = super(BpmnWorkflowConverter, self).to_dict(workflow)
        dct["subprocesses"] = self.mapping_to_dict(workflow.subprocesses)
        dct["bpmn_events"] = self.registry.convert(workflow.bpmn_events)
        return dct

    def from_dict(self, dct: dict[str, Any]) -> Any:
        spec, called = self.specs
        workflow = self.target_class(spec, called, deserializing=True)
        workflow.tasks = self.mapping_from_dict(dct["tasks"], UUID, workflow=workflow)
        workflow.task_tree = workflow.tasks.get(UUID(dct["root"]))
        self.set_default_attributes(workflow, dct)
        self.subprocesses_from_dict(dct["subprocesses"], workflow)
        workflow.bpmn_events = self.registry.restore(dct.pop("bpmn_events", []))
        return workflow


class Baseline(Kept):
    """What a careful user of the public API reaches: specs parsed once, the stock serialiser for state only, and live
    workflows kept in memory as long as the row's version says that they are current.
    """

    name = "public-API baseline"
    table_name = "bench_baseline"

    def __init__(self, engine: Engine, cache_size: int = 512) -> None:
        super().__init__(engine)
        converter = type("_StateOnly", (StateOnly,), {"specs": (self.spec, self.called)})
        registry = BpmnWorkflowSerializer.configure({**SPIFF_CONFIG, BpmnWorkflow: converter})
        self.serializer = BpmnWorkflowSerializer(registry)
        self.version = select(self.table.c.version).where(self.table.c.id == bindparam("key"))
        self.cache_size = cache_size
        self.live: OrderedDict[int, tuple[int, Any]] = OrderedDict()

    def start(self) -> Open:
        workflow = BpmnWorkflow(self.spec, self.called)
        task = begin(workflow)
        self.serial += 1
        with self.engine.begin() as connection:
            state = self.serializer.serialize_json(workflow)
            connection.execute(self.insert, {"id": self.serial, "version": 1, "state": state})
        self._keep(self.serial, 1, workflow)
        return Open((self.serial, task.id), task.task_spec.bpmn_id)

    def complete(self, task: Open, answers: dict[str, Any]) -> Open | None:
        key, task_id = task.key
        with self.engine.begin() as connection:
            version, workflow = self.live.pop(key, (0, None))
            current = connection.execute(self.version, {"key": key}).scalar_one()
            if workflow is None or current != version:
                workflow = self.serializer.deserialize_json(connection.execute(self.select, {"key": key}).one().state)
            following = run_on(workflow, workflow.get_task_from_id(task_id), answers)
            state = self.serializer.serialize_json(workflow)
            self.state_sizes.append(len(state))
            connection.execute(self.update, {"key": key, "version": current + 1, "state": state})
        if following is None:
            return None
        self._keep(key, current + 1, workflow)
        return Open((key, following.id), following.task_spec.bpmn_id)

    def _keep(self, key: int, version: int, workflow: Any) -> None:
        self.live[key] = (version, workflow)
        while len(self.live) > self.cache_size:
            self.live.popitem(last=False)
