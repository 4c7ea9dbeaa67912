"""Cases on the wire: reports in; lists, details, history, deadlines and diagrams out."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields
from webargs.fields import DelimitedList

from api.schemas.base import LimitQuery, NamedSchema, Strict, mapping, moment, real, text, truth, whole
from api.schemas.joined import JoinedReportSchema, RuleOnCaseSchema
from engine.cases.actions import ACTIONS
from engine.cases.listing import ORDERS, CaseFilter, read_bbox
from engine.cases.opening import Report


class ReportSchema(Strict):
    """What somebody tells about a problem."""

    kind = text(
        "`component` (部件) or `event` (事件).", required=True, validate=ma.validate.OneOf(("component", "event"))
    )
    full_code = text(
        "Class and subclass as in the catalogue: `0110`.", required=True, validate=ma.validate.Length(1, 20)
    )
    description = text("What is wrong, in the reporter's words.", required=True, validate=ma.validate.Length(1, 5000))
    source = text("The channel, one of `GET /intake/channels`.", required=True, validate=ma.validate.Length(1, 40))
    lon = real("Longitude, degrees, WGS-84.", load_default=None, allow_none=True, validate=ma.validate.Range(-180, 180))
    lat = real("Latitude, degrees, WGS-84.", load_default=None, allow_none=True, validate=ma.validate.Range(-90, 90))
    address = text("Where it is, in words.", load_default="", validate=ma.validate.Length(max=500))
    condition_no = whole("The filing condition, when the reporter knows it.", load_default=None, allow_none=True)
    component_code = text("The 16-digit code of a component.", load_default=None, allow_none=True)
    urgent = truth("Danger in delay.", load_default=False)
    self_handled = truth("The collector has mended it on the spot.", load_default=False)
    reporter_name = text("Who reports, for the callback.", load_default="", validate=ma.validate.Length(max=100))
    reporter_phone = text("Telephone for the callback.", load_default="", validate=ma.validate.Length(max=40))
    external_id = text(
        "The number another system gave it; a channel's number is one case.", load_default=None, allow_none=True
    )
    title = text(
        "A short title; the subclass's name when empty.", load_default="", validate=ma.validate.Length(max=200)
    )

    @ma.validates_schema
    def both_coordinates(self, values: dict[str, Any], **kwargs: Any) -> None:
        """A point has two coordinates."""
        if (values.get("lon") is None) != (values.get("lat") is None):
            missing = "lon" if values.get("lon") is None else "lat"
            raise ma.ValidationError(f"a point needs both; give {missing} too, or neither", missing)

    @ma.post_load
    def make(self, values: dict[str, Any], **kwargs: Any) -> Report:
        """The domain's value."""
        return Report(**values)


