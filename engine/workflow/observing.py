"""Watch which elements complete and which flows are taken, whatever the runtime keeps of it afterwards.

A definition is watched, not an instance: every instance that runs on it leaves its marks. The specs' own completion
event is the source, so nothing in the runtime knows that anybody looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from SpiffWorkflow.util.task import TaskState

from engine.models import Instance
from engine.workflow.definitions import Definition
from engine.workflow.runtime import read_live

Mark = tuple[str, str]
"""A process and the id of one of its elements or flows."""


@dataclass
class Trail:
    """What has been passed since the trail was last taken up."""

    elements: set[Mark] = field(default_factory=set)
    flows: set[Mark] = field(default_factory=set)

    def take(self) -> Trail:
        """What was passed; the trail begins anew."""
        taken = Trail(self.elements, self.flows)
        self.elements, self.flows = set(), set()
        return taken

    def add(self, other: Trail) -> None:
        """Add what another trail passed."""
        self.elements |= other.elements
        self.flows |= other.flows


def watch(definition: Definition) -> Trail:
    """A trail of every instance that runs on this definition from now on.

    A flow counts as taken when its source has completed and the engine went on to its target; two flows between the
    same two elements cannot be told apart and count together.
    """
    trail = Trail()

    def note(workflow: Any, task: Any) -> None:
        element = task.task_spec.element
        process = definition.home[workflow.spec.name]
        trail.elements.add((process, element.id))
        reached = {target for child in task.children for target in _elements_of(child.task_spec)}
        for flow in definition.diagrams[process].outgoing(element.id):
            if flow.target in reached:
                trail.flows.add((process, flow.id))

    for spec in definition.specs.values():
        for task_spec in spec.task_specs.values():
            if getattr(task_spec, "element", None) is not None:
                task_spec.completed_event.connect(note)
    return trail


def _elements_of(task_spec: Any) -> Iterator[str]:
    """The element a spec stands for; for the engine's own helpers, those they lead to."""
    element = getattr(task_spec, "element", None)
    if element is not None:
        yield element.id
        return
    for output in task_spec.outputs:
        yield from _elements_of(output)


def variables_of(instance: Instance, definition: Definition) -> dict[str, Any]:
    """The variables where an instance stands: those of what waits, the innermost last; after the end its own."""
    workflow = read_live(instance, definition)
    found: dict[str, Any] = dict(workflow.data)
    for part in (workflow, *sorted(workflow.subprocesses.values(), key=lambda each: each.depth)):
        for task in part.tasks.values():
            if task.state in (TaskState.READY, TaskState.WAITING):
                found.update(task.data)
    return found
