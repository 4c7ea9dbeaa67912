"""What is at a point, in words people use: a crossing with a direction, a house number, a point of interest."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import atan2, cos, degrees, radians

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.ground.address_index import CELL, cell_of
from engine.ground.address_words import syllables
from engine.ground.features import METRES_A_DEGREE, distance_m
from engine.models import Address

DIRECTIONS = (
    ("北", "north"), ("东北", "north-east"), ("东", "east"), ("东南", "south-east"), ("南", "south"),
    ("西南", "south-west"), ("西", "west"), ("西北", "north-west"),
)  # fmt: skip
HERE_M = 5.0
"""Closer than this no direction is told."""

REACH_M = 500.0
"""How far a point may lie from all that is known and still be described."""

ANCHORS = (
    ("door", 15.0), ("crossing", 80.0), ("door", 60.0), ("other", 150.0), ("crossing", REACH_M), ("other", REACH_M),
    ("door", REACH_M),
)  # fmt: skip
"""What a description leans on: the first of these that lies within its metres."""


@dataclass(frozen=True)
class Near:
    """An address, how far it is, and in which of the eight directions the point lies from it."""

    address: Address
    distance_m: float
    direction: int


@dataclass(frozen=True)
class PointDescribed:
    """A point in both languages, what the words lean on, and what else is near. Empty where nothing is known."""

    text: str
    text_en: str
    anchor: Near | None
    near: tuple[Near, ...]


def describe_point(session: Session, lon: float, lat: float, *, limit: int = 10) -> PointDescribed:
    """A point in words, WGS-84; "" when nothing known lies within ``REACH_M``."""
    near: list[Near] = []
    for reach_m in (150.0, REACH_M):
        near = addresses_near(session, lon, lat, within_m=reach_m)
        anchor = next((found for role, most in ANCHORS if (found := _nearest(near, role, min(most, reach_m)))), None)
        if anchor is not None:
            zh, en = _words(anchor)
            return PointDescribed(zh, en, anchor, tuple(near[:limit]))
    return PointDescribed("", "", None, tuple(near[:limit]))


def addresses_near(session: Session, lon: float, lat: float, *, within_m: float) -> list[Near]:
    """All addresses within some metres, nearest first; of equals the smaller code."""
    query = select(Address).where(Address.cell.in_(cells_around(lon, lat, within_m)))
    found = [
        Near(row, away, _direction(row.lon, row.lat, lon, lat))
        for row in session.scalars(query)
        if (away := distance_m(lon, lat, row.lon, row.lat)) <= within_m
    ]
    return sorted(found, key=lambda each: (each.distance_m, each.address.code))


def cells_around(lon: float, lat: float, within_m: float) -> list[int]:
    """The map cells that a circle touches."""
    high = within_m / METRES_A_DEGREE
    wide = within_m / (METRES_A_DEGREE * max(cos(radians(lat)), 0.01))
    return sorted({cell_of(x, y) for x in _steps(lon - wide, lon + wide) for y in _steps(lat - high, lat + high)})


def _steps(first: float, last: float) -> Iterator[float]:
    at = first
    while at < last:
        yield at
        at += CELL
    yield last


def _nearest(near: Sequence[Near], role: str, most: float) -> Near | None:
    for each in near:
        if each.distance_m > most:
            return None
        kind = "door" if each.address.kind == "door" else "other"
        if ("crossing" if each.address.class_code == "crossing" else kind) == role:
            return each
    return None


def _direction(from_lon: float, from_lat: float, lon: float, lat: float) -> int:
    """Which of ``DIRECTIONS`` leads from one point to another."""
    east = (lon - from_lon) * cos(radians((lat + from_lat) / 2))
    return round(degrees(atan2(east, lat - from_lat)) / 45) % 8


def _words(anchor: Near) -> tuple[str, str]:
    """ "人民路与解放路交叉口东北角 30 米", and the same in English."""
    name, name_en = anchor.address.name, romanised(anchor.address.name)
    if anchor.distance_m < HERE_M:
        return f"{name}{'处' if anchor.address.class_code == 'crossing' else '门前'}", f"at {name_en}"
    zh, en = DIRECTIONS[anchor.direction]
    corner = anchor.address.class_code == "crossing" and anchor.direction % 2
    metres = f"{anchor.distance_m:.0f}"
    return f"{name}{zh}{'角' if corner else '侧'} {metres} 米", f"{metres} m {en} of {name_en}"


# English --------------------------------------------------------------------------------------------------

_CROSSING = re.compile(r"(.+?)[与和](.+?)(?:交叉口|交汇处|路口)")
_DOOR = re.compile(r"(.*?)([0-9]+(?:[-‐-―][0-9]+)?)号(.*)")
_DISTRICT = re.compile(r"(.{1,5}?[区县])(.{2,})")


@cache
def _terms() -> tuple[tuple[str, str], ...]:
    text = files("engine.ground").joinpath("address_terms.csv").read_text(encoding="utf-8")
    rows = [(row["ending"], row["en"]) for row in csv.DictReader(text.splitlines())]
    return tuple(sorted(rows, key=lambda row: -len(row[0])))


def romanised(name: str) -> str:
    """A Chinese name as signs write it: "人民路12号" is "No. 12 Renmin Road". Other names stay as they are."""
    if name.isascii():
        return name
    if found := _CROSSING.fullmatch(name):
        return f"the crossing of {romanised(found[1])} and {romanised(found[2])}"
    if found := _DOOR.fullmatch(name):
        rest = f", {romanised(found[3])}" if found[3] else ""
        return f"No. {found[2]} {romanised(found[1])}{rest}" if found[1] else f"No. {found[2]}{rest}"
    if found := _DISTRICT.fullmatch(name):
        return f"{romanised(found[2])}, {_spelled(found[1])}"
    return _spelled(name)


def _spelled(name: str) -> str:
    for ending, en in _terms():
        if name.endswith(ending) and len(name) > len(ending):
            return f"{_capital(name[: -len(ending)])} {en}"
    return _capital(name)


def _capital(name: str) -> str:
    letters = "".join(syllables(name))
    return letters[:1].upper() + letters[1:]
