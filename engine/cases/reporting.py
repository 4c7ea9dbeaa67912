"""Report a problem: the way a case comes into being, in one transaction of the caller."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.casefile.records import copy_of
from engine.casefile.unit import Unit, unit_of
from engine.cases.host import CaseHost
from engine.cases.opening import Report, case_cell, new_case, new_file, number_case, start_process, what_opens
from engine.cases.tasks import standing
from engine.cases.transaction import act_once
from engine.catalogue.book import IN_FORCE, Edition
from engine.errors import Invalid
from engine.intake.channels import channel_of, clean_number
from engine.models import Case, Component, IntakeNumber
from engine.no_report import NoReportRule, Situation
from engine.organisation.actor import Actor
from engine.platform import Platform
from engine.workflow.deployments import CURRENT_DEPLOYMENT
from engine.workflow.step import Step


def submit_report(
    session: Session,
    platform: Platform,
    report: Report,
    actor: Actor,
    now: datetime,
    *,
    key: str | None = None,
    process: str | None = None,
) -> dict[str, Any]:
    """Open a case in one transaction and say where it stands, as ``complete_task`` does. The same ``key`` answers the
    same.

    The number a channel gave a report is taken once: when it comes again no case is opened, and the answer is that of
    the first one with ``known`` beside it. Raises as ``report_case``, and Invalid when the channel needs more.
    """
    channel_of(platform.city, report.source).refuse_incomplete(report)
    report = replace(report, external_id=clean_number(report.external_id))

    def act() -> dict[str, Any]:
        if report.external_id is None:
            return standing(open_case(unit_of(session), platform, report, actor, now, process=process))
        known = find_reported(unit_of(session).session, report.source, report.external_id)
        if known is not None:
            return {"case": known.number, "status": known.status, "stage": known.stage, "tasks": [], "known": True}
        step = open_case(unit_of(session), platform, report, actor, now, process=process)
        step.session.add(IntakeNumber(channel=report.source, number=report.external_id, case_id=step.case.id))
        return standing(step)

    return act_once(session, actor.person_id, key, {"report": asdict(report)}, now, act, from_memory=True)


def find_reported(session: Session, source: str, number: str) -> Case | None:
    """The case a channel's number stands for: reported by it here, or imported with it."""
    row = session.get(IntakeNumber, (source, number))
    if row is not None:
        return session.get(Case, row.case_id)
    earliest = select(Case).where(Case.external_id == number, Case.source == source).order_by(Case.id).limit(1)
    return session.scalar(earliest)


def report_case(
    session: Session,
    platform: Platform,
    report: Report,
    actor: Actor | None,
    now: datetime,
    *,
    process: str | None = None,
) -> Case:
    """Open a case and start its process. The caller commits; what is returned is the case as it stands now.

    Raises Invalid naming the field when class, condition, component or place do not hold.
    """
    return copy_of(open_case(unit_of(session), platform, report, actor, now, process=process).case)


def open_case(
    unit: Unit,
    platform: Platform,
    report: Report,
    actor: Actor | None,
    now: datetime,
    *,
    process: str | None = None,
) -> Step:
    """As ``report_case``; the step tells where the case stands."""
    city, host = platform.city, platform.host
    channel_of(city, report.source)
    day = host.today(now)
    version, deployment, *drawn = unit.ask(
        (IN_FORCE, {"day": day}), (CURRENT_DEPLOYMENT, {"now": now}), *what_opens(city, now)
    )
    edition = host.catalogue.settled(unit, version, day)
    subclass = edition.subclass(report.kind, report.full_code)
    case = new_case(report, now)
    case.catalogue_version_id = edition.id
    case.title = report.title or subclass.name
    instance_id = number_case(unit, city, case, now, drawn)
    case.reporter_id = actor.person_id if actor is not None else None
    settle_condition(edition, case, report)
    settle_place(unit, platform, case, report)
    if deployment is not None:
        definition = platform.definitions.of(unit, deployment[0])
    else:
        definition = platform.definitions.current(unit.session, now)
    name = process or city.process
    file = new_file(unit, platform.runtime.shelf, case, instance_id, definition, name, now)
    step = Step(unit, host, platform.runtime, definition, file, now, actor, process=name)
    rules = no_report_rules(host, case, now)
    case.no_report = " ".join(rule.code for rule in rules) or None
    start_process(step)
    step.element = None
    for rule in rules:
        step.record(
            "no_report", code=rule.code, name=rule.name, name_en=rule.name_en, reason=rule.reason,
            reason_en=rule.reason_en,
        )  # fmt: skip
    return step


def no_report_rules(host: CaseHost, case: Case, now: datetime) -> list[NoReportRule]:
    """The rules by which the case was not to be reported, there and then."""
    if not host.no_report.rules:
        return []
    place = None if case.grid_code is None else host.ground.by_grid.get(case.grid_code)
    told = Situation(case.kind, case.full_code, case.lon, case.lat, place, case.source, case.urgent)
    return host.no_report.find(told, now)


def settle_condition(edition: Edition, case: Case, report: Report) -> None:
    """The filing condition the report names, or the only one its subclass has."""
    if report.condition_no is not None:
        edition.limit(case.kind, case.full_code, report.condition_no)
        case.condition_no = report.condition_no
        return
    numbers = edition.numbers(case.kind, case.full_code)
    case.condition_no = numbers[0] if len(numbers) == 1 else None


def settle_place(unit: Unit, platform: Platform, case: Case, report: Report) -> None:
    """Grid, duty grid and divisions of the reported point; a component brings its own point."""
    if report.component_code:
        component = unit.session.get(Component, report.component_code)
        if component is None:
            raise Invalid(f"there is no component {report.component_code}; leave it empty", field="component_code")
        if case.lon is None:
            case.lon, case.lat = component.lon, component.lat
            case.cell = case_cell(case.lon, case.lat)
    if case.lon is None or case.lat is None:
        return
    place = platform.host.ground.locate(case.lon, case.lat, platform.host.today(case.reported_at))
    if place is None:
        raise Invalid(
            f"{case.lon}, {case.lat} is in no grid of {platform.city.name}; check longitude and latitude (WGS-84)",
            field="lon",
        )
    case.grid_code, case.duty_grid_code = place.grid, place.duty_grid or None
    case.community_code, case.subdistrict_code = place.community or None, place.subdistrict or None
    case.district_code, case.area_class = place.district or None, place.area_class
