"""Begin an act on a case: its file in hand and the diagrams it runs on."""

from __future__ import annotations

from datetime import datetime

from engine.casefile.file import CaseFile
from engine.casefile.unit import Unit
from engine.organisation.actor import Actor
from engine.platform import Platform
from engine.workflow.step import Step

RUNNING = "running"


def begin_step(unit: Unit, platform: Platform, file: CaseFile, now: datetime, actor: Actor | None) -> Step:
    """A step on a case file."""
    definition = platform.definitions.of(unit, file.instance.deployment_id)
    process = file.instance.process
    return Step(unit, platform.host, platform.runtime, definition, file, now, actor, process=process)


def step_on_case(unit: Unit, platform: Platform, case_id: int, now: datetime, actor: Actor | None) -> Step | None:
    """A step on the running instance of a case; none when it has ended."""
    file = unit.take(platform.runtime.shelf, "case", case_id)
    return begin_step(unit, platform, file, now, actor) if file is not None else None


def step_on(
    unit: Unit, platform: Platform, instance_id: int, now: datetime, actor: Actor | None, *, lock: str = "lock"
) -> Step | None:
    """A step on a running instance; none when it has ended, or another worker has it and ``lock`` is ``skip``."""
    file = unit.take(platform.runtime.shelf, "id", instance_id, lock=lock)
    if file is None or file.instance.status != RUNNING:
        return None
    return begin_step(unit, platform, file, now, actor)
