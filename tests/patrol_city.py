"""A small city whose collectors have shifts: what the tests of patrols share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.models import DutyShift
from engine.patrol.roster import HAND, new_shift
from engine.testing.small_city import MONDAY, SmallTown, write_small_city

ON = MONDAY
"""The shift of D1's collector begins."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def either_city(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallTown]:
    """``beat_city`` on either database."""
    url = "sqlite://" if request.param == "sqlite" else request.getfixturevalue("server_database")
    yield from on_duty(tmp_path, url)


@pytest.fixture
def beat_city(tmp_path: Path) -> Iterator[SmallTown]:
    """A small city whose D1 is patrolled on Monday from 09:00 to 17:00."""
    yield from on_duty(tmp_path, "sqlite://")


def on_duty(folder: Path, url: str) -> Iterator[SmallTown]:
    town = SmallTown(write_small_city(folder / "small"), url)
    shift_for(town, "collector", "D1", ON, hours=8)
    yield town
    town.close()


@pytest.fixture
def server_database() -> Iterator[str]:
    """A PostgreSQL database of one's own."""
    from engine.testing.scratch import NoServer, scratch_postgresql

    try:
        with scratch_postgresql() as url:
            yield url
    except NoServer as error:
        pytest.skip(str(error))


def shift_for(town: SmallTown, login: str, grid: str, begins: datetime, *, hours: float) -> DutyShift:
    """A shift as the roster has it."""
    row = new_shift(town.actor(login).person_id, grid, "day", "", begins, begins + timedelta(hours=hours), HAND, begins)
    town.session.add(row)
    town.session.commit()
    return row


def walk(steps: int, *, east: float = 0.0005, step: float = 0.00001) -> list[tuple[float, float]]:
    """A way to the north in D1, some metres a step."""
    return [(116 + east + 0.000004 * (each % 7), 28.0002 + step * each) for each in range(steps)]


def points(path: list[tuple[float, float]], begins: datetime, *, every_s: float = 10, accuracy: float = 5) -> list[Any]:
    """A batch as a device sends it."""
    first = round(begins.timestamp() * 1000)
    return [[first + round(at * every_s * 1000), lon, lat, accuracy, 80] for at, (lon, lat) in enumerate(path)]
