"""Make a document: compute its fields, draw its number, fill its template, keep the file, all in the act's transaction.

A number is drawn from its series by the transaction that keeps the document: what is rolled back leaves no gap.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.casefile.unit import Unit
from engine.cases.host import CaseHost
from engine.cases.opening import COUNT_ON
from engine.documents.declaring import DocumentTemplate, number_of, series_of
from engine.documents.filling import FillFailed, fill
from engine.documents.wording import han_date
from engine.errors import Invalid, NotFound
from engine.models import Case, OfficialDocument
from engine.organisation.actor import Actor
from engine.workflow.expressions import ExpressionError, parse_template
from engine.workflow.step import Step

CASE_TEXTS = (
    "title", "description", "address", "lon", "lat", "reporter_name", "reporter_phone", "close_kind", "satisfaction",
)  # fmt: skip
CASE_MOMENTS = ("filed_at", "dispatched_at", "handled_at", "due_at", "closed_at")
CASE_MORE = (*CASE_TEXTS, *CASE_MOMENTS, "class_name", "lead_name")
"""What ``case`` has in fields of documents beside its facts."""


@dataclass(frozen=True)
class Occasion:
    """What a document is made for: a case at a moment, by somebody, in a step of a process or by hand.

    ``facts`` are the case as expressions see it, ``variables`` those of the process.
    """

    session: Session
    host: CaseHost
    case: Case
    now: datetime
    facts: Mapping[str, Any]
    actor: Actor | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    process: str = ""
    element: str = ""


def occasion_of(step: Step) -> Occasion:
    """The occasion of a service task."""
    step.flush()  # a case that is new in this act is there before its document points to it
    host: Any = step.host
    element = step.element.id if step.element else ""
    return Occasion(
        step.session, host, step.case, step.now, step.facts, step.actor, step.variables, step.process, element
    )


def by_hand(session: Session, host: CaseHost, case: Case, actor: Actor | None, now: datetime) -> Occasion:
    """The occasion of somebody at a case, outside its process."""
    return Occasion(session, host, case, now, host.facts(Unit(session), case, now), actor)


def find_template(host: CaseHost, name: str) -> DocumentTemplate:
    """A document by name. Raises NotFound."""
    found = host.documents.get(name)
    if found is None:
        there = ", ".join(sorted(host.documents)) or "none"
        raise NotFound(f"there is no document {name!r}; there are {there}; add documents/{name}.toml and .docx")
    return found


def make_document(
    on: Occasion,
    template: DocumentTemplate,
    values: Mapping[str, Any],
    *,
    key: str = "",
    receipt_of: int | None = None,
) -> OfficialDocument:
    """Make and keep a document, flushed.

    :raises Invalid: required fields are empty; every one is named.
    :raises FillFailed: a field's expression or the template fails.
    """
    context = fields_of(on, template, values)
    empty = [name for name in template.required if context.get(name) in (None, "", [])]
    if empty:
        errors = {name: f"{template.zh} needs {name}" for name in empty}
        raise Invalid(f"document {template.name} ({template.zh}) needs {', '.join(empty)}; fill them in", errors=errors)
    year = on.now.astimezone(on.host.city.time_zone).year
    office, series, serial, number = str(context["office"] or ""), "", None, ""
    if template.number:
        series = series_of(template.number, office, year)
        serial = int(on.session.execute(COUNT_ON.statement, {"name": f"document {series}"}).scalar_one())
        number = number_of(template.number, office, year, serial)
    content = fill(template.name, template.docx.read_bytes(), {**context, "number": number}, on.host.city.time_zone)
    row = OfficialDocument(
        case_id=on.case.id, template=template.name, key=key, title=template.zh, title_en=template.en, number=number,
        series=series, serial=serial, issuer=str(context["issuer"] or ""), department_code=on.case.lead_department,
        read=template.read, delivery=template.delivery, sha256=hashlib.sha256(content).hexdigest(), size=len(content),
        content=content, process=on.process, element=on.element, made_at=on.now,
        made_by=on.actor.person_id if on.actor else None, voided_at=None, voided_by=None, void_reason="",
        receipt_of=receipt_of,
    )  # fmt: skip
    on.session.add(row)
    on.session.flush()
    return row


def print_document(on: Occasion, template: DocumentTemplate) -> bytes:
    """The document as it would say now, without number, not kept. Raises FillFailed."""
    context = fields_of(on, template, {})
    return fill(template.name, template.docx.read_bytes(), context, on.host.city.time_zone)


def told_of(row: OfficialDocument) -> dict[str, Any]:
    """What the case's history says of a document: of one that not everybody may read, only that it is there."""
    return {"document": row.id} | ({} if row.read else {"document_number": row.number, "document_title": row.title})


def find_made(session: Session, case_id: int, template: str, key: str | None = None) -> OfficialDocument | None:
    """The newest document of a template (and key) that a case has and that is not void."""
    query = select(OfficialDocument).where(
        OfficialDocument.case_id == case_id, OfficialDocument.template == template, OfficialDocument.voided_at.is_(None)
    )
    if key is not None:
        query = query.where(OfficialDocument.key == key)
    return session.scalars(query.order_by(OfficialDocument.id.desc()).limit(1)).first()


def fields_of(on: Occasion, template: DocumentTemplate, values: Mapping[str, Any]) -> dict[str, Any]:
    """Everything the template may use but its number. Raises FillFailed naming the field that cannot be computed."""
    case = {**on.facts, **case_more(on)}
    names = {**on.variables, "variables": dict(on.variables), "values": dict(values), "case": case}
    context = given_of(on, template)
    for name, text in template.fields.items():
        try:
            value = parse_template(text, on.host.functions).evaluate(names)
        except ExpressionError as error:
            raise FillFailed(f"document {template.name}, field {name}: {error}") from error
        context[name] = "" if value is None else value  # nothing prints as nothing, and a list of nothing has no rows
    return context


def given_of(on: Occasion, template: DocumentTemplate) -> dict[str, Any]:
    """What every template may use: ``GIVEN`` of ``declaring``."""
    host = on.host
    unit = host.directory.units.get(on.case.lead_department or "")
    issuer = unit.name if unit else host.city.name
    today = on.now.astimezone(host.city.time_zone).date()
    return {
        "title": template.zh,
        "number": "",
        "office": template.office or issuer,
        "issuer": issuer,
        "city": host.city.name,
        "case_number": on.case.number,
        "today": f"{today.year}年{today.month}月{today.day}日",
        "today_han": han_date(today),
        "year": today.year,
        "maker": on.actor.name if on.actor else "",
        "seal": "（印章）" if template.seal else "",
    }


def case_more(on: Occasion) -> dict[str, Any]:
    """What a document may say of its case beside the facts; moments are ISO texts."""
    case, host = on.case, on.host
    lead = host.directory.units.get(case.lead_department or "")
    moments = {name: getattr(case, name) for name in CASE_MOMENTS}
    return {
        **{name: getattr(case, name) for name in CASE_TEXTS},
        **{name: moment.isoformat() if moment else None for name, moment in moments.items()},
        "class_name": _class_name(on),
        "lead_name": lead.name if lead else "",
    }


def _class_name(on: Occasion) -> str:
    case = on.case
    if case.catalogue_version_id is None or not case.full_code:
        return ""
    edition = on.host.catalogue.edition(Unit(on.session), case.catalogue_version_id)
    found = edition.subclasses.get((case.kind, case.full_code))
    return found.name if found else ""