class CaseQuery(LimitQuery):
    """Filters of a list of cases; several values of one filter are separated by commas."""

    status = DelimitedList(fields.String(), load_default=list, metadata={"description": "reported, filed …"})
    stage = DelimitedList(fields.String(), load_default=list, metadata={"description": "accept, dispatch, handle …"})
    source = DelimitedList(fields.String(), load_default=list, metadata={"description": "patrol, hotline_12345 …"})
    department = text("Led or assisted by this department now.", load_default=None)
    district = text("District code.", load_default=None)
    subdistrict = text("Subdistrict code.", load_default=None)
    grid = text("Unit grid code.", load_default=None)
    kind = text("`component`, `event` or `matter`.", load_default=None)
    full_code = text("Class and subclass: `0110`.", load_default=None)
    matter = text("Name of a matter; `any`: all matters, `none`: problems on the street alone.", load_default=None)
    urgent = truth("Only urgent ones, or only others.", load_default=None)
    overdue = truth("Only those whose handling limit is used up, or only others.", load_default=None)
    no_report = truth("Only those reported where or when nothing is to be, or only others.", load_default=None)
    reported_from = moment("Reported at or after.", load_default=None)
    reported_to = moment("Reported before.", load_default=None)
    q = text("Text in number, address, title or description.", load_default=None, validate=ma.validate.Length(max=200))
    bbox = text("west,south,east,north in degrees, WGS-84.", load_default=None)
    sort = text(
        "Sort order; `-` is descending.", load_default="-reported_at", validate=ma.validate.OneOf(tuple(ORDERS))
    )
    format = text(
        "`geojson` answers a FeatureCollection.", load_default=None, validate=ma.validate.OneOf(("json", "geojson"))
    )
    lang = text("Language of texts.", load_default=None)

    @ma.post_load
    def gather(self, values: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Filters become one value."""
        beside = {name: values.pop(name) for name in ("limit", "cursor", "sort", "format", "lang")}
        values["bbox"] = read_bbox(values["bbox"]) if values["bbox"] else None
        return {**beside, "wanted": CaseFilter(**values)}


PROVENANCE = (
    "Where the code of the subclass comes from: found, memory, provisional or city. Mark what is memory or provisional"
    " wherever you show it."
)


class CaseSummarySchema(Strict):
    """A case in one line."""

    number = text("Case number.")
    status = text("reported, filed, dispatched, suspended, closed, rejected, merged or voided.")
    stage = text("Stage of the task that matters now; empty when nothing is open.")
    title = text("Title.")
    kind = text("`component`, `event` or `matter`.")
    full_code = text("Class and subclass; empty for a matter.")
    matter = fields.Nested(NamedSchema, allow_none=True, metadata={"description": "The matter it is, if it is one."})
    origin = text("Number of the case it was opened beside.", allow_none=True)
    condition_no = whole("Filing condition.", allow_none=True)
    source = text("Where the report came from.")
    urgent = truth("Danger in delay.")
    address = text("Where, in words.")
    lon = real("Longitude, degrees, WGS-84.", allow_none=True)
    lat = real("Latitude, degrees, WGS-84.", allow_none=True)
    grid = text("Unit grid.", allow_none=True)
    subdistrict = fields.Nested(NamedSchema, allow_none=True)
    district = fields.Nested(NamedSchema, allow_none=True)
    lead_department = fields.Nested(NamedSchema, allow_none=True)
    reported_at = moment("When it was reported.")
    due_at = moment("When the handling limit ends; none while its clock pauses.", allow_none=True)
    closed_at = moment("When it ended.", allow_none=True)
    light = text("green, yellow (80 % used), red (limit used up), or none.", allow_none=True)
    provenance = text(PROVENANCE)


class CasePageSchema(Strict):
    """A page of cases."""

    cases = fields.List(fields.Nested(CaseSummarySchema))
    next_cursor = text("Cursor of the next page; none on the last.", allow_none=True)
    next = text("Link to the next page; none on the last.", allow_none=True)


class UnitSchema(Strict):
    """A unit's part in a case."""

    department = fields.Nested(NamedSchema)
    part = text("`lead` or `assist`.")
    since = moment("Since when.")
    until = moment("When it was taken off.", allow_none=True)


class ClockSchema(Strict):
    """A clock of a case."""

    name = text("`handling` is the case's deadline.")
    limit = text("The limit as the city writes it: `2 work_day`.")
    total_s = real("The whole limit with extensions, seconds on the limit's own measure.")
    used_s = real("What is used of it, seconds.")
    share = real("used / total; above 1 is overdue.")
    state = text("running, paused or stopped.")
    due_at = moment("When it runs out as things are; none while it does not run.", allow_none=True)
    light = text("green, yellow or red.")


class ClassSchema(Strict):
    """The catalogue entry of a case."""

    kind = text("`component` or `event`.")
    class_name = fields.Nested(NamedSchema)
    subclass = fields.Nested(NamedSchema)
    department_code = text("Who the catalogue names.")
    provenance = text("Where the code comes from: found, memory, provisional or city.")
    condition_no = whole("Filing condition.", allow_none=True)
    condition = text("The filing condition in words.")
    condition_en = text("The same in English, where there is a translation.")
    closing_condition = text("When the case may be closed.")
    limit = text("The handling limit.")
    condition_provenance = text("Where the filing condition comes from: found, memory, provisional or city.")
    evidence = text("The manual's rule of evidence: `before_photo 1; after_photo 2`; empty without one.")
    extension = text("The manual's rule of extension: `2 x 5 work_day`, or `none` for never; empty without one.")


class LinkSchema(Strict):
    """Another case that belongs to this one."""

    number = text("Its number.")
    kind = text("merged, split, related, enforcement or another process.")
    direction = text("`to`: it came out of this one; `from`: this one came out of it.")
    reason = text("Why, where somebody said so.")
    title = text("Its title.")
    status = text("Its status.")
    provenance = text(PROVENANCE)


class RemarkSchema(Strict):
    """Something about a file of evidence, in both languages."""

    code = text("What it is; see docs/reference/evidence.md.")
    text_en = text("In English.")
    value = real("Metres, minutes or differing bits, as the code says.", allow_none=True)
    case = text("Number of the other case, where you may see it.", allow_none=True)
    evidence = whole("Id of the file there.", allow_none=True)
    text = text("In Chinese.")


class EvidenceSchema(Strict):
    """A file of evidence, without its bytes."""

    id = whole("Id within the city.")
    role = text("What it shows, e.g. before_photo, near_photo, video.")
    kind = text("photo, video or voice.")
    file_name = text("Name as uploaded.")
    media_type = text("What it is by its bytes, e.g. image/jpeg, video/mp4, audio/mpeg.")
    sha256 = text("SHA-256 of the original, hexadecimal.")
    size = whole("Size of the original, bytes.")
    width_px = whole("Width, pixels; 0 for what is no photo.")
    height_px = whole("Height, pixels; 0 for what is no photo.")
    taken_at = moment("When the camera says it was taken.", allow_none=True)
    lon = real("Longitude the camera noted, degrees, WGS-84.", allow_none=True)
    lat = real("Latitude the camera noted, degrees, WGS-84.", allow_none=True)
    uploaded_at = moment("When it was uploaded.")
    uploader = text("Who uploaded it.")
    department_code = text("For which department.", allow_none=True)
    distance_m = real("From the reported place to where the camera was, metres.", allow_none=True)
    age_min = real("Minutes between the camera's time and the upload.", allow_none=True)
    findings = fields.List(fields.Nested(RemarkSchema), metadata={"description": "What contradicts the claim."})
    of_case = text("The case it belongs to, when that is one merged with this one or split.", allow_none=True)
    notes = fields.List(
        fields.Nested(RemarkSchema), metadata={"description": "What was broken in the file and left out."}
    )


class SupervisionSchema(Strict):
    """A formal urging (督办)."""

    id = whole("Id.")
    level = whole("Level, 1 is the lowest.")
    instruction = text("What is demanded.")
    opened_at = moment("When.")
    reply = text("The unit's reply.", allow_none=True)
    replied_at = moment("When it replied.", allow_none=True)


class OpenTaskSchema(Strict):
    """A task that waits."""

    id = text("Task id.")
    name = text("Name in the diagram.")
    stage = text("Stage.")
    process = text("Diagram.")
    element = text("Element of the diagram.")
    role = text("Role that may do it.")
    scope = text("Department or duty grid the role is narrowed to.", allow_none=True)
    assignee = text("Who holds it.", allow_none=True)
    created_at = moment("Since when it waits.")
    due_at = moment("When it is due.", allow_none=True)
    light = text("green, yellow, red or none.", allow_none=True)
    mine = truth("Whether you may do it.")


class CaseDetailSchema(Strict):
    """Everything about a case."""

    summary = fields.Nested(CaseSummarySchema)
    description = text("What is wrong.")
    component_code = text("Component.", allow_none=True)
    duty_grid = text("Duty grid.", allow_none=True)
    community = fields.Nested(NamedSchema, allow_none=True)
    area_class = text("Area class A, B or C; it decides the limit.")
    external_id = text("Number in another system.", allow_none=True)
    reporter_name = text("Who reported; none for those who do not read all cases.", allow_none=True)
    reporter_phone = text("Telephone; none for those who do not read all cases.", allow_none=True)
    self_handled = truth("Mended on the spot.")
    filed_at = moment("Filed.", allow_none=True)
    dispatched_at = moment("Dispatched.", allow_none=True)
    handled_at = moment("Handled by all units.", allow_none=True)
    close_kind = text("solved, notification, forced or evidence.", allow_none=True)
    on_time = truth("Handled within the limit; none before the end.", allow_none=True)
    satisfaction = text("What the reporter said at the callback.", allow_none=True)
    counts = mapping("How often: extensions, suspensions, reworks, returns, supervisions, appeals.")
    version = whole("Grows with every change.")
    catalogue = fields.Nested(ClassSchema, allow_none=True)
    units = fields.List(fields.Nested(UnitSchema))
    clocks = fields.List(fields.Nested(ClockSchema))
    links = fields.List(fields.Nested(LinkSchema))
    reports = fields.List(
        fields.Nested(JoinedReportSchema),
        metadata={"description": "Reports merged into it, for those who read all cases."},
    )
    no_report = fields.List(
        fields.Nested(RuleOnCaseSchema), metadata={"description": "No-report rules it was reported under."}
    )
    evidence = fields.List(fields.Nested(EvidenceSchema))
    joined_evidence = fields.List(
        fields.Nested(EvidenceSchema), metadata={"description": "Evidence of cases merged with it or split from it."}
    )
    supervisions = fields.List(fields.Nested(SupervisionSchema))
    tasks = fields.List(fields.Nested(OpenTaskSchema))
    actions = fields.List(fields.String(), metadata={"description": "Actions you may take now."})


class HistoryLineSchema(Strict):
    """One line of the history."""

    id = whole("Id, growing.")
    at = moment("When.")
    kind = text("What happened.")
    stage = text("In which stage.")
    process = text("Diagram.")
    element = text("Element of the diagram.")
    element_name = text("Its name in the diagram.")
    actor = text("Who, or `system`.")
    actor_role = text("In which role.")
    department = fields.Nested(NamedSchema, allow_none=True)
    data = mapping("What depends on the kind: answers, reasons, decisions with their rules.")


class HistorySchema(Strict):
    """The history of a case."""

    number = text("Case number.")
    events = fields.List(fields.Nested(HistoryLineSchema))


class ActionSchema(Strict):
    """An act on a case; which fields it takes depends on the action."""

    reason = text("Why. Needed by cancel and appeal.")
    into = text("merge: the number of the case that goes on.")
    instruction = text("supervise: what is demanded.")
    level = whole("supervise: level, 1 is the lowest.", validate=ma.validate.Range(1, 9))


class StandingTaskSchema(Strict):
    """A task that is open after an act."""

    id = text("Task id.")
    element = text("Element of the diagram.")
    name = text("Name.")


class StandingSchema(Strict):
    """Where a case stands after an act."""

    case = text("Case number.")
    status = text("Status.")
    stage = text("Stage.")
    tasks = fields.List(fields.Nested(StandingTaskSchema))


ACTION_NAMES = tuple(ACTIONS)
