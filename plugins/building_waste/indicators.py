"""The plugin's figures: manifests that match, spillage cleared in time, points, volumes, renovation waste."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.hooks import Indicator, Measured
from engine.models import Case, CaseEvent, RegisterEntry
from engine.platform import Platform
from plugins.building_waste.places import CARRIERS, MANIFESTS
from plugins.building_waste.volumes import entries


def matched_trips(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Manifests that match, of those ended in the period: by carrier."""
    found: dict[str, list[RegisterEntry]] = defaultdict(list)
    for slip in _loaded(session, platform, start, end):
        if slip.values.get("status") != "on_way":
            found[str(slip.values.get("carrier") or "")].append(slip)
    return [
        Measured(
            carrier, sum(each.values["status"] == "matched" for each in slips), len(slips),
            tuple(each.key for each in slips),
        )
        for carrier, slips in sorted(found.items())
    ]  # fmt: skip


def trips_without_alarm(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Manifests without an alarm on the way, of those of the period: of the city."""
    slips = list(_loaded(session, platform, start, end))
    calm = sum(not each.values.get("alarm") for each in slips)
    return [Measured(platform.city.id, calm, len(slips), tuple(each.key for each in slips))] if slips else []


def volume_received(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Volume received at disposal sites, of the volume loaded: by project."""
    found: dict[str, list[RegisterEntry]] = defaultdict(list)
    for slip in _loaded(session, platform, start, end):
        if slip.values.get("status") != "on_way":
            found[str(slip.values.get("project") or "")].append(slip)
    return [
        Measured(project, _sum(slips, "unloaded"), _sum(slips, "loaded"), tuple(each.key for each in slips))
        for project, slips in sorted(found.items())
        if _sum(slips, "loaded")
    ]


def cleaned_in_time(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Spillages cleared by the party within two hours, of those ordered: of the city."""
    return _share(session, platform, "building_waste_enforcement", "clean_up", "not_cleaned", start, end)


def small_in_time(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Renovation waste cleared by its owner in time, of what was ordered to be cleared: of the city."""
    return _share(session, platform, "building_waste_small", "clear", "not_cleared", start, end)


def carrier_points(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Points of each carrier in the register, as they stand."""
    return [
        Measured(each.key, float(each.values.get("points") or 0), 1.0, (each.key,))
        for each in entries(session, CARRIERS)
    ]


def _share(
    session: Session, platform: Platform, process: str, good: str, late: str, start: datetime, end: datetime
) -> list[Measured]:
    rows = session.execute(
        select(Case.number, CaseEvent.element)
        .join(Case, Case.id == CaseEvent.case_id)
        .where(CaseEvent.process == process, CaseEvent.element.in_((good, late)))
        .where(CaseEvent.at >= start, CaseEvent.at < end)
        .order_by(CaseEvent.id)
    )
    found: dict[str, str] = {}
    for number, element in rows:
        found[number] = late if found.get(number) == late else element
    kept = sum(element == good for element in found.values())
    return [Measured(platform.city.id, kept, len(found), tuple(found))] if found else []


def _loaded(session: Session, platform: Platform, start: datetime, end: datetime) -> Iterator[RegisterEntry]:
    zone = platform.city.time_zone
    first, last = start.astimezone(zone).date().isoformat(), end.astimezone(zone).date().isoformat()
    return (row for row in entries(session, MANIFESTS) if first <= str(row.values.get("loaded_on") or "") < last)


def _sum(slips: Iterable[RegisterEntry], column: str) -> float:
    return round(sum(float(each.values.get(column) or 0) for each in slips), 1)


INDICATORS: Sequence[Indicator] = (
    Indicator("matched_trips", "联单相符率", "manifests that match", "%", matched_trips),
    Indicator("trips_without_alarm", "无报警运输率", "trips without an alarm", "%", trips_without_alarm),
    Indicator("volume_received", "消纳方量比", "volume received of loaded", "%", volume_received),
    Indicator("cleaned_in_time", "遗撒两小时清除率", "spillage cleared in two hours", "%", cleaned_in_time),
    Indicator("small_in_time", "装修垃圾按时清运率", "renovation waste cleared in time", "%", small_in_time),
    Indicator("carrier_points", "企业累计计分", "points of carriers", "", carrier_points),
)
