"""What the runtime asks of the domain: the facts of a case, its clocks, its limit. One a city."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.calendar import Limit, WorkCalendar
from engine.casefile.unit import Unit
from engine.cases import clocks
from engine.cases.merging import any_phone
from engine.catalogue.book import CatalogueBook
from engine.catalogue.condition_rules import SILENT, ConditionRules, ExtensionRule, RuleUnreadable
from engine.catalogue.lookup import limit_for
from engine.catalogue.provenance import marked
from engine.city import City
from engine.city_calendars import city_calendar
from engine.documents.declaring import DocumentTemplate, load_documents
from engine.errors import CityBroken
from engine.ground.index import Ground
from engine.ground.layer_files import declared_layers
from engine.ground.shelf import GroundShelf
from engine.hooks.settings import settings_in_force
from engine.matters.declaring import Matter, load_matters
from engine.matters.procedures import load_procedures
from engine.models import Case, Component, FilingCondition, Subclass
from engine.no_report import NoReport
from engine.organisation.directory import Directory
from engine.overdue.rungs import load_rungs
from engine.registers.declaring import load_registers
from engine.registry import Registry
from engine.workflow.expressions import Functions
from engine.workflow.forms_values import Option
from engine.workflow.language import calendar_functions

if TYPE_CHECKING:
    from engine.workflow.deployments import Definitions


class CaseHost:
    """The domain as the runtime sees it: a city with its calendar, ground, departments and operators."""

    def __init__(self, city: City, registry: Registry, ground: Ground, directory: Directory) -> None:
        self.city = city
        self.registry = registry
        self.ground = ground
        self.grounds = GroundShelf(declared_layers(city))
        self.directory = directory
        self.calendar: WorkCalendar = city_calendar(city)
        self.functions: Functions = calendar_functions(self.calendar, registry)
        self.catalogue = CatalogueBook()
        self.definitions: Definitions | None = None
        """What is deployed; the platform puts it here."""
        self.registers = load_registers(city.layers)
        self.settings = settings_in_force(city)
        self.matters = load_matters(city.layers)
        self.procedures = load_procedures(city.layers)
        self.rungs = load_rungs(city.layers)
        directory.matter_readers = {name: matter.read for name, matter in self.matters.items()}
        self._conditions: dict[int, list[dict[str, str]]] = {}
        self._condition_options: dict[int, tuple[Option, ...]] = {}

    @cached_property
    def documents(self) -> Mapping[str, DocumentTemplate]:
        """The city's official documents by name. Raises CityBroken when a declaration is broken."""
        return load_documents(self.city.layers)

    @cached_property
    def no_report(self) -> NoReport:
        """Where and when nothing is to be reported. Raises CityBroken when the city's files are broken."""
        return NoReport.load(self.city, self.functions)

    @classmethod
    def load(cls, session: Session, city: City, registry: Registry) -> CaseHost:
        """Read ground and departments of the database."""
        return cls(city, registry, Ground.load(session, declared_layers(city)), Directory.load(session))

    def facts(self, unit: Unit, case: Case, now: datetime) -> dict[str, Any]:
        """The ``case`` dictionary of expressions; see docs/reference/diagrams.md for its keys."""
        places = (case.community_code or "", case.subdistrict_code or "", case.district_code or "")
        duty = self.class_department(unit, case)
        extends = self.extension_rule(unit, case)
        return {
            "number": case.number,
            "matter": case.matter or "",
            "origin": case.origin or "",
            "procedure": self.procedures.find(case.kind, case.full_code, case.condition_no),
            "kind": case.kind,
            "class_code": case.full_code[:2],
            "subclass_code": case.full_code,
            "condition_no": case.condition_no,
            "full_code": case.full_code,
            "condition": condition_key(case.kind, case.full_code, case.condition_no),
            "urgent": case.urgent,
            "source": case.source,
            "area_class": case.area_class,
            "grid": case.grid_code,
            "duty_grid": case.duty_grid_code,
            "community": case.community_code,
            "subdistrict": case.subdistrict_code,
            "district": case.district_code,
            "has_phone": bool(case.reporter_phone) or bool(case.merged_reports and any_phone(unit.session, case)),
            "merged_reports": case.merged_reports,
            "no_report": bool(case.no_report),
            "self_handled": case.self_handled,
            "duty_code": duty,
            "owner_department": self.component_department(unit, case),
            "duty_department": self.directory.answering(duty, places),
            "territory_department": self.directory.territorial(places),
            "fallback_department": self.directory.fallback(),
            "lead_department": case.lead_department,
            "units": [{"department": u.department_code, "part": u.part} for u in case.units if u.until is None],
            "extensions": case.extensions,
            "suspensions": case.suspensions,
            "reworks": case.reworks,
            "returns": case.returns,
            "supervisions": case.supervisions,
            "appeals": case.appeals,
            "extension_times": extends.times if extends is not None else None,
            "extension_rule": extends.text if extends is not None else "",
            "status": case.status,
            "limit": case.limit_text,
            "overdue": clocks.is_overdue(case, self.calendar, now),
            "over_percent": round(clocks.share_used(case, self.calendar, now) * 100, 2),
            "reported_at": case.reported_at.isoformat() if case.reported_at else None,
            "now": now.isoformat(),
            "settings": self.settings,
        }

    def conditions(self, session: Session, version_id: int) -> list[dict[str, str]]:
        """Every filing condition of a catalogue version as a choice of forms; ``case/classify`` takes its ``value``."""
        if version_id not in self._conditions:
            rows = session.execute(
                select(FilingCondition, Subclass.name, Subclass.name_en, Subclass.code_source)
                .join(
                    Subclass,
                    (Subclass.version_id == FilingCondition.version_id)
                    & (Subclass.kind == FilingCondition.kind)
                    & (Subclass.full_code == FilingCondition.full_code),
                )
                .where(FilingCondition.version_id == version_id)
                .order_by(FilingCondition.kind, FilingCondition.full_code, FilingCondition.condition_no)
            )
            self._conditions[version_id] = [
                {
                    "value": f"{row.kind}/{row.full_code}/{row.condition_no}",
                    "label": marked(f"{row.full_code} {name}: {row.text}", code_source, row.source),
                    "label_en": marked(
                        f"{row.full_code} {name_en}: {row.text_en or row.text}", code_source, row.source, english=True
                    ),
                }
                for row, name, name_en, code_source in rows
            ]
        return self._conditions[version_id]

    def condition_options(self, unit: Unit, version_id: int) -> tuple[Option, ...]:
        """The same as ready choices, so that checking one answer does not read 650 dictionaries."""
        if version_id not in self._condition_options:
            listed = self.conditions(unit.session, version_id)
            self._condition_options[version_id] = tuple(Option(c["value"], c["label"], c["label_en"]) for c in listed)
        return self._condition_options[version_id]

    def class_department(self, unit: Unit, case: Case) -> str:
        """The catalogue department of the case's subclass."""
        if case.catalogue_version_id is None:
            return ""
        entry = self.catalogue.edition(unit, case.catalogue_version_id).subclasses.get((case.kind, case.full_code))
        return entry.department if entry is not None else ""

    def rules(self, unit: Unit, case: Case) -> ConditionRules:
        """The manual's rules for a case, by its filing condition and the version it has."""
        if case.catalogue_version_id is None or case.condition_no is None:
            return SILENT
        edition = self.catalogue.edition(unit, case.catalogue_version_id)
        return edition.rules.get((case.kind, case.full_code, case.condition_no), SILENT)

    def extension_rule(self, unit: Unit, case: Case) -> ExtensionRule | None:
        """How the manual lets a case's limit be extended; none where it says nothing. Raises CityBroken."""
        rules = self.rules(unit, case)
        try:
            return rules.extends
        except RuleUnreadable as error:
            key = condition_key(case.kind, case.full_code, case.condition_no)
            raise CityBroken(f"filing condition {key}: {error.message}") from error

    def class_provenance(self, session: Session, case: Case) -> str:
        """Where the code of a case's subclass comes from; empty where its version does not know it."""
        if case.catalogue_version_id is None:
            return ""
        edition = self.catalogue.edition(Unit(session), case.catalogue_version_id)
        entry = edition.subclasses.get((case.kind, case.full_code))
        return entry.provenance if entry is not None else ""

    def code_provenance(self, session: Session, kind: str, full_code: str, day: date) -> str:
        """Where the code of a subclass comes from by the version in force on a day; empty where it has none."""
        entry = self.catalogue.in_force(Unit(session), day).subclasses.get((kind, full_code))
        return entry.provenance if entry is not None else ""

    def department_of(self, matter: Matter, case: Case) -> str | None:
        """The department a matter names by code or by its duty near the case; none where that is no such code."""
        code = matter.department
        if code in self.directory.units:
            return code
        places = (case.community_code or "", case.subdistrict_code or "", case.district_code or "")
        return self.directory.answering(code, places)

    def component_department(self, unit: Unit, case: Case) -> str | None:
        """Who owns the reported component, or maintains it, as far as the register knows."""
        if not case.component_code:
            return None
        component = unit.session.get(Component, case.component_code)
        if component is None:
            return None
        candidates = (component.dept_owner, component.dept_maintenance, component.dept_in_charge)
        return next((code for code in candidates if code and code in self.directory.units), None)

    def condition_limit(self, case: Case) -> Limit | None:
        """The handling limit noted on the case when it was filed."""
        return limit_for(case.limit_text, case.area_class)

    def settle_clocks(self, case: Case, running: Mapping[str, str], open_now: Sequence[str], now: datetime) -> None:
        """Let exactly the clocks in ``running`` run; a pause is explained by the tasks open instead."""
        if not case.clocks:
            return
        if case.status == "suspended":
            running = {name: why for name, why in running.items() if name != clocks.HANDLING}
        clocks.settle_clocks(case, self.calendar, running, "、".join(open_now) or "-", now)

    def note_fired(self, case: Case, clock: str, timer: str, share: float) -> None:
        """Remember that a timer of a share of this clock has fired: going round again does not fire it twice."""
        found = clocks.find_clock(case, clock)
        if found is not None:
            found.fired = {**found.fired, timer: share}

    def has_fired(self, case: Case, clock: str, timer: str) -> bool:
        """Whether that timer has fired on this clock since it started or was extended beyond it."""
        found = clocks.find_clock(case, clock)
        return found is not None and timer in found.fired

    def clock_moment(self, case: Case, clock: str, share: float) -> datetime | None:
        """When a share of a case clock is used up; none while paused or unknown."""
        found = clocks.find_clock(case, clock)
        return clocks.moment(found, self.calendar, share) if found is not None else None

    def today(self, now: datetime) -> date:
        """The city's date at a moment."""
        return now.astimezone(self.city.time_zone).date()


def condition_key(kind: str, full_code: str, number: int | None) -> str | None:
    """A filing condition as forms and ``case/classify`` name it: ``event/0110/2``."""
    return f"{kind}/{full_code}/{number}" if number is not None else None
