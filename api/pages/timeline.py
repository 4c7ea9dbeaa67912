"""What happened to a case, as people tell it: who did what, when, how long it took, and what was said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api import context
from api.pages.languages import _, page_language
from api.pages.words import CLOSE_KINDS, KINDS, MANNERS, PARTS, SOURCES, limit_words, role_name, word
from engine.cases.diagrams import case_instance
from engine.cases.views import HistoryLine, history
from engine.explain.decided import Decided, read_decided, write_value
from engine.models import Case, Task
from engine.platform import Platform
from engine.workflow.definitions import Definition
from engine.workflow.expression_functions import convert_to_text
from engine.workflow.forms import Field, Form
from engine.workflow.forms_drafts import is_empty

ANSWERED = ("task_completed", "matter_opened")
"""Events that have the answers of a form."""
QUIET = frozenset({"evaluated"})
"""Events that say nothing to people on a case's page."""


@dataclass(frozen=True)
class Section:
    """A decision in detail: what it was asked, which rules matched, what it gave."""

    title: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Line:
    """One line: ``took_s`` is how long the task lay open, ``facts`` are label and text pairs, ``details`` fold away."""

    at: datetime
    title: str
    kind: str
    who: str
    where: str
    took_s: float | None
    facts: tuple[tuple[str, str], ...]
    details: tuple[Section, ...] = ()


def timeline(session: Session, platform: Platform, case: Case) -> list[Line]:
    """The lines, newest first."""
    teller = _Teller(session, platform, case)
    return [teller.line(each) for each in reversed(history(session, platform, case)) if each.kind not in QUIET]


