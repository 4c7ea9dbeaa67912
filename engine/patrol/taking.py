"""Points of a device taken in a batch: cleaned, each refusal with its reason, the same batch twice harmless.

A point is ``[epoch ms of the device, longitude, latitude, accuracy in metres, battery in percent or null]``. All
work on a batch is done on arrays; one statement writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from engine.cases.access import require
from engine.database import begin_write
from engine.errors import Invalid
from engine.ground.datums import convert, system_named
from engine.models import DutyShift, TrackPoint
from engine.organisation.actor import Actor
from engine.patrol.grids import beats_of
from engine.patrol.plane import Plane, steps_m
from engine.patrol.roster import PLANNED
from engine.patrol.rules import PatrolRules, TrackRules, load_patrol_rules, minutes
from engine.patrol.state import move_state
from engine.platform import Platform

REPORT = "patrol.report"
MOST = 5_000
"""Points of a batch."""
WIDTH = 5
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

REASONS = {
    "unreadable": ("the point is no list of time, longitude, latitude, accuracy, battery", "send five numbers"),
    "position": ("longitude or latitude is out of range", "send WGS-84 degrees, longitude first"),
    "accuracy": ("the device does not know its position well enough", "wait for a better fix"),
    "future": ("the point lies in the future", "correct the device's clock, or send sent_at"),
    "old": ("the point is too old", "send points sooner"),
    "off_shift": ("there is no shift at that time, so the point is not kept", "record positions in shifts only"),
    "jump": ("nobody moves so fast", "leave out fixes the device corrects"),
}
"""Why a point is not taken, and what to do."""


@dataclass(frozen=True)
class Refused:
    """A point that was not taken: its place in the batch from 0 and a key of REASONS."""

    index: int
    code: str


@dataclass(frozen=True)
class Taken:
    """What became of a batch. ``clock_skew_s`` was added to the device's times."""

    taken: int
    duplicates: int
    clock_skew_s: float
    refused: tuple[Refused, ...]


def take_points(
    session: Session,
    platform: Platform,
    actor: Actor,
    points: Sequence[Any],
    now: datetime,
    *,
    sent_at_ms: float | None = None,
    datum: str = "WGS-84",
) -> Taken:
    """Take a batch of one's own points, in any order; commits.

    :param sent_at_ms: the device's clock when it sent the batch; what it is wrong by is added to every time.
    :raises NotAllowed: the actor sends no positions.
    :raises Invalid: the batch is too long, or the device's clock is wrong beyond belief.
    """
    require(actor, REPORT, "send positions")
    rules = load_patrol_rules(platform.city)
    if len(points) > MOST:
        raise Invalid(f"{len(points)} points are more than {MOST}; send them in parts", field="points")
    skew_ms = clock_skew_ms(sent_at_ms, now, rules.track)
    table, codes = read_points(points)
    good = codes == ""
    if datum.upper() not in ("WGS-84", "WGS84") and good.any():
        lons, lats = convert(table[good, 1], table[good, 2], system_named(datum), system_named("WGS-84"))
        table[good, 1], table[good, 2] = lons, lats
    judge(table, codes, now.timestamp() * 1000, skew_ms, rules.track)
    begin_write(session)
    shifts = _shifts(session, actor.person_id, table[codes == "", 0] + skew_ms, rules.track)
    _refuse_off_shift(table, codes, skew_ms, shifts, rules.track)
    fresh, duplicates = _new_ones(session, actor.person_id, table, codes)
    _refuse_jumps(session, actor.person_id, table, codes, fresh, rules.track)
    kept = fresh & (codes == "")
    rows = table[kept]
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    if len(rows):
        _write(session, actor.person_id, rows, skew_ms)
        _follow(session, platform, actor, rules, rows, skew_ms, shifts)
    session.commit()
    refused = tuple(Refused(int(at), str(codes[at])) for at in np.flatnonzero(codes != ""))
    return Taken(len(rows), duplicates, skew_ms / 1000, refused)


