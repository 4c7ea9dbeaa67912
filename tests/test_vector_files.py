"""GeoJSON, Shapefile and GeoPackage: there and back without loss; what is broken is refused or repaired, and told."""

from __future__ import annotations

import json
import sqlite3
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from pyogrio import raw
from shapely import MultiPolygon, Polygon, box

from engine.errors import Invalid
from engine.ground import vector_safety
from engine.ground.datums import BD09, CGCS2000, GCJ02, WGS84, CoordinateSystem, system_named
from engine.ground.vector_files import VectorLayer, read_vector, write_vector

FORMATS = ("areas.geojson", "areas.gpkg", "areas.shp", "areas.zip")
PLANE = system_named("EPSG:4549")
ROWS: list[tuple[dict[str, Any], Any]] = [
    (
        {
            "code": "990101001001001", "name": "人民路社区", "area_class": "A", "subdistrict": "990101001",
            "count": 3, "share": 0.1,
        },
        Polygon(
            [(116.1234567891234, 28.0), (116.2, 28.0), (116.2, 28.1), (116.1, 28.1)],
            [[(116.15, 28.02), (116.16, 28.02), (116.16, 28.03)]],
        ),
    ),
    (
        {"code": "990101001001002", "name": None, "area_class": "B", "subdistrict": None, "count": None, "share": None},
        MultiPolygon([box(116.2, 28.0, 116.3, 28.1), box(116.4, 28.0, 116.5, 28.1)]),
    ),
]  # fmt: skip


def points(shape: Any) -> list[tuple[float, ...]]:
    """Coordinates in an order that rings' directions and starts do not change."""
    return [tuple(point) for point in shapely.get_coordinates(shapely.normalize(shape)).tolist()]


def bowtie(width: float = 0.001) -> Polygon:
    return Polygon([(116, 28), (116 + width, 28.001), (116 + width, 28), (116, 28.001)])


def write_raw(path: Path, shapes: list[Any], codes: list[str], **options: Any) -> Path:
    options = {"crs": "EPSG:4326", "geometry_type": "Polygon", "encoding": "UTF-8", **options}
    raw.write(
        str(path), shapely.to_wkb(np.array(shapes, dtype=object)), [np.array(codes, dtype=object)], ["code"], **options
    )
    return path


def only_fault(layer: VectorLayer) -> str:
    (fault,) = layer.faults
    return f"{fault.number}: {fault.reason}; {fault.remedy}"


@pytest.mark.parametrize("name", FORMATS)
def test_a_round_trip_loses_nothing(tmp_path: Path, name: str) -> None:
    assert write_vector(tmp_path / name, ROWS, name="areas") == 2
    layer = read_vector(tmp_path / name)
    assert layer.system == WGS84 and layer.remarks == []
    assert [dict(feature.properties) for feature in layer.features] == [properties for properties, _ in ROWS]
    assert [points(feature.geometry) for feature in layer.features] == [points(shape) for _, shape in ROWS]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("system", [CGCS2000, GCJ02, BD09, PLANE], ids=lambda system: system.name)
def test_other_systems_come_back_to_a_millimetre(tmp_path: Path, name: str, system: CoordinateSystem) -> None:
    write_vector(tmp_path / name, ROWS, name="areas", system=system)
    named = system if system in (GCJ02, BD09) and Path(name).suffix in (".shp", ".zip") else None
    layer = read_vector(tmp_path / name, system=named)
    assert layer.system.name == system.name
    for feature, (_, shape) in zip(layer.features, ROWS, strict=True):
        assert feature.geometry.hausdorff_distance(shape) < 1e-8
        assert feature.geometry.area == pytest.approx(shape.area, rel=1e-6)


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_content_gives_the_same_positions_again_and_again(tmp_path: Path, name: str) -> None:
    write_vector(tmp_path / name, ROWS, name="areas")
    first = read_vector(tmp_path / name)
    write_vector(tmp_path / name, [(each.properties, each.geometry) for each in first.features], name="areas")
    second = read_vector(tmp_path / name)
    assert [each.geometry.wkb for each in first.features] == [each.geometry.wkb for each in second.features]
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith(".")) == []


def test_a_shapefile_without_a_system_wants_one_named(tmp_path: Path) -> None:
    write_vector(tmp_path / "areas.shp", ROWS, name="areas", system=GCJ02)
    with pytest.raises(Invalid, match="does not say its coordinate system; name WGS-84"):
        read_vector(tmp_path / "areas.shp")


