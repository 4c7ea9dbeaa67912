"""Work by the clock: trips followed by their terminals, fences kept, suspensions ended, volumes reconciled."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.cases.matters import Application, open_matter
from engine.database import dumps
from engine.hooks import Job
from engine.hooks.settings import plugin_settings
from engine.models import Case, RegisterEntry, SensorAlarm, SensorDevice, SensorFence, SensorState
from engine.platform import Platform
from engine.registers.keeping import Hand, change_entry, look_up
from engine.sensors.fence_changes import write_fence
from engine.sensors.sensing import Sensing, count_revision, sensing_of
from plugins.building_waste.places import (
    CARRIERS,
    DISPOSAL,
    MANIFESTS,
    PROJECTS,
    SITES,
    TRUCK,
    VEHICLES,
    circle,
    disposal_code,
    read_plates,
    route_code,
    site_code,
)
from plugins.building_waste.volumes import entries, volumes_of

RECONCILE = "building_waste_reconcile"
RADIUS_M = 200.0
ALARMS = {f"building_waste.{word}": word for word in ("outside", "lid_open", "off_route", "off_hours")}
"""What a rule's alarm is called on a manifest, the gravest first."""


def follow(session: Session, platform: Platform, now: datetime) -> str:
    """Enter alarms and arrivals of trucks that are on their way into their manifests."""
    alarms = arrivals = 0
    for slip in entries(session, MANIFESTS):
        device = _device(session, str(slip.values["plate"])) if slip.values.get("status") == "on_way" else None
        if device is None:
            continue
        values: dict[str, Any] = {}
        alarm = None if slip.values.get("alarm") else _alarm(session, device, slip)
        if alarm is not None:
            number = session.scalar(select(Case.number).where(Case.id == alarm.case_id)) if alarm.case_id else None
            values |= {"alarm": ALARMS[alarm.rule], "alarm_at": alarm.raised_at.isoformat(), "alarm_case": number}
            alarms += 1
        if not slip.values.get("arrived") and _is_inside(session, device, str(slip.values.get("disposal_site") or "")):
            values["arrived"] = True
            arrivals += 1
        if values:
            _change(session, platform, slip, values, now, "定位终端")
    return f"{alarms} alarms, {arrivals} arrivals"


def keep_fences(session: Session, platform: Platform, now: datetime) -> str:
    """Make every open disposal site a fence; take away those of closed sites and of licences that have ended.

    Trucks that are barred, or whose carrier is, lose their routes, so that driving loaded is an alarm; they have them
    back with their state.
    """
    sensing, today = sensing_of(session, platform), _today(platform, now).isoformat()
    wanted, gone = {}, set()
    for site in entries(session, SITES):
        if site.values.get("status") == "open" and site.lon is not None and site.lat is not None:
            radius = float(site.values.get("radius_m") or RADIUS_M)
            wanted[disposal_code(site.key)] = site.title, circle(site.lon, site.lat, radius)
        else:
            gone.add(disposal_code(site.key))
    for code, (title, area) in wanted.items():
        known = session.get(SensorFence, code)
        properties = {
            "code": code, "name": title, "name_en": title, "group": DISPOSAL, "kinds": [TRUCK], "margin_m": 30.0,
        }  # fmt: skip
        if known is None or known.properties != properties or dumps(area) != known.geometry:
            write_fence(session, sensing, code, properties, area, now)
    refitted = 0
    for project in entries(session, PROJECTS):
        ended = str(project.values.get("valid_to") or "9") < today or project.values.get("status") == "finished"
        if ended:
            gone |= {route_code(project.key), site_code(project.key)}
        else:
            refitted += _keep_trucks(session, sensing, project, now)
    removed = [row for code in sorted(gone) if (row := session.get(SensorFence, code)) is not None]
    for row in removed:
        session.delete(row)
    if removed:
        session.flush()
        count_revision(session)
    return f"{len(wanted)} disposal sites, {len(removed)} fences taken away, {refitted} with other trucks"


