"""Cases of another system, lived again: each goes through the whole lifecycle at its own times and must end as it did.

Reported when it was opened; its tasks are done by the right people so that handling ends when the file says it was
closed. What had not ended there must not end here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.cases.import_intake import CLOSE_KINDS
from engine.cases.import_profile import ImportedCase, Outcome
from engine.cases.opening import Report
from engine.cases.reporting import report_case
from engine.cases.tasks import complete_task
from engine.database import begin_write
from engine.errors import DomainError
from engine.models import Case
from engine.organisation.roles import load_roles
from engine.platform import Platform
from engine.simulation.agenda import Appointment
from engine.simulation.answers import Pen
from engine.simulation.chances import stream
from engine.simulation.desk import Desk, OpenTask
from engine.simulation.people import People
from engine.simulation.settings import load_settings
from engine.simulation.summary import Tally
from engine.simulation.timeline import Timeline
from engine.simulation.waiting import Pace
from engine.workflow.forms import FormInvalid

MINUTE = timedelta(minutes=1)
TO_THE_MINUTE = timedelta(seconds=60)
AFTERWARDS = timedelta(days=30)
"""How long the clock runs on after the file's last moment: checks, closes and appeal periods end by then."""
INTAKE = ("accept", "verify", "file", "dispatch", "coordinate", "receive")
HANDLING = ("handle", "feedback")

SCRIPTS: dict[Outcome, dict[str, str]] = {
    Outcome.DUPLICATE: {"accept.decision": "duplicate"},
    Outcome.INVALID: {"accept.decision": "not_in_scope"},
    Outcome.UNFOUNDED: {"accept.decision": "needs_field_proof", "verify.verified": "false"},
    Outcome.NOTED: {"close.kind": "notification"},
    Outcome.REFERRED: {"close.kind": "notification"},
    Outcome.UNRESOLVED: {"close.kind": "forced"},
}
"""What people decide so that a case ends like that; everything else takes the plain way."""
DECIDED_IN = {Outcome.DUPLICATE: "accept", Outcome.INVALID: "accept", Outcome.UNFOUNDED: "verify"}
"""The stage whose task ends a case that never reaches handling."""


@dataclass(frozen=True)
class Mismatch:
    """A replayed case that did not end as the file says."""

    line: int
    external_id: str
    expected: str
    found: str


@dataclass
class ReplayReport:
    """What came of a replay. ``ended`` counts by outcome; ``on_time`` the verdicts alike by clock and by dates."""

    replayed: int = 0
    completed: int = 0
    fired: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    on_time_alike: int = 0
    on_time_compared: int = 0
    mismatches: list[Mismatch] = field(default_factory=list)


def replay_cases(
    session: Session,
    platform: Platform,
    cases: Iterable[ImportedCase],
    *,
    seed: int,
    progress: Callable[[int], None] = lambda done: None,
) -> ReplayReport:
    """Replay cases in an initialised database of their city and hold each against its row.

    :param progress: hears of every case reported.
    """
    again = Replay(session, platform, sorted(cases, key=lambda case: case.opened_at), seed, progress)
    return again.run()


