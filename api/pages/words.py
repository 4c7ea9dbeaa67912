"""Codes as people read them: stages, states, sources, lights, limits, moments and durations, in the page's language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import g
from sqlalchemy import select

from api.context import now, platform, roles, session, translations
from api.pages.languages import _, noop, page_language
from engine.catalogue.condition_rules import RuleUnreadable, read_evidence_rule, read_extension_rule
from engine.catalogue.provenance import doubt_of
from engine.intake.channels import load_channels
from engine.limits import LimitError, parse_limit
from engine.matters.declaring import matter_of
from engine.models import Case, Subclass

STAGES = {
    "accept": noop("受理"), "verify": noop("核实"), "file": noop("立案"), "coordinate": noop("协调"),
    "dispatch": noop("派遣"), "receive": noop("接收"), "handle": noop("处置"), "feedback": noop("反馈"),
    "suspended": noop("挂账"), "check": noop("核查"), "rework": noop("返工"), "close": noop("结案"),
    "callback": noop("回访"), "evaluate": noop("评价"), "appeal": noop("申诉"), "supervise": noop("督办"),
    "enforce": noop("执法"),
}  # fmt: skip
STATUSES = {
    "reported": noop("待立案"), "filed": noop("已立案"), "dispatched": noop("已派遣"), "suspended": noop("已挂账"),
    "closed": noop("已结案"), "rejected": noop("不予受理"), "merged": noop("已并案"), "voided": noop("已作废"),
}  # fmt: skip
SOURCES = {
    "patrol": noop("采集员巡查"), "hotline_12319": noop("12319 热线"), "hotline_12345": noop("12345 热线"),
    "public": noop("公众举报"), "video": noop("视频发现"), "media": noop("媒体"), "leader": noop("领导交办"),
    "department": noop("部门转来"), "inspection": noop("督查"), "petition": noop("信访"), "iot": noop("物联感知"),
    "hotline": noop("热线"), "app": noop("手机应用"), "web": noop("网站"), "staff": noop("工作人员"),
    "system": noop("系统对接"),
}  # fmt: skip
LIGHTS = {"green": noop("时限内"), "yellow": noop("即将超时"), "red": noop("已超时")}
KINDS = {"component": noop("部件"), "event": noop("事件"), "matter": noop("事项")}
PHOTOS = {
    "before_photo": noop("处置前照片"), "after_photo": noop("处置后照片"), "verify_photo": noop("核实照片"),
    "check_photo": noop("核查照片"), "document_photo": noop("文书照片"), "near_photo": noop("近景照片"),
    "far_photo": noop("远景照片"), "reference_photo": noop("参照物照片"), "video": noop("视频"), "voice": noop("录音"),
}  # fmt: skip
ACTIONS = {
    "cancel": noop("作废"), "merge": noop("并案"), "supervise": noop("督办"), "resume": noop("恢复办理"),
    "appeal": noop("申诉"),
}  # fmt: skip
PROVENANCES = {
    "memory": noop("经验值，待核定"),
    "provisional": noop("暂编代码，待核定"),
}
PARTS = {"lead": noop("主办"), "assist": noop("协办")}
CLOCKS = {"handling": noop("处置时限"), "acceptance": noop("受理时限"), "appeal": noop("申诉时限")}
CLOSE_KINDS = {
    "solved": noop("已解决"), "notification": noop("告知性结案"), "forced": noop("强制结案"),
    "evidence": noop("凭证结案"),
}  # fmt: skip
LINKS = {
    "merged": noop("并案"), "related": noop("相关案件"), "split": noop("拆分"),
}  # fmt: skip
COUNTS = {
    "extensions": noop("延期"), "suspensions": noop("挂账"), "reworks": noop("返工"), "returns": noop("回退"),
    "supervisions": noop("督办"), "appeals": noop("申诉"),
}  # fmt: skip
EVENTS = {
    "reported": noop("问题上报"), "task_completed": noop("办理"), "reclassified": noop("调整类别"),
    "filed": noop("立案"), "matter_opened": noop("事项受理"),
    "rejected": noop("不予受理"), "merged": noop("并入其他案件"), "voided": noop("作废"), "dispatched": noop("派遣"),
    "redispatched": noop("改派"), "extended": noop("延期"), "suspended": noop("挂账"), "resumed": noop("恢复办理"),
    "returned": noop("回退"), "rework": noop("返工"), "supervised": noop("督办"),
    "supervision_answered": noop("答复督办"), "escalated": noop("时限预警"),
    "task_overdue": noop("环节超时提醒"), "closed": noop("结案"),
    "reopened": noop("重新办理"), "called_back": noop("回访"), "evaluated": noop("计入评价"),
    "appeal_decided": noop("申诉裁定"), "linked": noop("另立关联案件"), "timer_fired": noop("到时自动流转"),
    "cancel_requested": noop("申请作废"), "merge_requested": noop("申请并案"),
    "supervise_requested": noop("发起督办"), "resume_requested": noop("申请恢复"),
    "appeal_requested": noop("提出申诉"), "evidence_added": noop("上传证据"), "decision": noop("规则判定"),
    "condition_met": noop("条件满足"), "message_received": noop("收到消息"), "message_unheard": noop("消息无人接收"),
    "signal_heard": noop("收到信号"), "error_caught": noop("出错，转入其他环节"),
    "escalation_caught": noop("情况升级，转入其他环节"), "reply_sent": noop("已答复举报人"),
    "migrated": noop("转到新版流程"),
    "migration_undone": noop("撤回流程转换"), "step_skipped": noop("跳过环节"), "variables_repaired": noop("修正数据"),
    "incident_retried": noop("重试故障环节"), "incident_skipped": noop("跳过故障环节"),
    "imported": noop("从其他系统导入"), "report_joined": noop("其他上报并入本案"),
    "report_left": noop("并入的上报撤出本案"), "unmerged": noop("撤销并案"), "split": noop("拆分出案件"),
    "split_from": noop("由其他案件拆分"), "related": noop("关联案件"), "unrelated": noop("取消关联"),
    "no_report": noop("处于免采区域或时段"),
    "handed_over": noop("改派采集员"),
    "document_made": noop("制作文书"), "document_delivered": noop("送达文书"), "document_voided": noop("文书作废"),
    "sensor_alarm": noop("传感器报警"), "sensor_over": noop("传感器恢复正常"),
}  # fmt: skip
MANNERS = {
    "direct": noop("直接送达"), "left": noop("留置送达"), "mail": noop("邮寄送达"), "electronic": noop("电子送达"),
    "public_notice": noop("公告送达"), "entrusted": noop("委托送达"),
}  # fmt: skip
UNITS = {
    "minute": noop("分钟"), "urgent_hour": noop("紧急工作时"), "urgent_day": noop("紧急工作日"),
    "work_hour": noop("工作时"), "work_day": noop("个工作日"), "calendar_day": noop("个自然日"),
    "calendar_month": noop("个月"), "calendar_year": noop("年"),
}  # fmt: skip
TABLES: Mapping[str, Mapping[str, str]] = {
    "stage": STAGES, "status": STATUSES, "source": SOURCES, "light": LIGHTS, "kind": KINDS, "photo": PHOTOS,
    "action": ACTIONS, "part": PARTS, "clock": CLOCKS, "close_kind": CLOSE_KINDS, "link": LINKS, "count": COUNTS,
    "event": EVENTS, "manner": MANNERS, "provenance": PROVENANCES,
}  # fmt: skip


def word(table: str, code: str | None) -> str:
    """A code of one of the tables in the page's language; a city's own channel by its name there, any other code as it
    is."""
    if code and code in TABLES[table]:
        return _(TABLES[table][code])
    if table == "source" and (channel := load_channels(platform().city).get(code or "")) is not None:
        return named(channel)
    return code or ""


def named(thing: Any) -> str:
    """The name of anything with ``name`` and ``name_en``; empty for none."""
    if thing is None:
        return ""
    english = page_language() != "zh" and thing.name_en
    return str(thing.name_en if english else thing.name) or str(getattr(thing, "code", ""))


def link_word(kind: str) -> str:
    """What a linked case is: one of the words for links, or the title of the process it was opened with."""
    if kind in LINKS:
        return word("link", kind)
    matter = matter_of(platform().host.matters, kind)
    if matter is not None:
        return matter.called(page_language())
    diagram = platform().definitions.current(session(), now()).diagrams.get(kind)
    return translations().say(page_language(), f"process:{kind}", diagram.name if diagram is not None else kind)


def status_word(status: str, matter: Any = None) -> str:
    """A case's status; a matter that goes on is being handled, whatever the street's cases wait for."""
    return _("办理中") if matter and status in ("reported", "filed", "dispatched") else word("status", status)


def case_title(case: Any) -> str:
    """A case's title; where it is the name of its subclass or matter, that name in the page's language."""
    if page_language() == "zh":
        return str(case.title)
    of = getattr(case, "matter", None)
    matter = platform().host.matters.get(getattr(of, "code", of) or "")
    if matter is not None and case.title == matter.zh:
        return matter.en
    if "subclass_names" not in g:
        rows = session().execute(select(Subclass.kind, Subclass.full_code, Subclass.name, Subclass.name_en))
        g.subclass_names = {(kind, code, name): name_en for kind, code, name, name_en in rows}
    return g.subclass_names.get((case.kind, case.full_code, case.title)) or str(case.title)


def doubt(thing: Any) -> str:
    """The mark of a class whose code is not confirmed, in the page's language; empty when it is.

    ``thing``: a case, a line of a list, a subclass, or the word of its provenance.
    """
    source, host = thing, platform().host
    if isinstance(thing, Case):
        source = host.class_provenance(session(), thing)
    elif not isinstance(thing, str):
        source = getattr(thing, "code_source", None) or getattr(thing, "provenance", None)
        if source is None:  # something else of a class, such as a likely duplicate: as the catalogue of today says
            source = host.code_provenance(session(), thing.kind, thing.full_code, host.today(now()))
    found = doubt_of(source or "")
    return word("provenance", found) if found else ""


def evidence_words(rule: str) -> str:
    """``before_photo 1; after_photo 2`` as people say it; what is no rule is shown as it is."""
    try:
        asked = read_evidence_rule(rule)
    except RuleUnreadable:
        return rule
    return _("、").join(f"{word('photo', role)} × {count}" for role, count in asked)


def extension_words(rule: str) -> str:
    """``2 x 5 work_day`` as people say it; what is no rule is shown as it is, empty for an empty one."""
    try:
        found = read_extension_rule(rule)
    except RuleUnreadable:
        return rule
    if found is None:
        return ""
    if found.each is None:
        return _("不得延期")
    return _("最多延期 %(times)s 次，每次 %(limit)s", times=found.times, limit=limit_words(str(found.each)))


def role_name(role: str) -> str:
    """The name of a role."""
    known = roles().get(role)
    return named(known) if known is not None else role


def limit_words(text: str | None) -> str:
    """``2 urgent_hour`` as people say it; what is no plain limit is shown as it is."""
    if not text:
        return ""
    try:
        limit = parse_limit(text)
    except LimitError:
        return text
    unit = _(UNITS[str(limit.unit)])
    if limit.value == 1 and page_language() != "zh":
        unit = unit.removesuffix("s")
    return f"{limit.value.normalize():f} {unit}"


def local_moment(moment: datetime | None, *, seconds: bool = False) -> str:
    """A moment on the city's clocks; the year only where it is not this one."""
    if moment is None:
        return ""
    zone = platform().city.time_zone
    local = moment.astimezone(zone)
    pattern = "%m-%d %H:%M" if local.year == now().astimezone(zone).year else "%Y-%m-%d %H:%M"
    return local.strftime(pattern + (":%S" if seconds else ""))


def full_moment(moment: datetime | None) -> str:
    """A moment with its year, for titles and ``datetime`` attributes."""
    return moment.astimezone(platform().city.time_zone).isoformat(timespec="minutes") if moment else ""


def duration(seconds: float | None) -> str:
    """A length of time in its two largest units: ``1 天 3 小时``."""
    if seconds is None:
        return ""
    minutes = int(abs(seconds) // 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return _("%(days)s 天 %(hours)s 小时", days=days, hours=hours) if hours else _("%(days)s 天", days=days)
    if hours:
        return (
            _("%(hours)s 小时 %(minutes)s 分", hours=hours, minutes=rest) if rest else _("%(hours)s 小时", hours=hours)
        )
    return _("%(minutes)s 分钟", minutes=rest) if rest else _("不到 1 分钟")


def time_left(due_at: datetime | None) -> str:
    """How long until a moment, or how long it has passed."""
    if due_at is None:
        return _("未计时")
    left = (due_at - now()).total_seconds()
    return _("剩 %(time)s", time=duration(left)) if left >= 0 else _("超时 %(time)s", time=duration(left))
