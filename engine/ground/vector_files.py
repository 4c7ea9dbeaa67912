"""Areas, lines and points from GeoJSON, Shapefile and GeoPackage, and back, by GDAL (library pyogrio).

What comes in is WGS-84; the file says its coordinate system, or the caller does. A polygon that touches or crosses
itself is repaired where its ground stays the same, with the reason; anything else that does not hold is a fault.
"""

from __future__ import annotations

import json
import re
import tempfile
import warnings
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from pyogrio import raw
from pyogrio.errors import DataLayerError, DataSourceError

from engine.errors import Invalid
from engine.ground.datums import BD09, GCJ02, WGS84, CoordinateSystem, convert_geometries, system_named
from engine.ground.feature import Feature
from engine.ground.vector_safety import look_at

DRIVERS = {
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".gpkg": "GPKG",
    ".shp": "ESRI Shapefile",
    ".zip": "ESRI Shapefile",
}
SHORT = {"subdistrict": "subdistr"}
"""Names longer than the ten bytes of a Shapefile's field, and what stands for them there."""
LONG = {short: name for name, short in SHORT.items()}
SHIFTED_LAYER = re.compile(r"@(GCJ-02|BD-09)$")
"""No format can declare these systems, so the name of the layer does."""
REPAIR_SHARE = 0.01
"""A repair that changes the area by more than this is a guess about what was meant."""
DBF_WIDTH = 254


@dataclass(frozen=True)
class Remark:
    """What was repaired in a feature (``repaired``), or why it cannot be taken; number 0 is the file as a whole.

    ``code`` is the feature's property of that name, where it has one.
    """

    number: int
    reason: str
    remedy: str
    repaired: bool = False
    geometry: Any = None
    code: str = ""


@dataclass
class VectorLayer:
    """The features of a file that hold, and remarks on what was repaired or does not."""

    name: str
    system: CoordinateSystem
    features: list[Feature] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    @property
    def faults(self) -> list[Remark]:
        """Why features cannot be taken."""
        return [remark for remark in self.remarks if not remark.repaired]


def read_vector(
    path: Path,
    *,
    system: CoordinateSystem | None = None,
    layer: str | None = None,
    encoding: str | None = None,
    kinds: Sequence[str] = ("Polygon", "MultiPolygon"),
) -> VectorLayer:
    """Read one layer.

    :param system: of the positions; overrules what the file declares, and is needed where it declares none.
    :param layer: of a GeoPackage with several.
    :param kinds: the geometry types asked for; others are faults.
    :raises Invalid: the file is missing, broken, too large or of an unknown kind, encoding or coordinate system.
    """
    looked = look_at(path, encoding)
    try:
        name, at = _one_layer(path, looked.target, layer)
        meta, _, geometry, columns = raw.read(
            looked.target, layer=at, encoding=looked.encoding, force_2d=True, datetime_as_string=True
        )
    except (DataSourceError, DataLayerError, ValueError, UnicodeDecodeError) as error:
        raise Invalid(f"{path.name} cannot be read: {_plain(error, looked.target)}; export it again") from error
    if geometry is None:
        raise Invalid(f"{path.name}: layer {name} has no geometries; name another layer")
    found = VectorLayer(name, system or declared_system(path, name, meta["crs"]))
    if looked.note:
        found.remarks.append(Remark(0, looked.note, "compare some names with the map", repaired=True))
    shapes = _shapes(geometry, found)
    values = [_column(column, kind) for column, kind in zip(columns, meta["ogr_types"], strict=True)]
    names = [LONG.get(each, each) if path.suffix.lower() in (".shp", ".zip") else each for each in meta["fields"]]
    moved = _to_wgs84(shapes, found.system)
    for number, (before, after) in enumerate(zip(shapes, moved, strict=True), 1):
        if before is None:
            continue
        held, remark = _sound(number, before, after, kinds, found.system)
        if remark is not None:
            found.remarks.append(remark)
        if held is not None:
            properties = {each: column[number - 1] for each, column in zip(names, values, strict=True)}
            found.features.append(Feature(number, properties, held))
    codes = values[names.index("code")] if "code" in names else []
    found.remarks.sort(key=lambda remark: remark.number)
    found.remarks[:] = [
        replace(each, code=str(codes[each.number - 1] or "")) if each.number and codes else each
        for each in found.remarks
    ]
    return found


