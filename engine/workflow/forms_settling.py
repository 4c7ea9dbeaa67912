"""Where a form stands for what is answered so far: what is hidden, what can only be read, what expressions see.

A hidden field counts as none, which may hide or show others; so this is worked out until nothing changes.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from engine.workflow.expressions import Expression
from engine.workflow.forms_answers import read_loosely, work_out
from engine.workflow.forms_values import Field, FormFailed


@dataclass(frozen=True, slots=True)
class Settled:
    """``hidden`` and ``locked`` are places in the row of fields; ``failed`` is why an expression field has no value."""

    names: dict[str, Any]
    hidden: frozenset[int]
    locked: frozenset[int]
    failed: list[FormFailed] = field(default_factory=list)


def settle(
    fields: tuple[Field, ...], answers: Mapping[str, Any], context: Mapping[str, Any], roles: Collection[str]
) -> Settled:
    """Settle one row of fields.

    Own fields come from the answers alone, so that a variable of an earlier task never stands in for an answer. What
    can only be read comes from the context alone, so that nobody sends it.
    """
    own = {each.key: read_loosely(each, answers.get(each.key)) for each in fields if each.is_answered}
    always = frozenset(at for at, each in enumerate(fields) if is_locked(each, roles))
    hidden: frozenset[int] = frozenset()
    locked, failed = always, list[FormFailed]()
    names = _name(fields, own, context, hidden, locked, failed)
    for _ in range(len(fields) + 1):
        found = (_hidden(fields, names), always | _locked(fields, names))
        if found == (hidden, locked):
            break
        hidden, locked = found
        failed = []
        names = _name(fields, own, context, hidden, locked, failed)
    return Settled(names, hidden, locked, failed)


def is_locked(given: Field, roles: Collection[str]) -> bool:
    """Whether a field can only be read by people of these roles, whatever is answered."""
    return given.readonly is True or bool(given.roles and given.roles.isdisjoint(roles))


def _name(
    fields: tuple[Field, ...], own: Mapping[str, Any], context: Mapping[str, Any], hidden: frozenset[int],
    locked: frozenset[int], failed: list[FormFailed],
) -> dict[str, Any]:  # fmt: skip
    names = {**context, **own}
    computed = []
    for at, each in enumerate(fields):
        if at in hidden or each.kind == "expression":
            names[each.key] = None
            if at not in hidden:
                computed.append(each)
        elif at in locked and each.is_answered:
            names[each.key] = context.get(each.key)
    for each in computed:
        assert each.source is not None  # an expression has one
        try:
            names[each.key] = plain(work_out(each, "expression", each.source, names))
        except FormFailed as error:
            failed.append(error)
    return names


def plain(value: Any) -> Any:
    """A computed value as JSON keeps it."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def _hidden(fields: tuple[Field, ...], names: Mapping[str, Any]) -> frozenset[int]:
    return frozenset(
        at
        for at, each in enumerate(fields)
        if each.hide and any(work_out(each, "conditional.hide", condition, names) for condition in each.hide)
    )


def _locked(fields: tuple[Field, ...], names: Mapping[str, Any]) -> frozenset[int]:
    return frozenset(
        at
        for at, each in enumerate(fields)
        if isinstance(each.readonly, Expression) and work_out(each, "readonly", each.readonly, names)
    )
