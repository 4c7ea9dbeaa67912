"""Administrative penalties: what the plugin tells its host."""

from __future__ import annotations

from collections.abc import Sequence

from engine.hooks import Demonstration, Indicator, Job, Manifest, Operator, Permission, hookimpl
from engine.workflow.expression_entries import FunctionEntry
from engine.workflow.expression_values import read_date
from plugins.penalty import figures
from plugins.penalty.arithmetic import add_months
from plugins.penalty.demo import fill
from plugins.penalty.operators import OPERATORS
from plugins.penalty.reminders import remind


@hookimpl
def manifest() -> Manifest:
    """Who it is."""
    return Manifest(
        "penalty", "行政处罚", "Administrative penalties", "1.0", ">=1.0,<2",
        summary="普通程序、简易程序、查封扣押、先行登记保存、强制执行，法定期限与关口齐备。",
        summary_en="Ordinary and simple procedure, seizure, registered evidence and execution, with the law's gates.",
    )  # fmt: skip


@hookimpl
def operators() -> Sequence[Operator]:
    """Gates that need arithmetic or several registers at once."""
    return OPERATORS


@hookimpl
def functions() -> Sequence[FunctionEntry]:
    """Months of the calendar, for limits that count from a day already past."""
    return [
        FunctionEntry(
            "penalty_add_months(day: any, count: number) -> date",
            lambda day, count: add_months(read_date(day), int(count)),
            "penalty",
            "若干个月后的同一日，没有该日的取月末",
            "the same day some months later, the last of a shorter month",
            (
                ("penalty_add_months('2026-03-02', 6)", "date('2026-09-02')"),
                ("penalty_add_months('2026-08-31', 6)", "date('2027-02-28')"),
            ),
            pure=True,
        )
    ]


@hookimpl
def permissions() -> Sequence[Permission]:
    """Who may see, open and keep what."""
    return [
        Permission("penalty.read", "查看处罚案件和台账", "see penalty cases and registers"),
        Permission("penalty.write", "开启处罚案件", "open penalty cases"),
        Permission("penalty.ledger", "维护处罚台账和涉案物品", "keep the ledger and the goods in custody"),
        Permission("penalty.officers", "维护执法人员", "keep the register of officers"),
    ]


@hookimpl
def indicators() -> Sequence[Indicator]:
    """Figures of a period, from the ledger."""
    return [
        Indicator("in_time", "九十日内决定率", "Decided within 90 days", "%", figures.in_time),
        Indicator("annulled", "复议诉讼撤销、变更率", "Annulled or changed", "%", figures.annulled),
        Indicator("paid_on_time", "罚款按期缴纳率", "Fines paid on time", "%", figures.paid_on_time),
        Indicator("by_cause", "处罚决定数（按案由）", "Penalties by cause", "件", figures.by_cause),
        Indicator("fines", "罚款总额", "Fines decided", "元", figures.fines),
    ]


@hookimpl
def jobs() -> Sequence[Job]:
    """Every working morning: certificates, overdue fines, limitation."""
    return [
        Job(
            "reminders",
            "证件到期、逾期加处、时效提醒",
            "Reminders of certificates, fines and limitation",
            "30 7 * * *",
            remind,
        )
    ]


@hookimpl
def demo_data(demo: Demonstration) -> None:
    """Officers, a ledger of some months, goods in custody and matters of some days."""
    fill(demo)
