"""Administrative licences: what the plugin tells its host."""

from __future__ import annotations

from collections.abc import Sequence

from engine.hooks import Demonstration, Indicator, Job, Manifest, Operator, Permission, hookimpl
from plugins.permit import demo as demonstration
from plugins.permit import operators as act
from plugins.permit.indicators import INDICATORS
from plugins.permit.jobs import watch_licences


@hookimpl
def manifest() -> Manifest:
    """Who the plugin is."""
    return Manifest(
        "permit", "行政许可", "Administrative licences", "1.0.0", ">=1.0,<2",
        summary="许可事项、申请、受理、审查、听证、决定、告知承诺、延续、变更和撤销；各部门的许可用它办理。",
        summary_en="Items, applications, review, hearing, decision, commitments, renewal, change and revocation of "
        "licences; departments' own licences run on it.",
    )  # fmt: skip


@hookimpl
def permissions() -> Sequence[Permission]:
    """Rights to the registers and matters."""
    return [
        Permission("permit.read", "查看行政许可", "see licences and licensing items"),
        Permission("permit.write", "办理行政许可、维护许可台账", "open licence matters and keep their registers"),
    ]


@hookimpl
def operators() -> Sequence[Operator]:
    """What the diagrams call."""
    return [
        Operator("permit/prepare", act.prepare),
        Operator("permit/accept", act.accept),
        Operator("permit/extend", act.extend),
        Operator("permit/terms", act.terms),
        Operator("permit/enter", act.enter),
        Operator("permit/set_licence", act.change),
        Operator("permit/renewed", act.renewed),
    ]


@hookimpl
def indicators() -> Sequence[Indicator]:
    """Figures of the departments."""
    return INDICATORS


@hookimpl
def jobs() -> Sequence[Job]:
    """Every morning, before the windows open."""
    return [Job("licences", "许可证到期提醒和届满登记", "licences about to end", "20 6 * * *", watch_licences)]


@hookimpl
def demo_data(demo: Demonstration) -> None:
    """Items, licences and applications of a demonstration."""
    demonstration.fill(demo)