class Replay:
    """One replay. Cases are known by the line of their row, stand-ins for originals outside the sample by none."""

    def __init__(
        self,
        session: Session,
        platform: Platform,
        cases: list[ImportedCase],
        seed: int,
        progress: Callable[[int], None],
    ) -> None:
        self.session = session
        self.platform = platform
        self.cases = cases
        self.progress = progress
        self.chance = stream(seed, "replay")
        self.settings = load_settings(platform.city)
        self.people = People(session, load_roles(platform.city.layers))
        self.tally = Tally()
        pace = Pace(replace(self.settings, slow_share=0.0), (), seed)
        self.desk = Desk(session, platform, self.settings, self.people, pace, self.tally, lambda number: self.chance)
        self.timeline = Timeline(session, platform, self.keep, self.plan_tasks)
        self.rows: dict[int, ImportedCase] = {}
        self.ids: dict[str, int] = {}
        self.troubles: dict[int, str] = {}

    def run(self) -> ReplayReport:
        """Live through all of it, then compare."""
        report = ReplayReport()
        if not self.cases:
            return report
        for serial, case in enumerate(self.cases):
            self.timeline.agenda.add(case.opened_at, Appointment("report", serial=serial))
        drawn_at = max(case.last_moment for case in self.cases)
        self.timeline.run(self.cases[0].opened_at, drawn_at + AFTERWARDS, lambda moment: None)
        report.completed, report.fired = self.tally.completed, self.timeline.fired
        for case_id, row in self.rows.items():
            self.compare(self.session.get_one(Case, case_id), row, drawn_at, report)
        self.session.rollback()
        return report

    # Living it again -----------------------------------------------------------------------------------------

    def keep(self, now: datetime, appointment: Appointment) -> None:
        """Do what was planned for this moment."""
        if appointment.task is not None:
            self.do_task(now, appointment.task)
        else:
            self.report(now, self.cases[appointment.serial])
            self.progress(1)

    def report(self, now: datetime, row: ImportedCase) -> None:
        """Report a case as the file has it."""
        place = row.lon is not None and row.lat is not None and self.platform.host.ground.locate(row.lon, row.lat)
        told = Report(
            kind=row.kind, full_code=row.full_code, description=row.title, source=row.source,
            lon=row.lon if place else None, lat=row.lat if place else None, address=row.address,
            condition_no=row.condition_no, external_id=row.external_id,
        )  # fmt: skip
        begin_write(self.session)
        actor = self.people.find("acceptor", None, self.chance)
        case = report_case(self.session, self.platform, told, actor, now)
        self.rows[case.id], self.ids[row.external_id] = row, case.id
        if row.outcome is Outcome.DUPLICATE and row.duplicate_of not in self.ids:
            original = replace(told, external_id=None, title=f"{row.duplicate_of or '?'}")
            self.ids[row.duplicate_of] = report_case(self.session, self.platform, original, actor, now).id
        self.session.commit()
        self.timeline.follow(case.id, now)

    def plan_tasks(self, tasks: list[OpenTask], now: datetime) -> None:
        """When a task has to be done so that its case ends when it did; never for one that did not."""
        for task in tasks:
            row = self.rows.get(task.case_id)
            if row is None:
                continue  # a stand-in waits for ever
            at = self.moment(task.stage, row, now)
            if at is not None:
                self.timeline.agenda.add(max(at, now), Appointment("task", task=task))

    def moment(self, stage: str, row: ImportedCase, now: datetime) -> datetime | None:
        """When a task of this stage is done, none when it never was."""
        if row.outcome is not None and stage == DECIDED_IN.get(row.outcome):
            return row.closed_at
        if stage in HANDLING:
            return row.closed_at
        return now if stage in INTAKE else now + 5 * MINUTE

    def do_task(self, now: datetime, task: OpenTask) -> None:
        """Somebody of the right post does a task the way the file's outcome wants it."""
        row = self.rows[task.case_id]
        actor = self.people.whose(task, self.chance)
        if actor is None:
            self.troubles[task.case_id] = f"nobody is {task.role}@{task.scope}"
            return
        for role in self.desk.asked(task):
            self.desk.photograph(task.number, role, actor, now)
        form = self.platform.definitions.get(self.session, task.deployment_id).forms.get(task.form or "")
        answers: dict[str, Any] = {}
        if form is not None:
            situation = replace(self.desk.situation(task, form, actor, now), duplicate_of=self.original(row))
            answers = ScriptedPen(self.settings, self.chance, True, 1, self.script(row)).fill(form, situation)
        try:
            complete_task(self.session, self.platform, actor, task.id, answers, now=now)
        except (DomainError, FormInvalid) as error:
            self.troubles[task.case_id] = f"{task.element}: {error}"
            return
        self.tally.completed += 1
        self.timeline.follow(task.case_id, now)

    def script(self, row: ImportedCase) -> dict[str, str]:
        """What is decided about a case."""
        decided = SCRIPTS.get(row.outcome, {}) if row.outcome is not None else {}
        return {"dispatch.lead": row.department, **decided}

    def original(self, row: ImportedCase) -> str | None:
        """The number of the case this one repeats."""
        case_id = self.ids.get(row.duplicate_of) if row.outcome is Outcome.DUPLICATE else None
        return self.session.scalar(select(Case.number).where(Case.id == case_id)) if case_id else None

    # Comparing -----------------------------------------------------------------------------------------------

    def compare(self, case: Case, row: ImportedCase, drawn_at: datetime, report: ReplayReport) -> None:
        """Hold a case's end against its row."""
        report.replayed += 1
        report.ended[str(row.outcome or "open")] += 1
        expected, found = expectation(row), ending(case, row)
        if case.id in self.troubles:
            found = f"{found} ({self.troubles[case.id]})"
        if expected != found:
            report.mismatches.append(Mismatch(row.line, row.external_id, expected, found))
        if case.status == "closed" and row.due_at is not None and case.limit_text:
            report.on_time_compared += 1
            report.on_time_alike += case.on_time == row.on_time(drawn_at)


@dataclass(frozen=True)
class ScriptedPen(Pen):
    """Fills in forms plainly, but decides what the script says (``form.field`` -> choice)."""

    script: dict[str, str] = field(default_factory=dict)

    def choose(self, form: str, view: Any, situation: Any, answers: Any, default: Any) -> Any:
        """The scripted choice where it is one, else the plain one."""
        wanted = self.script.get(f"{form}.{view.field.key}")
        if wanted in [option.value for option in view.options]:
            return wanted
        return super().choose(form, view, situation, answers, default)


def expectation(row: ImportedCase) -> str:
    """How a case must end, in words."""
    if row.outcome is None:
        return "dispatched"
    if row.status == "closed":
        return f"closed as {CLOSE_KINDS.get(row.outcome, 'solved')}, handled when it was"
    return row.status


def ending(case: Case, row: ImportedCase) -> str:
    """How it did end, in the same words."""
    if case.status != "closed":
        return case.status
    last = max(row.closed_at or row.opened_at, row.opened_at)
    late = case.handled_at - last if case.handled_at is not None else None
    alike = late is not None and abs(late) <= TO_THE_MINUTE
    return f"closed as {case.close_kind}, handled {'when it was' if alike else f'{late} from then'}"
