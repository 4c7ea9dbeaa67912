"""Construction waste: what the plugin tells its host."""

from __future__ import annotations

from collections.abc import Sequence

from engine.hooks import Demonstration, Indicator, Job, Manifest, MapLayer, Operator, Permission, hookimpl
from plugins.building_waste.demo import fill
from plugins.building_waste.indicators import INDICATORS
from plugins.building_waste.jobs import JOBS
from plugins.building_waste.layers import TRUCKS_LAYER
from plugins.building_waste.operators import open_route, volumes


@hookimpl
def manifest() -> Manifest:
    """Who the plugin is."""
    return Manifest(
        "building_waste", "建筑垃圾（渣土）", "Construction waste", "1.0.0", ">=1.0,<2",
        summary="处置核准、运输企业和车辆计分、电子联单、路线时段监控报警、方量核对、装修垃圾。",
        summary_en="Licences, carriers and trucks with points, manifests, routes and hours watched, volumes "
        "reconciled, renovation waste.",
        requires=("permit", "penalty"),
    )  # fmt: skip


@hookimpl
def permissions() -> Sequence[Permission]:
    """Rights to the registers and matters."""
    return [
        Permission("building_waste.open", "登记建筑垃圾事项", "open matters of construction waste"),
        Permission("building_waste.read", "查看建筑垃圾事项和台账", "see matters and registers of construction waste"),
        Permission("building_waste.write", "维护建筑垃圾台账", "keep the registers of construction waste"),
    ]


@hookimpl
def operators() -> Sequence[Operator]:
    """What the diagrams call."""
    return [
        Operator("building_waste/open_route", open_route),
        Operator("building_waste/volumes", volumes),
    ]


@hookimpl
def indicators() -> Sequence[Indicator]:
    """Figures of trips, clearances, points and volumes."""
    return INDICATORS


@hookimpl
def map_layers() -> Sequence[MapLayer]:
    """Trucks where they are; sites are on the map by their registers."""
    return [TRUCKS_LAYER]


@hookimpl
def jobs() -> Sequence[Job]:
    """What happens by the clock."""
    return JOBS


@hookimpl
def demo_data(demo: Demonstration) -> None:
    """Registers, devices and matters of a demonstration."""
    fill(demo)
