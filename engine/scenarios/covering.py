"""Which elements and flows of the diagrams no scenario reached."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from engine.scenarios.values import Coverage
from engine.workflow.definitions import Definition
from engine.workflow.observing import Trail


def cover(definition: Definition, trail: Trail, processes: Collection[str] = ()) -> Iterator[Coverage]:
    """One row a diagram (of ``processes``; all when empty) in the order of their ids."""
    for process, diagram in sorted(definition.diagrams.items()):
        if processes and process not in processes:
            continue
        yield Coverage(
            process=process,
            name=diagram.name,
            elements=len(diagram.elements),
            flows=len(diagram.flows),
            missed_elements=tuple(each for each in diagram.elements if (process, each) not in trail.elements),
            missed_flows=tuple(each for each in diagram.flows if (process, each) not in trail.flows),
        )
