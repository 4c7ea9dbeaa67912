"""What a patrol has covered: the cells of the duty grid its track went through, its streets, its reports against quota.

Method ``buffer-1``: the points of the shift, joined unless more than ``gap_min`` lie between two of them, see all that
is within ``buffer_m``. A unit grid is visited when any of it is seen. Streets are marked every ten metres; the share of
the marks that are seen is the share of the streets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.city import City
from engine.database import begin_write
from engine.models import Case, DutyShift, PatrolCoverage, TrackDay
from engine.patrol.grids import Beat, Beats, beats_of
from engine.patrol.plane import Plane
from engine.patrol.roster import PLANNED
from engine.patrol.rules import CoverageRules, PatrolRules, load_patrol_rules, minutes
from engine.patrol.tracks import length_m, read_points
from engine.platform import Platform

METHOD = "buffer-1"
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Covered:
    """What one shift has covered. ``missed`` are codes of cells; lengths in metres."""

    cells: int
    visited: int
    missed: tuple[str, ...]
    roads_m: float
    roads_visited_m: float
    track_m: float
    points: int
    reports: int
    quota: int

    @property
    def share(self) -> float | None:
        """Share of the cells visited; none in a grid without cells."""
        return self.visited / self.cells if self.cells else None

    @property
    def roads_share(self) -> float | None:
        """Share of the streets' length seen; none where no street is known."""
        return self.roads_visited_m / self.roads_m if self.roads_m else None


def covered_by(
    session: Session, platform: Platform, shift: DutyShift, now: datetime, rules: PatrolRules | None = None
) -> Covered:
    """What a shift has covered up to now."""
    rules = rules or load_patrol_rules(platform.city)
    beats = beats_of(session, platform.host.ground)
    rows = rows_of(session, platform.city, shift, now, rules)
    beat = beats.by_code.get(shift.duty_grid_code)
    reports = session.scalar(
        select(func.count()).where(
            Case.reporter_id == shift.person_id, Case.duty_grid_code == shift.duty_grid_code, Case.source == "patrol",
            Case.reported_at >= shift.starts_at, Case.reported_at < shift.ends_at,
        )
    )  # fmt: skip
    visited, missed, roads, seen = cover(beats, beat, rows, rules.coverage) if beat is not None else (0, (), 0.0, 0.0)
    return Covered(
        len(beat.cells) if beat is not None else 0, visited, missed, roads, seen,
        sum(length_m(part) for part in parts_of(rows, rules.coverage)), len(rows), reports or 0,
        round(rules.coverage.quota),
    )  # fmt: skip


def rows_of(session: Session, city: City, shift: DutyShift, now: datetime, rules: PatrolRules) -> Numbers:
    """The points of a shift: raw, or those of the simplified lines when the raw ones are gone."""
    until = min(now, shift.ends_at)
    rows = read_points(session, shift.person_id, shift.starts_at, until, skew_h=rules.track.max_skew_h)
    if len(rows):
        return rows
    first, last = (each.astimezone(city.time_zone).date() for each in (shift.starts_at, until))
    query = select(TrackDay.line).where(
        TrackDay.person_id == shift.person_id, TrackDay.day >= first, TrackDay.day <= last
    )
    lines = [line for line in session.scalars(query.order_by(TrackDay.day)) if line]
    if not lines:
        return rows
    kept = np.concatenate([np.array(line, dtype=np.float64).reshape(-1, 3) for line in lines])
    inside = (kept[:, 0] >= shift.starts_at.timestamp() * 1000) & (kept[:, 0] <= until.timestamp() * 1000)
    return kept[inside]


def parts_of(rows: Numbers, rules: CoverageRules) -> list[Numbers]:
    """The stretches of a track without a gap in time."""
    if not len(rows):
        return []
    breaks = np.flatnonzero(np.diff(rows[:, 0]) > rules.gap_min * 60_000) + 1
    return list(np.split(rows, breaks))


def cover(beats: Beats, beat: Beat, rows: Numbers, rules: CoverageRules) -> tuple[int, tuple[str, ...], float, float]:
    """Cells visited, codes of the others, metres of street, metres of it seen."""
    way = way_of(beat.plane, parts_of(rows, rules))
    near = shapely.dwithin(beat.cell_shapes, way, rules.buffer_m) if len(beat.cells) else np.zeros(0, dtype=bool)
    missed = tuple(code for code, there in zip(beat.cells, near.tolist(), strict=True) if not there)
    length, marks = beats.roads_in(beat)
    seen = length * float(shapely.dwithin(marks, way, rules.buffer_m).mean()) if length else 0.0
    return int(near.sum()), missed, length, seen


def way_of(plane: Plane, parts: Iterable[Numbers]) -> Any:
    """Where somebody went, in metres: lines, and points that nothing joins."""
    lines = []
    for part in parts:
        at = plane.points(part[:, 1], part[:, 2])
        lines.append(shapely.LineString(at) if len(at) > 1 else shapely.Point(at[0]))
    found = shapely.GeometryCollection(lines)
    shapely.prepare(found)
    return found


def keep_coverage(session: Session, platform: Platform, now: datetime) -> int:
    """Write down the coverage of shifts that are over and have none; commits. Returns how many.

    A shift is counted an hour after points of it still come in time (``late_min``).
    """
    rules = load_patrol_rules(platform.city)
    over, oldest = now - minutes(rules.track.late_min) - timedelta(hours=1), now - timedelta(days=7)
    query = (
        select(DutyShift)
        .outerjoin(PatrolCoverage, PatrolCoverage.shift_id == DutyShift.id)
        .where(
            DutyShift.ends_at <= over, DutyShift.ends_at > oldest, DutyShift.status == PLANNED,
            PatrolCoverage.shift_id.is_(None),
        )
        .order_by(DutyShift.ends_at, DutyShift.id)
        .limit(300)
    )  # fmt: skip
    return count_again(session, platform, list(session.scalars(query)), now, rules)


def count_again(
    session: Session, platform: Platform, shifts: list[DutyShift], now: datetime, rules: PatrolRules | None = None
) -> int:
    """Count the coverage of these shifts and keep it; commits."""
    rules = rules or load_patrol_rules(platform.city)
    found = [(row, covered_by(session, platform, row, now, rules)) for row in shifts]
    if not found:
        return 0
    begin_write(session)
    for row, covered in found:
        session.merge(
            PatrolCoverage(
                shift_id=row.id, method=METHOD, cells=covered.cells, cells_visited=covered.visited,
                missed_cells=list(covered.missed), roads_m=round(covered.roads_m, 1),
                roads_visited_m=round(covered.roads_visited_m, 1), track_m=round(covered.track_m, 1),
                points=covered.points, reports=covered.reports, quota=covered.quota, computed_at=now,
            )
        )  # fmt: skip
    session.commit()
    return len(found)
