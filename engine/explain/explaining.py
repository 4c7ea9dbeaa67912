"""Explain a case: computed from its diagrams and its state, never written down anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.calendar import LimitError, parse_limit
from engine.casefile.unit import Unit
from engine.cases.actions import ACTIONS
from engine.cases.deadlines import explain_deadline
from engine.cases.diagrams import case_instance
from engine.cases.evidence_asked import DIAGRAM, asked_of
from engine.explain.foresight import Foresight
from engine.explain.knowledge import Knowledge
from engine.explain.past import field_label, look_back, option_label
from engine.explain.telling import headline, sentences, tell_action, tell_task, tell_timer
from engine.explain.values import AskedFor, Choice, Explanation, Named, PossibleAction, TimeUp, WaitingTask, Way
from engine.explain.voice import Voice
from engine.models import Case, DutyGrid, Instance, Person, Task, Timer
from engine.organisation.duty import people_for
from engine.organisation.roles import Role, load_roles
from engine.platform import Platform
from engine.translations import Translations
from engine.workflow.definitions import Definition
from engine.workflow.elements import Element
from engine.workflow.forms import Field, Form
from engine.workflow.standing import Waiting, waiting_in
from engine.workflow.step import open_tasks

MOST_PAST = 12
MOST_PEOPLE = 5
HANDLING = "handling"


def explain_case(
    session: Session,
    platform: Platform,
    case: Case,
    language: str,
    *,
    now: datetime | None = None,
    translations: Translations | None = None,
    roles: Mapping[str, Role] | None = None,
    people: bool = True,
) -> Explanation:
    """Why a case is here, who can move it, by when, what each answer leads to, and what time does by itself.

    Reads only. ``translations`` and ``roles`` are read from the city's files when they are not given; ``now`` is the
    platform's present when it is not. ``people`` false leaves out the names of those on duty.
    """
    city = platform.city
    voice = Voice(
        platform, language, translations or Translations.load(city), roles or load_roles(city.layers),
        grid_names(session, case, language),
    )  # fmt: skip
    moment = now or platform.clock.now()
    instance = case_instance(session, case)
    definition = platform.definitions.get(session, instance.deployment_id) if instance is not None else None
    told = Explanation(
        number=case.number, title=case.title, language=voice.language, status=case.status, stage=case.stage,
        running=instance is not None and instance.status == "running", headline="",
        past=look_back(session, definition, voice, case, MOST_PAST), tasks=(), timers=(), actions=(),
    )  # fmt: skip
    waiting: list[Waiting] = []
    if instance is not None and definition is not None and told.running:
        view = _View(session, platform, definition, case, instance, voice, moment, people)
        waiting = view.waiting
        told = replace(told, tasks=tuple(view.tasks()), timers=tuple(view.timers()), actions=tuple(view.actions()))
    told = replace(told, headline=headline(voice, told, instance is not None, waiting))
    return replace(told, sentences=tuple(sentences(voice, told)))


def grid_names(session: Session, case: Case, language: str) -> dict[str, str]:
    """The name of the duty grid the case lies in, by its code; it has one in the city's language only."""
    grid = session.get(DutyGrid, case.duty_grid_code) if case.duty_grid_code else None
    return {grid.code: grid.name} if grid is not None and language == "zh" else {}


