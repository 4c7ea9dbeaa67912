"""Report a problem: the way a case comes into being, in one transaction of the caller."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.cases.opening import Report, new_case, next_number, pending_instance, start_process
from engine.catalogue.lookup import find_condition, find_subclass, version_in_force
from engine.errors import Invalid
from engine.models import Case, Component, FilingCondition
from engine.organisation.actor import Actor
from engine.platform import Platform
from engine.workflow.step import Step


def report_case(
    session: Session,
    platform: Platform,
    report: Report,
    actor: Actor | None,
    now: datetime,
    *,
    process: str | None = None,
) -> Case:
    """Open a case and start its process. The caller commits.

    Raises Invalid naming the field when class, condition, component or place do not hold.
    """
    version = version_in_force(session, platform.host.today(now))
    subclass = find_subclass(session, version.id, report.kind, report.full_code)
    case = new_case(report, now)
    case.catalogue_version_id = version.id
    case.title = report.title or subclass.name
    case.number = next_number(session, platform.city, now)
    case.reporter_id = actor.person_id if actor is not None else None
    settle_condition(session, case, report)
    settle_place(session, platform, case, report)
    session.add(case)
    session.flush()
    definition, name = platform.definitions.current(session, now), process or platform.city.process
    instance = pending_instance(case, definition, name, now)
    start_process(Step(session, platform.host, platform.runtime, definition, case, instance, now, actor, process=name))
    return case


def settle_condition(session: Session, case: Case, report: Report) -> None:
    """The filing condition the report names, or the only one its subclass has."""
    assert case.catalogue_version_id is not None
    if report.condition_no is not None:
        find_condition(session, case.catalogue_version_id, case.kind, case.full_code, report.condition_no)
        case.condition_no = report.condition_no
        return
    numbers = session.scalars(
        select(FilingCondition.condition_no).where(
            FilingCondition.version_id == case.catalogue_version_id,
            FilingCondition.kind == case.kind,
            FilingCondition.full_code == case.full_code,
        )
    ).all()
    case.condition_no = numbers[0] if len(numbers) == 1 else None


def settle_place(session: Session, platform: Platform, case: Case, report: Report) -> None:
    """Grid, duty grid and divisions of the reported point; a component brings its own point."""
    if report.component_code:
        component = session.get(Component, report.component_code)
        if component is None:
            raise Invalid(f"there is no component {report.component_code}; leave it empty", field="component_code")
        if case.lon is None:
            case.lon, case.lat = component.lon, component.lat
    if case.lon is None or case.lat is None:
        return
    place = platform.host.ground.locate(case.lon, case.lat)
    if place is None:
        raise Invalid(
            f"{case.lon}, {case.lat} is in no grid of {platform.city.name}; check longitude and latitude (WGS-84)",
            field="lon",
        )
    case.grid_code, case.duty_grid_code = place.grid, place.duty_grid or None
    case.community_code, case.subdistrict_code = place.community or None, place.subdistrict or None
    case.district_code, case.area_class = place.district or None, place.area_class
