"""Environment: what the plugin tells its host."""

from __future__ import annotations

from collections.abc import Sequence

from engine.hooks import Demonstration, Indicator, Job, Manifest, MapLayer, Operator, Permission, hookimpl
from plugins.environment import indicators as figures
from plugins.environment import jobs as clockwork
from plugins.environment import layers
from plugins.environment import operators as acts
from plugins.environment.demonstration import fill


@hookimpl
def manifest() -> Manifest:
    """Who the plugin is."""
    return Manifest(
        "environment", "生态环境", "Environment", "1.0.0", ">=1.0,<2",
        summary="餐饮油烟、夜间施工噪声、扬尘与道路遗撒、河道水体、环境信访。",
        summary_en="Catering fume, night noise, dust and spillage, rivers and black water, environmental petitions.",
        requires=("penalty",),
    )  # fmt: skip


@hookimpl
def permissions() -> Sequence[Permission]:
    """Rights to the registers and matters."""
    return [
        Permission("environment.read", "查看生态环境台账与事项", "see environmental registers and matters"),
        Permission("environment.write", "维护生态环境台账", "keep environmental registers"),
        Permission("environment.open", "登记生态环境事项", "open environmental matters"),
    ]


@hookimpl
def operators() -> Sequence[Operator]:
    """What the diagrams call."""
    return [
        Operator("environment/recall", acts.recall),
        Operator("environment/look_up_night", acts.look_up_night),
        Operator("environment/look_up_days", acts.look_up_days),
    ]


@hookimpl
def indicators() -> Sequence[Indicator]:
    """Purifiers, alarms, sites, petitions."""
    return [
        Indicator("purifiers_online", "油烟在线监测在线率", "fume monitors online", "%", figures.purifiers_online),
        Indicator("alarms_on_time", "监测报警按时处理率", "alarms handled on time", "%", figures.alarms_on_time),
        Indicator("green_sites", "绿色工地占比", "share of green sites", "%", figures.green_sites),
        Indicator(
            "petitions_on_time", "环境信访按期答复率", "petitions answered on time", "%", figures.petitions_on_time
        ),
    ]


@hookimpl
def map_layers() -> Sequence[MapLayer]:
    """Outlets by purifier, sites by grade."""
    return [
        MapLayer(
            "outlets", "餐饮单位（按净化设施）", "outlets by purifier", "point", "environment.read", layers.outlets
        ),
        MapLayer("sites", "工地（按扬尘分级）", "sites by dust grade", "point", "environment.read", layers.sites),
    ]


@hookimpl
def jobs() -> Sequence[Job]:
    """What falls due by the clock."""
    return [
        Job("cleanings", "净化设施清洗逾期", "overdue cleanings", "30 6 * * *", clockwork.mark_cleanings),
        Job("certificates", "夜间施工证明到期", "expired certificates", "10 0 * * *", clockwork.expire_certificates),
        Job("monitors", "监测设备在线状态", "monitors on and offline", "*/10 * * * *", clockwork.follow_monitors),
        Job("grades", "工地扬尘月度名单", "monthly dust grades", "0 7 1 * *", clockwork.list_grades),
    ]


@hookimpl
def demo_data(demo: Demonstration) -> None:
    """Registers and matters of a demonstration."""
    fill(demo)