def write_vector(
    path: Path, features: Iterable[tuple[Mapping[str, Any], Any]], *, name: str, system: CoordinateSystem = WGS84
) -> int:
    """Write features given in WGS-84 in another system; replaces the file when all is written. Returns how many.

    :raises Invalid: of no known kind, nothing to write, or a value does not fit a Shapefile's fields.
    """
    driver = DRIVERS.get(path.suffix.lower())
    if driver is None:
        raise Invalid(f"{path.name} is of no known kind; write .geojson, .gpkg, .shp or .zip")
    rows = list(features)
    if not rows:
        raise Invalid(f"there is nothing to write into {path.name}; import {name} first")
    shapefile = driver == "ESRI Shapefile"
    fields = list(dict.fromkeys(key for properties, _ in rows for key in properties))
    columns = [[properties.get(key) for properties, _ in rows] for key in fields]
    if shapefile:
        _refuse_wide(path, fields, columns)
    shapes = convert_geometries(_objects([shape for _, shape in rows]), WGS84, system)
    kinds = sorted({shape.geom_type.removeprefix("Multi") for shape in shapes})
    mixed = len({shape.geom_type for shape in shapes}) > 1
    if shapefile and len(kinds) > 1:
        raise Invalid(f"{path.name}: a Shapefile holds one kind of geometry, not {' and '.join(kinds)}; write .gpkg")
    title = f"{name}@{system.name}" if system in (GCJ02, BD09) else name
    filled = [_filled(column) for column in columns]
    with tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=".wangge-") as folder:
        made = Path(folder) / (f"{path.stem}.shp" if shapefile else path.name)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "'crs' was not provided")  # GCJ-02 and BD-09 have none
            raw.write(
            str(made), shapely.to_wkb(shapes), [values for values, _ in filled],
            [SHORT.get(key, key) if shapefile else key for key in fields], [empty for _, empty in filled],
            layer=path.stem if shapefile else title, driver=driver, crs=system.crs or None, encoding="UTF-8",
            geometry_type=kinds[0] if shapefile else "Unknown" if mixed else shapes[0].geom_type,
            layer_options={"COORDINATE_PRECISION": "15"} if driver == "GeoJSON" else {},
            )  # fmt: skip
        parts = sorted(Path(folder).iterdir())
        if path.suffix.lower() == ".zip":
            packed = Path(folder) / path.name
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                for part in parts:
                    archive.write(part, part.name)
            parts = [packed]
        for part in parts:
            part.replace(path.absolute().parent / part.name)
    return len(rows)


def declared_system(path: Path, layer: str, crs: str | None) -> CoordinateSystem:
    """What a file says of its positions; GeoJSON that says nothing is WGS-84 (RFC 7946). Raises Invalid for others."""
    shifted = SHIFTED_LAYER.search(layer)
    if shifted:
        return system_named(shifted.group(1))
    if crs:
        return system_named(crs)
    raise Invalid(
        f"{path.name} does not say its coordinate system; name WGS-84, CGCS2000, GCJ-02, BD-09 or an EPSG code"
    )


# Reading ------------------------------------------------------------------------------------------------------


def _one_layer(path: Path, target: str | bytes, layer: str | None) -> tuple[str, int]:
    """Name and place of the layer asked for, or of the only one; GeoJSON without a name has that of its file."""
    names = [str(name) for name, _ in pyogrio.list_layers(target)]
    if isinstance(target, bytes):
        names = [path.stem if name.startswith("pyogrio_") else name for name in names]
    if layer in names:
        return layer, names.index(layer)
    if layer is not None or len(names) != 1:
        raise Invalid(f"{path.name} has the layers {', '.join(names) or 'none'}; name one of them with --layer")
    return names[0], 0


def _plain(error: Exception, target: str | bytes) -> str:
    """A library's message without the bytes it was given."""
    text = str(error).removeprefix(str(target)) if isinstance(target, str) else str(error)
    return text if len(text) < 200 else text[-200:]


def _shapes(geometry: Any, found: VectorLayer) -> list[Any]:
    """Geometries from WKB; None and a remark for what is not one."""
    shapes: list[Any] = []
    for number, content in enumerate(geometry, 1):
        try:
            shape = shapely.from_wkb(content)
        except shapely.errors.ShapelyError as error:
            found.remarks.append(Remark(number, f"the geometry cannot be read: {error}", "draw it again"))
            shape = None
        else:
            if shape is None or shape.is_empty:
                found.remarks.append(Remark(number, "there is no geometry", "draw it, or delete the row"))
                shape = None
        shapes.append(shape)
    return shapes


