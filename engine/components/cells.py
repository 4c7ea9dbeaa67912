"""Cells of the map: a point's place on a quadtree as one integer, so that any database finds a box by its index.

The world is a square of 360 by 360 degrees, halved ``LEVEL`` times each way; bits of column and row are interleaved
(a Morton number), so a cell's four parts follow each other and its parent is the number shifted by two bits. A cell
of level 19 is 0.00069 degrees wide: 76 m north to south, less from west to east. Degrees are WGS-84.
"""

from __future__ import annotations

from collections.abc import Iterator

LEVEL = 19
SIDE = 1 << LEVEL
Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""

SPREAD = [sum(((number >> bit) & 1) << (2 * bit) for bit in range(10)) for number in range(1024)]
GATHERED = [sum(((number >> (2 * bit)) & 1) << bit for bit in range(5)) for number in range(1024)]


def cell_of(lon: float, lat: float) -> int:
    """The cell of a point at ``LEVEL``. Raises ValueError when a coordinate is no number."""
    return cell_at(_step((lon + 180) / 360), _step((lat + 90) / 360))


def cell_at(column: int, row: int) -> int:
    """The number of a cell by its column and row."""
    return _spread(column) | _spread(row) << 1


def place_of(cell: int) -> tuple[int, int]:
    """Column and row of a cell."""
    return _gather(cell), _gather(cell >> 1)


def middle_of(cell: int, level: int) -> tuple[float, float]:
    """Longitude and latitude of a cell's middle."""
    column, row = place_of(cell)
    width = 360 / (1 << level)
    return (column + 0.5) * width - 180, (row + 0.5) * width - 90


def level_for(box: Box, most: int, *, finest: int = LEVEL, coarsest: int = 0) -> int:
    """The finest level on which at most ``most`` cells touch the box."""
    for level in range(finest, coarsest, -1):
        west, south, east, north = frame_of(box, level)
        if (east - west + 1) * (north - south + 1) <= most:
            return level
    return coarsest


def frame_of(box: Box, level: int) -> tuple[int, int, int, int]:
    """First column, first row, last column, last row of the cells a box touches."""
    west, south, east, north = box
    down = LEVEL - level
    return (
        _step((west + 180) / 360) >> down, _step((south + 90) / 360) >> down,
        _step((east + 180) / 360) >> down, _step((north + 90) / 360) >> down,
    )  # fmt: skip


def spans_of(box: Box, *, most: int = 36, level: int | None = None) -> list[tuple[int, int]]:
    """Ranges of cells, ends included, that cover a box: at ``level``, or at ``LEVEL`` drawn with coarser cells.

    They reach over the box's edge by up to a cell; whoever needs the box exactly compares coordinates too.
    """
    drawn = level_for(box, most, finest=LEVEL if level is None else level)
    down = 2 * ((LEVEL if level is None else level) - drawn)
    west, south, east, north = frame_of(box, drawn)
    cells = sorted(cell_at(column, row) for column in range(west, east + 1) for row in range(south, north + 1))
    return [(low << down, ((high + 1) << down) - 1) for low, high in _runs(cells)]


def padded(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans and empty ones after them, so that queries come in four lengths and a database plans each once."""
    length = next((size for size in (4, 12, 36) if size >= len(spans)), len(spans))
    return spans + [(1, 0)] * (length - len(spans))


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    first = last = numbers[0]
    for number in numbers[1:]:
        if number != last + 1:
            yield first, last
            first = number
        last = number
    yield first, last


def _step(share: float) -> int:
    return min(max(int(share * SIDE), 0), SIDE - 1)


def _spread(number: int) -> int:
    return SPREAD[number & 1023] | SPREAD[number >> 10] << 20


def _gather(number: int) -> int:
    """Every other bit of a number below 2**40."""
    return (
        GATHERED[number & 1023]
        | GATHERED[number >> 10 & 1023] << 5
        | GATHERED[number >> 20 & 1023] << 10
        | GATHERED[number >> 30 & 1023] << 15
    )
