"""Trucks of a demonstration: devices that drove their routes on the first evening, and stand somewhere now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from engine.database import begin_write
from engine.hooks import Demonstration
from engine.models import RegisterEntry
from engine.sensors.devices import add_device
from engine.sensors.filing import settle
from engine.sensors.reading_messages import HTTP
from engine.sensors.readings import Message
from engine.sensors.sensing import sensing_of
from engine.sensors.taking import take_messages
from plugins.building_waste.fencing import write_project
from plugins.building_waste.jobs import keep_fences
from plugins.building_waste.places import PROJECTS, SITES, TRUCK, VEHICLES
from plugins.building_waste.volumes import entries

Point = tuple[float, float]
MINUTES = 24
"""Of a trip; a reading every minute."""
OFF_ROUTE, LID_OPEN = "GC-01", "GC-02"
"""Projects whose first truck leaves its route, or drives with its lid open, on the first evening."""


def let_drive(demo: Demonstration) -> None:
    """Register the devices, write the fences, and let a truck of every active project drive its route."""
    session, platform = demo.session, demo.platform
    kinds = sensing_of(session, platform).kinds
    vehicles, sites = entries(session, VEHICLES), {each.key: each for each in entries(session, SITES)}
    known = {each.key: str(each.values["gps"]) for each in vehicles}
    projects = [each for each in entries(session, PROJECTS) if each.values.get("status") == "active"]
    keep_fences(session, platform, demo.start)
    lines: list[tuple[RegisterEntry, list[Point], list[str]]] = []
    for project in projects:
        devices = [known[plate] for plate in str(project.values["vehicles"]).split("、")]
        line = [(project.lon or 0, project.lat or 0), _place(sites[str(project.values["disposal_site"])])]
        write_project(
            session, sensing_of(session, platform), project, line, [str(project.values["hours"])], devices, demo.start,
            width_m=80.0, radius_m=150.0,
        )  # fmt: skip
        lines.append((project, line, devices))
    session.commit()  # what follows begins its own transactions
    for each in vehicles:
        about = {"code": each.values["gps"], "kind": TRUCK, "name": f"渣土车{each.key}", "vehicle": each.key}
        add_device(session, kinds, about, demo.start, demo=True)
    zone = platform.city.time_zone
    evening = datetime.combine(demo.start.astimezone(zone).date(), time(21), zone)
    for at, messages in _by_minute(lines, evening):
        taken = take_messages(session, platform, messages, at)
        settle(session, platform, taken.alarms, at)
    last = [
        _message(devices[0], demo.now - timedelta(minutes=2), line[0], speed=0.0, load=0.4, lid="closed")
        for _, line, devices in lines
    ]
    take_messages(session, platform, last, demo.now)
    begin_write(session)


def _by_minute(
    lines: Sequence[tuple[RegisterEntry, list[Point], list[str]]], evening: datetime
) -> Iterator[tuple[datetime, list[Message]]]:
    for minute in range(MINUTES + 1):
        at, share = evening + timedelta(minutes=minute), minute / MINUTES
        messages = []
        for project, (start, end), devices in lines:
            here = start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share
            away = project.key == OFF_ROUTE and 8 <= minute <= 16
            lid = "open" if project.key == LID_OPEN and 6 <= minute <= 14 else "closed"
            spot = (here[0] + 0.006, here[1] - 0.004) if away else here
            messages.append(_message(devices[0], at, spot, speed=32.0, load=24.0, lid=lid))
        yield at, messages


def _message(code: str, at: datetime, spot: Point, *, speed: float, load: float, lid: str) -> Message:
    values: dict[str, Any] = {"speed": speed, "load": load, "lid": lid, "tipping": False}
    reading = {"at": at.isoformat(), "values": values, "lon": round(spot[0], 6), "lat": round(spot[1], 6)}
    return Message(HTTP, code, b"", content=[reading])


def _place(site: RegisterEntry) -> Point:
    return site.lon or 0.0, site.lat or 0.0
