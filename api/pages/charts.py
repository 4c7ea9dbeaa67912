"""Charts of readings as plain SVG: drawn by the server, read without scripts, printed with the case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from math import floor, log10

WIDTH, HEIGHT = 640, 190
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 10, 26
STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080, 20160, 43200)
GAP_FACTOR = 4
"""A pause this many times the usual one breaks the line: nothing was said there."""


@dataclass(frozen=True)
class Tick:
    """A mark of an axis: where, and what it says."""

    at: float
    text: str


@dataclass(frozen=True)
class Chart:
    """A chart of one field: ``lines`` are SVG points of stretches without a gap, ``bands`` reach from least to most."""

    title: str
    unit: str
    lines: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]
    bands: tuple[str, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    mark: float | None
    summary: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


Sample = tuple[datetime, float, float, float]
"""When, the value, the least and the most around it."""


def draw(
    title: str, unit: str, samples: Sequence[Sample], zone: tzinfo, *, mark: datetime | None = None
) -> Chart | None:
    """A chart of samples in order of time; none when there is nothing to draw. ``mark`` is a moment to be shown."""
    if not samples:
        return None
    begin, end = samples[0][0], samples[-1][0]
    if mark is not None:
        begin, end = min(begin, mark), max(end, mark)
    if end - begin < timedelta(minutes=1):
        begin, end = begin - timedelta(minutes=5), end + timedelta(minutes=5)
    low, high = min(each[2] for each in samples), max(each[3] for each in samples)
    step = nice_step((high - low) or abs(high) or 1.0)
    floor_, roof = floor(low / step) * step, (floor(high / step) + 1) * step
    span_s = (end - begin).total_seconds()

    def x(at: datetime) -> float:
        return round(LEFT + (at - begin).total_seconds() / span_s * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (value - floor_) / (roof - floor_) * (HEIGHT - TOP - BOTTOM), 1)

    stretches = split_at_gaps(samples)
    lines = tuple(" ".join(f"{x(at)},{y(value)}" for at, value, *_ in each) for each in stretches if len(each) > 1)
    dots = tuple((x(each[0][0]), y(each[0][1])) for each in stretches if len(each) == 1)
    bands = tuple(
        " ".join([*(f"{x(at)},{y(most)}" for at, _, _, most in each),
                  *(f"{x(at)},{y(least)}" for at, _, least, _ in reversed(each))])
        for each in stretches if len(each) > 1 and any(least != most for _, _, least, most in each)
    )  # fmt: skip
    count = round((roof - floor_) / step)
    up = tuple(Tick(y(floor_ + n * step), f"{floor_ + n * step:.6g}") for n in range(count + 1))
    across = tuple(Tick(x(at), text) for at, text in time_ticks(begin, end, zone))
    summary = f"{low:.6g}–{high:.6g} {unit}".strip()
    return Chart(title, unit, lines, dots, bands, across, up, x(mark) if mark is not None else None, summary)


def nice_step(span: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that divides a span into three to six parts."""
    rough = span / 4
    power = 10.0 ** floor(log10(rough))
    return next(power * each for each in (1.0, 2.0, 5.0, 10.0) if rough <= power * each)


def split_at_gaps(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Stretches without a pause much longer than the usual one."""
    pauses = sorted((b[0] - a[0]).total_seconds() for a, b in pairwise(samples))
    usual = pauses[len(pauses) // 2] if pauses else 0.0
    found: list[list[Sample]] = [[samples[0]]]
    for before, after in pairwise(samples):
        if (after[0] - before[0]).total_seconds() > GAP_FACTOR * usual > 0:
            found.append([])
        found[-1].append(after)
    return found


def time_ticks(begin: datetime, end: datetime, zone: tzinfo) -> list[tuple[datetime, str]]:
    """Round moments of the city's time, five or so."""
    minutes = (end - begin).total_seconds() / 60
    step = next((each for each in STEPS_MIN if minutes / each <= 6), STEPS_MIN[-1])
    local = begin.astimezone(zone).replace(second=0, microsecond=0)
    midnight = local.replace(hour=0, minute=0)
    at = midnight + timedelta(minutes=((local - midnight) // timedelta(minutes=step) + 1) * step)
    form = "%H:%M" if step < 1440 else "%m-%d"
    ticks = []
    while at <= end.astimezone(zone):
        ticks.append((at, f"{at:{'%m-%d' if at.hour == at.minute == 0 else form}}"))
        at += timedelta(minutes=step)
    return ticks
