"""Why a case is where it is: the last lines of its history in words, decisions with the rules that matched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.explain.decided import Decided, read_decided, write_value
from engine.explain.values import PastDecision, PastStep, RuleHit
from engine.explain.voice import Voice
from engine.models import Case, CaseEvent, Person
from engine.workflow.definitions import Definition
from engine.workflow.elements import Element
from engine.workflow.forms import Form, Option

QUIET = frozenset({"evidence_added"})
"""Kinds that move nothing."""


def look_back(
    session: Session, definition: Definition | None, voice: Voice, case: Case, most: int
) -> tuple[PastStep, ...]:
    """The last ``most`` lines that moved the case, oldest first."""
    query = select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.kind.not_in(QUIET))
    rows = session.scalars(query.order_by(CaseEvent.id.desc()).limit(most)).all()[::-1]
    people = {
        person.id: voice.person(person)
        for person in session.scalars(select(Person).where(Person.id.in_({row.actor_id for row in rows})))
    }
    return tuple(_told(definition, voice, row, people.get(row.actor_id or 0, "")) for row in rows)


def _told(definition: Definition | None, voice: Voice, row: CaseEvent, actor: str) -> PastStep:
    name = _element_name(definition, voice, row)
    rules: tuple[RuleHit, ...] = ()
    inputs: Mapping[str, Any] | None = None
    required: tuple[PastDecision, ...] = ()
    if row.kind == "task_completed":
        answers = list(_answers(definition, voice, row))
        text = (
            voice.say("done", name=name, answers=voice.listed(answers))
            if answers
            else voice.say("done_plain", name=name)
        )
    elif row.kind == "decision":
        decisions = definition.decisions if definition is not None else {}
        decided = read_decided(row.data, decisions, voice.translated, voice.words["rule_unnamed"])
        rules, inputs = decided.rules, dict(decided.inputs)
        values = zip(decided.required, row.data.get("required") or (), strict=True)
        required = tuple(
            PastDecision(each.decision, each.name, each.rules, dict(each.inputs), kept.get("value"))
            for each, kept in values
        )
        text = _decision_text(voice, name, decided)
    elif row.kind == "timer_fired":
        text = voice.say("fired", name=name, timer=voice.limit(str(row.data.get("timer", ""))))
    else:
        text = voice.word("event", row.kind)
    return PastStep(row.at, row.kind, row.process, row.element, actor, text, rules, inputs, required)


def _decision_text(voice: Voice, name: str, decided: Decided) -> str:
    """Which rules matched; of a table without a match what it was asked, of an expression what it gave."""
    if decided.rules:
        return voice.say("decided", name=name, rules=voice.listed([rule.text for rule in decided.rules]))
    pairs = decided.inputs if decided.nothing else decided.outputs
    told = voice.listed([f"{label} {write_value(value, voice.words)}" for label, value in pairs])
    if not decided.nothing:
        return voice.say("decided_value", name=name, value=told or voice.say("no_value"))
    return voice.say("decided_none_of", name=name, inputs=told) if told else voice.say("decided_none", name=name)


def _element_name(definition: Definition | None, voice: Voice, row: CaseEvent) -> str:
    """The element as the diagrams name it; the name kept in the line where they no longer have it."""
    process, element = _element(definition, row)
    if element is None:
        return str(row.data.get("name") or row.element)
    return voice.element(process, element)


def _element(definition: Definition | None, row: CaseEvent) -> tuple[str, Element | None]:
    """The element of a line. An automatic step is written under the process of the act it followed, so the other
    diagrams are looked through when that one has no such element."""
    if definition is None:
        return row.process, None
    for process in (row.process, *definition.diagrams):
        diagram = definition.diagrams.get(process)
        if diagram is not None and row.element in diagram.elements:
            return process, diagram.elements[row.element]
    return row.process, None


def _answers(definition: Definition | None, voice: Voice, row: CaseEvent) -> Iterator[str]:
    """The choices that were made, in the words of the form; what was typed stays in the history."""
    _, element = _element(definition, row)
    form = definition.forms.get(element.form or "") if definition is not None and element is not None else None
    given = row.data.get("answers") or {}
    for key, value in choices_made(form, given):
        yield voice.say("answer", label=field_label(voice, form, key), value=option_label(voice, form, key, value))


def choices_made(form: Form | None, answers: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Answers to fields with fixed choices."""
    for field in form.components if form is not None else ():
        if isinstance(field.options, tuple) and field.options and answers.get(field.key) is not None:
            yield field.key, answers[field.key]


def field_label(voice: Voice, form: Form | None, key: str) -> str:
    """A field's label."""
    label = next((field.label for field in form.components if field.key == key), key) if form is not None else key
    return voice.translated(f"form:{form.form_id}:{key}", label) if form is not None else label


def option_label(voice: Voice, form: Form | None, key: str, value: Any) -> str:
    """A choice's label; several are listed."""
    if isinstance(value, list):
        return voice.listed([option_label(voice, form, key, each) for each in value])
    if form is None:
        return str(value)
    options: tuple[Option, ...] = next(
        (f.options for f in form.components if f.key == key and isinstance(f.options, tuple)), ()
    )
    label = next((option.label for option in options if option.value == value), str(value))
    return voice.translated(f"form:{form.form_id}:{key}:{value}", label)
