"""People on the ground over the API: positions, duty, roster, coverage, facts."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from api.schemas.base import Strict, mapping, moment, real, text, truth, whole
from engine.patrol.duty import STATES
from engine.patrol.facts import CONFIRMED, FALSE, MISSED, REJECTED
from engine.patrol.roster import STATUSES
from engine.patrol.taking import MOST, REASONS

KINDS = (MISSED, FALSE, "left_grid", "no_position")


class TrackBatchSchema(Strict):
    """A batch of one's own positions, in any order."""

    points = fields.List(
        fields.Raw(allow_none=True),
        required=True,
        metadata={
            "description": f"Up to {MOST} points, each a list: time of the device (epoch, milliseconds), longitude, "
            "latitude (degrees), accuracy (metres), battery (percent, or null)."
        },
    )
    sent_at = real(
        "The device's clock when it sends (epoch, milliseconds): what it is wrong by is added to every time.",
        load_default=None,
    )
    datum = text("The coordinates' datum: WGS-84, CGCS2000, GCJ-02, BD-09 or an EPSG code.", load_default="WGS-84")


class RefusedPointSchema(Strict):
    """A point that was not taken."""

    index = whole("Its place in the batch, from 0.")
    code = text(f"Why: {', '.join(REASONS)}.")
    reason = text("Why, in words.")
    remedy = text("What to do.")


class TakenSchema(Strict):
    """What became of a batch."""

    taken = whole("New points kept.")
    duplicates = whole("Points that were there already, or stood twice.")
    clock_skew_s = real("Seconds added to the device's times.")
    refused = fields.List(fields.Nested(RefusedPointSchema))


class OnDutySchema(Strict):
    """Somebody on a shift right now."""

    shift_id = whole("The shift.")
    login = text("Login.")
    name = text("Name.")
    phone = text("Telephone.")
    duty_grid = text("Duty grid.")
    grid_name = text("Its name.")
    shift = text("The shift's code.")
    starts_at = moment("Begin of the shift.")
    ends_at = moment("End of the shift.")
    state = text(f"{', '.join(STATES)}: silent is without a point for too long, unseen without any yet.")
    since = moment("When the state began.")
    seen_at = moment("The last point; null while unseen.", allow_none=True)
    lon = real("Its longitude, WGS-84.", allow_none=True)
    lat = real("Its latitude, WGS-84.", allow_none=True)
    accuracy_m = real("Its accuracy in metres.", allow_none=True)
    battery = real("The battery in percent.", allow_none=True)
    open_tasks = whole("Open tasks held.")


class OnDutyListSchema(Strict):
    """Everybody on a shift right now."""

    people = fields.List(fields.Nested(OnDutySchema))
    counts = mapping("How many are in each state.")


class TrackQuery(Strict):
    """What to show of a track."""

    raw = truth("Raw points, as long as they are kept, instead of the simplified line.", load_default=False)
    reason = text("Why you look; needed for anybody but yourself.", load_default="")


class TrackSchema(Strict):
    """The track of a day."""

    login = text("Whose.")
    day = fields.Date(metadata={"description": "The day, by the city's clock."})
    simplified = truth("Whether points are left out (Douglas–Peucker within the city's tolerance).")
    points = whole("Raw points of the day.")
    length_m = real("Metres walked.")
    line = fields.List(
        fields.List(fields.Float()), metadata={"description": "Points as [epoch ms, longitude, latitude], in order."}
    )


class LooksQuery(Strict):
    """Filter."""

    login = text("Only looks at this person.", load_default=None)
    before = whole("Ids below this one.", load_default=None)
    limit = whole("Rows.", load_default=50, validate=ma.validate.Range(1, 200))


class LookSchema(Strict):
    """Somebody looked."""

    id = whole("Id.")
    at = moment("When.")
    actor = text("Who looked.")
    person = text("At whom; null for everybody on duty.", allow_none=True)
    what = text("`track` or `positions`.")
    day = fields.Date(allow_none=True, metadata={"description": "The day of the track."})
    reason = text("The reason given.")


class LooksSchema(Strict):
    """Looks, latest first."""

    looks = fields.List(fields.Nested(LookSchema))


class PeriodQuery(Strict):
    """A period, and filters."""

    since = moment("Begin.", data_key="from", required=True)
    until = moment("End, not included.", data_key="to", required=True)
    login = text("Only this person.", load_default=None)
    grid = text("Only this duty grid.", load_default=None)


class RosterShiftSchema(Strict):
    """A line of the roster."""

    id = whole("Id.")
    login = text("Who.")
    name = text("Name.")
    duty_grid = text("Where.")
    shift = text("The shift's code.")
    team = text("The team.")
    starts_at = moment("Begin.")
    ends_at = moment("End.")
    status = text(", ".join(STATUSES))
    origin = text("pattern, import or hand.")
    reason = text("Why it was changed.")
    stands_for = whole("The shift it stands in for.", allow_none=True)


class RosterSchema(Strict):
    """A roster."""

    shifts = fields.List(fields.Nested(RosterShiftSchema))


