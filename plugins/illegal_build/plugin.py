"""Illegal buildings (违法建设): one file a building, from the check on site to removal, with findings and freezes."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint

from api.hooks import Panel
from engine.hooks import Demonstration, Indicator, Job, Manifest, MapLayer, Operator, Permission, hookimpl
from plugins.illegal_build import demo as demonstration
from plugins.illegal_build.indicators import INDICATORS
from plugins.illegal_build.jobs import JOBS
from plugins.illegal_build.layers import LAYERS
from plugins.illegal_build.operators import begin, keep_building, name_departments, refuse_at_night


@hookimpl
def manifest() -> Manifest:
    """Who the plugin is."""
    return Manifest(
        "illegal_build", "违法建设", "Illegal buildings", "1.0.0", ">=1.0,<2", requires=("penalty",),
        summary="一违建一档：核查、停建、决定、催告、公告、强拆、冻结，三级联动与图斑核查。",
        summary_en="One file a building: check, stop, decide, demand, notice, demolish, freeze; reports and findings.",
    )  # fmt: skip


@hookimpl
def permissions() -> Sequence[Permission]:
    """Rights to registers, matters and the import."""
    return [
        Permission("illegal_build.read", "查看违法建设台账与案卷", "see illegal buildings and their files"),
        Permission("illegal_build.write", "办理违法建设、维护台账", "work on illegal buildings and their registers"),
        Permission("illegal_build.report", "报告疑似违法建设", "report a building that may be illegal"),
    ]


@hookimpl
def operators() -> Sequence[Operator]:
    """What the diagrams call."""
    return [
        Operator("illegal_build/begin", begin),
        Operator("illegal_build/keep_building", keep_building),
        Operator("illegal_build/name_departments", name_departments),
        Operator("illegal_build/refuse_at_night", refuse_at_night),
    ]


@hookimpl
def indicators() -> Sequence[Indicator]:
    """Figures of the departments."""
    return INDICATORS


@hookimpl
def map_layers() -> Sequence[MapLayer]:
    """Open buildings by stage, findings to be checked."""
    return LAYERS


@hookimpl
def jobs() -> Sequence[Job]:
    """Every working morning."""
    return JOBS


@hookimpl
def blueprints() -> Sequence[Blueprint]:
    """The import of findings: API and page."""
    from plugins.illegal_build import routes  # the host of the web is there only when it asks

    return [routes.api, routes.pages]


@hookimpl
def panels() -> Sequence[Panel]:
    """The building on the page of its file and of the street case."""
    from plugins.illegal_build import pages

    return pages.PANELS


@hookimpl
def demo_data(demo: Demonstration) -> None:
    """Buildings at every stage, findings, matters under way."""
    demonstration.fill(demo)
