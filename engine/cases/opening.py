"""Make a case: the record, its number, its running process. ``reporting`` is the way in from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text

from engine.casefile.asking import Asked, PerDialect, Question
from engine.casefile.file import CaseFile
from engine.casefile.records import CaseRecord, InstanceRecord, UnitRecord
from engine.casefile.shelf import Shelf
from engine.casefile.unit import Unit
from engine.city import City
from engine.components.cells import cell_of
from engine.errors import Invalid, OperatorRefused
from engine.matters.declaring import KIND, Matter, fill_number, matter_of
from engine.models import Case, CaseLink, Instance
from engine.workflow.definitions import Definition
from engine.workflow.step import Step


@dataclass(frozen=True)
class Report:
    """What somebody tells about a problem. ``lon``/``lat`` are WGS-84; ``kind`` is component or event, or that of
    matters.

    ``source`` is a channel of the city (``engine.intake.channels``), ``external_id`` the number the channel gave it.
    """

    kind: str
    full_code: str
    description: str
    source: str
    lon: float | None = None
    lat: float | None = None
    address: str = ""
    condition_no: int | None = None
    component_code: str | None = None
    urgent: bool = False
    self_handled: bool = False
    reporter_name: str = ""
    reporter_phone: str = ""
    external_id: str | None = None
    title: str = ""


def new_case(report: Report, now: datetime) -> Case:
    """A case row with everything a report says and nothing else."""
    return CaseRecord(
        number="", external_id=report.external_id, status="reported", stage="", title=report.title,
        description=report.description, kind=report.kind, full_code=report.full_code, condition_no=None,
        catalogue_version_id=None, limit_text="", source=report.source, urgent=report.urgent,
        self_handled=report.self_handled, lon=report.lon, lat=report.lat, address=report.address,
        component_code=report.component_code, grid_code=None, duty_grid_code=None, community_code=None,
        subdistrict_code=None, district_code=None, area_class="", reporter_id=None,
        reporter_name=report.reporter_name, reporter_phone=report.reporter_phone, lead_department=None,
        reported_at=now, filed_at=None, dispatched_at=None, handled_at=None, due_at=None, closed_at=None,
        close_kind=None, on_time=None, overdue_excluded=False, satisfaction=None, extensions=0, suspensions=0,
        reworks=0, returns=0, supervisions=0, appeals=0, merged_into_id=None,
        cell=case_cell(report.lon, report.lat) if report.kind != KIND else None, merged_reports=0, no_report=None,
        matter=None, origin=None,
    )  # fmt: skip


def case_cell(lon: float | None, lat: float | None) -> int | None:
    """The cell by which a case at a place is found; none without a place."""
    return None if lon is None or lat is None else cell_of(lon, lat)


COUNT_ON = Question(
    text(
        "INSERT INTO counter (name, value) VALUES (:name, 1) "
        "ON CONFLICT (name) DO UPDATE SET value = counter.value + 1 RETURNING value"
    ),
    "name",
)
"""The next number of a named counter, beginning with 1. Others wait for it until the act ends."""


def _next_id(table: str) -> PerDialect:
    return PerDialect(
        Question(text(f"SELECT coalesce(max(id), 0) + 1 FROM {table}")),
        Question(text(f"SELECT nextval(pg_get_serial_sequence('{table}', 'id'))")),
    )


NEXT_CASE, NEXT_INSTANCE = _next_id(Case.__tablename__), _next_id(Instance.__tablename__)


def what_opens(city: City, now: datetime, matter: Matter | None = None) -> tuple[Asked, ...]:
    """What opening a case asks of the database: the serial of its number, its id and that of its instance."""
    day = _day(city, now)
    own = matter is not None and bool(matter.number)
    name = f"matter {matter.name} {day.year}" if matter is not None and own else f"case {day.isoformat()}"
    return (COUNT_ON, {"name": name}), (NEXT_CASE, {}), (NEXT_INSTANCE, {})


def number_case(
    unit: Unit, city: City, case: Case, now: datetime, drawn: Sequence[Any], matter: Matter | None = None
) -> int:
    """Give a case its number and id, as ``what_opens`` drew them.

    The number is of the city's pattern with a serial that restarts every day, or of the matter's with one that
    restarts every year. Returns the id of its instance.
    """
    day = _day(city, now)
    pattern = (matter.number if matter is not None else "") or city.case_number
    case.number = fill_number(pattern, day.year, day.month, day.day, drawn[0][0])
    case.id = unit.fresh_id(CaseRecord, drawn[1][0])
    return unit.fresh_id(InstanceRecord, drawn[2][0])


def _day(city: City, now: datetime) -> date:
    return now.astimezone(city.time_zone).date()


def start_process(step: Step, values: Mapping[str, Any] | None = None) -> None:
    """Start the process of a step's pending instance for its case, with first variables."""
    known_process(step)
    case = step.case
    given = {"values": {name: step.keep(value) for name, value in values.items()}} if values else {}
    step.record("reported", source=case.source, description=case.description, urgent=case.urgent, **given)
    run_process(step, values)


