"""Parking, shared bikes and road facilities: what the contract asks, figures, and the month of the bike operators."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.contract.promises import try_plugin
from engine.hooks.enabling import write_enabled
from engine.hooks.working import run_job
from engine.models import Case
from engine.registers.keeping import Hand, add_entry
from engine.testing.small_city import SmallTown, write_small_city
from plugins.traffic import figures
from plugins.traffic.months import points_of

MARCH = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[SmallTown]:
    folder = write_small_city(tmp_path / "small")
    write_enabled(folder, ["penalty", "traffic"])
    town = SmallTown(folder, f"sqlite:///{tmp_path / 'small.sqlite'}")
    registers = town.platform.host.registers
    for code, name in (("DX-01", "云骑单车"), ("DX-02", "轻行单车")):
        add_entry(
            town.session, registers["traffic_operators"], {"code": code, "name": name, "quota": 1000}, Hand(MARCH)
        )
    for number, (operator, day, points) in enumerate(
        (("DX-01", "2026-02-03", 3), ("DX-01", "2026-02-27", 5), ("DX-02", "2026-01-31", 3), ("DX-02", "2026-03-01", 1))
    ):
        score = {"code": f"K{number}", "operator": operator, "on": day, "reason": "逾期未清运。", "points": points}
        add_entry(town.session, registers["traffic_scores"], score, Hand(MARCH))
    town.session.commit()
    yield town
    town.close()


def test_it_keeps_its_promises() -> None:
    assert try_plugin("traffic") == []


def test_the_month_opens_a_matter_for_every_operator_with_last_months_points(town: SmallTown) -> None:
    assert dict(points_of(town.session, MARCH.date() - timedelta(days=5))) == {"DX-01": 8}
    row = run_job(town.session, town.platform, "traffic", "operator_months", MARCH)
    assert (row.failure, row.told) == ("", "2 operators, 2026年2月")
    titles = [title for (title,) in town.session.query(Case.title).order_by(Case.id)]
    assert titles == ["云骑单车2026年2月共享单车考核", "轻行单车2026年2月共享单车考核"]


def test_points_are_counted_by_operator_within_the_period(town: SmallTown) -> None:
    start, end = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
    found = {each.object: each for each in figures.operator_points(town.session, town.platform, start, end)}
    assert {code: each.numerator for code, each in found.items()} == {"DX-01": 8, "DX-02": 1}
    assert found["DX-01"].behind == ("K0", "K1")
    assert figures.moved_after_notice(town.session, town.platform, start, end) == []
