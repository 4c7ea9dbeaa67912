"""What can be known before it happens: variables, answers and facts that hold, and expressions over only those."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from engine.workflow.decisions import Decision
from engine.workflow.elements import Element
from engine.workflow.expressions import (
    CORE,
    Expression,
    ExpressionError,
    Functions,
    Template,
    compile_assignments,
    compile_expression,
    parse_template,
)

ALL = "*"
_TIME = ("overdue", "over_percent", "now")
_CLASS = (
    "kind",
    "class_code",
    "subclass_code",
    "full_code",
    "condition_no",
    "condition",
    "urgent",
    "limit",
    "duty_code",
    "duty_department",
    "extension_times",
    "extension_rule",
    "procedure",
)
CHANGES: Mapping[str, tuple[str, ...]] = {
    "case/classify": _CLASS, "case/find_departments": (), "case/file": ("status", *_CLASS), "case/reject": ("status",),
    "case/merge": ("status",), "case/cancel": ("status",), "case/dispatch": ("status", "lead_department", "units"),
    "case/redispatch": ("lead_department", "units"), "case/start_clock": _TIME, "case/stop_clock": _TIME,
    "case/extend": ("extensions", *_TIME), "case/suspend": ("status", "suspensions"), "case/resume": ("status",),
    "case/record_return": ("returns",), "case/record_rework": ("reworks",), "case/supervise": ("supervisions",),
    "case/answer_supervision": (), "case/escalate": ("supervisions",), "case/notify": (), "case/close": ("status",),
    "case/reopen": ("status",), "case/record_callback": (), "case/evaluate": (), "case/record_appeal": ("appeals",),
    "case/open_linked": (), "case/choose_collector": (), "register/get": (), "register/add": (), "register/put": (),
    "register/change": (), "register/strike": (), "document/make": (), "document/deliver": (), "document/void": (),
}  # fmt: skip
"""The facts of a case each core operator may change; of any other operator all must be expected."""
SOME_ID = 0
"""Stands for the id of something that does not exist yet; that it will have one is all that is known."""
RESULTS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "case/supervise": lambda inputs: {"id": SOME_ID},
    "case/escalate": lambda inputs: {"id": SOME_ID if int(inputs["level"] or 0) >= 1 else None},
}
"""Answers of operators that can be told from those of their inputs that are known."""
LASTING = frozenset(
    {
        "number", "matter", "origin", "source", "area_class", "grid", "duty_grid", "community", "subdistrict",
        "district", "has_phone", "self_handled", "territory_department", "fallback_department", "reported_at",
    }
)  # fmt: skip
"""Facts of a case that no operator at all changes."""


class Unknown(Exception):
    """The value depends on what has not happened yet."""


@dataclass(frozen=True)
class Knowledge:
    """Variables that are known, the answers assumed, the case's facts as they are now."""

    variables: Mapping[str, Any]
    facts: Mapping[str, Any]
    answers: Mapping[str, Any] = field(default_factory=dict)
    functions: Functions = CORE
    """What its expressions may call."""
    changed: frozenset[str] = frozenset()
    """Facts that may have changed on the way; ``ALL`` stands for every one that does not last."""

    def value(self, text: Expression | Template) -> Any:
        """The value of an expression. Raises Unknown when it reads anything that is not known."""
        if not all(map(self._knows, text.paths)):
            raise Unknown
        try:
            return text.evaluate({**self.variables, "case": self.facts, "answer": self.answers})
        except ExpressionError as error:
            raise Unknown from error

    def condition(self, text: str) -> bool:
        """Whether a flow's condition holds. Raises Unknown."""
        try:
            return bool(self.value(compile_expression(text, self.functions)))
        except ExpressionError as error:
            raise Unknown from error

    def text(self, text: str) -> Any:
        """A template's value. Raises Unknown."""
        try:
            return self.value(parse_template(text, self.functions))
        except ExpressionError as error:
            raise Unknown from error

    def _knows(self, path: str) -> bool:
        root, _, rest = path.partition(".")
        first = rest.partition(".")[0]
        if root == "case":
            return first in LASTING or not (
                ALL in self.changed or first in self.changed or (not first and self.changed)
            )
        if root == "answer":
            return first in self.answers
        return root in self.variables

    def assume(self, element: Element, answers: Mapping[str, Any]) -> Knowledge:
        """After a task of this element has been answered so; other answers are not known."""
        if not element.outputs:
            return replace(self, variables={**self.variables, **answers})
        return replace(self, answers=answers)._with(element.outputs, ())

    def after(self, element: Element, decision: Decision | None = None) -> Knowledge:
        """After an automatic step: what it sets is known where it follows from what is known."""
        if element.kind == "scriptTask":
            return self._after_script(element.script or "")
        given = self._decided(element, decision) if decision is not None else self._answered(element)
        lost: list[str] = []
        if element.result_variable and given:
            given[element.result_variable] = given["result"]
        elif element.result_variable:
            lost = [element.result_variable]
        known = replace(self, variables={**self.variables, **given})
        if element.kind == "serviceTask":
            known = replace(known, changed=known.changed | set(CHANGES.get(element.topic or "", (ALL,))))
        return known._with(element.outputs, lost)._without(["result"])

    def _answered(self, element: Element) -> dict[str, Any]:
        """An operator's answer as ``result``, when it can be told from inputs that are known."""
        foresee = RESULTS.get(element.topic or "")
        if foresee is None:
            return {}
        inputs: dict[str, Any] = {}
        for key, text in element.inputs.items():
            with suppress(Unknown):
                inputs[key] = self.text(text)
        try:
            return {"result": foresee(inputs)}
        except (KeyError, ValueError, TypeError):
            return {}

    def _decided(self, element: Element, decision: Decision) -> dict[str, Any]:
        """The decision's value as ``result``, when everything it reads is known."""
        try:
            arguments = {key: self.text(text) for key, text in element.inputs.items()}
            known = replace(self, variables={**self.variables, **arguments})
            if not all(map(known._knows, decision.paths)):
                return {}
            return {"result": decision.evaluate({**known.variables, "case": self.facts}).value}
        except Exception:  # a table that cannot say now is not known; the step itself will say why
            return {}

    def _after_script(self, script: str) -> Knowledge:
        known = self
        for name, expression in compile_assignments(script, self.functions).lines:
            try:
                known = replace(known, variables={**known.variables, name: known.value(expression)})
            except Unknown:
                known = known._without([name])
        return known

    def _with(self, outputs: Mapping[str, str], unknown: Iterable[str]) -> Knowledge:
        """Output parameters computed where they can be; the others are not known any more."""
        values: dict[str, Any] = {}
        lost = list(unknown)
        for name, text in outputs.items():
            try:
                values[name] = self.text(text)
            except Unknown:
                lost.append(name)
        kept = self._without(lost)
        return replace(kept, variables={**kept.variables, **values}, answers={})

    def _without(self, names: Iterable[str]) -> Knowledge:
        lost = set(names)
        return replace(self, variables={key: each for key, each in self.variables.items() if key not in lost})
