"""Open a matter: a case that begins with a department's procedure and not with a problem on the street."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from engine.casefile.records import copy_of
from engine.casefile.unit import Unit, unit_of
from engine.cases.access import require
from engine.cases.host import CaseHost
from engine.cases.opening import (
    Report,
    known_process,
    lead_by,
    new_case,
    new_file,
    number_case,
    run_process,
    what_opens,
)
from engine.cases.reporting import find_reported, settle_place
from engine.cases.tasks import standing
from engine.cases.transaction import act_once
from engine.errors import Invalid, NotFound
from engine.intake.channels import channel_of, clean_number
from engine.matters.declaring import KIND, NONE, REQUIRED, Matter
from engine.models import Case, IntakeNumber
from engine.organisation.actor import Actor
from engine.platform import Platform
from engine.workflow.definitions import Definition
from engine.workflow.expression_functions import convert_to_text
from engine.workflow.expressions import ExpressionError, parse_template
from engine.workflow.forms import Form
from engine.workflow.step import Step

TITLE_LENGTH = 200


@dataclass(frozen=True)
class Application:
    """What opens a matter. ``lon``/``lat`` are WGS-84.

    ``answers`` are those of the matter's form; ``values`` are further variables, from code only. ``title`` and
    ``department`` (a code of the city's) stand before what the matter says. ``source`` is a channel of the city,
    ``external_id`` the number it gave: the same twice opens one case.
    """

    matter: str
    answers: Mapping[str, Any] = field(default_factory=dict)
    lon: float | None = None
    lat: float | None = None
    address: str = ""
    source: str = "department"
    external_id: str | None = None
    urgent: bool = False
    reporter_name: str = ""
    reporter_phone: str = ""
    title: str = ""
    description: str = ""
    department: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


def matter_named(host: CaseHost, name: str) -> Matter:
    """A matter of the city. Raises NotFound naming those there are."""
    found = host.matters.get(name)
    if found is None:
        known = ", ".join(sorted(host.matters)) or "none; a file in matters/ declares one"
        raise NotFound(f"there is no matter {name!r}; there are {known}")
    return found


def matters_for(host: CaseHost, actor: Actor) -> list[Matter]:
    """The matters the actor may open, by name."""
    return [host.matters[name] for name in sorted(host.matters) if actor.may(host.matters[name].open)]


def matters_read(host: CaseHost, actor: Actor) -> list[Matter]:
    """The matters whose cases the actor may open or see, by name."""
    return [each for _, each in sorted(host.matters.items()) if actor.may(each.open) or actor.may(each.read)]


def submit_matter(
    session: Session, platform: Platform, application: Application, actor: Actor, now: datetime, *,
    key: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Open a matter in one transaction and say where it stands, as ``submit_report`` does. The same ``key`` answers
    the same.

    Raises as ``open_matter``, and NotAllowed without the matter's permission.
    """
    matter = matter_named(platform.host, application.matter)
    require(actor, matter.open, f"open {matter.en}")
    application = replace(application, external_id=clean_number(application.external_id))

    def act() -> dict[str, Any]:
        unit = unit_of(session)
        if application.external_id is not None:
            known = find_reported(unit.session, application.source, application.external_id)
            if known is not None:
                return {"case": known.number, "status": known.status, "stage": known.stage, "tasks": [], "known": True}
        step = begin_matter(unit, platform, application, actor, now)
        if application.external_id is not None:
            number = IntakeNumber(channel=application.source, number=application.external_id, case_id=step.case.id)
            step.session.add(number)
        return standing(step)

    return act_once(session, actor.person_id, key, {"matter": asdict(application)}, now, act, from_memory=True)


def open_matter(
    session: Session, platform: Platform, application: Application, actor: Actor | None, now: datetime
) -> Case:
    """Open a matter and start its process, for jobs and other code. The caller commits; the case is as it stands now.

    :param actor: who opens it; none for the city itself. Permissions are the caller's business.
    :raises NotFound: there is no such matter.
    :raises FormInvalid: with the messages of every field.
    :raises Invalid: the place is missing or not asked for, or no department answers for it.
    """
    return copy_of(begin_matter(unit_of(session), platform, application, actor, now).case)


def begin_matter(unit: Unit, platform: Platform, application: Application, actor: Actor | None, now: datetime) -> Step:
    """As ``open_matter``; the step tells where the case stands."""
    host, city = platform.host, platform.city
    matter = matter_named(host, application.matter)
    channel_of(city, application.source)
    refuse_place(matter, application)
    definition = platform.definitions.current(unit.session, now)
    answers = clean_answers(unit, host, matter, definition, application.answers, actor, now)
    title = application.title or work_out(host, matter, "title", answers) or matter.zh
    report = Report(
        kind=KIND, full_code="", source=application.source, lon=application.lon, lat=application.lat,
        description=application.description or work_out(host, matter, "description", answers),
        address=application.address, urgent=application.urgent, reporter_name=application.reporter_name,
        reporter_phone=application.reporter_phone, external_id=application.external_id, title=title[:TITLE_LENGTH],
    )  # fmt: skip
    case = new_case(report, now)
    case.matter, case.reporter_id = matter.name, actor.person_id if actor is not None else None
    settle_place(unit, platform, case, report)
    lead = application.department or find_department(host, matter, case, answers)
    if lead not in host.directory.units:
        raise Invalid(f"there is no department {lead}; name one of the city's departments.csv", field="department")
    lead_by(case, lead, now)
    instance_id = number_case(unit, city, case, now, unit.ask(*what_opens(city, now, matter)), matter)
    file = new_file(unit, platform.runtime.shelf, case, instance_id, definition, matter.process, now)
    step = Step(unit, host, platform.runtime, definition, file, now, actor, process=matter.process)
    known_process(step)
    step.department = lead
    given = {"values": {name: step.keep(value) for name, value in application.values.items()}}
    step.record(
        "matter_opened", matter=matter.name, name=matter.zh, name_en=matter.en, source=case.source, answers=answers,
        **(given if application.values else {}),
    )  # fmt: skip
    step.department = None
    run_process(step, {**application.values, **answers})
    return step


def refuse_place(matter: Matter, application: Application) -> None:
    """Raise Invalid when a place is missing, half there, or not asked for."""
    given = (application.lon is not None, application.lat is not None)
    if any(given) and not all(given):
        raise Invalid("a place is lon and lat; give both or none", field="lat" if given[0] else "lon")
    if matter.place == REQUIRED and not all(given):
        raise Invalid(f"{matter.en} needs a place; give lon and lat (WGS-84)", field="lon")
    if matter.place == NONE and any(given):
        raise Invalid(f"{matter.en} has no place; leave lon and lat out", field="lon")


def form_of(matter: Matter, definition: Definition) -> Form | None:
    """The form a matter asks with; none where it asks nothing. Raises Invalid when it is not deployed."""
    if not matter.form:
        return None
    found = definition.forms.get(matter.form)
    if found is None:
        raise Invalid(f"the form {matter.form} of {matter.en} is not deployed; add forms/{matter.form}.json")
    return found


def matter_names(unit: Unit, host: CaseHost, form: Form, actor: Actor | None, now: datetime) -> dict[str, Any]:
    """The names a matter's form may use: there is no case yet, so only the city's lists and who fills it in."""
    names: dict[str, Any] = {
        "departments": host.directory.choices,
        "roles": sorted(actor.roles) if actor is not None else [],
        "now": now.astimezone(host.city.time_zone),
    }
    if any(path.split(".")[0] == "conditions" for path in form.paths):
        edition = host.catalogue.in_force(unit, host.today(now))
        names["conditions"] = host.condition_options(unit, edition.id)
    return names


def clean_answers(
    unit: Unit, host: CaseHost, matter: Matter, definition: Definition, answers: Mapping[str, Any],
    actor: Actor | None, now: datetime,
) -> dict[str, Any]:  # fmt: skip
    """Validated answers; see ``Form.validate``."""
    form = form_of(matter, definition)
    if form is None:
        if answers:
            raise Invalid(f"{matter.en} has no form; open it without answers", field="answers")
        return {}
    names = matter_names(unit, host, form, actor, now)
    return form.validate(answers, names, now=names["now"])


def work_out(host: CaseHost, matter: Matter, key: str, answers: Mapping[str, Any]) -> str:
    """A text of a matter with its expressions computed. Raises Invalid naming the matter's file."""
    try:
        value = parse_template(matter.texts[key], host.functions).evaluate({"answer": dict(answers)})
    except ExpressionError as error:
        raise Invalid(f"matters/{matter.name}.toml: {key}: {error}; correct the expression") from error
    return convert_to_text(value).strip() if value is not None else ""


def find_department(host: CaseHost, matter: Matter, case: Case, answers: Mapping[str, Any]) -> str:
    """The lead department: a code of the city's, or the one that has the duty near the place. Raises Invalid."""
    named = work_out(host, matter, "department", answers)
    found = host.department_of(replace(matter, department=named), case)
    if found is None:
        told = f"{named!r} is neither a department nor a duty that anybody has"
        if any(named in unit.duties for unit in host.directory.units.values()):
            told = f"nobody has the duty {named} " + ("there" if case.lon is not None else "where no place is given")
        raise Invalid(
            f"no department leads {matter.en} ({matter.name}): {told}; add the duty to a department in "
            f"organisation/departments.csv, or correct department in matters/{matter.name}.toml",
            field="department",
        )
    return found