class _Teller:
    """Tells one case's history."""

    def __init__(self, session: Session, platform: Platform, case: Case) -> None:
        self.platform = platform
        done = session.scalars(select(Task).where(Task.case_id == case.id, Task.status == "done"))
        self.done = {(task.element, task.completed_at): task for task in done}
        instance = case_instance(session, case)
        self.definition: Definition | None = None
        if instance is not None:
            self.definition = platform.definitions.get(session, instance.deployment_id)
        self.conditions: dict[str, str] = {}
        if case.catalogue_version_id is not None:
            label = "label" if page_language() == "zh" else "label_en"
            listed = platform.host.conditions(session, case.catalogue_version_id)
            self.conditions = {each["value"]: each[label] for each in listed}

    def line(self, event: HistoryLine) -> Line:
        task = self.done.get((event.element, event.at)) if event.kind == "task_completed" else None
        title = word("event", event.kind)
        if title == event.kind:  # what a plugin records has its words in the plugin's translations
            title = context.translations().say(page_language(), f"event:{event.kind}", event.kind)
        if event.kind == "matter_opened":
            spoken = event.data.get("name" if page_language() == "zh" else "name_en")
            title = f"{title} · {spoken}"
        if event.kind == "task_completed":
            title = self.element(event)
        elif event.kind == "decision":
            title = f"{title} · {self.decision(str(event.data.get('decision', '')))}"
        elif event.kind == "timer_fired":
            title = f"{title} · {self.element(event)}"
        told = self.answers(self.form_of(event, task), event.data) if event.kind in ANSWERED else ()
        facts = told if event.kind == "task_completed" else (*self.facts(event.data), *told)
        decided = self.decided(event.data) if event.kind == "decision" else None
        department = event.department
        where = self.department(department.code) if department else ""
        role = role_name(event.actor_role) if event.actor_role and event.actor != "system" else ""
        return Line(
            at=event.at,
            title=title,
            kind=event.kind,
            who=_("系统") if event.actor == "system" else event.actor,
            where=" · ".join(part for part in (where, role) if part),
            took_s=(event.at - task.created_at).total_seconds() if task is not None else None,
            facts=(*(self.grounds(decided) if decided is not None else ()), *facts),
            details=tuple(map(self.section, (*decided.required, decided))) if decided is not None else (),
        )

    def element(self, event: HistoryLine) -> str:
        name = event.element_name or str(event.data.get("name") or event.element)
        return context.translations().element(page_language(), event.process, event.element, name)

    def decision(self, name: str) -> str:
        """A decision by the name its table has."""
        known = self.definition.decisions.get(name) if self.definition else None
        return context.translations().say(page_language(), f"decision:{name}", getattr(known, "name", "") or name)

    def decided(self, data: Mapping[str, Any]) -> Decided:
        """A decision in the words of its table."""
        decisions = self.definition.decisions if self.definition is not None else {}
        return read_decided(data, decisions, context.translations().speaker(page_language()), _("第 {row} 条规则"))

    def grounds(self, decided: Decided) -> Iterator[tuple[str, str]]:
        """What a decision rests on: the rules that matched, or that none did."""
        if decided.nothing:
            yield _("依据"), _("没有规则命中")
        for rule in decided.rules:
            yield _("依据"), rule.text
        if decided.reason:
            yield _("理由"), decided.reason

    def section(self, decided: Decided) -> Section:
        """A decision, or one that it required, in detail."""
        given = [(_("输入：%(label)s", label=label), self.plain(value)) for label, value in decided.inputs]
        gave = [(_("得出：%(label)s", label=label), self.plain(value)) for label, value in decided.outputs]
        rules = [pair for pair in self.grounds(decided) if pair[1] != decided.reason]
        return Section(decided.name, (*given, *rules, *gave))

    def plain(self, value: Any) -> str:
        """A value of a decision as people read it, departments by name."""
        if isinstance(value, str) and value:
            return word("kind", value) if value in KINDS else self.department(value)
        if isinstance(value, list | tuple) and value:
            return "、".join(map(self.plain, value))
        return write_value(value, {"yes": _("是"), "no": _("否"), "no_value": _("无")})

    def department(self, code: str) -> str:
        return self.platform.host.directory.name(code, page_language())

    def form_of(self, event: HistoryLine, task: Task | None) -> Form | None:
        """The form of the task that was done, or of the matter that was opened."""
        matter = self.platform.host.matters.get(str(event.data.get("matter", "")))
        name = task.form if task is not None else matter.form if matter is not None else None
        return self.definition.forms.get(name) if self.definition and name else None

    def answers(self, form: Form | None, data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """The answers of a form, by the form's own labels."""
        given = data.get("answers") or {}
        if form is None or not isinstance(given, Mapping):
            return
        yield from self.filled(form, form.components, given)

    def filled(self, form: Form, fields: Iterable[Field], given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Label and text of what was filled in."""
        say = context.translations().speaker(page_language())
        for each in fields:
            value = given.get(each.key)
            if each.is_answered and not is_empty(value):
                yield say(f"form:{form.form_id}:{each.key}", each.label or each.key), self.value(form, each, value)

    def value(self, form: Form, field: Field, value: Any) -> str:
        if field.kind == "filepicker":
            return _("%(count)s 张照片", count=len(value) if isinstance(value, list | tuple) else 1)
        if isinstance(value, list | tuple):
            between = "\n" if field.columns else "、"
            return between.join(self.value(form, field, each) for each in value)
        if isinstance(value, Mapping):
            colon, stop = ("：", "；") if page_language() == "zh" else (": ", "; ")
            return stop.join(f"{label}{colon}{text}" for label, text in self.filled(form, field.columns, value))
        if value is True:
            return _("是")
        text = convert_to_text(value)
        for option in field.options if isinstance(field.options, tuple) else ():
            if convert_to_text(option.value) == text:
                say = context.translations().speaker(page_language())
                return say(f"form:{form.form_id}:{field.key}:{text}", option.label)
        if text in self.conditions:
            return self.conditions[text]
        return self.department(text)

    def facts(self, data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """What other events say that people want to read."""
        labels = {
            "description": _("描述"), "reason": _("理由"), "instruction": _("要求"), "reply": _("答复"),
            "text": _("内容"), "until": _("截止"), "into": _("并入"), "number": _("案件号"),
            "document_title": _("文书"), "document_number": _("文号"), "receiver": _("受送达人"), "on": _("日期"),
        }  # fmt: skip
        if data.get("source") in SOURCES:
            yield _("来源"), word("source", data["source"])
        if data.get("limit"):
            yield _("时限"), limit_words(str(data["limit"]))
        if data.get("manner") in MANNERS:
            yield _("送达方式"), word("manner", data["manner"])
        if data.get("close_kind") in CLOSE_KINDS:
            yield _("方式"), word("close_kind", data["close_kind"])
        for unit in data.get("units") or ():
            if isinstance(unit, Mapping) and unit.get("part") in PARTS:
                yield word("part", unit["part"]), self.department(str(unit["department"]))
        if "code" in data and data.get("message"):
            yield _("原因"), str(data["message"])
        for key, label in labels.items():
            if data.get(key):
                yield label, str(data[key])
