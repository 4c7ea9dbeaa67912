"""Operators on registers: a diagram looks up, adds and changes entries without code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import DomainError, OperatorError, OperatorRefused
from engine.models import RegisterEntry
from engine.registers.declaring import Register
from engine.registers.finding import public_values
from engine.registers.keeping import Hand, add_entry, change_entry, look_up, put_entry, strike_entry
from engine.registry import Operator, OperatorFunction
from engine.workflow.step import Step

NOT_FOUND = "entry_not_found"
"""The code of the error event that catches a missing entry."""


def get(step: Step, register: str, key: str, required: Any = True) -> dict[str, Any]:
    """Look up an entry. Result ``{entry}``: its values with ``key``, ``title``, ``gone``; none when it need not exist.

    A required entry that is missing raises the error ``entry_not_found``.
    """
    kept = _register(step, register)
    found = look_up(step.session, kept.name, str(key))
    if found is None:
        if required in (True, "true", "yes"):
            raise OperatorError(NOT_FOUND, f"{kept.zh} {key!r} is not in the register {kept.name}; add it first")
        return {"entry": None}
    return {"entry": _told(found, kept)}


def add(step: Step, register: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Add an entry. Result ``{entry}``. Refused with the columns at fault, or when its key is taken."""
    kept = _register(step, register)
    return {"entry": _told(_done(add_entry, step, kept, values, _hand(step)), kept)}


def put(step: Step, register: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Add an entry or bring it in line with these values. Result ``{entry}``."""
    kept = _register(step, register)
    entry, _ = _done(put_entry, step, kept, values, _hand(step))
    return {"entry": _told(entry, kept)}


def change(step: Step, register: str, key: str, values: Mapping[str, Any], reason: str = "") -> dict[str, Any]:
    """Change columns of an entry. Result ``{entry}``. Refused with the columns at fault."""
    kept = _register(step, register)
    return {"entry": _told(_done(change_entry, step, kept, str(key), values, _hand(step, reason)), kept)}


def strike(step: Step, register: str, key: str, reason: str) -> dict[str, Any]:
    """Strike an entry off. Result ``{entry}``."""
    kept = _register(step, register)
    return {"entry": _told(_done(strike_entry, step, kept, str(key), _hand(step, reason)), kept)}


def _register(step: Step, name: str) -> Register:
    host: Any = step.host
    found: Register | None = host.registers.get(name)
    if found is None:
        raise OperatorRefused(f"there is no register {name!r}; there are {', '.join(sorted(host.registers)) or 'none'}")
    return found


def _hand(step: Step, reason: str = "") -> Hand:
    step.flush()  # a case that is new in this act is there before its history points to it
    where = f"{step.process}/{step.element.id}" if step.element else step.process
    return Hand(step.now, step.actor.person_id if step.actor else None, step.case.id, reason or where)


def _done(act: Any, step: Step, *arguments: Any) -> Any:
    try:
        return act(step.session, *arguments)
    except DomainError as error:
        raise OperatorRefused(error.message, field=error.field) from error


def _told(entry: RegisterEntry, register: Register) -> dict[str, Any]:
    values = public_values(entry, register, writer=True)
    place = {"lon": entry.lon, "lat": entry.lat} if register.place else {}
    return {**values, **place, "key": entry.key, "title": entry.title, "gone": entry.gone_at is not None}


_FUNCTIONS: dict[str, OperatorFunction] = {"get": get, "add": add, "put": put, "change": change, "strike": strike}
REGISTER_OPERATORS = tuple(Operator(f"register/{topic}", function) for topic, function in _FUNCTIONS.items())
