"""Which grid and division holds a point."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.testing.small_city import SmallTown


@pytest.fixture
def town(town_folder: Path) -> Iterator[SmallTown]:
    town = SmallTown(town_folder)
    yield town
    town.close()


def test_a_point_has_its_grid_and_every_division_above_it(town: SmallTown) -> None:
    place = town.platform.host.ground.locate(116.0005, 28.0005)
    assert place is not None
    assert (place.grid, place.duty_grid) == ("990101001001001", "D1")
    assert (place.community, place.subdistrict, place.district) == ("990101001001", "990101001", "990101")


def test_a_parent_that_is_no_division_does_not_take_the_place_of_one(tmp_path: Path) -> None:
    """A district's parent may be the city, which has no shape and no level of its own."""
    from engine.testing.small_city import write_small_city

    folder = write_small_city(tmp_path / "small")
    path = folder / "ground/divisions.geojson"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"parent": ""', '"parent": "990000"'), encoding="utf-8")
    town = SmallTown(folder)
    place = town.platform.host.ground.locate(116.0005, 28.0005)
    town.close()
    assert place is not None
    assert (place.community, place.district) == ("990101001001", "990101")


def test_a_point_on_a_shared_edge_belongs_to_the_grid_of_the_smaller_code(town: SmallTown) -> None:
    place = town.platform.host.ground.locate(116.001, 28.0005)
    assert place is not None
    assert place.grid == "990101001001001"


def test_a_point_outside_the_city_has_no_place(town: SmallTown) -> None:
    assert town.platform.host.ground.locate(0, 0) is None
