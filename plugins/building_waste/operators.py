"""What the diagrams call: the fences of a project's route, and its volumes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import DomainError, OperatorError, OperatorRefused
from engine.registers.keeping import look_up
from engine.sensors.declaring import read_declared
from engine.sensors.fences import Fences
from engine.sensors.sensing import Sensing
from engine.workflow.step import Step
from plugins.building_waste.fencing import write_project
from plugins.building_waste.places import PROJECTS, VEHICLES, read_plates
from plugins.building_waste.volumes import volumes_of

UNKNOWN_PROJECT = "entry_not_found"
"""The code of the error event that catches a project which is not in the register."""
POINT = re.compile(r"(-?\d+(?:\.\d+)?)\s*[,，]\s*(-?\d+(?:\.\d+)?)")


def open_route(step: Step, project: str, way: str, width_m: float, hours: str, plates: str) -> dict[str, Any]:
    """Write the fences of a project for the trucks that may carry: its route with hours, its site.

    ``way``: points ``lon,lat`` (WGS-84, degrees) in order, separated by ``;`` or lines; ``hours``: windows such as
    ``20:00-06:00``, separated by ``;``; ``plates``: separated by ``、``, commas or blanks. Result ``{fence,
    vehicles}``: the fence's code and ``{plate, carrier, gps, load_m3, permit_to}`` of each truck.
    Refused with the field at fault for points, hours and plates that do not hold.
    """
    host: Any = step.host
    entry = look_up(step.session, PROJECTS, str(project))
    if entry is None or entry.gone_at is not None:
        raise OperatorError(UNKNOWN_PROJECT, f"{project!r} is not in the register {PROJECTS}; correct its number")
    points, trucks = read_points(way), _trucks(step, plates)
    devices = sorted(str(each["gps"]) for each in trucks if each["gps"])
    windows = [each.strip() for each in re.split(r"[;；\n]", hours) if each.strip()]
    declared = read_declared(host.city, host.functions)
    sensing = Sensing(declared.kinds, declared.rules, Fences(()), 0)
    fields = {"windows": "hours", "geometry": "points", "width_m": "width_m"}
    radius = float(step.facts["settings"]["building_waste"]["site_radius_m"])
    try:
        code = write_project(
            step.session, sensing, entry, points, windows, devices, step.now, width_m=float(width_m), radius_m=radius
        )
    except DomainError as error:
        raise OperatorRefused(error.message, field=fields.get(error.field or "", error.field)) from error
    step.record("building_waste_route", fence=code, devices=devices, windows=windows)
    return {"fence": code, "vehicles": trucks}


def volumes(step: Step, project: str, month: str = "") -> dict[str, Any]:
    """Add up a project's manifests, of a month (``2026-02``) or of all time.

    Result ``{project, name, holder, permitted, loaded, unloaded, deviation, trips, unmatched, all_loaded,
    all_unloaded}``: cubic metres, the deviation in percent. A project that is not in the register raises
    ``entry_not_found``.
    """
    step.flush()
    entry = look_up(step.session, PROJECTS, str(project or ""))
    if entry is None or entry.gone_at is not None:
        raise OperatorError(UNKNOWN_PROJECT, f"{project!r} is not in the register {PROJECTS}; correct its number")
    return volumes_of(step.session, entry, month or "").told()


def read_points(way: str) -> list[list[float]]:
    """Points of a route. Raises OperatorRefused naming the one that does not hold."""
    points = []
    for part in re.split(r"[;；\n]", way):
        if not part.strip():
            continue
        match = POINT.fullmatch(part.strip())
        if match is None or not (-180 <= float(match[1]) <= 180 and -90 <= float(match[2]) <= 90):
            raise OperatorRefused(
                f"“{part.strip()}”不是经度,纬度 (no longitude,latitude; write as in 116.42,28.36)", field="points"
            )
        points.append([float(match[1]), float(match[2])])
    if len(points) < 2:
        raise OperatorRefused("路线至少要两个点 (a route has two points or more)", field="points")
    return points


def _trucks(step: Step, plates: str) -> Sequence[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for plate in read_plates(plates):
        entry = look_up(step.session, VEHICLES, plate)
        if entry is None or entry.gone_at is not None or entry.values.get("status") != "normal":
            raise OperatorRefused(
                f"{plate}不在渣土运输车辆台账或者被限制 ({plate} is not in the register {VEHICLES}, or barred)",
                field="plates",
            )
        kept = ("carrier", "gps", "load_m3", "permit_to")
        found.append({"plate": plate, **{name: entry.values.get(name) for name in kept}})
    if not found:
        raise OperatorRefused("请填写准运车辆号牌 (name the trucks that may carry)", field="plates")
    return found