def _to_wgs84(shapes: list[Any], system: CoordinateSystem) -> Any:
    """All shapes in WGS-84, in one pass; what is not finite stays as it is: GEOS refuses it."""
    moved = _objects(shapes)
    there = [
        at for at, shape in enumerate(shapes) if shape is not None and np.isfinite(shapely.get_coordinates(shape)).all()
    ]
    moved[there] = convert_geometries(moved[there], system, WGS84)
    return moved


def _sound(
    number: int, before: Any, after: Any, kinds: Sequence[str], system: CoordinateSystem
) -> tuple[Any, Remark | None]:
    """A geometry that can be taken, perhaps repaired, or None; and the remark on it."""
    if before.geom_type not in kinds:
        told = f"the geometry is a {before.geom_type}, not a {' or '.join(kinds)}"
        return None, Remark(number, told, "draw it again, or delete the row")
    if not np.isfinite(shapely.get_coordinates(before)).all():
        return None, Remark(number, "a coordinate is NaN or infinite", "draw it again")
    if not np.all(np.abs(after.bounds) <= (180, 90, 180, 90)):
        x, y = shapely.get_coordinates(before)[0]
        told = f"{x:.1f}, {y:.1f} is no position in {system.name}"
        return None, Remark(number, told, "name the coordinate system the file is really in")
    if len(getattr(after, "geoms", ())) == 1:
        after = after.geoms[0]
    if after.is_valid or "Polygon" not in after.geom_type:
        return after, None
    reason = shapely.is_valid_reason(after)
    repaired = shapely.make_valid(after, method="structure", keep_collapsed=False)
    drawn = _drawn_area(after)
    if "Polygon" not in repaired.geom_type or repaired.is_empty or abs(repaired.area - drawn) > REPAIR_SHARE * drawn:
        told = f"the polygon is not valid ({reason}) and it cannot be told what was meant"
        return None, Remark(number, told, "draw it again", geometry=after)
    told = f"the polygon was not valid ({reason}) and was repaired; its area is the same"
    return repaired, Remark(number, told, "look at it", repaired=True, geometry=repaired)


def _drawn_area(shape: Any) -> float:
    """The area the rings go round, as drawn."""
    return float(
        sum(
            abs(shapely.Polygon(part.exterior).area) - sum(abs(shapely.Polygon(ring).area) for ring in part.interiors)
            for part in shapely.get_parts(shape)
        )
    )


def _column(values: Any, kind: str) -> list[Any]:
    """Python values; what is empty is None."""
    whole = kind in ("OFTInteger", "OFTInteger64")
    found: list[Any] = []
    for value in values.tolist():
        if value is None or (isinstance(value, float) and value != value):
            found.append(None)
        else:
            found.append(int(value) if whole and isinstance(value, float) else value)
    return found


# Writing ------------------------------------------------------------------------------------------------------


def _objects(shapes: Sequence[Any]) -> Any:
    """An array of geometries that numpy leaves alone."""
    found = np.empty(len(shapes), dtype=object)
    found[:] = shapes
    return found


def _filled(column: list[Any]) -> tuple[Any, Any]:
    """A column as numpy wants it, and where it is empty; lists and mappings become JSON."""
    empty = np.array([value is None for value in column])
    kinds = {type(value) for value in column if value is not None}
    for kind, dtype, nothing in ((bool, np.bool_, False), (int, np.int64, 0), (float, np.float64, 0.0)):
        if kinds == {kind} or (kind is float and kinds == {int, float}):
            return np.array([nothing if value is None else value for value in column], dtype=dtype), empty
    texts = [value if value is None or isinstance(value, str) else json.dumps(value, default=str) for value in column]
    return _objects(texts), empty


def _refuse_wide(path: Path, fields: list[str], columns: list[list[Any]]) -> None:
    """Raise Invalid for what a Shapefile would cut off."""
    for key, column in zip(fields, columns, strict=True):
        if len(SHORT.get(key, key).encode()) > 10:
            raise Invalid(f"{path.name}: a Shapefile has no field names longer than ten bytes, like {key}; write .gpkg")
        longest = max((len(value.encode()) for value in column if isinstance(value, str)), default=0)
        if longest > DBF_WIDTH:
            raise Invalid(f"{path.name}: {key} has {longest} bytes, a Shapefile takes {DBF_WIDTH}; write .gpkg")
