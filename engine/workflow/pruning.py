"""Forget finished tasks that nothing will ask for again, so that a case may go round as often as it must.

Kept are: what is not finished, the forks that unfinished branches still belong to, and what ended branches leave to
the end of their scope. What a diagram's joins of parallel branches look at is the whole tree, so a process that has
one is left as it is.
"""

from __future__ import annotations

from typing import Any

from engine.workflow.tree import COMPLETED, FINISHED, NOT_FINISHED, CaseTask, merge


def prune(part: Any) -> list[CaseTask]:
    """Remove finished tasks from a process or sub-process; gives those of them that were completed."""
    if part.spec.looks_ahead:
        return []
    fold_ends(part)
    tasks, last = part.tasks, part.last_task
    needed = needed_tasks(part)
    gone: list[CaseTask] = []
    if len(needed) < len(tasks):
        for task in [task for task in tasks.values() if task not in needed]:
            task.parent.children.remove(task)  # its descendants go in the same sweep
            del tasks[task.id]
            if task._state == COMPLETED:
                gone.append(task)
    for task in [task for task in tasks.values() if task is not last and is_passage(task)]:
        task.replace_by(list(task.children))
        gone.append(task)
    return gone


def needed_tasks(part: Any) -> set[CaseTask]:
    """Unfinished tasks, ends that were reached (their data is merged at the end) and the last one, with all above."""
    needed: set[CaseTask] = {part.task_tree}
    last, end = part.last_task, part.spec.end
    for task in part.tasks.values():
        if task._state & NOT_FINISHED or task.task_spec is end or task is last:
            at = task
            while at not in needed:
                needed.add(at)
                at = at.parent
    return needed


def is_passage(task: CaseTask) -> bool:
    """Whether a completed task only leads from its parent to its one finished child.

    A fork whose main child is finished has been joined; before that its join would miss it. The parent of an end is
    where the end's data comes from, until the end holds it itself.
    """
    if len(task.children) != 1 or task._state != COMPLETED or task.parent is None:
        return False
    child, end = task.children[0], task.workflow.spec.end
    if task.task_spec is end:
        return False
    if child.task_spec is end:
        return bool(child._state & FINISHED and child.data)
    return bool(child._state == COMPLETED)


def fold_ends(part: Any) -> None:
    """Let the last of several ended branches hold what all of them leave to the end of the scope.

    The end merges what they leave in the order in which they ended, and the variables of the last token over it.
    """
    end = part.spec.end
    ends = [task for task in part.tasks.values() if task.task_spec is end and task._state & FINISHED]
    if len(ends) < 2 or part.completed:
        return
    ends.sort(key=lambda each: each.last_state_change)
    last = ends[-1]
    left: dict[str, Any] = {}
    for task in ends:
        merge(left, end.left_by(task))
    last.data = left
    for task in ends[:-1]:
        part._remove_task(task.id)
