"""Parking, shared bikes, and the facilities of roads: what the plugin tells its host."""

from __future__ import annotations

from collections.abc import Sequence

from engine.hooks import Demonstration, Indicator, Job, Manifest, Operator, Permission, hookimpl
from plugins.traffic import figures
from plugins.traffic.demo import fill
from plugins.traffic.months import open_months


@hookimpl
def manifest() -> Manifest:
    """Who the plugin is."""
    return Manifest(
        "traffic",
        "停车与道路秩序",
        "Parking and road order",
        "1.0.0",
        ">=1.0,<2",
        summary="机动车违停、共享单车、僵尸车、错时共享泊位、道路与信号设施移交；拖移、企业考核台账。",
        summary_en="Illegal parking, shared bikes, abandoned vehicles, shared berths, road and signal damage, with the "
        "registers of tows and operators' scores.",
        requires=("penalty",),
    )


@hookimpl
def permissions() -> Sequence[Permission]:
    """Rights to the registers and matters."""
    return [
        Permission("traffic.open", "登记停车与道路秩序事项", "open matters of parking and roads"),
        Permission("traffic.read", "查看停车与道路秩序事项和台账", "see matters and registers of parking and roads"),
        Permission("traffic.write", "维护停车与道路秩序台账", "keep the registers of parking and roads"),
    ]


@hookimpl
def operators() -> Sequence[Operator]:
    """None: the diagrams do with registers, decisions and documents."""
    return []


@hookimpl
def indicators() -> Sequence[Indicator]:
    """Figures of a period."""
    return [
        Indicator("moved_after_notice", "通知后驶离率", "Moved after notice", "%", figures.moved_after_notice),
        Indicator("tows", "拖移车辆数", "Vehicles towed", "", figures.tows),
        Indicator("bikes_in_time", "共享单车按时清运率", "Bikes cleared in time", "%", figures.bikes_in_time),
        Indicator("operator_points", "企业考核扣分", "Points of the operators", "", figures.operator_points),
    ]


@hookimpl
def jobs() -> Sequence[Job]:
    """The monthly score of the bike operators."""
    return [Job("operator_months", "共享单车月度考核", "Monthly score of bike operators", "30 8 1 * *", open_months)]


@hookimpl
def demo_data(demo: Demonstration) -> None:
    """Yards, car parks, operators, scores and matters of some days."""
    fill(demo)
