"""Answers to any form: known fields as the settings weigh them, unknown ones with something valid of their kind.

A city that changes a form or adds an approval is simulated all the same: what must be answered is read from the form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from engine.simulation.chances import pick
from engine.simulation.settings import Settings
from engine.workflow.expressions import Expression
from engine.workflow.forms import Field, FieldView, Form

CHOICES = ("radio", "select")
DUPLICATE = "duplicate"
OTHER = "other"
PLAUSIBLE = ("2026-001", "13900000000", "1", "A1", "AB123", "someone@example.org", "2026-03-02", "08:30")
"""Tried in turn where a form wants a text of a certain pattern."""


@dataclass(frozen=True)
class Situation:
    """What somebody knows when filling in a form.

    ``labels`` choose among weights (see ``simulation.toml``); ``defaults`` are the task's; ``other_units`` could
    take the case over, most likely first; ``add_evidence`` uploads a photo and gives its id. ``now`` is local time.
    """

    now: datetime
    labels: frozenset[str]
    defaults: Mapping[str, Any]
    context: Mapping[str, Any]
    duplicate_of: str | None = None
    other_units: Callable[[], tuple[str, ...]] = tuple
    add_evidence: Callable[[], int] | None = None


@dataclass(frozen=True)
class Pen:
    """Fills in forms. ``plain`` answers the way that surely goes on: no chance, no branches."""

    settings: Settings
    chance: Random
    plain: bool = False
    serial: int = field(default=1)

    def fill(self, form: Form, situation: Situation) -> dict[str, Any]:
        """Answers to every field that is shown; choices first, since they decide what else is."""
        answers: dict[str, Any] = {}
        context = {**situation.context, **situation.defaults}
        for only_choices in (True, *(False for _ in form.components)):
            new = {
                view.field.key: self.answer(form.form_id, view, situation, answers)
                for view in form.fields(context, answers)
                if view.visible and view.field.is_answered and not view.readonly and view.field.key not in answers
                if not only_choices or view.field.kind in CHOICES
            }
            if not new and not only_choices:
                break
            answers |= new
        return {key: value for key, value in answers.items() if value is not None}

    def answer(self, form: str, view: FieldView, situation: Situation, answers: Mapping[str, Any]) -> Any:
        """The answer to one field, none to leave it empty."""
        kind, default = view.field.kind, situation.defaults.get(view.field.key, view.field.default)
        if kind in CHOICES:
            return self.choose(form, view, situation, answers, default)
        if kind in ("taglist", "checklist"):
            return self.choose_several(view, default)
        if kind == "checkbox":
            return self.tick(form, view.field, situation, default)
        if kind == "number":
            return self.number(view.field, situation, default)
        if kind == "datetime":
            return default or (self.moment(view.field, situation) if view.field.required else None)
        if kind == "filepicker":
            required = view.field.required and situation.add_evidence is not None
            return [situation.add_evidence()] if required and situation.add_evidence else []
        if kind == "dynamiclist":
            given = default if view.field.is_fixed and isinstance(default, list | tuple) else ()
            rows = max(len(given), int(view.field.required), int(self.bound(view.field.min, situation) or 0))
            return [self.row(form, view.field, situation) for _ in range(rows)]
        if view.field.key == "into":
            return situation.duplicate_of
        return self.text(form, view.field, situation, default)

    # Choices -------------------------------------------------------------------------------------------------

    def choose(self, form: str, view: FieldView, situation: Situation, answers: Mapping[str, Any], default: Any) -> Any:
        """One of the choices: by weight where the settings weigh them, else as proposed, else as usual."""
        legal = [option.value for option in view.options]
        if not legal:
            return None
        if _asks_for_unit(view.field):
            return self.choose_unit(view.field, legal, situation, answers, default)
        if not self.plain and form == "accept" and situation.duplicate_of is not None and DUPLICATE in legal:
            return DUPLICATE
        proposed = default if default in legal else None
        weights = {} if self.plain else self.weights(form, view.field.key, situation.labels)
        open_to = {
            (proposed if value == "default" else value): weight
            for value, weight in weights.items()
            if (proposed if value == "default" else value) in legal
        }
        if open_to:
            return pick(self.chance, open_to)
        if proposed is not None:
            return proposed
        usual = [value for value in legal if str(value).lower() in self.settings.usual_words]
        if usual and (self.plain or self.chance.random() < self.settings.usual_share):
            return usual[0]
        others = [value for value in legal if value not in usual]
        return legal[0] if self.plain or not others else self.chance.choice(others)

    def choose_unit(
        self, given: Field, legal: list[Any], situation: Situation, answers: Mapping[str, Any], default: Any
    ) -> Any:
        """A department: the proposed one, unless another is asked for."""
        another = OTHER in answers.values()
        if default in legal and not another:
            return default
        others = [unit for unit in situation.other_units() if unit in legal and unit != default]
        if default in legal and not others:
            return default
        return others[0] if others else (legal[0] if given.required else None)

    def weights(self, form: str, key: str, labels: frozenset[str]) -> dict[str, float]:
        """The weights of a field's choices; of the tables below it the first whose word holds."""
        given = self.settings.answers.get(form, {}).get(key, {})
        chosen = next((table for word, table in given.items() if isinstance(table, Mapping) and word in labels), given)
        return {value: float(weight) for value, weight in chosen.items() if not isinstance(weight, Mapping)}

    def choose_several(self, view: FieldView, default: Any) -> list[Any]:
        """Those proposed, or one when some are required."""
        legal = [option.value for option in view.options]
        proposed = [value for value in default if value in legal] if isinstance(default, list | tuple) else []
        return proposed or (legal[:1] if view.field.required else [])

    def tick(self, form: str, given: Field, situation: Situation, default: Any) -> bool:
        """A box that must be ticked is; others by weight or as proposed."""
        if given.required:
            return True
        weights = {} if self.plain else self.weights(form, given.key, situation.labels)
        return pick(self.chance, weights) == "true" if weights else default is True

    # Values --------------------------------------------------------------------------------------------------

    def number(self, given: Field, situation: Situation, default: Any) -> Any:
        """The default or the smallest number allowed."""
        if default is not None or not given.required:
            return default
        low, high = (self.bound(each, situation) for each in (given.min, given.max))
        return low if low is not None else min(1, high) if high is not None else 1

    def bound(self, bound: Any, situation: Situation) -> Any:
        """A bound's number."""
        return bound.evaluate({**situation.context, **situation.defaults}) if isinstance(bound, Expression) else bound

    def moment(self, given: Field, situation: Situation) -> str:
        """A day some time ahead; for times of day and moments the present one."""
        subtype = given.component.get("subtype", "date")
        if subtype == "time":
            return situation.now.strftime("%H:%M")
        if subtype == "datetime":
            return situation.now.isoformat(timespec="seconds")
        shortest, longest = self.settings.suspension_days
        days = self.chance.randint(shortest, longest) if given.key == "until" else 0
        return (situation.now.date() + timedelta(days=days)).isoformat()

    def row(self, form: str, given: Field, situation: Situation) -> dict[str, Any]:
        """One row of a list."""
        views = (FieldView(column, True, False, None, _fixed(column)) for column in given.columns if column.is_answered)
        found = {view.field.key: self.answer(form, view, situation, {}) for view in views}
        return {key: value for key, value in found.items() if value is not None}

    def text(self, form: str, given: Field, situation: Situation, default: Any) -> str | None:
        """What the task proposes, else a sentence of the settings for this field, a standard text of the form, or a
        usual one."""
        if given.required and isinstance(default, str) and default:
            return self.fit(default, given, situation)
        known = self.settings.texts.get(f"{form}.{given.key}")
        standard = (given.component.get("properties") or {}).get("standard_texts", "")
        choices = known or [text for text in standard.split("|") if text] or self.settings.texts["otherwise"]
        if not given.required and not known:
            return str(default) if isinstance(default, str) and default else None
        text = (
            self.chance.choice(choices)
            .replace("{serial}", f"{self.serial:04}")
            .replace("{year}", str(situation.now.year))
        )
        return self.fit(text, given, situation)

    def fit(self, text: str, given: Field, situation: Situation) -> str:
        """The text within the field's lengths and pattern."""
        special = given.component.get("validate", {}).get("validationType")
        if special in ("email", "phone"):
            return "someone@example.org" if special == "email" else "13900000000"
        if given.pattern is not None and not given.pattern.search(text):
            text = next((each for each in PLAUSIBLE if re.search(given.pattern, each)), text)
        shortest, longest = self.bound(given.min_length, situation), self.bound(given.max_length, situation)
        if longest is not None:
            text = text[: int(longest)]
        return text.ljust(int(shortest), "。") if shortest is not None else text


def _asks_for_unit(given: Field) -> bool:
    return isinstance(given.options, Expression) and "departments" in given.options.names


def _fixed(given: Field) -> tuple[Any, ...]:
    return given.options if isinstance(given.options, tuple) else ()
