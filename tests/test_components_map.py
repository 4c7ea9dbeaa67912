"""Components on the map: cells, the nearest as a loop finds them, small views, counts that add up."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from api_people import Api
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from engine.components.cells import LEVEL, cell_of, frame_of, level_for, middle_of, place_of, spans_of
from engine.components.counts import CLASS_FINEST, COARSEST, counts_in, move_counts, recount
from engine.components.finding import box_around, components_in, components_near, view_of
from engine.database import open_database, session_factory
from engine.errors import Invalid
from engine.ground.features import distance_m
from engine.models import Base, Component, ComponentCount
from engine.testing.scratch import NoServer, scratch_postgresql

CITY = (115.9, 27.9, 116.3, 28.3)
LON = st.floats(-180, 180, allow_nan=False)
LAT = st.floats(-90, 90, allow_nan=False)


def a_component(
    number: int, lon: float, lat: float, full_code: str = "0101", present: bool = True
) -> dict[str, object]:
    return {
        "code": f"990101{full_code}{number:06}", "full_code": full_code, "name": "井盖", "lon": lon, "lat": lat,
        "grid_code": None, "dept_in_charge": None, "dept_owner": None, "dept_maintenance": None, "state": "完好",
        "initial_date": None, "change_date": None, "source": "实测", "note": "", "present": present,
    }  # fmt: skip


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Session]:
    """2,000 components, thick in the middle, every tenth no longer there."""
    try:
        with scratch_postgresql() if request.param == "postgresql" else SqliteFile(tmp_path) as url:
            engine = open_database(url)
            Base.metadata.create_all(engine)
            dice = random.Random(7)
            rows = [
                a_component(
                    number, round(dice.gauss(116.1, 0.02), 6), round(dice.gauss(28.1, 0.02), 6),
                    dice.choice(("0101", "0101", "0105")), number % 10 != 0,
                )
                for number in range(2000)
            ]  # fmt: skip
            with session_factory(engine)() as opened:
                opened.execute(insert(Component), rows)
                recount(opened)
                opened.commit()
                yield opened
            engine.dispose()
    except NoServer as error:
        pytest.skip(str(error))


class SqliteFile:
    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'c.sqlite'}"

    def __enter__(self) -> str:
        return self.url

    def __exit__(self, *what: object) -> None: ...


@given(LON, LAT, st.integers(0, LEVEL))
def test_a_cell_knows_its_place_and_holds_its_point(lon: float, lat: float, level: int) -> None:
    cell = cell_of(lon, lat) >> 2 * (LEVEL - level)
    middle, half = middle_of(cell, level), 180 / (1 << level)
    assert abs(middle[0] - lon) <= half * 1.000001 and abs(middle[1] - lat) <= half * 1.000001
    assert place_of(cell_of(lon, lat))[0] == min(int((lon + 180) / 360 * (1 << LEVEL)), (1 << LEVEL) - 1)


@given(LON, LAT, st.floats(1e-6, 20), st.floats(1e-6, 20), st.floats(0, 1), st.floats(0, 1))
def test_spans_cover_every_point_of_a_box(
    west: float, south: float, wide: float, high: float, right: float, up: float
) -> None:
    box = (west, south, min(west + wide, 180), min(south + high, 90))
    cell = cell_of(box[0] + (box[2] - box[0]) * right, box[1] + (box[3] - box[1]) * up)
    spans = spans_of(box)
    assert len(spans) <= 36 and any(low <= cell <= last for low, last in spans)
    assert all(before[1] < after[0] for before, after in pairwise(spans))


def test_the_level_is_the_finest_with_few_enough_cells() -> None:
    for most in (1, 10, 1000):
        level = level_for(CITY, most)
        west, south, east, north = frame_of(CITY, level + 1)
        assert (east - west + 1) * (north - south + 1) > most


@pytest.mark.parametrize("full_code", [None, "0101", "0105", "9999"])
@pytest.mark.parametrize("within_m", [5.0, 150.0, 2000.0])
def test_the_nearest_are_those_a_loop_over_all_finds(session: Session, full_code: str | None, within_m: float) -> None:
    everything = session.execute(
        select(Component.code, Component.full_code, Component.lon, Component.lat).where(Component.present)
    ).all()
    dice = random.Random(11)
    for _ in range(20):
        lon, lat = dice.gauss(116.1, 0.03), dice.gauss(28.1, 0.03)
        naive = sorted(
            (distance_m(lon, lat, row.lon, row.lat), row.code)
            for row in everything
            if full_code in (None, row.full_code)
        )
        found = components_near(session, lon, lat, within_m=within_m, full_code=full_code, most=7)
        assert [(distance, row.code) for row, distance in found] == [x for x in naive[:7] if x[0] <= within_m]


def test_a_box_gives_what_stands_in_it_or_says_that_it_is_too_much(session: Session) -> None:
    box = box_around(116.1, 28.1, 700)
    expected = session.scalars(
        select(Component.code)
        .where(Component.lon.between(box[0], box[2]), Component.lat.between(box[1], box[3]), Component.present)
        .order_by(Component.code)
    ).all()
    assert len(expected) > 20
    assert [row.code for row in components_in(session, box, most=2000)] == expected
    with pytest.raises(Invalid, match="smaller"):
        components_in(session, box, most=len(expected) - 1)


@pytest.mark.parametrize("full_code", [None, "0105"])
def test_a_view_is_either_every_component_or_counts_that_add_up(session: Session, full_code: str | None) -> None:
    everything = [
        row for row in session.scalars(select(Component).where(Component.present))
        if full_code in (None, row.full_code)
    ]  # fmt: skip
    far = view_of(session, CITY, full_code=full_code, most=100)
    assert not far.dots and sum(heap.amount for heap in far.heaps) == len(everything)
    assert len(far.heaps) <= 1000
    close_box = box_around(116.1, 28.1, 300)
    close = view_of(session, close_box, full_code=full_code, most=100)
    inside = {
        row.code for row in everything
        if close_box[0] <= row.lon <= close_box[2] and close_box[1] <= row.lat <= close_box[3]
    }  # fmt: skip
    assert {dot.code for dot in close.dots} == inside and not close.heaps and inside


def test_moved_counts_are_those_counted_anew(session: Session) -> None:
    moves, fresh = [], []
    for number, row in enumerate(session.scalars(select(Component).where(Component.present).limit(40))):
        moves.append((row.full_code, row.cell, -1))
        row.present = False
        place = (116.2 + number * 0.001, 28.2)
        fresh.append(a_component(900_000 + number, *place, "0105"))
        moves.append(("0105", cell_of(*place), 1))
    session.execute(insert(Component), fresh)
    move_counts(session, moves)
    kept = kept_counts(session)
    recount(session)
    assert kept_counts(session) == kept
    assert {level for _, level, _ in kept} == set(range(COARSEST, LEVEL + 1))
    assert max(level for full_code, level, _ in kept if full_code) == CLASS_FINEST


def kept_counts(session: Session) -> Counter[tuple[str, int, int]]:
    session.flush()
    rows = session.execute(
        select(ComponentCount.full_code, ComponentCount.level, ComponentCount.cell, ComponentCount.amount)
    )
    return +Counter({(full_code, level, cell): amount for full_code, level, cell, amount in rows})


def test_counts_of_a_class_that_nobody_has_are_none(session: Session) -> None:
    assert counts_in(session, CITY, full_code="9999")[1] == []
    assert view_of(session, CITY, full_code="9999", most=10) == view_of(session, (1, 1, 2, 2), most=10)


def test_the_map_is_served_far_and_close_and_small(api: Api) -> None:
    from api.context import session as current

    with api.app.app_context():
        dice = random.Random(3)
        rows = [a_component(n, 116 + dice.random() / 300, 28 + dice.random() / 300) for n in range(3000)]
        current().execute(insert(Component), rows)
        recount(current())
        current().commit()
    far = api.get("collector", "/components/map?bbox=115.9,27.9,116.1,28.1")
    assert (far.status_code, far.content_type) == (200, "application/geo+json")
    assert sum(feature["properties"]["amount"] for feature in far.json["features"]) == 3000
    close = api.get("collector", "/components/map?bbox=116.0005,28.0005,116.001,28.001&full_code=0101").json["features"]
    assert {feature["properties"]["kind"] for feature in close} == {"component"}
    assert len(close) == sum(
        116.0005 <= float(row["lon"]) <= 116.001 and 28.0005 <= float(row["lat"]) <= 28.001 for row in rows
    )
    middle = api.get("collector", "/components/map?bbox=116,28,116.003,28.003")
    assert {feature["properties"]["kind"] for feature in middle.json["features"]} == {"count"}
    assert max(len(far.data), len(middle.data)) < 200_000
    assert api.get("collector", "/components/map?bbox=1,2").status_code == 422
    with api.app.app_context():
        long = [a_component(n, 116.2 + n / 1e6 + 1e-6, 28.200001) | {"name": "井" * 200} for n in range(10_000, 10_900)]
        current().execute(insert(Component), long)
        current().commit()
    full = api.get("collector", "/components/map?bbox=116.19,28.19,116.23,28.21")
    assert len(full.json["features"]) == 900 and len(full.data) < 200_000
    one = api.get("collector", f"/components/{close[0]['id']}").json
    assert one["properties"]["attributes"] == {} and one["id"] == close[0]["id"]
    assert one["properties"]["provenance"] == "found" and "provenance" not in close[0]["properties"]
    assert api.get("collector", "/components/1").status_code == 404
