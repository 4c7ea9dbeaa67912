"""The only door to a case and to a task: who sees what, and who may act."""

from __future__ import annotations

from typing import Any, NoReturn
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, false, or_, select, true
from sqlalchemy.orm import Session

from engine.errors import NotAllowed, NotFound
from engine.models import Case, CaseUnit, Task
from engine.models.workflow import OPEN
from engine.organisation.actor import SUPERVISION_ONLY, Actor
from engine.organisation.directory import Directory


def visible(actor: Actor, directory: Directory) -> ColumnElement[bool]:
    """The condition under which the actor sees a case."""
    if actor.may("case.read_all"):
        return true()
    ways: list[ColumnElement[bool]] = [Case.reporter_id == actor.person_id]
    matters = sorted(name for name, permission in directory.matter_readers.items() if actor.may(permission))
    if matters:
        ways.append(Case.matter.in_(matters))
    if actor.may("case.read_own_department"):
        mine = select(CaseUnit.case_id).where(CaseUnit.department_code.in_(sorted(actor.departments)))
        ways += [Case.id.in_(mine), Case.lead_department.in_(sorted(actor.departments))]
        territories = [
            unit.territory for code in actor.departments if (unit := directory.units.get(code)) and unit.territory
        ]
        if territories and actor.may("case.read_own_district"):
            ways.append(or_(Case.district_code.in_(territories), Case.subdistrict_code.in_(territories)))
    if actor.may("case.read_own_grid") and actor.duty_grids:
        ways.append(Case.duty_grid_code.in_(sorted(actor.duty_grids)))
        # Who was chosen for a task of another grid's case sees that case while the task is open.
        ways.append(Case.id.in_(select(Task.case_id).where(Task.status == OPEN, Task.assignee_id == actor.person_id)))
    return or_(*ways)


def visible_cases(actor: Actor, directory: Directory) -> Select[Any]:
    """All cases the actor sees."""
    return select(Case).where(visible(actor, directory))


def access_case(session: Session, actor: Actor, directory: Directory, number: str) -> Case:
    """A case by number. Raises NotFound alike when it does not exist and when the actor may not see it."""
    case: Case | None = session.scalar(visible_cases(actor, directory).where(Case.number == number))
    if case is None:
        raise NotFound(f"there is no case {number} that you may see; check the number")
    return case


def mine_or_my_groups(actor: Actor) -> ColumnElement[bool]:
    """Open tasks the actor may do: assigned to the actor, or unassigned for a role and scope the actor holds."""
    ways: list[ColumnElement[bool]] = [Task.assignee_id == actor.person_id]
    for holding in actor.holdings:
        scopes = [scope for scope in (holding.department, holding.duty_grid) if scope]
        scoped = or_(Task.scope.is_(None), Task.scope.in_(scopes))
        ways.append(and_(Task.assignee_id.is_(None), Task.role == holding.role, scoped))
    return or_(*ways) if ways else false()


def access_task(session: Session, actor: Actor, task_id: UUID, *, lock: bool = False) -> Task:
    """A task the actor's posts may do, whoever holds it. Raises NotFound for any other.

    ``lock`` waits for whoever is at the task right now and reads what they left.
    """
    task = session.get(Task, task_id, with_for_update=True if lock else None)
    return task if task is not None and may_do(actor, task) else missing_task(task_id)


def may_do(actor: Actor, task: Task) -> bool:
    """Whether a post of the actor serves the task, or it was given to the actor."""
    return actor.serves(task.role, task.scope) or task.assignee_id == actor.person_id


def missing_task(task_id: UUID) -> NoReturn:
    """Raise NotFound, alike for tasks that do not exist and those of others."""
    raise NotFound(f"there is no task {task_id} for your post; it may have been withdrawn or given to somebody else")


def refuse_own_case(actor: Actor, case: Case, task: Task) -> None:
    """A department never checks or closes its own case, whatever posts its people hold."""
    handlers = {unit.department_code for unit in case.units}
    if task.stage in SUPERVISION_ONLY and actor.handling_departments & handlers:
        raise NotAllowed(
            f"{task.name} of a case is for the supervision side; your department handles this case and cannot do it"
        )


def refuse_barred(actor: Actor, task: Task) -> None:
    """Who reported a case does not verify or check it where the city bars that (``bar_reporter``)."""
    choice = task.defaults.get("choice")
    if isinstance(choice, dict) and choice.get("barred") == actor.person_id:
        raise NotAllowed(f"you reported this case; {task.name} is for somebody else, leave it to a colleague")


def require(actor: Actor, permission: str, what: str) -> None:
    """Raise NotAllowed unless a post of the actor gives the permission."""
    if not actor.may(permission):
        raise NotAllowed(f"your post may not {what}; it takes the permission {permission}")