def end_suspensions(session: Session, platform: Platform, now: datetime) -> str:
    """Carriers whose suspension is over carry again; their points stay."""
    today, ended = _today(platform, now).isoformat(), 0
    for carrier in entries(session, CARRIERS):
        until = carrier.values.get("suspended_to")
        if carrier.values.get("status") == "suspended" and until and until < today:
            _change(session, platform, carrier, {"status": "normal", "suspended_to": None}, now, "暂停承运期满")
            ended += 1
    return f"{ended} suspensions ended"


def reconcile(session: Session, platform: Platform, now: datetime) -> str:
    """Open the reconciliation of last month for every project whose volumes deviate more than the setting."""
    month = (_today(platform, now).replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    most = float(plugin_settings(platform.city, "building_waste")["deviation_percent"])
    opened = looked = 0
    for project in entries(session, PROJECTS):
        sums = volumes_of(session, project, month)
        if not sums.trips:
            continue
        looked += 1
        title = f"{month} 方量核对：{project.title}（{project.key}）"
        known = session.scalar(select(Case.id).where(Case.matter == RECONCILE, Case.title == title))
        if sums.deviation > most and known is None:
            answers = {"project": project.key, "month": month}
            open_matter(session, platform, Application(RECONCILE, answers, title=title), None, now)
            opened += 1
    return f"{looked} projects, {opened} reconciliations opened for {month}"


def _keep_trucks(session: Session, sensing: Sensing, project: RegisterEntry, now: datetime) -> int:
    """Let the fences of a project concern just the trucks that may carry. How many fences changed."""
    trucks = [look_up(session, VEHICLES, plate) for plate in read_plates(str(project.values.get("vehicles") or ""))]
    devices = sorted(str(each.values["gps"]) for each in trucks if each is not None and _may_carry(session, each))
    changed = 0
    for code in (route_code(project.key), site_code(project.key)):
        row = session.get(SensorFence, code)
        if row is not None and row.properties.get("devices") != devices:
            write_fence(session, sensing, code, {**row.properties, "devices": devices}, json.loads(row.geometry), now)
            changed += 1
    return changed


def _may_carry(session: Session, vehicle: RegisterEntry) -> bool:
    carrier = look_up(session, CARRIERS, str(vehicle.values.get("carrier")))
    if vehicle.gone_at is not None or carrier is None or carrier.gone_at is not None or not vehicle.values.get("gps"):
        return False
    return vehicle.values.get("status") == carrier.values.get("status") == "normal"


def _device(session: Session, plate: str) -> SensorDevice | None:
    vehicle = look_up(session, VEHICLES, plate)
    code = vehicle.values.get("gps") if vehicle is not None else None
    return session.scalar(select(SensorDevice).where(SensorDevice.code == code)) if code else None


def _alarm(session: Session, device: SensorDevice, slip: RegisterEntry) -> SensorAlarm | None:
    since = datetime.fromisoformat(str(slip.values["loaded_at"]))
    query = select(SensorAlarm).where(
        SensorAlarm.device_id == device.id, SensorAlarm.raised_at >= since, SensorAlarm.rule.in_(ALARMS)
    )
    gravest = list(ALARMS)
    return min(session.scalars(query), key=lambda each: (gravest.index(each.rule), each.raised_at), default=None)


def _is_inside(session: Session, device: SensorDevice, site: str) -> bool:
    state = session.get(SensorState, device.id)
    stood = (state.fences if state is not None else {}).get(disposal_code(site)) or {}
    return bool(stood.get("inside"))


def _today(platform: Platform, now: datetime) -> date:
    return now.astimezone(platform.city.time_zone).date()


def _change(
    session: Session, platform: Platform, entry: RegisterEntry, values: dict[str, Any], now: datetime, reason: str
) -> None:
    change_entry(session, platform.host.registers[entry.register], entry.key, values, Hand(now, reason=reason))


JOBS = (
    Job("follow", "联单跟踪", "trips followed by their terminals", "*/2 * * * *", follow),
    Job("fences", "消纳场与路线围栏", "fences of sites and routes", "20 0 * * *", keep_fences),
    Job("suspensions", "暂停承运期满", "suspensions that end", "10 0 * * *", end_suspensions),
    Job("reconcile", "月度方量核对", "monthly reconciliation", "40 7 1 * *", reconcile),
)
