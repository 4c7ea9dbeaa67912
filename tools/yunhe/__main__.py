"""``python -m tools.yunhe [folder]``: write ground/ and organisation/ of the Yunhe city pack."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from tools.yunhe.addresses import draw_addresses
from tools.yunhe.base_map import draw_base_map
from tools.yunhe.components import draw_components
from tools.yunhe.divisions import Ground, build_ground
from tools.yunhe.organisation import draw_departments, draw_posts
from tools.yunhe.people import draw_people
from tools.yunhe.streets import name_streets
from tools.yunhe.terrain import build_terrain
from tools.yunhe.writing import write_features, write_rows


def main(folder: Path) -> None:
    """Build the whole city and write it."""
    terrain = build_terrain()
    ground = build_ground(terrain)
    streets = name_streets(terrain)
    write_ground(folder / "ground", ground)
    write_features(folder / "ground" / "base_map.geojson", draw_base_map(terrain, ground, streets))
    write_table(folder / "ground" / "addresses.csv", draw_addresses(terrain, ground, streets))
    write_table(folder / "ground" / "components.csv", draw_components(terrain, ground, streets))
    departments = draw_departments(ground)
    posts = draw_posts(departments)
    write_table(folder / "organisation" / "departments.csv", departments)
    write_table(folder / "organisation" / "posts.csv", posts)
    write_table(folder / "organisation" / "people.csv", draw_people(ground, departments, posts))


def write_ground(folder: Path, ground: Ground) -> None:
    """Divisions, unit grids and duty grids."""
    write_features(
        folder / "divisions.geojson",
        (
            ({"code": d.code, "level": d.level, "name": d.name, "name_en": d.name_en, "parent": d.parent}, d.shape)
            for d in ground.divisions
        ),
    )
    write_features(
        folder / "unit_grids.geojson",
        (
            ({"code": g.code, "community": g.community, "duty_grid": g.duty_grid, "area_class": g.area_class}, g.shape)
            for g in ground.grids
        ),
    )
    write_features(
        folder / "duty_grids.geojson",
        (
            ({"code": d.code, "name": d.name, "name_en": d.name_en, "subdistrict": d.subdistrict}, d.shape)
            for d in ground.duty_grids
        ),
    )


def write_table(path: Path, rows: list[Any]) -> None:
    """A CSV file whose columns are the fields of its rows."""
    write_rows(path, [field.name for field in fields(rows[0])], rows)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "cities/yunhe"))