def test_a_wrong_system_is_told(tmp_path: Path) -> None:
    write_vector(tmp_path / "areas.gpkg", ROWS[:1], name="areas", system=PLANE)
    assert "is no position in WGS-84; name the coordinate system" in only_fault(
        read_vector(tmp_path / "areas.gpkg", system=WGS84)
    )


# Broken files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_a_truncated_file_is_refused(tmp_path: Path, name: str, share: float) -> None:
    path = tmp_path / name
    write_vector(path, ROWS, name="areas")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(Invalid, match=r"again"):
        read_vector(path)


@pytest.mark.parametrize("part", [".dbf", ".shx"])
def test_a_shapefile_whose_part_is_cut_or_gone_is_refused(tmp_path: Path, part: str) -> None:
    write_vector(tmp_path / "areas.shp", ROWS, name="areas")
    other = tmp_path / f"areas{part}"
    other.write_bytes(other.read_bytes()[:-20])
    with pytest.raises(Invalid, match=f"{part} ends in the middle"):
        read_vector(tmp_path / "areas.shp")
    other.unlink()
    with pytest.raises(Invalid, match=f"lacks its {part}"):
        read_vector(tmp_path / "areas.shp")


def test_a_damaged_member_of_an_archive_is_refused(tmp_path: Path) -> None:
    write_vector(tmp_path / "areas.zip", ROWS, name="areas")
    content = bytearray((tmp_path / "areas.zip").read_bytes())
    content[content.index(b"PK\x01\x02") // 2] ^= 0xFF
    (tmp_path / "areas.zip").write_bytes(content)
    with pytest.raises(Invalid, match="again"):
        read_vector(tmp_path / "areas.zip")


def test_an_archive_that_claims_ten_gibibytes_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "areas.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("areas.shp", b"x" * 100)
    content = path.read_bytes()
    at = content.index(b"PK\x01\x02")
    path.write_bytes(content[: at + 24] + (4_294_967_294).to_bytes(4, "little") + content[at + 28 :])
    with pytest.raises(Invalid, match="nothing was unpacked"):
        read_vector(path)


def test_a_file_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_vector(tmp_path / "areas.gpkg", ROWS, name="areas")
    monkeypatch.setattr(vector_safety, "MOST_BYTES", 1_000)
    with pytest.raises(Invalid, match="more than 1,000; divide it"):
        read_vector(tmp_path / "areas.gpkg")


@pytest.mark.parametrize(
    ("name", "said"),
    [("gone.shp", "there is no file"), ("areas.dwg", "no known kind"), ("words.gpkg", "no GeoPackage"),
     ("words.zip", "no whole zip archive"), ("words.geojson", "ends in the middle"), ("other.geojson", "again")],
)  # fmt: skip
def test_what_is_no_vector_file_is_refused(tmp_path: Path, name: str, said: str) -> None:
    for each in ("areas.dwg", "words.gpkg", "words.zip", "words.geojson"):
        (tmp_path / each).write_text("only words " * 50, encoding="utf-8")
    (tmp_path / "other.geojson").write_text('{"cities": []}', encoding="utf-8")
    with pytest.raises(Invalid, match=said):
        read_vector(tmp_path / name)


def test_a_geopackage_with_two_layers_wants_one_named(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "two.gpkg", [box(116, 28, 117, 29)], ["a"], layer="one", driver="GPKG")
    write_raw(path, [box(116, 28, 117, 29)], ["b"], layer="other", driver="GPKG", append=True)
    with pytest.raises(Invalid, match="has the layers one, other; name one"):
        read_vector(path)
    assert read_vector(path, layer="other").features[0].properties["code"] == "b"


def test_a_geopackage_without_geometries_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "plain.gpkg")
    connection.execute("CREATE TABLE t (a)")
    connection.commit()
    connection.close()
    with pytest.raises(Invalid, match=r"plain\.gpkg"):
        read_vector(tmp_path / "plain.gpkg")


# Encodings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cpg", [None, "UTF-8", "ISO-8859-1x"])
def test_a_shapefile_in_gb18030_is_read_whatever_it_says(tmp_path: Path, cpg: str | None) -> None:
    path = write_raw(tmp_path / "areas.shp", [box(116, 28, 117, 29)], ["人民路社区"], encoding="GB18030")
    (tmp_path / "areas.cpg").unlink(missing_ok=True)
    if cpg:
        (tmp_path / "areas.cpg").write_text(cpg)
    layer = read_vector(path)
    assert layer.features[0].properties["code"] == "人民路社区"
    (remark,) = layer.remarks
    assert remark.repaired and "GB18030" in remark.reason and (cpg or "no .cpg") in remark.reason


