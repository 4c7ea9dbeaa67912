"""The topology check finds what is drawn wrong, says where, and nothing else."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import shapely
from shapely import MultiPolygon, Polygon, box
from shapely.geometry import shape

from engine.ground.feature import Feature
from engine.ground.finding_map import draw_finding
from engine.ground.grid_codes import code_fault
from engine.ground.topology import Border, TopologyFinding, check_topology, remarks_found, to_collection
from engine.ground.vector_files import Remark

STEP = 0.001
CELL_M2 = 111.32**2 * np.cos(np.radians(28))
PATTERN = re.compile(r"^99\d{13}$")
ONE, TWO = "990101001001", "990101001002"


def cell(column: float, row: float, wide: float = 1, high: float = 1) -> Polygon:
    return box(116 + column * STEP, 28 + row * STEP, 116 + (column + wide) * STEP, 28 + (row + high) * STEP)


COMMUNITIES = {ONE: cell(0, 0, 3, 3), TWO: cell(3, 0, 3, 3)}


def grids(changed: Mapping[int, Any] | None = None, **properties: Any) -> list[Feature]:
    """Nine cells of the first community; a changed shape of None leaves the cell out."""
    shapes: dict[int, Any] = {at + 1: cell(at % 3, at // 3) for at in range(9)}
    shapes |= changed or {}
    return [
        Feature(at, {"code": f"{ONE}{at:03}", "community": ONE, "area_class": "A", **properties}, drawn)
        for at, drawn in shapes.items()
        if drawn is not None
    ]


def check(features: list[Feature]) -> list[TopologyFinding]:
    return check_topology(features, Border(COMMUNITIES, PATTERN))


def only(features: list[Feature]) -> TopologyFinding:
    (finding,) = check(features)
    return finding


def test_a_sound_layer_has_no_finding() -> None:
    assert check(grids()) == []
    assert check([]) == []


def test_an_overlap_is_told_with_its_square_metres_and_place() -> None:
    finding = only(grids({2: cell(0.9, 0, 1.1, 1)}))
    assert (finding.severity, finding.kind, finding.codes) == ("error", "overlap", (f"{ONE}001", f"{ONE}002"))
    assert finding.area_m2 == pytest.approx(CELL_M2 / 10, rel=0.01)
    assert finding.geometry.symmetric_difference(cell(0.9, 0, 0.1, 1)).area < 1e-12


def test_an_overlap_of_rounded_coordinates_is_none() -> None:
    assert check(grids({2: cell(0.9999, 0, 1.0001, 1)})) == []


def test_a_hole_and_a_slit_at_the_border_of_the_community_are_gaps() -> None:
    hole = only(grids({5: cell(1.1, 1, 0.9, 1)}))
    assert (hole.severity, hole.kind) == ("warning", "gap")
    assert hole.area_m2 == pytest.approx(CELL_M2 / 10, rel=0.01)
    assert hole.geometry.centroid.distance(cell(1, 1, 0.1, 1).centroid) < 1e-6
    slit = only(grids({3: cell(2, 0, 0.9, 1)}))
    assert slit.kind == "gap" and slit.geometry.centroid.distance(cell(2.9, 0, 0.1, 1).centroid) < 1e-6


def test_a_missing_cell_is_a_lake_not_a_gap() -> None:
    assert check(grids({5: None})) == []


def test_a_sliver_is_told() -> None:
    thin = grids({5: cell(1.01, 1, 0.99, 1)})
    thin.append(Feature(10, {"code": f"{ONE}010", "community": ONE}, cell(1, 1, 0.01, 1)))
    finding = only(thin)
    assert (finding.severity, finding.kind, finding.codes) == ("warning", "sliver", (f"{ONE}010",))
    assert finding.area_m2 == pytest.approx(CELL_M2 / 100, rel=0.01)


def test_a_cell_across_the_border_of_its_community_is_told_with_the_part_beyond() -> None:
    finding = only(grids({3: cell(2, 0, 1.5, 1)}))
    assert (finding.kind, finding.codes) == ("crossing", (f"{ONE}003", ONE))
    assert finding.geometry.symmetric_difference(cell(3, 0, 0.5, 1)).area < 1e-12


def test_a_cell_in_another_community_than_it_names_is_told() -> None:
    assert {(each.kind, each.codes[0]) for each in check(grids({3: cell(4, 1)}))} == {("outside", f"{ONE}003")}


def test_an_unknown_community_is_told() -> None:
    assert {each.kind for each in check(grids(community="990101001009"))} == {"community", "code"}


def test_codes_that_stand_twice_and_areas_drawn_twice_are_told() -> None:
    twice = [*grids(), Feature(10, {"code": f"{ONE}001", "community": ONE}, cell(0, 0))]
    kinds = [(each.kind, each.codes) for each in check(twice)]
    assert ("duplicate", (f"{ONE}001",)) in kinds
    copied = [*grids(), Feature(10, {"code": f"{ONE}010", "community": ONE}, cell(0, 0))]
    assert ("duplicate", (f"{ONE}001", f"{ONE}010")) in [(each.kind, each.codes) for each in check(copied)]


@pytest.mark.parametrize(
    ("code", "community", "said"),
    [
        ("990101001001001", ONE, ""),
        ("99010101001001", ONE, ""),  # of 2005: 6 + 2 + 3 + 3, the same community
        ("99010101001001", "99010101001", ""),
        ("99010102001001", ONE, "does not begin with that of its community"),
        ("990101001002001", ONE, "does not begin with that of its community"),
        ("990101001001000", ONE, "serial"),
        ("110101001001001", ONE, r"does not match ^99\d{13}$"),
        ("9901010010010", ONE, "no 14-digit code of 2005"),
        ("990101001001001", "west", ""),  # a city whose communities have names
    ],
)
def test_codes_are_compared_segment_by_segment(code: str, community: str, said: str) -> None:
    fault = code_fault(code, community, PATTERN)
    assert said in fault if said else fault == ""


def test_areas_that_need_not_cover_have_no_gaps() -> None:
    assert check_topology(grids({5: cell(1.1, 1, 0.9, 1)}), cover=False) == []


def test_findings_are_geojson_and_small_maps() -> None:
    features = grids({2: cell(0.9, 0, 1.1, 1)})
    findings = [*check(features), *remarks_found([Remark(3, "a < b", "draw it again")])]
    collection = json.loads(json.dumps(to_collection(findings)))
    first, last = collection["features"]
    assert first["properties"]["codes"] == f"{ONE}001;{ONE}002" and shape(first["geometry"]).area > 0
    assert last["geometry"] is None and last["properties"]["message"] == "feature 3: a < b"
    tree = shapely.STRtree([feature.geometry for feature in features])
    drawn = draw_finding(findings[0], features, tree)
    assert drawn is not None and f"{ONE}001" in drawn
    picture = ElementTree.fromstring(drawn)
    red = [each for each in picture.iter("{http://www.w3.org/2000/svg}path") if each.get("fill") == "#d63939"]
    assert len(red) == 1 and red[0].get("d", "").startswith("M")
    assert draw_finding(findings[1], features, tree) is None


def test_multipolygons_are_areas_like_others() -> None:
    pieces = MultiPolygon([cell(0, 0), cell(1, 1)])
    findings = check([each for each in grids({1: pieces}) if each.number in (1, 5)])
    assert [each.kind for each in findings] == ["overlap"]


def test_ten_thousand_cells_are_checked_in_seconds() -> None:
    side = 100
    features = [
        Feature(at, {"code": f"c{at}"}, cell(at % side, at // side)) for at in range(side * side)
    ]  # fmt: skip
    began = time.perf_counter()
    assert check_topology(features) == []
    assert time.perf_counter() - began < 30