class NewShiftSchema(Strict):
    """A shift by hand."""

    login = text("A collector.", required=True)
    duty_grid = text("A duty grid.", required=True)
    starts_at = moment("Begin.", required=True)
    ends_at = moment("End.", required=True)
    shift = text("A shift's code, for the list.", load_default="")
    reason = text("Why.", required=True)


class ShiftChangeSchema(Strict):
    """A change of a shift."""

    act = text(
        "`leave`, `cancel`, `substitute` (by `login`) or `swap` (with the shift `other`).",
        required=True, validate=ma.validate.OneOf(("leave", "cancel", "substitute", "swap")),
    )  # fmt: skip
    reason = text("Why.", required=True)
    login = text("Who stands in.", load_default=None)
    other = whole("The shift to swap with.", load_default=None)


class RosterFileSchema(Strict):
    """A roster as a file."""

    file = fields.Raw(required=True, metadata={"type": "string", "format": "binary", "description": "CSV, UTF-8."})


class RefusedRowSchema(Strict):
    """A row that was not taken."""

    line = whole("Line of the file.")
    reason = text("Why.")
    remedy = text("What to do.")


class ImportedRosterSchema(Strict):
    """What an import did; with a refused row nothing is taken."""

    added = whole("New shifts.")
    changed = whole("Changed ones.")
    unchanged = whole("Rows that said nothing new.")
    refused = fields.List(fields.Nested(RefusedRowSchema))


class RosterFaultSchema(Strict):
    """Something wrong with a roster."""

    kind = text("uncovered, two_places, unknown_grid or no_collector.")
    duty_grid = text("The grid.")
    begins = moment("From.")
    ends = moment("To.")
    login = text("The person; empty for a grid without anybody.")
    other_grid = text("The other grid of somebody in two places.")
    message = text("In words, with the remedy.")


class RosterFaultsSchema(Strict):
    """What is wrong with a roster."""

    faults = fields.List(fields.Nested(RosterFaultSchema))


class CoverageSchema(Strict):
    """What a shift has covered. Lengths in metres."""

    shift = fields.Nested(RosterShiftSchema)
    method = text("How it was counted, see docs/reference/patrol.md.")
    kept = truth("Whether it is final; a shift that is not over is counted up to now.")
    cells = whole("Unit grids of the duty grid.")
    cells_visited = whole("Those the track went through.")
    missed_cells = fields.List(fields.String(), metadata={"description": "Codes of the others."})
    share = real("Share of the cells visited; null in a grid without cells.", allow_none=True)
    roads_m = real("Streets of the grid.")
    roads_visited_m = real("Of these seen.")
    track_m = real("Length of the track.")
    points = whole("Points.")
    reports = whole("Problems reported on patrol in the shift and its grid.")
    quota = whole("Problems expected.")


class CoverageListSchema(Strict):
    """Coverage of the shifts of a period."""

    coverage = fields.List(fields.Nested(CoverageSchema))


class FactsQuery(Strict):
    """Filter."""

    kind = text("Only this kind.", load_default=None, validate=ma.validate.OneOf(KINDS))
    status = text("open, ended, candidate, confirmed or rejected.", load_default=None)
    login = text("Only about this person.", load_default=None)
    since = moment("From.", data_key="from", load_default=None)
    until = moment("To, not included.", data_key="to", load_default=None)
    before = whole("Ids below this one.", load_default=None)
    limit = whole("Rows.", load_default=50, validate=ma.validate.Range(1, 200))


class FactSchema(Strict):
    """A fact about somebody on the ground."""

    id = whole("Id.")
    kind = text(", ".join(KINDS))
    status = text("open and ended for alarms; candidate, confirmed, rejected for reports.")
    login = text("Whom it is about.")
    name = text("Name.")
    duty_grid = text("Duty grid.")
    case = text("The case behind it; null for alarms.", allow_none=True)
    at = moment("When it began, or the case was reported.")
    ended_at = moment("When it ended.", allow_none=True)
    facts = mapping("What it rests on.")
    decided_by = text("Who judged.", allow_none=True)
    decided_at = moment("When.", allow_none=True)
    reason = text("The verdict's reason.")


class FactsSchema(Strict):
    """Facts, latest first."""

    facts = fields.List(fields.Nested(FactSchema))


class VerdictSchema(Strict):
    """A verdict on a missed report."""

    verdict = text("confirmed or rejected.", required=True, validate=ma.validate.OneOf((CONFIRMED, REJECTED)))
    reason = text("Why.", required=True)


class PersonFiguresSchema(Strict):
    """One person's figures."""

    login = text("Login.")
    counts = mapping("The figures, see docs/reference/patrol.md.")
    cases = mapping("The numbers of the cases behind each figure.")


class FiguresSchema(Strict):
    """Figures of a period."""

    people = fields.List(fields.Nested(PersonFiguresSchema))


class HandOverSchema(Strict):
    """Give a task to somebody."""

    login = text("A collector.", required=True)
    reason = text("Why.", required=True)


class HandedOverSchema(Strict):
    """The task now."""

    task = text("Id.")
    login = text("Who has it.")
    version = whole("Its version.")
    choice = mapping("Why it is theirs.")
