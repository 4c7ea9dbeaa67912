"""What people read about a case, as plain values: one line of a list, the whole case, its history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.cases.merging import JoinedReport
from engine.models import Supervision


@dataclass(frozen=True)
class Named:
    """A code with its names."""

    code: str
    name: str
    name_en: str


@dataclass(frozen=True)
class CaseSummary:
    """A case in one line of a list. ``light`` is that of the handling limit; ``provenance`` says where the code of its
    subclass comes from (``found memory provisional city``), so that what is in doubt can be marked.

    ``matter`` is the name of the matter it is, with none and no class for the street; ``origin`` the number of the case
    it was opened beside.
    """

    number: str
    status: str
    stage: str
    title: str
    kind: str
    full_code: str
    condition_no: int | None
    source: str
    urgent: bool
    address: str
    lon: float | None
    lat: float | None
    grid: str | None
    subdistrict: Named | None
    district: Named | None
    lead_department: Named | None
    reported_at: datetime
    due_at: datetime | None
    closed_at: datetime | None
    light: str | None
    provenance: str
    matter: Named | None = None
    origin: str | None = None


@dataclass(frozen=True)
class UnitView:
    """A unit's part in a case and since when; ``until`` once it was taken off."""

    department: Named
    part: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True)
class ClockView:
    """A clock of a case; ``total_s`` and ``used_s`` are seconds on the limit's own measure."""

    name: str
    limit: str
    total_s: float
    used_s: float
    share: float
    state: str
    due_at: datetime | None
    light: str


@dataclass(frozen=True)
class ClassView:
    """What the case is about and where that entry of the catalogue comes from (``found memory provisional city``)."""

    kind: str
    class_code: str
    class_name: Named
    subclass: Named
    department_code: str
    provenance: str
    condition_no: int | None
    condition: str
    condition_en: str
    closing_condition: str
    limit: str
    condition_provenance: str
    evidence: str
    extension: str


@dataclass(frozen=True)
class Remark:
    """Something about a file in both languages. ``value``: metres, minutes or differing bits, as its code says.

    ``case``: the other case where the reader may see it, and ``evidence`` the file there.
    """

    code: str
    text: str
    text_en: str
    value: float | None = None
    case: str | None = None
    evidence: int | None = None


@dataclass(frozen=True)
class EvidenceView:
    """A file without its bytes.

    ``distance_m``: from the claimed place to where the camera was, metres. ``age_min``: minutes between the camera's
    time and the upload. Both none where the camera says nothing. ``findings`` contradict the claim, ``notes`` say what
    was broken in the file.
    """

    id: int
    role: str
    kind: str
    file_name: str
    media_type: str
    sha256: str
    size: int
    width_px: int
    height_px: int
    taken_at: datetime | None
    lon: float | None
    lat: float | None
    uploaded_at: datetime
    uploader: str
    department_code: str | None
    distance_m: float | None = None
    age_min: float | None = None
    findings: tuple[Remark, ...] = ()
    notes: tuple[Remark, ...] = ()
    of_case: str | None = None
    """The case it belongs to, when that is one merged with this one or split from it."""


@dataclass(frozen=True)
class OpenTask:
    """A task that waits, and for whom."""

    id: str
    name: str
    stage: str
    process: str
    element: str
    role: str
    scope: str | None
    assignee: str | None
    created_at: datetime
    due_at: datetime | None
    light: str | None
    mine: bool
    choice: Any = None


@dataclass(frozen=True)
class LinkView:
    """Another case that belongs to this one; ``direction``: ``to`` or ``from``; ``provenance``: of its class's code."""

    number: str
    kind: str
    direction: str
    reason: str = ""
    title: str = ""
    status: str = ""
    provenance: str = ""


@dataclass(frozen=True)
class NoReportView:
    """A rule by which nothing was to be reported there and then, as it read at that moment."""

    code: str
    rule: Named
    reason: str
    reason_en: str


@dataclass(frozen=True)
class CaseDetail:
    """Everything about a case on one page. Who reported it is shown only to those who read all cases."""

    summary: CaseSummary
    description: str
    component_code: str | None
    duty_grid: str | None
    community: Named | None
    area_class: str
    external_id: str | None
    reporter_name: str | None
    reporter_phone: str | None
    self_handled: bool
    filed_at: datetime | None
    dispatched_at: datetime | None
    handled_at: datetime | None
    close_kind: str | None
    on_time: bool | None
    satisfaction: str | None
    counts: Mapping[str, int]
    version: int
    catalogue: ClassView | None
    units: tuple[UnitView, ...]
    clocks: tuple[ClockView, ...]
    links: tuple[LinkView, ...]
    evidence: tuple[EvidenceView, ...]
    supervisions: tuple[Supervision, ...]
    tasks: tuple[OpenTask, ...]
    actions: tuple[str, ...]
    joined_evidence: tuple[EvidenceView, ...] = ()
    reports: tuple[JoinedReport, ...] = ()
    no_report: tuple[NoReportView, ...] = ()


@dataclass(frozen=True)
class HistoryLine:
    """One line of a case's history. ``actor`` is a person's name, or ``system``."""

    id: int
    at: datetime
    kind: str
    stage: str
    process: str
    element: str
    element_name: str
    actor: str
    actor_role: str
    department: Named | None
    data: Mapping[str, Any]