def clock_skew_ms(sent_at_ms: float | None, now: datetime, rules: TrackRules) -> int:
    """What to add to a device's times: nothing while its clock is about right. Raises Invalid."""
    if sent_at_ms is None:
        return 0
    skew = now.timestamp() * 1000 - sent_at_ms
    if not abs(skew) <= rules.max_skew_h * 3_600_000:
        raise Invalid(
            f"the device's clock is wrong by {skew / 3_600_000:.0f} h; correct it and send the batch again",
            field="sent_at",
        )
    return round(skew) if abs(skew) > rules.clock_tolerance_s * 1000 else 0


def read_points(points: Sequence[Any]) -> tuple[Numbers, NDArray[Any]]:
    """A batch as a table of five columns (NaN where there is no number) and a code for every point ("" so far)."""
    codes = np.full(len(points), "", dtype=object)
    try:
        table = np.array(points, dtype=np.float64).reshape(len(points), WIDTH)
    except (TypeError, ValueError, OverflowError):
        table = np.full((len(points), WIDTH), np.nan)
        for at, point in enumerate(points):
            if _readable(point):
                table[at] = [np.nan if value is None else value for value in point]
            else:
                codes[at] = "unreadable"
    codes[(codes == "") & ~np.isfinite(table[:, :4]).all(axis=1)] = "unreadable"
    codes[(codes == "") & (np.abs(table[:, 0]) > 2**52)] = "unreadable"
    table[:, 0] = np.floor(np.where(codes == "", table[:, 0], 0))
    battery = table[:, 4]
    battery[~((battery >= 0) & (battery <= 100))] = np.nan
    return table, codes


def _readable(point: Any) -> bool:
    if not isinstance(point, list | tuple) or len(point) != WIDTH:
        return False
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in point[:4])
    return numbers and (point[4] is None or isinstance(point[4], int | float)) and all(
        value is None or abs(value) < 1e300 for value in point
    )  # fmt: skip


def judge(table: Numbers, codes: NDArray[Any], now_ms: float, skew_ms: int, rules: TrackRules) -> None:
    """Refuse what a point alone tells, in the order of REASONS."""
    at = table[:, 0] + skew_ms
    faults: tuple[tuple[str, Flags], ...] = (
        ("position", (np.abs(table[:, 1]) > 180) | (np.abs(table[:, 2]) > 90)),
        ("accuracy", (table[:, 3] < 0) | (table[:, 3] > rules.max_accuracy_m)),
        ("future", at > now_ms + rules.clock_tolerance_s * 1000),
        ("old", at < now_ms - rules.max_age_h * 3_600_000),
    )
    for code, wrong in faults:
        codes[(codes == "") & wrong] = code


def _shifts(session: Session, person_id: int, at_ms: Numbers, rules: TrackRules) -> list[DutyShift]:
    if not len(at_ms):
        return []
    first, last = (datetime.fromtimestamp(float(each) / 1000, UTC) for each in (at_ms.min(), at_ms.max()))
    query = select(DutyShift).where(
        DutyShift.person_id == person_id, DutyShift.status == PLANNED,
        DutyShift.ends_at >= first - minutes(rules.late_min), DutyShift.starts_at <= last + minutes(rules.early_min),
    )  # fmt: skip
    return list(session.scalars(query.order_by(DutyShift.starts_at)))


def _refuse_off_shift(
    table: Numbers, codes: NDArray[Any], skew_ms: int, shifts: list[DutyShift], rules: TrackRules
) -> None:
    at = table[:, 0] + skew_ms
    worked = np.zeros(len(at), dtype=bool)
    for row in shifts:
        begins = (row.starts_at - minutes(rules.early_min)).timestamp() * 1000
        ends = (row.ends_at + minutes(rules.late_min)).timestamp() * 1000
        worked |= (at >= begins) & (at <= ends)
    codes[(codes == "") & ~worked] = "off_shift"


