"""Work a case by hand in a small town: report it, do its tasks, take photos, let time pass."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from engine.cases.actions import act_on_case
from engine.cases.opening import Report
from engine.cases.reporting import report_case
from engine.cases.tasks import complete_task
from engine.cases.timekeeping import fire_due_timers
from engine.database import begin_write
from engine.models import Case, CaseEvent, Evidence, Instance, Task, Timer
from engine.testing.small_city import SmallTown
from engine.workflow.runtime import Runtime

CONDITION = "component/0101/1"
"""Water supply cover missing: 2 urgent hours, by the municipal office."""


class CaseWork:
    """One case and the people who bring it through. Logins are those of the small city."""

    def __init__(self, town: SmallTown, **report: Any) -> None:
        self.town = town
        values = {
            "kind": "component", "full_code": "0101", "description": "井盖缺失", "source": "patrol", "lon": 116.0005,
            "lat": 28.0005, "condition_no": 1, "reporter_phone": "10000000001", **report,
        }  # fmt: skip
        begin_write(town.session)
        case = report_case(town.session, town.platform, Report(**values), town.actor("collector"), town.clock.now())
        town.session.commit()
        self.id = case.id

    @property
    def case(self) -> Case:
        """The case as the database has it now."""
        self.town.session.expire_all()
        return self.town.session.get_one(Case, self.id)

    def open(self) -> list[str]:
        """Elements of the open tasks, oldest first."""
        self.town.session.rollback()  # see what others have committed since
        query = select(Task.element).where(Task.case_id == self.id, Task.status == "open")
        return list(self.town.session.scalars(query.order_by(Task.created_at, Task.element)))

    def task(self, element: str, scope: str | None = None) -> Task:
        """An open task by element (and scope, when several units have one)."""
        self.town.session.rollback()
        query = select(Task).where(Task.case_id == self.id, Task.status == "open", Task.element == element)
        if scope is not None:
            query = query.where(Task.scope == scope)
        task = self.town.session.scalars(query).first()
        if task is None:
            raise AssertionError(f"no open task {element} {scope or ''}; open are {self.open()}")
        return task

    def do(
        self,
        login: str,
        element: str,
        answers: Mapping[str, Any] | None = None,
        *,
        scope: str | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Complete a task as somebody."""
        town = self.town
        task = self.task(element, scope)
        return complete_task(
            town.session, town.platform, town.actor(login), task.id, answers or {}, now=town.clock.now(), **options
        )

    def act(self, login: str, action: str, **payload: Any) -> dict[str, Any]:
        """Take an action on the case as somebody."""
        town = self.town
        number = self.case.number
        return act_on_case(
            town.session, town.platform, town.actor(login), number, action, payload, now=town.clock.now()
        )

    def photo(self, role: str = "after_photo", sha256: str = "0" * 64) -> None:
        """Put a photo to the case, as the upload service would have; the same digest is the same file."""
        now = self.town.clock.now()
        self.town.session.add(
            Evidence(
                case_id=self.id, role=role, file_name="photo.jpg", media_type="image/jpeg", sha256=sha256, size=1,
                width_px=1, height_px=1, taken_at=now, lon=None, lat=None, uploaded_at=now, uploader_id=None,
                department_code=None, original=b"-", public_copy=b"-",
            )
        )  # fmt: skip
        self.town.session.commit()

    def wait(self, **delta: float) -> int:
        """Let time pass and fire every timer at its own moment on the way. Returns how many firings moved a case."""
        return self.wait_until(self.town.clock.now() + timedelta(**delta))

    def wait_until(self, end: datetime) -> int:
        """As ``wait``, to a moment."""
        fired = 0
        session = self.town.session
        while True:
            due = session.scalar(select(Timer.due_at).where(Timer.due_at <= end).order_by(Timer.due_at).limit(1))
            if due is None:
                break
            self.town.clock.set(max(due, self.town.clock.now()))
            fired += fire_due_timers(session, self.town.platform, self.town.clock.now())
        self.town.clock.set(end)
        return fired

    def history(self) -> list[str]:
        """Kinds of the history's lines, in order."""
        return list(
            self.town.session.scalars(select(CaseEvent.kind).where(CaseEvent.case_id == self.id).order_by(CaseEvent.id))
        )

    def state(self) -> str:
        """Status of the case's instance."""
        return self.town.session.scalars(select(Instance.status).where(Instance.case_id == self.id)).one()

    def forget_live(self) -> None:
        """Throw away what the runtime and the session keep in memory, as a restart would."""
        self.town.platform.runtime = Runtime()
        self.town.session.expunge_all()

    # The stretches of the lifecycle, each as its usual people do it.

    def accept(self) -> None:
        """Acceptor finds the report in order."""
        self.do("acceptor", "accept", {"decision": "ok", "condition": CONDITION, "urgent": False})

    def file(self) -> None:
        """Accept and file."""
        self.accept()
        self.do("shift_leader", "file_case", {"decision": "approve", "condition": CONDITION, "urgent": False})

    def dispatch(self, lead: str = "MUNICIPAL", assisting: list[str] | None = None) -> None:
        """To the units."""
        self.file()
        self.do("dispatcher", "assign", {"decision": "assign", "lead": lead, "assisting": assisting or []})

    def handle(self, department: str = "MUNICIPAL") -> None:
        """One unit receives, handles and feeds back, with a photo."""
        name = department.lower()
        self.do(f"unit_clerk_{name}", "receive", {"decision": "accept"}, scope=department)
        self.do(f"unit_handler_{name}", "handle", {"decision": "done", "handling_note": "已补盖"}, scope=department)
        self.photo()
        self.do(f"unit_clerk_{name}", "feedback", {"decision": "complete"}, scope=department)

    def close(self) -> None:
        """Checked on site and closed."""
        self.do("collector", "check", {"decision": "pass"})
        self.do("shift_leader", "close", {"decision": "close", "kind": "solved"})
