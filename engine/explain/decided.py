"""A decision of a case's history in the words of its table: inputs and outputs by label, rules, what came before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.explain.values import RuleHit
from engine.workflow.decisions import Decision
from engine.workflow.expression_values import convert_to_text

Say = Callable[[str, str], str]
"""Gives the text of a translation key, or the text it is given."""


@dataclass(frozen=True)
class Decided:
    """What was decided and why, labels and rules in one language, values as they were.

    ``nothing`` says that it was a table in which no rule matched, ``reason`` is the text of an output of that name.
    ``required`` are the decisions it needed, in the order they were taken.
    """

    decision: str
    name: str
    inputs: tuple[tuple[str, Any], ...]
    rules: tuple[RuleHit, ...]
    nothing: bool
    outputs: tuple[tuple[str, Any], ...]
    reason: str = ""
    required: tuple[Decided, ...] = ()


def read_decided(data: Mapping[str, Any], decisions: Mapping[str, Decision], say: Say, row: str) -> Decided:
    """Read the ``data`` of a line of history.

    :param decisions: those of the deployment the case runs on, for labels; empty when they are not known any more.
    :param row: how a rule without a note is called, with ``{row}`` in it.
    """
    name = str(data.get("decision") or "")
    decision = decisions.get(name)
    rules = tuple(_rules(name, data, say, row))
    value = _said_value(name, data.get("value"), rules, say)
    return Decided(
        decision=name,
        name=say(f"decision:{name}", decision.name if decision else name),
        inputs=tuple((_input_label(decision, label, say), value) for label, value in _items(data.get("inputs"))),
        rules=rules,
        nothing=not rules and data.get("policy") != "",
        outputs=tuple(_outputs(decision, name, value, say)),
        reason=str(value.get("reason") or "") if isinstance(value, Mapping) else "",
        required=tuple(read_decided(each, decisions, say, row) for each in data.get("required") or ()),
    )


def write_value(value: Any, words: Mapping[str, str]) -> str:
    """A value as people read it; ``words`` has ``yes``, ``no`` and ``no_value``."""
    if value is None or value == "" or value == []:
        return words["no_value"]
    if isinstance(value, bool):
        return words["yes" if value else "no"]
    if isinstance(value, list | tuple):
        return ", ".join(write_value(each, words) for each in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {write_value(each, words)}" for key, each in value.items())
    return convert_to_text(value)


def _items(mapping: Any) -> Iterator[tuple[str, Any]]:
    return iter(mapping.items() if isinstance(mapping, Mapping) else ())


def _rules(decision: str, data: Mapping[str, Any], say: Say, row: str) -> Iterator[RuleHit]:
    for hit in data.get("rules") or ():
        number = int(hit.get("row") or 0)
        own = str(hit.get("note") or "") or row.format(row=number)
        yield RuleHit(str(hit.get("id", "")), number, say(f"decision:{decision}:{hit.get('id')}", own))


def _input_label(decision: Decision | None, label: str, say: Say) -> str:
    column = next((each for each in decision.inputs if each.label == label), None) if decision is not None else None
    return say(f"decision:{decision.decision_id}:{column.id}", label) if decision and column and column.id else label


def _said_value(decision: str, value: Any, rules: tuple[RuleHit, ...], say: Say) -> Any:
    """The value with the texts that its rules wrote, in the language: ``decision:<decision>:<rule>:<output>``."""
    if isinstance(value, Mapping):
        return _said_row(decision, value, rules[0].id, say) if len(rules) == 1 else value
    if isinstance(value, list) and len(value) == len(rules) and all(isinstance(each, Mapping) for each in value):
        return [_said_row(decision, each, rule.id, say) for each, rule in zip(value, rules, strict=True)]
    return value


def _said_row(decision: str, row: Mapping[str, Any], rule: str, say: Say) -> dict[str, Any]:
    return {
        key: say(f"decision:{decision}:{rule}:{key}", each) if isinstance(each, str) and each else each
        for key, each in row.items()
    }


def _outputs(decision: Decision | None, name: str, value: Any, say: Say) -> Iterator[tuple[str, Any]]:
    """One pair an output; of several rows the values in a list, and of a plain value the decision's own name."""
    rows = value if isinstance(value, list) else [value]
    if not rows or not all(isinstance(each, Mapping) for each in rows):
        if value not in (None, []):
            yield say(f"decision:{name}", decision.name if decision else name), value
        return
    labels = {each.name: each.label for each in decision.outputs} if decision is not None else {}
    for key in rows[0]:
        values = [each.get(key) for each in rows]
        label = say(f"decision:{name}:{key}", labels.get(key, key))
        yield label, values[0] if isinstance(value, Mapping) else values