def known_process(step: Step) -> None:
    """Raise Invalid when the deployment has no such process."""
    if step.process not in step.definition.diagrams:
        known = ", ".join(sorted(step.definition.diagrams))
        raise Invalid(f"no diagram has the id {step.process!r}; deployed are {known}")


def run_process(step: Step, values: Mapping[str, Any] | None = None) -> None:
    """Start the process; its history has its first line already."""
    step.runtime.start(step, {name: step.keep(value) for name, value in (values or {}).items()})
    settle_stage(step)


def new_file(
    unit: Unit, shelf: Shelf, case: Case, instance_id: int, definition: Definition, process: str, now: datetime
) -> CaseFile:
    """The file of a case about to be started on a process; its rows are written at the end of the act."""
    instance = InstanceRecord(
        id=instance_id, case_id=case.id, deployment_id=definition.deployment_id, process=process, status="running",
        state=b"", version=1, started_at=now, ended_at=None,
    )  # fmt: skip
    file = CaseFile(case, instance)
    unit.hold(shelf, file)
    return file


def settle_stage(step: Step) -> None:
    """The stage of the oldest open task is the case's; answering a supervision is beside the way."""
    tasks = sorted((t for t in step.tasks.values() if t.stage != "supervise"), key=lambda t: t.created_at)
    stage = tasks[0].stage if tasks else ""
    if step.case.stage != stage:
        step.case.stage = stage
        if stage == "check":
            step.case.handled_at = step.now


PLACE = ("grid_code", "duty_grid_code", "community_code", "subdistrict_code", "district_code", "area_class")
CLASS = ("catalogue_version_id", "condition_no")


def open_beside(
    step: Step, process: str, title: str, department: str | None, values: Mapping[str, Any] | None = None
) -> str:
    """Open a case beside the step's own, at the same place. Returns its number.

    It is of the same class, or the matter that declares the process, and runs on the deployment of the case beside it,
    or on the one in effect where that has no such process. What the matter's form would have asked is none unless
    ``values`` say it. Lead is the department named, else the matter's
    own near the place, else that of the task just done, else the lead of the case beside it.
    """
    host: Any = step.host
    parent = step.case
    matter = matter_of(host.matters, process)
    kind, full_code = (KIND, "") if matter is not None else (parent.kind, parent.full_code)
    report = Report(
        kind=kind, full_code=full_code, description=title or parent.description, source="department", lon=parent.lon,
        lat=parent.lat, address=parent.address, component_code=parent.component_code, title=title or parent.title,
    )  # fmt: skip
    case = new_case(report, step.now)
    for name in (*PLACE, *(CLASS if matter is None else ())):
        setattr(case, name, getattr(parent, name))
    case.origin, case.matter = parent.number, matter.name if matter is not None else None
    drawn = step.unit.ask(*what_opens(host.city, step.now, matter))
    instance_id = number_case(step.unit, host.city, case, step.now, drawn, matter)
    own = host.department_of(matter, case) if matter is not None else None
    lead_by(case, department or own or step.department or parent.lead_department, step.now)
    definition = step.definition
    if process not in definition.diagrams:  # a procedure that came with a later deployment than the case's own
        definition = host.definitions.current(step.session, step.now)
    file = new_file(step.unit, step.runtime.shelf, case, instance_id, definition, process, step.now)
    step.flush()  # the new case is there before its link points to it, whatever its process looks up next
    step.session.add(CaseLink(from_id=parent.id, to_id=case.id, kind=process, created_at=step.now))
    form = definition.forms.get(matter.form) if matter is not None and matter.form else None
    given = {**dict.fromkeys(form.keys if form is not None else ()), **(values or {})}
    start_process(Step(step.unit, host, step.runtime, definition, file, step.now, step.actor, process=process), given)
    return case.number


def lead_by(case: Case, department: str | None, now: datetime) -> None:
    """The lead unit of a new case."""
    case.lead_department = department
    if department:
        case.units.append(UnitRecord(department_code=department, part="lead", since=now, until=None))


def open_linked(
    step: Step,
    process: str,
    title: str = "",
    department: str | None = None,
    values: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Open a case beside this one with a process of its own, which begins with the variables ``values``.

    Neither waits for the other. Result ``{number}``.
    """
    if values is not None and not isinstance(values, Mapping):
        raise OperatorRefused(f"values are variables by name, not {values!r}; write ${{{{'party': party}}}}")
    if not process:
        raise OperatorRefused("no process is named; procedures.csv says which one a case opens: add a row for *")
    number = open_beside(step, process, title, department, values)
    step.record("linked", number=number, process=process)
    return {"number": number}
