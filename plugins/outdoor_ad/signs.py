"""Signs in the register: finding those a wind puts at risk, changing one, telling what a campaign found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.ground.index import Ground
from engine.models import RegisterEntry
from engine.registers.declaring import Register
from engine.registers.finding import public_values
from engine.registers.keeping import Hand, change_entry, look_up, strike_entry

SIGNS, TESTS = "outdoor_ad_signs", "outdoor_ad_tests"
ALWAYS = {"test_overdue": "超期未检测", "expired": "到期未拆除", "illegal": "违规处置中"}
"""States that are checked in every wind, each with why."""
KINDS = {"large": "大型户外广告", "temporary": "临时户外广告", "shop": "店招店牌"}
STANDING = ("in_use", "secured", "test_overdue", "expired", "illegal")
Values = Mapping[str, Any]


def standing_signs(session: Session) -> Sequence[RegisterEntry]:
    """Every sign that stands, by number; those only licensed are left out."""
    query = select(RegisterEntry).where(RegisterEntry.register == SIGNS, RegisterEntry.gone_at.is_(None))
    rows = session.scalars(query.order_by(RegisterEntry.key))
    return [row for row in rows if row.values.get("status") in STANDING]


def told(entry: RegisterEntry, register: Register) -> dict[str, Any]:
    """A sign as diagrams see it: its columns with number, name and place."""
    return {**public_values(entry, register, writer=True), "lon": entry.lon, "lat": entry.lat}


def at_risk(session: Session, ground: Ground, kinds: Sequence[str], district: str = "") -> list[dict[str, Any]]:
    """Signs of these kinds, and all that are overdue, expired or against the rules, of a district or of the city.

    Each is ``{code, title, address, department, why}``, by number.
    """
    found = []
    for row in standing_signs(session):
        values = row.values
        if district and district_of(row, ground) != district:
            continue
        why = ALWAYS.get(values["status"]) or (KINDS[values["kind"]] if values["kind"] in kinds else "")
        if why:
            about = {name: values.get(name) for name in ("address", "department")}
            found.append({"code": row.key, "title": row.title, **about, "why": why})
    return found


def district_of(row: RegisterEntry, ground: Ground) -> str | None:
    """The district of a sign: as the register says, else by its place."""
    if row.values.get("district") or row.lon is None or row.lat is None:
        return row.values.get("district")
    place = ground.locate(row.lon, row.lat)
    return place.district if place is not None else None


def mark(session: Session, register: Register, code: str, values: Values, hand: Hand, *, removed: bool = False) -> bool:
    """Change a sign, or strike it off when it was removed. False when it is not in the register, or gone already."""
    entry = look_up(session, SIGNS, code) if code else None
    if entry is None or entry.gone_at is not None:
        return False
    if removed:
        strike_entry(session, register, code, hand)
    else:
        change_entry(session, register, code, values, hand)
    return True


def results_of(session: Session, case_number: str) -> dict[str, int]:
    """How many signs a campaign checked, by result; removed ones are struck off and counted too."""
    rows = session.scalars(select(RegisterEntry).where(RegisterEntry.register == SIGNS))
    results = [row.values.get("wind_result") for row in rows if row.values.get("wind_case") == case_number]
    counted = {name: results.count(name) for name in ("safe", "secured", "taken_down", "unreachable")}
    return {"checked": len(results), **counted}
