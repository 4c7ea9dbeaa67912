"""The explanation's own words, Chinese and English side by side."""

from __future__ import annotations

from collections.abc import Mapping

Pair = tuple[str, str]

STAGES: Mapping[str, Pair] = {
    "accept": ("受理", "acceptance"), "verify": ("核实", "verification"), "file": ("立案", "filing"),
    "coordinate": ("协调", "coordination"), "dispatch": ("派遣", "dispatch"), "receive": ("接收", "receipt"),
    "handle": ("处置", "handling"), "feedback": ("反馈", "feedback"), "suspended": ("挂账", "suspension"),
    "check": ("核查", "check"), "rework": ("返工", "rework"), "close": ("结案", "closing"),
    "callback": ("回访", "callback"), "evaluate": ("评价", "evaluation"), "appeal": ("申诉", "appeal"),
    "supervise": ("督办", "supervision"), "enforce": ("执法", "enforcement"), "": ("无", "none"),
}  # fmt: skip
STATUSES: Mapping[str, Pair] = {
    "reported": ("待立案", "reported"), "filed": ("已立案", "filed"), "dispatched": ("已派遣", "dispatched"),
    "suspended": ("已挂账", "suspended"), "closed": ("已结案", "closed"), "rejected": ("不予受理", "rejected"),
    "merged": ("已并案", "merged"), "voided": ("已作废", "voided"),
}  # fmt: skip
EVENTS: Mapping[str, Pair] = {
    "reported": ("问题上报", "The problem was reported"), "filed": ("立案", "The case was filed"),
    "reclassified": ("调整类别", "The class was changed"), "rejected": ("不予受理", "The report was rejected"),
    "merged": ("并入其他案件", "The case was merged into another"), "voided": ("作废", "The case was voided"),
    "dispatched": ("派遣到责任单位", "The case was dispatched"), "redispatched": ("改派", "A part was redispatched"),
    "extended": ("延长时限", "The limit was extended"), "suspended": ("挂账", "The case was suspended"),
    "resumed": ("恢复办理", "The case was resumed"), "returned": ("责任单位回退", "A unit returned the case"),
    "rework": ("要求返工", "Rework was ordered"), "supervised": ("督办", "A supervision was opened"),
    "supervision_answered": ("答复督办", "A supervision was answered"),
    "escalated": ("时限预警", "A warning went out"), "closed": ("结案", "The case was closed"),
    "reopened": ("重新办理", "The case was opened again"), "called_back": ("回访", "The reporter was called back"),
    "evaluated": ("计入评价", "The case was evaluated"), "appeal_decided": ("申诉裁定", "The appeal was decided"),
    "linked": ("另立关联案件", "A linked case was opened"), "evidence_added": ("上传照片", "A photo was added"),
    "cancel_requested": ("申请作废", "Voiding was asked for"), "merge_requested": ("申请并案", "Merging was asked for"),
    "supervise_requested": ("发起督办", "Supervision was asked for"),
    "message_received": ("收到消息", "A message arrived"), "signal_heard": ("收到信号", "A signal was heard"),
    "migrated": ("改用新版流程", "The case moved to another version of its diagrams"),
    "migration_undone": ("退回原版流程", "The case moved back to its former version"),
    "step_skipped": ("跳过一步", "A step was skipped"), "condition_met": ("条件成立", "A condition came true"),
    "error_caught": ("出错，转入其他环节", "A step failed and another way was taken"),
    "escalation_caught": ("情况升级，转入其他环节", "A step escalated and other steps were taken"),
    "message_unheard": ("消息无人接收", "A message was heard by nobody"),
    "reply_sent": ("已答复举报人", "The reporter was answered"),
    "incident_retried": ("重试故障环节", "A failed step was tried again"),
    "incident_skipped": ("跳过故障环节", "A failed step was skipped"),
    "imported": ("从其他系统导入", "The case was imported from another system"),
    "variables_repaired": ("更正变量", "Variables were repaired"),
    "resume_requested": ("申请恢复", "Resuming was asked for"), "appeal_requested": ("提出申诉", "An appeal was made"),
}  # fmt: skip
ACTIONS: Mapping[str, Pair] = {
    "cancel": ("作废", "void"), "merge": ("并案", "merge"), "supervise": ("督办", "supervise"),
    "resume": ("恢复办理", "resume"), "appeal": ("申诉", "appeal"),
}  # fmt: skip
PHOTOS: Mapping[str, Pair] = {
    "before_photo": ("处置前照片", "photo before handling"), "after_photo": ("处置后照片", "photo after handling"),
    "verify_photo": ("核实照片", "verification photo"), "check_photo": ("核查照片", "check photo"),
    "document_photo": ("文书照片", "photo of a document"), "near_photo": ("近景照片", "close photo"),
    "far_photo": ("远景照片", "photo from afar"), "reference_photo": ("参照物照片", "photo of a landmark"),
    "video": ("视频", "video"), "voice": ("录音", "recording"),
}  # fmt: skip
KINDS: Mapping[str, Pair] = {
    "startEvent": ("开始", "start"), "endEvent": ("结束", "end"), "userTask": ("人工任务", "task"),
    "exclusiveGateway": ("分支", "branch"), "parallelGateway": ("并行", "parallel branch"),
    "inclusiveGateway": ("可多选分支", "branch"), "eventBasedGateway": ("等待", "waiting"),
    "intermediateCatchEvent": ("等待", "waiting"), "boundaryEvent": ("期间发生的事", "event"),
    "subProcess": ("子流程", "sub-process"), "callActivity": ("流程", "process"), "serviceTask": ("自动执行", "step"),
    "scriptTask": ("计算", "calculation"), "businessRuleTask": ("规则判定", "decision"),
    "manualTask": ("手工任务", "task"), "sendTask": ("发送消息", "message"), "receiveTask": ("等待消息", "waiting"),
    "intermediateThrowEvent": ("发出", "event"),
}  # fmt: skip
TABLES: Mapping[str, Mapping[str, Pair]] = {
    "stage": STAGES, "status": STATUSES, "event": EVENTS, "action": ACTIONS, "photo": PHOTOS, "kind": KINDS,
}  # fmt: skip
UNITS: Mapping[str, tuple[Pair, Pair]] = {
    "minute": (("分钟", "分钟"), ("minute", "minutes")),
    "urgent_hour": (("紧急工作时", "紧急工作时"), ("urgent hour", "urgent hours")),
    "urgent_day": (("紧急工作日", "紧急工作日"), ("urgent day", "urgent days")),
    "work_hour": (("工作时", "工作时"), ("working hour", "working hours")),
    "work_day": (("个工作日", "个工作日"), ("working day", "working days")),
    "calendar_day": (("个自然日", "个自然日"), ("calendar day", "calendar days")),
    "calendar_month": (("个月", "个月"), ("month", "months")),
    "calendar_year": (("年", "年"), ("year", "years")),
}
ARRIVALS: Mapping[str, Pair] = {
    "task": ("转“{name}”（{who}）", "on to “{name}” ({who})"),
    "wait": ("进入“{name}”，等待最先发生的事", "on to “{name}”, waiting for whatever happens first"),
    "end": ("流程结束：“{name}”", "the process ends: “{name}”"),
    "others": ("本单位部分办结，等待其他单位", "this unit's part is done, waiting for the other units"),
    "aside": ("本支线结束（“{name}”），其余照常进行", "this branch ends (“{name}”), the rest goes on"),
    "again": ("回到“{name}”", "back to “{name}”"),
    "unknown": ("进入“{name}”", "on to “{name}”"),
}
WORDS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "headline_task": "案件 {number}（{status}）正在“{task}”：由{who}办理",
        "headline_more": "，另有 {count} 项任务同时待办", "headline_due": "，{due} 到期",
        "headline_wait": "案件 {number}（{status}）正在“{name}”，等待时间或消息，没有待办任务",
        "headline_ended": "案件 {number}（{status}）已走完流程，不再等待任何人",
        "headline_none": "案件 {number}（{status}）随结果导入，没有运行的流程",
        "headline_still": "案件 {number}（{status}）没有待办任务",
        "done": "{name}：{answers}", "done_plain": "办理了“{name}”", "decided": "“{name}”命中规则：{rules}",
        "decided_none": "“{name}”没有规则命中", "decided_none_of": "“{name}”没有规则命中（{inputs}）",
        "decided_value": "“{name}”得出：{value}", "no_value": "无", "fired": "到时：{name}（{timer}）",
        "system": "系统：{steps}", "answer": "{label}“{value}”", "yes": "是", "no": "否", "and": "”且“", "then": "，",
        "if": "若“{conditions}”", "condition": "{asked}：{told}", "otherwise": "其他情况", "who": "{scope}{role}",
        "share": "时限的 {percent}%",
        "why": "为何到这一步", "movers": "谁来办", "ahead": "接下来", "clock": "到时会怎样",
        "possible": "现在可做的操作",
        "task": "“{task}”由{who}办理{people}", "people": "：{names}", "people_more": "等 {count} 人",
        "nobody": "，目前无人任此岗位", "claimed": "，{name} 已签收", "due": "，{due} 前", "no_due": "，现不计时",
        "photos": "，须有{photos}", "photos_many": " {count} 件",
        "by_manual": "（指挥手册 {condition}：{rule}）", "by_answer": "（视填报结果而定）",
        "choice": "答“{label}”：{way}", "single": "完成后：{way}",
        "timer": "{at}“{name}”（{timer}{during}）{effect}：{way}", "timer_paused": "计时暂停中",
        "during": "，在“{host}”期间", "stops": "，中断该步骤", "beside": "，该步骤照常进行",
        "action": "{label}{effect}：{way}", "action_by": "{label}（{roles}）", "stops_host": "，中断“{host}”",
        "overdue": "，已超期",
        "rule_unnamed": "第 {row} 条", "by": "{text}（{actor}）", "several": "；",
    },
    "en": {
        "headline_task": "Case {number} ({status}) is at “{task}”, to be done by: {who}",
        "headline_more": "; open tasks beside it: {count}", "headline_due": ", due {due}",
        "headline_wait": "Case {number} ({status}) is at “{name}”: it waits for time or a message, no task is open",
        "headline_ended": "Case {number} ({status}) has run to its end; nobody is waited for",
        "headline_none": "Case {number} ({status}) was imported with its outcome; no diagram runs for it",
        "headline_still": "Case {number} ({status}) has no open task",
        "done": "{name}: {answers}", "done_plain": "“{name}” was done", "decided": "“{name}” matched the rule: {rules}",
        "decided_none": "“{name}”: no rule matched", "decided_none_of": "“{name}”: no rule matched ({inputs})",
        "decided_value": "“{name}” gave {value}", "no_value": "nothing", "fired": "Time was up: {name} ({timer})",
        "system": "the system does: {steps}", "answer": "{label} “{value}”", "yes": "yes", "no": "no",
        "and": "” and “", "then": "; ", "if": "if “{conditions}”", "condition": "{asked}: {told}",
        "otherwise": "otherwise", "who": "{role}, {scope}", "share": "{percent} % of the limit",
        "why": "Why it is here", "movers": "Who can move it", "ahead": "What happens next",
        "clock": "When the clock runs out", "possible": "What can be done now",
        "task": "“{task}” by: {who}{people}", "people": " – {names}", "people_more": " and {count} more",
        "nobody": "; nobody holds that post now", "claimed": "; claimed by {name}", "due": "; by {due}",
        "no_due": "; no clock runs", "photos": "; needs: {photos}", "photos_many": " × {count}",
        "by_manual": " (command manual {condition}: {rule})", "by_answer": " (depending on the answer)",
        "choice": "Answer “{label}”: {way}",
        "single": "Once done: {way}", "timer": "{at} “{name}” ({timer}{during}){effect}: {way}",
        "timer_paused": "clock paused:", "during": ", during “{host}”", "stops": ", stops that step",
        "beside": ", that step goes on", "action": "{label}{effect}: {way}", "action_by": "{label} ({roles})",
        "stops_host": ", stops “{host}”", "overdue": ", overdue",
        "rule_unnamed": "row {row}", "by": "{text} ({actor})", "several": "; ",
    },
}  # fmt: skip