@dataclass
class _View:
    """One running case looked at in one language."""

    session: Session
    platform: Platform
    definition: Definition
    case: Case
    instance: Instance
    voice: Voice
    now: datetime
    people: bool

    def __post_init__(self) -> None:
        self.waiting = waiting_in(self.instance, self.definition)
        self.facts = self.platform.host.facts(Unit(self.session), self.case, self.now)
        self.foresight = Foresight(self.definition, self.voice)
        reasons = explain_deadline(self.platform, self.case, self.now).clocks
        self.clocks = {
            reason.clock.name: reason.sentences if self.voice.language == "zh" else reason.sentences_en
            for reason in reasons
        }

    def _knowledge(self, at: Waiting, facts: Mapping[str, Any] | None = None) -> Knowledge:
        """What is known where somebody waits: the case's facts as they are now, unless others are given."""
        return Knowledge(at.variables, self.facts if facts is None else facts, functions=self.definition.functions)

    # Tasks --------------------------------------------------------------------------------------------------

    def tasks(self) -> Iterator[WaitingTask]:
        """The open tasks, oldest first."""
        where = {each.task_id: each for each in self.waiting}
        for task in open_tasks(self.session, self.case.id):
            yield self._task(task, where.get(task.id))

    def _task(self, task: Task, at: Waiting | None) -> WaitingTask:
        voice = self.voice
        people = people_for(self.session, task.role, task.scope) if self.people else []
        shown = tuple(voice.person(person) for person in people[:MOST_PEOPLE])
        holder = self.session.get(Person, task.assignee_id) if task.assignee_id else None
        element = self.definition.element(task.process, task.element)
        told = WaitingTask(
            id=str(task.id), process=task.process, element=task.element, name=voice.element(task.process, element),
            stage=task.stage, role=Named(task.role, voice.role(task.role)),
            scope=Named(task.scope, voice.scope(task.scope)) if task.scope else None,
            assignee=voice.person(holder) if holder is not None else "", people=shown,
            people_more=len(people) - len(shown), since=task.created_at, due_at=task.due_at,
            why_due=tuple(self._why_due(task)),
            evidence=tuple(self._evidence(task, element)),
            choices=tuple(self._choices(element, at)) if at is not None else (), text="",
        )  # fmt: skip
        return replace(told, text=tell_task(voice, told, self.now, people=self.people))

    def _evidence(self, task: Task, element: Element) -> Iterator[AskedFor]:
        """What the task asks for, each with the rule that says so."""
        rules = self.platform.host.rules(Unit(self.session), self.case)
        for each in asked_of(
            self.session, task, element.properties, self.case, rules, self.definition.functions
        ):  # fmt: skip
            why = "" if each.by == DIAGRAM else self.voice.say("by_manual", rule=each.rule, condition=each.condition)
            if not each.always:
                why += self.voice.say("by_answer")
            name = self.voice.word("photo", each.role)
            yield AskedFor(each.role, name, each.count, each.there, each.by, why)

    def _why_due(self, task: Task) -> Iterator[str]:
        """From the task's own limit, or the case clock it runs with, to its due moment."""
        if task.limit_text:
            try:
                limit = parse_limit(task.limit_text)
            except LimitError:
                return
            yield from self.platform.host.calendar.explain(task.created_at, limit, self.voice.language)
        elif task.clock:
            yield from self.clocks.get(task.clock, ())

    def _choices(self, element: Element, at: Waiting) -> Iterator[Choice]:
        """What each answer of the first choice everybody is asked leads to; one entry for a task without."""
        form = self.definition.forms.get(element.form or "")
        field = _first_choice(form)
        if field is None or form is None:
            yield Choice("", None, "", self._after(at, element, {}))
            return
        for option in field.options if isinstance(field.options, tuple) else ():
            label = option_label(self.voice, form, field.key, option.value)
            yield Choice(
                field_label(self.voice, form, field.key),
                option.value,
                label,
                self._after(at, element, {field.key: option.value}),
            )

    def _after(self, at: Waiting, element: Element, answers: Mapping[str, Any]) -> tuple[Way, ...]:
        known = self._knowledge(at).assume(element, answers)
        return self.foresight.after(at.process, element, at.scopes, known)

    # Time ---------------------------------------------------------------------------------------------------

    def timers(self) -> Iterator[TimeUp]:
        """What time does by itself, the nearest first; those on a paused clock last."""
        where = {each.task_id: each for each in self.waiting}
        rows = self.session.scalars(select(Timer).where(Timer.instance_id == self.instance.id)).all()
        for row in sorted(rows, key=lambda each: (each.due_at is None, each.due_at or self.now, each.share or 0)):
            at = where.get(row.task_id)
            if at is not None and not self._is_over(row, at):
                yield self._timer(row, at)

    def _is_over(self, row: Timer, at: Waiting) -> bool:
        """A share of a clock that has been reached before does not come again on that clock."""
        host = self.platform.host
        return bool(row.clock) and host.has_fired(self.case, row.clock or "", f"{at.process}/{row.element}")

    def _timer(self, row: Timer, at: Waiting) -> TimeUp:
        voice, diagram = self.voice, self.definition.diagrams[at.process]
        element = at.caught[row.position] if row.position < len(at.caught) else at.element
        host = diagram.elements.get(element.host or "")
        facts = dict(self.facts)
        if row.clock == HANDLING and row.share is not None:
            # As things will stand when this very share is reached.
            facts |= {"over_percent": round(row.share * 100, 2), "overdue": row.share >= 1}
        if row.due_at is not None:
            facts["now"] = row.due_at.isoformat()
        ways = self.foresight.after(at.process, element, at.scopes, self._knowledge(at, facts))
        told = TimeUp(
            process=at.process, element=element.id, name=voice.element(at.process, element),
            during=voice.element(at.process, host) if host is not None else "", timer=voice.limit(row.text),
            at=row.due_at, interrupting=host is not None and element.interrupting, ways=ways, text="",
        )  # fmt: skip
        return replace(told, text=tell_timer(voice, told))

    # Actions ------------------------------------------------------------------------------------------------

    def actions(self) -> Iterator[PossibleAction]:
        """Every message the case takes where it stands; those that are actions of people with who may do them."""
        seen: set[str] = set()
        for at in self.waiting:
            for element in at.caught:
                if element.message and element.message not in seen:
                    seen.add(element.message)
                    yield self._action(at, element, element.message)

    def _action(self, at: Waiting, element: Element, message: str) -> PossibleAction:
        voice, action = self.voice, ACTIONS.get(message)
        host = self.definition.diagrams[at.process].elements.get(element.host or "")
        may = [role for role in voice.roles.values() if action is not None and action.permission in role.permissions]
        told = PossibleAction(
            name=message, label=voice.word("action", message) if action else voice.element(at.process, element),
            roles=tuple(Named(role.role, voice.role(role.role)) for role in may),
            during=voice.element(at.process, host) if host is not None else "",
            interrupting=host is not None and element.interrupting,
            ways=self.foresight.after(at.process, element, at.scopes, self._knowledge(at)), text="",
        )  # fmt: skip
        return replace(told, text=tell_action(voice, told))


def _first_choice(form: Form | None) -> Field | None:
    """The choice everybody is asked: fixed options, never hidden, not only shown."""
    for field in form.components if form is not None else ():
        fixed = field.kind in ("radio", "select") and isinstance(field.options, tuple) and field.options
        if fixed and field.required and not field.hide and field.readonly is False:
            return field
    return None
