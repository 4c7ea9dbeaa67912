"""Outdoor advertising: what the plugin tells its host."""

from __future__ import annotations

from collections.abc import Sequence

from engine.hooks import Demonstration, Indicator, Job, Manifest, MapLayer, Operator, Permission, hookimpl
from plugins.outdoor_ad import demo as demonstration
from plugins.outdoor_ad import operators as act
from plugins.outdoor_ad.indicators import INDICATORS
from plugins.outdoor_ad.jobs import open_due, watch_wind
from plugins.outdoor_ad.layers import SIGNS_LAYER


@hookimpl
def manifest() -> Manifest:
    """Who the plugin is."""
    return Manifest(
        "outdoor_ad", "户外广告和店招", "Advertisements and shop signs", "1.0.0", ">=1.0,<2",
        summary="户外广告许可审查、设置验收、年检、延续和到期、违规处置、大风排查，店招备案。",
        summary_en="Licence review, acceptance, yearly test, renewal and expiry, orders, wind campaigns, shop signs.",
        requires=("permit", "penalty"),
    )  # fmt: skip


@hookimpl
def permissions() -> Sequence[Permission]:
    """Rights to the registers and matters."""
    return [
        Permission("outdoor_ad.read", "查看户外广告和店招", "see advertisements and shop signs"),
        Permission("outdoor_ad.write", "办理户外广告事项、维护台账", "open matters of signs and keep their registers"),
    ]


@hookimpl
def operators() -> Sequence[Operator]:
    """What the diagrams call."""
    return [
        Operator("outdoor_ad/begin", act.begin),
        Operator("outdoor_ad/mark", act.mark),
        Operator("outdoor_ad/enter", act.enter),
        Operator("outdoor_ad/at_risk", act.at_risk),
        Operator("outdoor_ad/wind_note", act.wind_note),
        Operator("outdoor_ad/wind_summary", act.wind_summary),
        Operator("outdoor_ad/release", act.release),
    ]


@hookimpl
def indicators() -> Sequence[Indicator]:
    """Figures of the unit in charge of signs."""
    return INDICATORS


@hookimpl
def map_layers() -> Sequence[MapLayer]:
    """Signs on the map."""
    return [SIGNS_LAYER]


@hookimpl
def jobs() -> Sequence[Job]:
    """Every morning what is due; every ten minutes the wind."""
    return [
        Job("due", "户外广告检测和届满立案", "tests and licences of signs that fall due", "40 6 * * *", open_due),
        Job("wind", "测风设备触发大风排查", "campaigns that wind sensors open", "*/10 * * * *", watch_wind),
    ]


@hookimpl
def demo_data(demo: Demonstration) -> None:
    """Signs, licences, tests and matters of a demonstration."""
    demonstration.fill(demo)
