"""Noding: from overlapping cell borders to polygons that share every vertex, in degrees."""

from __future__ import annotations

import shapely
from shapely import Polygon

from tools.yunhe.plane import bend_polygon
from tools.yunhe.subdivision import Cell
from tools.yunhe.terrain import NODE_M


def node_cells(cells: list[Cell]) -> list[Polygon]:
    """The cells as a valid coverage in degrees, in the same order.

    Borders are noded once on a half-metre grid, so a corner of one cell becomes a vertex of the
    neighbour whose edge it lies on; bending and rounding then move equal points equally.

    :raises ValueError: cells and faces do not match one to one, or the coverage is not valid.
    """
    borders = [cell.polygon.exterior for cell in cells]
    faces = [f for f in shapely.polygonize([shapely.union_all(borders, grid_size=NODE_M)]).geoms if f.area > 0]
    tree = shapely.STRtree([cell.polygon for cell in cells])
    found: dict[int, Polygon] = {}
    for face in faces:
        owners = [int(k) for k in tree.query(face.representative_point(), predicate="within")]
        if len(owners) != 1 or owners[0] in found:
            raise ValueError(f"a face of {face.area:.1f} m² at {face.centroid.wkt} has no cell of its own")
        found[owners[0]] = face
    if len(found) != len(cells):
        raise ValueError(f"{len(cells) - len(found)} cells vanished while noding; cut less finely")
    polygons = [bend_polygon(found[k]) for k in range(len(cells))]
    if not shapely.coverage_is_valid(polygons):
        raise ValueError("the unit grids overlap or leave gaps; look at shapely.coverage_invalid_edges")
    return polygons


def unite(polygons: list[Polygon]) -> shapely.Geometry:
    """The union of polygons of one coverage; shared vertices on its edge stay."""
    return shapely.coverage_union_all(polygons)
