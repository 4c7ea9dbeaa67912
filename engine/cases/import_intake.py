"""What the city makes of a row of another system: whether it can be taken, and the case it becomes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.calendar import Limit, LimitError
from engine.cases.import_profile import ImportedCase, Outcome, RowRejected
from engine.cases.opening import case_cell
from engine.catalogue.lookup import limit_for, version_in_force
from engine.ground.index import Place
from engine.intake.channels import load_channels
from engine.models import FilingCondition, Subclass
from engine.platform import Platform

CLOSE_KINDS = {Outcome.NOTED: "notification", Outcome.REFERRED: "notification", Outcome.UNRESOLVED: "forced"}


class Intake:
    """Turns rows into columns, with what the city knows at hand."""

    def __init__(self, session: Session, platform: Platform) -> None:
        self.session = session
        self.platform = platform
        self._versions: dict[date, int] = {}
        self._subclasses: dict[int, dict[tuple[str, str], str]] = {}
        self._limits: dict[int, dict[tuple[str, str, int], str]] = {}

    def version(self, case: ImportedCase) -> int:
        """The catalogue version in force when the case was opened."""
        day = self.platform.host.today(case.opened_at)
        if day not in self._versions:
            version = self._versions[day] = version_in_force(self.session, day).id
            if version not in self._subclasses:
                self._read_catalogue(version)
        return self._versions[day]

    def refuse_unusable(self, case: ImportedCase) -> None:
        """Raise RowRejected where the city does not know what the row names."""
        units = self.platform.host.directory.units
        if case.department not in units:
            remedy = "add it to organisation/departments.csv or map the row to another"
            raise RowRejected(case.line, "department", f"the city has no department {case.department}", remedy)
        channels = load_channels(self.platform.city)
        if case.source not in channels:
            remedy = f"map it in [sources] to one of {', '.join(channels)}"
            raise RowRejected(case.line, "source", f"the city has no source {case.source!r}", remedy)
        version = self.version(case)
        if (case.kind, case.full_code) not in self._subclasses[version]:
            remedy = "add it to catalogue/classes.csv or map the row to another"
            raise RowRejected(case.line, "type", f"the catalogue has no {case.kind} subclass {case.full_code}", remedy)
        if (case.kind, case.full_code, case.condition_no) not in self._limits[version]:
            remedy = "add it to catalogue/conditions.csv"
            said = f"{case.kind} {case.full_code} has no filing condition {case.condition_no}"
            raise RowRejected(case.line, "type", said, remedy)

    def name(self, kind: str, full_code: str) -> str:
        """The name of a subclass of the versions met so far."""
        return next((names[kind, full_code] for names in self._subclasses.values() if (kind, full_code) in names), "")

    def place(self, case: ImportedCase) -> Place | None:
        """Where the case is in the city, none outside of it."""
        if case.lon is None or case.lat is None:
            return None
        return self.platform.host.ground.locate(case.lon, case.lat, self.platform.host.today(case.opened_at))

    def limit_of(self, case: ImportedCase) -> Limit | None:
        """The handling limit of a case's filing condition, none where nothing is ever due."""
        text = self._limits[self.version(case)].get((case.kind, case.full_code, case.condition_no), "")
        place = self.place(case) if ":" in text else None
        try:
            return limit_for(text, place.area_class if place else "")
        except LimitError:
            return None

    def columns(self, case: ImportedCase, drawn_at: datetime) -> dict[str, Any]:
        """A case row as the database keeps it, without id and version."""
        place = self.place(case)
        closed, limit = case.status == "closed", self.limit_of(case)
        taken_on = case.status != "rejected"
        return {
            "number": case.external_id, "external_id": case.external_id, "status": case.status, "stage": "",
            "title": case.title, "description": case.title, "kind": case.kind, "full_code": case.full_code,
            "condition_no": case.condition_no, "catalogue_version_id": self.version(case),
            "limit_text": str(limit) if limit else "", "source": case.source, "urgent": False, "self_handled": False,
            "lon": case.lon, "lat": case.lat, "address": case.address, "component_code": None,
            "grid_code": place.grid if place else None, "duty_grid_code": (place.duty_grid or None) if place else None,
            "community_code": (place.community or None) if place else None,
            "subdistrict_code": (place.subdistrict or None) if place else None,
            "district_code": (place.district or None) if place else None,
            "area_class": place.area_class if place else "", "reporter_id": None, "reporter_name": "",
            "reporter_phone": "", "lead_department": case.department if taken_on else None,
            "reported_at": case.opened_at, "filed_at": case.opened_at if taken_on else None,
            "dispatched_at": case.opened_at if taken_on else None, "handled_at": case.closed_at if closed else None,
            "due_at": None if case.closed_at else case.due_at, "closed_at": case.closed_at,
            "close_kind": CLOSE_KINDS.get(case.outcome, "solved") if closed and case.outcome else None,
            "on_time": case.on_time(drawn_at) if closed else None, "overdue_excluded": False, "satisfaction": None,
            "extensions": 0, "suspensions": 0, "reworks": 0, "returns": 0, "supervisions": 0, "appeals": 0,
            "merged_into_id": None, "cell": case_cell(case.lon, case.lat), "merged_reports": 0, "no_report": None,
            "version": 1,
        }  # fmt: skip

    def _read_catalogue(self, version: int) -> None:
        subclasses = self.session.execute(
            select(Subclass.kind, Subclass.full_code, Subclass.name).where(Subclass.version_id == version)
        )
        self._subclasses[version] = {(kind, code): name for kind, code, name in subclasses}
        rows = self.session.execute(
            select(
                FilingCondition.kind, FilingCondition.full_code, FilingCondition.condition_no, FilingCondition.limit
            ).where(FilingCondition.version_id == version)
        )
        self._limits[version] = {(kind, code, number): limit for kind, code, number, limit in rows}
