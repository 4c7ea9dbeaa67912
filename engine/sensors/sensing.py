"""A city's devices at run time: kinds, rules by kind, fences with their shapes; built again when a fence changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from engine.errors import CityBroken
from engine.models import Counter, Division, DutyGrid, SensorFence, UnitGrid
from engine.platform import Platform
from engine.sensors.declaring import Declared, read_declared, read_fence
from engine.sensors.fences import Fence, Fences
from engine.sensors.kinds import Kind
from engine.sensors.readings import Unreadable
from engine.sensors.rules import ON_SILENCE, Rule
from engine.sensors.topics import TopicReader

REVISION = "sensor fences"
"""The counter that moves when a fence of the database changes."""


@dataclass(frozen=True)
class Sensing:
    """What a city knows about its devices."""

    kinds: Mapping[str, Kind]
    rules: Mapping[str, Rule]
    fences: Fences
    revision: int
    lost: tuple[str, ...] = ()
    """Fences whose area of the ground does not exist."""
    topics: TopicReader = field(default_factory=lambda: TopicReader(()))
    by_kind: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    silence: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)

    def kind(self, code: str) -> Kind:
        """A kind by code. Raises Unreadable."""
        found = self.kinds.get(code)
        if found is None:
            raise Unreadable(f"no kind {code} is declared", f"declare [kind.{code}] in sensors/kinds.toml")
        return found


def sensing_of(session: Session, platform: Platform) -> Sensing:
    """The platform's sensing, as fresh as its fences. Raises CityBroken for files with faults."""
    revision = session.scalar(select(Counter.value).where(Counter.name == REVISION)) or 0
    known = platform.sensing
    if isinstance(known, Sensing) and known.revision == revision:
        return known
    found = platform.sensing = load_sensing(session, platform, revision)
    return found


def load_sensing(session: Session, platform: Platform, revision: int) -> Sensing:
    """Read files and database."""
    declared = read_declared(platform.city, platform.host.functions)
    if declared.faults:
        raise CityBroken("\n".join(map(str, declared.faults)))
    fences = dict(declared.fences)
    for row in session.scalars(select(SensorFence)):
        fence, area = read_fence(
            {**row.properties, "code": row.code}, json.loads(row.geometry), Declared(declared.kinds)
        )
        if fence is not None:
            fences[row.code] = fence, area
    shaped: list[Fence] = []
    lost: list[str] = []
    for fence, area in fences.values():
        geometry = area_of(session, area) if area else fence.geometry
        if geometry is None:
            lost.append(fence.code)
        else:
            shaped.append(replace(fence, geometry=geometry))
    return Sensing(
        declared.kinds, declared.rules, Fences(shaped), revision, tuple(lost),
        TopicReader.of(kind.topic for kind in declared.kinds.values() if kind.topic),
        _by_kind(declared, silence=False), _by_kind(declared, silence=True),
    )  # fmt: skip


def area_of(session: Session, area: str) -> Any:
    """The geometry of an area of the ground such as ``division/990101001``, none when there is none."""
    layer, _, code = area.partition("/")
    asked = {
        "division": select(Division.geometry).where(Division.code == code),
        "duty_grid": select(DutyGrid.geometry).where(DutyGrid.code == code),
        "unit_grid": select(UnitGrid.geometry).where(UnitGrid.code == code),
    }
    found = session.scalar(asked[layer])
    return json.loads(found) if found else None


def _by_kind(declared: Declared, *, silence: bool) -> dict[str, tuple[Rule, ...]]:
    return {
        kind: tuple(
            rule for rule in declared.rules.values() if kind in rule.kinds and (rule.on == ON_SILENCE) is silence
        )
        for kind in declared.kinds
    }


def count_revision(session: Session) -> None:
    """Let every process read the fences again."""
    session.execute(
        text(
            "INSERT INTO counter (name, value) VALUES (:name, 1) "
            "ON CONFLICT (name) DO UPDATE SET value = counter.value + 1"
        ),
        {"name": REVISION},
    )


def local_names(platform: Platform, at: datetime) -> dict[str, Any]:
    """``local`` of expressions: the city's date and time at a moment."""
    local = at.astimezone(platform.city.time_zone)
    return {
        "date": local.date().isoformat(), "time": f"{local:%H:%M}", "hour": local.hour, "minute": local.minute,
        "weekday": local.isoweekday(), "workday": platform.host.calendar.is_working_day(local.date()),
    }  # fmt: skip
