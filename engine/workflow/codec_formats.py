"""The formats in which states were ever written, and how the older are read. ``codec`` describes the present one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from SpiffWorkflow.util.task import TaskState

from engine.workflow.tree import NOT_FINISHED

FORMAT = 2
"""1: until November 2026, with predicted tasks. 2: parents by place, no predictions but for joins of branches."""

AHEAD = TaskState.FUTURE | TaskState.PREDICTED_MASK


class StateUnreadable(Exception):
    """The stored state is of a format this release does not know; upgrade in steps."""


def read_format(stored: Mapping[str, Any]) -> tuple[Mapping[str, Any], int]:
    """A stored state in the present format, and the format in which it was written. Raises StateUnreadable."""
    written = stored.get("format")
    if written == FORMAT:
        return stored, FORMAT
    if written == 1:
        return _from_1(stored), 1
    raise StateUnreadable(f"state format {written}, this release reads 1 to {FORMAT}; upgrade Wangge")


def _from_1(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Sub-processes were named by their calling task, in order of creation; that task may come later."""
    top = _part_from_1(stored["top"])
    known = {row[0] for row in top["tasks"]}
    pending = {key.replace("-", ""): part for key, part in stored["sub"].items()}
    sub = []
    while pending:
        found = [key for key in pending if key in known]
        if not found:
            raise StateUnreadable("a sub-process has no parent task; restore the instance from a backup")
        for key in found:
            part = _part_from_1(pending.pop(key))
            known |= {row[0] for row in part["tasks"]}
            sub.append((key, part))
    return {"done": stored["done"], "top": top, "sub": sub}


def _part_from_1(part: Mapping[str, Any]) -> dict[str, Any]:
    """Rows were ``[id, parent, task spec, state, triggered, thread, changed, internal data, difference]``."""
    places = {row[0]: place for place, row in enumerate(part["tasks"])}
    rows = []
    for identity, parent, spec, state, triggered, _thread, changed, internal, delta in part["tasks"]:
        row = [identity, places[parent] if parent else -1, spec, state, changed, delta, internal]
        rows.append([*row, 1] if triggered else row)
    last = part["last"]
    return {**part, "last": places.get(last) if last else None, "tasks": rows}


def forget_predictions(part: Any) -> None:
    """Format 1 holds what stock predicts for every process; ours predict only where joins of branches ask for it."""
    if part.spec.looks_ahead:
        return
    for task in list(part.tasks.values()):
        if (
            task._state & AHEAD
            and not task.triggered
            and task.parent is not None
            and task.parent._state & NOT_FINISHED
            and task.id in part.tasks
        ):
            part._remove_task(task.id)
