"""Illegal buildings (违法建设): one file a building, from the check on site to removal, with findings and freezes."""

from engine.hooks import Manifest, Operator, Permission, hookimpl
from plugins.illegal_build.operators import begin, keep_building, name_departments, refuse_at_night


@hookimpl
def manifest():
    return Manifest(
        "illegal_build", "违法建设", "Illegal buildings", "1.0", ">=1.0,<2", requires=("penalty",),
        summary="一违建一档：核查、停建、决定、催告、公告、强拆、冻结，三级联动与图斑核查。",
        summary_en="One file a building: check, stop, decide, demand, notice, demolish, freeze; reports and findings.",
    )  # fmt: skip


@hookimpl
def permissions():
    return [
        Permission("illegal_build.read", "查看违法建设台账与案卷", "see illegal buildings and their files"),
        Permission("illegal_build.write", "办理违法建设、维护台账", "work on illegal buildings and their registers"),
        Permission("illegal_build.report", "报告疑似违法建设", "report a building that may be illegal"),
    ]


@hookimpl
def operators():
    return [
        Operator("illegal_build/begin", begin),
        Operator("illegal_build/keep_building", keep_building),
        Operator("illegal_build/name_departments", name_departments),
        Operator("illegal_build/refuse_at_night", refuse_at_night),
    ]
