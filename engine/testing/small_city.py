"""A city small enough for a test: nine grids, six departments, one person a role; a folder like any other."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from engine.city import load_city
from engine.clock import FrozenClock
from engine.database import open_database, session_factory
from engine.loading.city import load_city_folder
from engine.models import Base, Person
from engine.organisation.actor import Actor
from engine.organisation.people import load_actor
from engine.organisation.roles import load_roles
from engine.platform import Platform, build_platform
from engine.registry import Registry

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""Monday 2 March 2026, 09:00 in Shanghai: inside working hours, no holiday near."""

CITY_TOML = """
[city]
id = "{id}"
name = "小城"
name_en = "Smalltown"
languages = ["zh", "en"]
time_zone = "Asia/Shanghai"
division_code = "990100"
case_number = "{{year}}{{month:02}}{{day:02}}-{{serial:05}}"
unit_grid_code = "^99\\\\d{{13}}$"

[working_time]
hours = ["08:00-12:00", "14:00-18:00"]
weekdays = [1, 2, 3, 4, 5]

[holidays]
country = "CN"
"""

DEPARTMENTS = (
    ("SUPERVISION", "监督中心", "centre", "supervision", "", "", ""),
    ("COMMAND", "指挥中心", "command", "command", "", "", ""),
    ("MUNICIPAL", "市政设施管理处", "department", "handling", "MUNICIPAL;WATER_SUPPLY;DRAINAGE", "", ""),
    ("SANITATION", "环境卫生管理处", "department", "handling", "SANITATION;URBAN_APPEARANCE", "", ""),
    ("STREET1", "一街道办事处", "subdistrict", "handling", "SUBDISTRICT", "990101001", ""),
    ("EMERGENCY", "应急值班队", "department", "handling", "", "", "yes"),
)

PEOPLE = (
    ("acceptor", "acceptor", "SUPERVISION", ""),
    ("shift_leader", "shift_leader", "SUPERVISION", ""),
    ("dispatcher", "dispatcher", "COMMAND", ""),
    ("command_head", "command_head", "COMMAND", ""),
    ("collector", "collector", "SUPERVISION", "D1"),
    ("collector2", "collector", "SUPERVISION", "D2"),
    *(
        (f"{role}_{code.lower()}", role, code, "")
        for code in ("MUNICIPAL", "SANITATION", "STREET1", "EMERGENCY")
        for role in ("unit_clerk", "unit_handler", "unit_head")
    ),
    ("leader", "leader", "COMMAND", ""),
    ("analyst", "analyst", "SUPERVISION", ""),
    ("administrator", "administrator", "SUPERVISION", ""),
)

CELL = 0.001


def write_small_city(folder: Path, name: str = "small") -> Path:
    """Write the city's folder and return it."""
    (folder / "organisation").mkdir(parents=True)
    (folder / "ground").mkdir()
    (folder / "city.toml").write_text(CITY_TOML.format(id=name), encoding="utf-8")
    _write_csv(
        folder / "organisation/departments.csv",
        ("code", "name", "name_en", "kind", "side", "duties", "territory", "fallback", "parent"),
        (
            (code, zh, code.title(), kind, side, duties, land, back, "")
            for code, zh, kind, side, duties, land, back in DEPARTMENTS
        ),
    )
    roles = sorted({role for _, role, _, _ in PEOPLE})
    _write_csv(folder / "organisation/posts.csv", ("code", "name", "name_en", "role"), ((r, r, r, r) for r in roles))
    _write_csv(
        folder / "organisation/people.csv",
        ("login", "name", "name_en", "phone", "post", "department", "duty_grid", "demo"),
        ((login, login, login, "", role, dept, grid, "yes") for login, role, dept, grid in PEOPLE),
    )
    _write_ground(folder / "ground")
    return folder


def _write_ground(folder: Path) -> None:
    cells = [(column, row) for row in range(3) for column in range(3)]
    _write_features(
        folder / "unit_grids.geojson",
        (
            (
                {
                    "code": f"990101001001{number:03}", "community": "990101001001", "area_class": "ABC"[number % 3],
                    "duty_grid": "D1" if column < 2 else "D2",
                },
                _square(column, row, 1, 1),
            )
            for number, (column, row) in enumerate(cells, 1)
        ),
    )  # fmt: skip
    _write_features(
        folder / "duty_grids.geojson",
        (
            ({"code": "D1", "name": "责任网格一", "subdistrict": "990101001"}, _square(0, 0, 2, 3)),
            ({"code": "D2", "name": "责任网格二", "subdistrict": "990101001"}, _square(2, 0, 1, 3)),
        ),
    )
    levels = (
        ("990101", "district", ""),
        ("990101001", "subdistrict", "990101"),
        ("990101001001", "community", "990101001"),
    )
    _write_features(
        folder / "divisions.geojson",
        (
            ({"code": code, "level": level, "name": code, "name_en": code, "parent": parent}, _square(0, 0, 3, 3))
            for code, level, parent in levels
        ),
    )


def _square(column: int, row: int, width: int, height: int) -> dict[str, Any]:
    west, south = 116 + column * CELL, 28 + row * CELL
    east, north = west + width * CELL, south + height * CELL
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [[[round(x, 6), round(y, 6)] for x, y in ring]]}


def _write_csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def _write_features(path: Path, features: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> None:
    content = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": p, "geometry": g} for p, g in features],
    }
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


class SmallTown:
    """A running small city with a frozen clock: the bench on which cases are tried."""

    def __init__(
        self, folder: Path, url: str = "sqlite://", *, moment: datetime = MONDAY, registry: Registry | None = None
    ) -> None:
        self.folder = folder
        self.registry = registry
        self.url = url
        self.clock = FrozenClock(moment)
        self.engine: Engine = open_database(url)
        Base.metadata.create_all(self.engine)
        self.sessions = session_factory(self.engine)
        self.session: Session = self.sessions()
        self.load()

    def load(self) -> None:
        """Load the folder (again) and build the platform on it."""
        self.city = load_city(str(self.folder))
        self.roles = load_roles(self.city.layers)
        load_city_folder(self.session, self.city, self.clock.now(), registry=self.registry)
        self.platform: Platform = build_platform(self.session, self.city, clock=self.clock, registry=self.registry)

    def actor(self, login: str) -> Actor:
        """The person of that login, as an actor."""
        person = self.session.query(Person).filter_by(login=login).one()
        actor = load_actor(self.session, person.id, self.roles)
        assert actor is not None
        return actor

    def close(self) -> None:
        """Give up the database."""
        self.session.close()
        self.engine.dispose()
