"""Which shapes may be at a point: square cells in a dictionary, each with the shapes whose bounds reach it.

A look-up costs one division, one dictionary access and one call into GEOS for the few shapes of its cell; a tree costs
three calls. Sparse layers cost nothing: only cells that something reaches are kept.
"""

from __future__ import annotations

from math import floor
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

MOST_CELLS_A_SHAPE = 16
"""On average; above it, a few large shapes among small ones make the cells larger."""
NONE: NDArray[np.int64] = np.zeros(0, dtype=np.int64)


class Cells:
    """Shapes by cell. ``reach`` (in the shapes' unit) widens their bounds.

    ``parts``: cells along the side of a middling shape; ``most``: cells a shape on average.
    """

    def __init__(
        self, shapes: NDArray[Any], reach: float = 0.0, *, parts: int = 1, most: int = MOST_CELLS_A_SHAPE
    ) -> None:
        self.side = 1.0
        self.starts: NDArray[np.int64] = NONE
        self.hits: NDArray[np.int64] = NONE
        self._keys: dict[tuple[int, int], int] = {}
        if not len(shapes):
            return
        bounds = shapely.bounds(shapes) + np.array([-reach, -reach, reach, reach])
        extent = np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
        self.side = max(float(np.median(extent)) / parts, 1e-9)
        while True:
            low, high = np.floor(bounds[:, :2] / self.side), np.floor(bounds[:, 2:] / self.side)
            counts = (high - low + 1).prod(axis=1)
            if counts.sum() <= most * len(shapes):
                break
            self.side *= 2
        self._fill(low.astype(np.int64), (high - low + 1).astype(np.int64), counts.astype(np.int64))

    def at(self, x: float, y: float) -> NDArray[np.int64]:
        """Shapes that may be at a point, by position, ascending."""
        key = self.key(x, y)
        return NONE if key is None else self.of(key)

    def key(self, x: float, y: float) -> tuple[int, int] | None:
        """The cell of a point; none when it is not a finite number."""
        try:
            return floor(x / self.side), floor(y / self.side)
        except (ValueError, OverflowError):
            return None

    def of(self, key: tuple[int, int]) -> NDArray[np.int64]:
        """Shapes whose bounds reach a cell, by position, ascending."""
        row = self._keys.get(key)
        return NONE if row is None else self.hits[self.starts[row] : self.starts[row + 1]]

    def _fill(self, low: NDArray[np.int64], size: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        owner = np.repeat(np.arange(len(counts)), counts)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        columns = low[owner, 0] + within % size[owner, 0]
        lines = low[owner, 1] + within // size[owner, 0]
        order = np.lexsort((owner, lines, columns))
        columns, lines, self.hits = columns[order], lines[order], owner[order]
        fresh = np.ones(len(order), dtype=bool)
        fresh[1:] = (columns[1:] != columns[:-1]) | (lines[1:] != lines[:-1])
        first = np.flatnonzero(fresh)
        self.starts = np.append(first, len(order))
        keys = zip(columns[first].tolist(), lines[first].tolist(), strict=True)
        self._keys = {key: row for row, key in enumerate(keys)}