def test_geojson_in_gb18030_is_read_and_told(tmp_path: Path) -> None:
    write_vector(tmp_path / "areas.geojson", ROWS, name="areas")
    text = (tmp_path / "areas.geojson").read_text(encoding="utf-8")
    (tmp_path / "areas.geojson").write_bytes(text.encode("gb18030"))
    layer = read_vector(tmp_path / "areas.geojson")
    assert layer.features[0].properties["name"] == "人民路社区"
    assert "GB18030" in layer.remarks[0].reason and layer.remarks[0].repaired


def test_an_encoding_the_text_is_not_in_is_refused(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "areas.shp", [box(116, 28, 117, 29)], ["人民路社区"], encoding="GB18030")
    with pytest.raises(Invalid, match="the attributes are not utf-8; name their encoding"):
        read_vector(path, encoding="utf-8")


# Geometries ---------------------------------------------------------------------------------------------------


def test_a_polygon_that_touches_itself_is_repaired_with_a_reason(tmp_path: Path) -> None:
    """A hole drawn as part of the outer ring, as many programs do."""
    drawn = Polygon([(0, 0), (4, 0), (4, 4), (2, 4), (3, 3), (2, 2), (1, 3), (2, 4), (0, 4)])
    drawn = shapely.transform(drawn, lambda at: at * 0.001 + (116, 28))
    layer = read_vector(write_raw(tmp_path / "areas.gpkg", [drawn], ["a"]))
    (remark,) = layer.remarks
    assert remark.repaired and "Ring Self-intersection" in remark.reason
    (feature,) = layer.features
    assert feature.geometry.is_valid and feature.geometry.area == pytest.approx(drawn.area)


def test_a_polygon_whose_meaning_is_lost_is_a_fault(tmp_path: Path) -> None:
    layer = read_vector(write_raw(tmp_path / "areas.gpkg", [bowtie(), box(116, 28, 117, 29)], ["a", "b"]))
    assert "1: the polygon is not valid (Self-intersection" in only_fault(layer)
    assert [feature.number for feature in layer.features] == [2]


@pytest.mark.filterwarnings("ignore:invalid value encountered")
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["areas.gpkg", "areas.shp"])
def test_nan_and_infinity_are_faults(tmp_path: Path, name: str, value: float) -> None:
    whole = [box(116, 28, 117, 29), box(118, 28, 119, 29)]
    path = write_raw(tmp_path / name, whole, ["a", "b"])
    main = path.read_bytes()
    ring = shapely.get_coordinates(read_vector(path).features[0].geometry)[1:3]
    at = main.index(struct.pack("<4d", *ring.flatten())) + 24  # the latitude of its third corner
    path.write_bytes(main[:at] + struct.pack("<d", value) + main[at + 8 :])
    layer = read_vector(path)
    assert "1: a coordinate is NaN or infinite" in only_fault(layer)
    assert len(layer.features) == 1


def test_nan_in_geojson_is_a_fault_or_a_refusal(tmp_path: Path) -> None:
    ring = [[116, 28], [117, 28], [117, float("nan")], [116, 28]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {"code": "a"}, "geometry": geometry}
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    try:
        assert "NaN" in only_fault(read_vector(tmp_path / "a.geojson"))
    except Invalid as error:
        assert "export it again" in error.message


def test_rows_without_an_area_are_faults(tmp_path: Path) -> None:
    features = [
        {"type": "Feature", "properties": {"code": "a"}, "geometry": None},
        {"type": "Feature", "properties": {"code": "b"}, "geometry": {"type": "Point", "coordinates": [116, 28]}},
    ]
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    layer = read_vector(tmp_path / "a.geojson")
    assert [fault.reason.split(",")[0] for fault in layer.faults] == ["there is no geometry", "the geometry is a Point"]
    assert layer.features == []


def test_what_a_shapefile_would_cut_off_is_refused(tmp_path: Path) -> None:
    for properties, said in (({"responsibility": "x"}, "longer than ten bytes"), ({"note": "长" * 100}, "300 bytes")):
        with pytest.raises(Invalid, match=said):
            write_vector(tmp_path / "areas.shp", [(properties, box(116, 28, 117, 29))], name="areas")
    assert list(tmp_path.iterdir()) == []
