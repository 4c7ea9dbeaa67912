"""Grouping adjacent pieces into balanced, contiguous areas: communities into subdistricts and duty grids."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from tools.yunhe.plane import Point2

Adjacency = Sequence[dict[int, float]]


def group(
    members: list[int], count: int, at: Sequence[Point2], load: Sequence[float], adjacency: Adjacency
) -> list[list[int]]:
    """``count`` contiguous groups of about equal load.

    Centres start far apart and move to the middle of their group; a centre with too much load loses
    attraction, one with too little gains it.
    """
    centres = spread(members, count, at)
    pull = [0.0] * count
    fair = sum(load[m] for m in members) / count
    best: tuple[float, list[int]] | None = None
    for _ in range(60):
        chosen = [min(range(count), key=lambda k: (math.dist(at[m], centres[k]) ** 2 - pull[k], k)) for m in members]
        loads = [sum(load[m] for m, c in zip(members, chosen, strict=True) if c == k) for k in range(count)]
        if min(loads) > 0 and (best is None or max(loads) - min(loads) < best[0]):
            best = (max(loads) - min(loads), chosen)
        for k in range(count):
            own = [m for m, c in zip(members, chosen, strict=True) if c == k]
            pull[k] += 0.12 * (fair - loads[k]) / fair * spacing(members, count, at) ** 2
            if own:
                total = sum(load[m] for m in own)
                centres[k] = (
                    sum(at[m][0] * load[m] for m in own) / total,
                    sum(at[m][1] * load[m] for m in own) / total,
                )
    if best is None:
        raise ValueError(f"{len(members)} pieces cannot make {count} groups; ask for fewer groups")
    return mend(members, best[1], count, adjacency)


def spread(members: list[int], count: int, at: Sequence[Point2]) -> list[Point2]:
    """Starting centres: the piece nearest to the middle, then always the one farthest from those chosen."""
    middle = (sum(at[m][0] for m in members) / len(members), sum(at[m][1] for m in members) / len(members))
    chosen = [min(members, key=lambda m: (-math.dist(at[m], middle), m))]
    while len(chosen) < count:
        rest = [m for m in members if m not in chosen]
        chosen.append(max(rest, key=lambda m: (min(math.dist(at[m], at[c]) for c in chosen), -m)))
    return [at[m] for m in chosen]


def spacing(members: list[int], count: int, at: Sequence[Point2]) -> float:
    """The typical distance between two group centres, metres."""
    xs, ys = [at[m][0] for m in members], [at[m][1] for m in members]
    return math.sqrt(max(1.0, (max(xs) - min(xs)) * (max(ys) - min(ys)) / count))


def mend(members: list[int], chosen: list[int], count: int, adjacency: Adjacency) -> list[list[int]]:
    """Give every piece cut off from its group to the neighbouring group it touches most."""
    owner = dict(zip(members, chosen, strict=True))
    for _ in range(20):
        strays = []
        for k in range(count):
            islands = sorted(islands_of([m for m in members if owner[m] == k], adjacency), key=lambda i: (-len(i), i))
            strays += [m for island in islands[1:] for m in island]
        moved = False
        for stray in strays:
            touch: dict[int, float] = {}
            for other, shared in adjacency[stray].items():
                if other in owner and owner[other] != owner[stray]:
                    touch[owner[other]] = touch.get(owner[other], 0.0) + shared
            if touch:
                owner[stray] = max(sorted(touch), key=lambda k: touch[k])
                moved = True
        if not moved:
            break
    return [[m for m in members if owner[m] == k] for k in range(count)]


def islands_of(members: Iterable[int], adjacency: Adjacency) -> list[list[int]]:
    """The connected parts of a set of pieces."""
    rest = dict.fromkeys(members)
    islands = []
    while rest:
        queue = [next(iter(rest))]
        del rest[queue[0]]
        for piece in queue:
            for other in adjacency[piece]:
                if other in rest:
                    del rest[other]
                    queue.append(other)
        islands.append(sorted(queue))
    return islands


def shares(weights: Sequence[float], total: int, most: Sequence[int]) -> list[int]:
    """Whole numbers in proportion to the weights that add up to ``total``; at least 1 and at most ``most`` each."""
    counts = [1] * len(weights)
    while sum(counts) < total:
        open_ = [k for k in range(len(weights)) if counts[k] < most[k]]
        if not open_:
            raise ValueError(f"cannot share out {total}; the upper bounds add up to {sum(most)}")
        counts[max(open_, key=lambda k: (weights[k] / counts[k], -k))] += 1
    return counts
