"""Why a decision came out as it did, as a case's history keeps it: inputs, matching rules, decisions before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.workflow.decisions_tables import Decision
from engine.workflow.decisions_values import DecisionResult
from engine.workflow.expression_values import as_stored


def keep_reasons(result: DecisionResult) -> dict[str, Any]:
    """The line of history: ``decision inputs rules value policy``, and the same of every required decision.

    ``policy`` is the table's hit policy, empty for a decision that is one expression and so has no rules.
    """
    return {**_keep(result), "required": [_keep(each) for each in required_results(result)]}


def required_results(result: DecisionResult) -> list[DecisionResult]:
    """The results of all decisions required, directly or not: each once, those first that others need."""
    found: dict[str, DecisionResult] = {}

    def collect(each: DecisionResult) -> None:
        for required in each.required:
            if required.decision_id not in found:
                collect(required)
                found[required.decision_id] = required

    collect(result)
    return list(found.values())


def say_unmatched(decision: Decision, result: DecisionResult) -> str:
    """One sentence: which table found no rule, for which inputs, and what to do."""
    given = ", ".join(f"{label} = {value!r}" for label, value in result.inputs)
    message = f"no rule of {decision.decision_id} ({decision.name}) matches" + (f" {given}" if given else "")
    return f"{message}; add a rule for it, a last rule that accepts everything, or defaults for the outputs"


def _keep(result: DecisionResult) -> dict[str, Any]:
    return {
        "decision": result.decision_id,
        "inputs": {label: as_stored(value) for label, value in _by_label(result.inputs)},
        "rules": [{"id": hit.rule_id, "row": hit.index, "note": hit.annotation} for hit in result.matched],
        "value": as_stored(result.value),
        "policy": result.policy or "",
    }


def _by_label(inputs: tuple[tuple[str, Any], ...]) -> Iterator[tuple[str, Any]]:
    """Two columns may have one label: the second is told apart by a number."""
    seen: dict[str, int] = {}
    for label, value in inputs:
        seen[label] = seen.get(label, 0) + 1
        yield (label if seen[label] == 1 else f"{label} ({seen[label]})"), value
