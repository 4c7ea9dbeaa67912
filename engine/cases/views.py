"""Cases as people read them: values for the API and the pages alike. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, object_session

from engine.cases import clocks
from engine.cases.actions import possible_actions
from engine.cases.evidence_views import joined_views, views_of
from engine.cases.lights import case_light, clock_light, task_light
from engine.cases.merging import joined_reports
from engine.cases.view_values import (
    CaseDetail,
    CaseSummary,
    ClassView,
    ClockView,
    HistoryLine,
    LinkView,
    Named,
    NoReportView,
    OpenTask,
    UnitView,
)
from engine.models import (
    Case,
    CaseClock,
    CaseEvent,
    CaseLink,
    CaseUnit,
    FilingCondition,
    Person,
    Subclass,
    Supervision,
    Task,
)
from engine.organisation.actor import Actor
from engine.platform import Platform
from engine.workflow.step import open_tasks

__all__ = [
    "CaseDetail",
    "CaseSummary",
    "ClassView",
    "ClockView",
    "HistoryLine",
    "LinkView",
    "Named",
    "OpenTask",
    "UnitView",
    "class_view",
    "clock_view",
    "department",
    "describe",
    "division",
    "element_names",
    "history",
    "links_of",
    "open_task_views",
    "person_names",
    "summarise",
    "unit_view",
]


def summarise(platform: Platform, case: Case, now: datetime) -> CaseSummary:
    """A case in one line; it belongs to a session."""
    host, session = platform.host, object_session(case)
    return CaseSummary(
        number=case.number, status=case.status, stage=case.stage, title=case.title, kind=case.kind,
        full_code=case.full_code, condition_no=case.condition_no, source=case.source, urgent=case.urgent,
        address=case.address, lon=case.lon, lat=case.lat, grid=case.grid_code,
        subdistrict=division(platform, case.subdistrict_code), district=division(platform, case.district_code),
        lead_department=department(platform, case.lead_department), reported_at=case.reported_at, due_at=case.due_at,
        closed_at=case.closed_at, light=case_light(case, host.calendar, now),
        provenance=host.class_provenance(session, case) if session is not None else "",
        matter=matter_view(platform, case.matter), origin=case.origin,
    )  # fmt: skip


def describe(session: Session, platform: Platform, actor: Actor, case: Case, now: datetime) -> CaseDetail:
    """A case in full, as the actor may see it."""
    open_now = open_tasks(session, case.id)
    confidential = actor.may("case.read_all") or case.reporter_id == actor.person_id
    return CaseDetail(
        summary=summarise(platform, case, now), description=case.description, component_code=case.component_code,
        duty_grid=case.duty_grid_code, community=division(platform, case.community_code), area_class=case.area_class,
        external_id=case.external_id, reporter_name=case.reporter_name if confidential else None,
        reporter_phone=case.reporter_phone if confidential else None, self_handled=case.self_handled,
        filed_at=case.filed_at, dispatched_at=case.dispatched_at, handled_at=case.handled_at,
        close_kind=case.close_kind, on_time=case.on_time, satisfaction=case.satisfaction,
        counts={
            name: getattr(case, name)
            for name in ("extensions", "suspensions", "reworks", "returns", "supervisions", "appeals")
        },
        version=case.version, catalogue=class_view(session, case),
        units=tuple(unit_view(platform, unit) for unit in case.units),
        clocks=tuple(clock_view(platform, clock, now) for clock in case.clocks),
        links=tuple(links_of(session, platform, case)), evidence=tuple(views_of(session, platform, actor, case)),
        supervisions=tuple(
            session.scalars(select(Supervision).where(Supervision.case_id == case.id).order_by(Supervision.id))
        ),
        tasks=tuple(open_task_views(session, actor, open_now, now)),
        actions=tuple(possible_actions(session, platform, actor, case, now)),
        joined_evidence=tuple(joined_views(session, platform, actor, case)),
        reports=tuple(joined_reports(session, case)) if actor.may("case.read_all") else (),
        no_report=tuple(no_report_of(session, case)),
    )  # fmt: skip


def class_view(session: Session, case: Case) -> ClassView | None:
    """The catalogue entry of a case in the version it was filed under."""
    key = (case.catalogue_version_id, case.kind, case.full_code)
    subclass = session.get(Subclass, key) if case.catalogue_version_id is not None else None
    if subclass is None:
        return None
    condition = session.get(FilingCondition, (*key, case.condition_no)) if case.condition_no is not None else None
    return ClassView(
        kind=case.kind,
        class_code=subclass.class_code,
        class_name=Named(subclass.class_code, subclass.class_name, subclass.class_name_en),
        subclass=Named(subclass.full_code, subclass.name, subclass.name_en),
        department_code=subclass.dept_code,
        provenance=subclass.code_source,
        condition_no=case.condition_no,
        condition=condition.text if condition else "",
        condition_en=condition.text_en if condition else "",
        closing_condition=condition.closing_condition if condition else "",
        limit=case.limit_text or (condition.limit if condition else ""),
        condition_provenance=condition.source if condition else "",
        evidence=condition.evidence if condition else "",
        extension=condition.extension if condition else "",
    )


def unit_view(platform: Platform, unit: CaseUnit) -> UnitView:
    """A unit of a case."""
    named = department(platform, unit.department_code) or Named(unit.department_code, "", "")
    return UnitView(named, unit.part, unit.since, unit.until)


def clock_view(platform: Platform, clock: CaseClock, now: datetime) -> ClockView:
    """A clock as it stands."""
    calendar = platform.host.calendar
    used = clocks.used(clock, calendar, now)
    state = "stopped" if clock.stopped_at else "running" if clock.running_since else "paused"
    return ClockView(
        name=clock.name, limit=clock.limit_text, total_s=clock.total, used_s=used,
        share=round(used / clock.total, 4) if clock.total else 0.0, state=state, due_at=clock.due_at,
        light=clock_light(clock, calendar, now),
    )  # fmt: skip


def links_of(session: Session, platform: Platform, case: Case) -> Iterable[LinkView]:
    """Cases that belong together with this one."""
    for direction, mine, other in (
        ("to", CaseLink.from_id, CaseLink.to_id),
        ("from", CaseLink.to_id, CaseLink.from_id),
    ):
        query = (
            select(CaseLink.kind, CaseLink.reason, Case)
            .join(Case, Case.id == other)
            .where(mine == case.id, CaseLink.removed_at.is_(None))
            .order_by(CaseLink.id)
        )
        for kind, reason, found in session.execute(query):
            source = platform.host.class_provenance(session, found)
            yield LinkView(found.number, kind, direction, reason, found.title, found.status, source)


def no_report_of(session: Session, case: Case) -> Iterable[NoReportView]:
    """The no-report rules the case was reported under, as they read then."""
    if case.no_report:
        query = select(CaseEvent.data).where(CaseEvent.case_id == case.id, CaseEvent.kind == "no_report")
        for data in session.scalars(query.order_by(CaseEvent.id)):
            yield NoReportView(
                data["code"], Named(data["code"], data["name"], data["name_en"]), data["reason"], data["reason_en"]
            )


def open_task_views(session: Session, actor: Actor, tasks: Iterable[Task], now: datetime) -> Iterable[OpenTask]:
    """Open tasks of a case, marked where the actor may do them."""
    found = list(tasks)
    names = person_names(session, {task.assignee_id for task in found if task.assignee_id})
    for task in found:
        mine = task.assignee_id == actor.person_id or (task.assignee_id is None and actor.serves(task.role, task.scope))
        yield OpenTask(
            id=str(task.id), name=task.name, stage=task.stage, process=task.process, element=task.element,
            role=task.role, scope=task.scope, assignee=names.get(task.assignee_id or 0), created_at=task.created_at,
            due_at=task.due_at, light=task_light(task, now), mine=mine, choice=task.defaults.get("choice"),
        )  # fmt: skip


def history(session: Session, platform: Platform, case: Case) -> list[HistoryLine]:
    """Everything that happened to a case, in order; elements by the name their diagram gave them then."""
    rows = session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.id)).all()
    names = person_names(session, {row.actor_id for row in rows if row.actor_id})
    elements = element_names(session, platform, case)
    return [
        HistoryLine(
            id=row.id, at=row.at, kind=row.kind, stage=row.stage, process=row.process, element=row.element,
            element_name=elements.get((row.process, row.element), ""),
            actor=names.get(row.actor_id, "") if row.actor_id else "system", actor_role=row.actor_role,
            department=department(platform, row.department_code), data=row.data,
        )
        for row in rows
    ]  # fmt: skip


def element_names(session: Session, platform: Platform, case: Case) -> dict[tuple[str, str], str]:
    """Names of all elements of the diagrams the case runs on, by (process, element)."""
    from engine.cases.diagrams import case_instance

    instance = case_instance(session, case)
    if instance is None:
        return {}
    definition = platform.definitions.get(session, instance.deployment_id)
    return {(d.id, e.id): e.name for d in definition.diagrams.values() for e in d.elements.values()}


def person_names(session: Session, ids: Iterable[int]) -> dict[int, str]:
    """Names of people by id."""
    return dict(session.execute(select(Person.id, Person.name).where(Person.id.in_(list(ids)))).all())


def department(platform: Platform, code: str | None) -> Named | None:
    """A department with its names."""
    directory = platform.host.directory
    return Named(code, directory.name(code), directory.name(code, "en")) if code else None


def matter_view(platform: Platform, name: str | None) -> Named | None:
    """A matter with its names; one that is no longer declared by its word."""
    matter = platform.host.matters.get(name) if name else None
    return Named(name, matter.zh if matter else name, matter.en if matter else name) if name else None


def division(platform: Platform, code: str | None) -> Named | None:
    """A division with its names."""
    ground = platform.host.ground
    return Named(code, ground.name(code), ground.name(code, "en")) if code else None