def _new_ones(session: Session, person_id: int, table: Numbers, codes: NDArray[Any]) -> tuple[Flags, int]:
    """Which good points are new, and how many are there already or stand twice in the batch."""
    good = codes == ""
    if not good.any():
        return good, 0
    times = table[:, 0]
    first, last = int(times[good].min()), int(times[good].max())
    query = select(TrackPoint.device_ms).where(
        TrackPoint.person_id == person_id, TrackPoint.device_ms >= first, TrackPoint.device_ms <= last
    )
    known = np.fromiter(session.scalars(query), dtype=np.float64)
    fresh = good & ~np.isin(times, known)
    _, firsts = np.unique(np.where(fresh, times, -1), return_index=True)
    single = np.zeros(len(times), dtype=bool)
    single[firsts] = True
    return fresh & single, int((good & ~(fresh & single)).sum())


def _refuse_jumps(
    session: Session, person_id: int, table: Numbers, codes: NDArray[Any], fresh: Flags, rules: TrackRules
) -> None:
    """Refuse points that the one before cannot have led to; the last one known before the batch counts."""
    order = np.flatnonzero(fresh & (codes == ""))
    if not len(order):
        return
    order = order[np.argsort(table[order, 0], kind="stable")]
    before = session.execute(
        select(TrackPoint.device_ms, TrackPoint.lon, TrackPoint.lat, TrackPoint.accuracy_m)
        .where(TrackPoint.person_id == person_id, TrackPoint.device_ms < int(table[order[0], 0]))
        .order_by(TrackPoint.device_ms.desc())
        .limit(1)
    ).first()
    rows = table[order, :4] if before is None else np.vstack([np.array(before, dtype=np.float64), table[order, :4]])
    plane, reach = Plane(float(rows[0, 2])), rules.max_speed_kmh / 3.6
    at = plane.points(rows[:, 1], rows[:, 2])
    seconds, slack = np.diff(rows[:, 0]) / 1000, rows[:-1, 3] + rows[1:, 3]
    if (steps_m(at) <= reach * seconds + slack).all():
        return
    last = 0
    for each in range(1, len(rows)):
        far = float(np.hypot(*(at[each] - at[last])))
        if far > reach * (rows[each, 0] - rows[last, 0]) / 1000 + rows[each, 3] + rows[last, 3]:
            codes[order[each - (before is not None)]] = "jump"
        else:
            last = each


def _write(session: Session, person_id: int, rows: Numbers, skew_ms: int) -> None:
    """One statement for all points; those another request wrote meanwhile are left."""
    values = [
        {
            "person_id": person_id, "device_ms": int(at), "skew_ms": skew_ms, "lon": lon, "lat": lat,
            "accuracy_m": accuracy, "battery": None if battery != battery else battery,
        }
        for at, lon, lat, accuracy, battery in rows.tolist()
    ]  # fmt: skip
    insert: Any = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    session.connection().execute(insert(TrackPoint.__table__).on_conflict_do_nothing(), values)


def _follow(
    session: Session, platform: Platform, actor: Actor, rules: PatrolRules, rows: Numbers, skew_ms: int,
    shifts: list[DutyShift],
) -> None:  # fmt: skip
    """Move the person's state along the points, shift by shift."""
    beats = beats_of(session, platform.host.ground)
    at = rows[:, 0] + skew_ms
    for each, row in enumerate(shifts):
        begins = (row.starts_at - minutes(rules.track.early_min)).timestamp() * 1000
        ends = (row.ends_at + minutes(rules.track.late_min)).timestamp() * 1000
        if each + 1 < len(shifts):
            # Where one shift follows another at once, its own grid counts from its begin.
            ends = min(ends, shifts[each + 1].starts_at.timestamp() * 1000 - 1)
        if each:
            begins = max(begins, shifts[each - 1].ends_at.timestamp() * 1000)
        chosen = (at >= begins) & (at <= ends)
        if chosen.any():
            move_state(session, actor.person_id, beats.by_code.get(row.duty_grid_code), row, at[chosen], rows[chosen],
                       rules.state)  # fmt: skip


__all__ = ["MOST", "REASONS", "Refused", "Taken", "take_points"]
