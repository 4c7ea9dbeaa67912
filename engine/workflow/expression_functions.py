"""Operators and sets of functions of the expression language, each refusing what would surprise or take for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from engine.workflow.expression_entries import FunctionEntry, isolate
from engine.workflow.expression_values import (
    NUMBER_TYPES,
    NUMBERS,
    SIZE_LIMIT,
    Refused,
    bounded,
    convert_to_text,
    kind,
    measure,
)

__all__ = ["NUMBERS", "SIZE_LIMIT", "Functions", "Refused", "Work", "bounded", "convert_to_text", "kind", "measure"]

WORK_LIMIT = 1_000_000


class Work(threading.local):
    """What one evaluation may still touch: characters and members that functions read and joins copy."""

    left: int = WORK_LIMIT

    def charge(self, amount: int) -> None:
        """Take ``amount`` off; Refused when nothing is left."""
        self.left -= amount
        if self.left < 0:
            message = f"functions and joins have gone through more than {WORK_LIMIT} characters and members"
            raise Refused(message, "keep a value in a variable instead of computing it again")


WORK = Work()


class Functions(Mapping[str, Callable[..., Any]]):
    """An immutable set of pure functions an expression may call. Plugins extend it, they never replace."""

    def __init__(self, functions: Mapping[str, Callable[..., Any] | FunctionEntry]) -> None:
        self.entries: dict[str, FunctionEntry] = {
            name: given if isinstance(given, FunctionEntry) else FunctionEntry.of(name, given)
            for name, given in functions.items()
        }
        self._functions = {name: guard(name, _callable(entry)) for name, entry in self.entries.items()}
        self.known = frozenset(self._functions)
        self.scope: dict[str, Any] = {"__builtins__": {}, **_SCOPE}
        self.scope.update({"_call_" + name: function for name, function in self._functions.items()})

    def extend(self, functions: Mapping[str, Callable[..., Any] | FunctionEntry]) -> Functions:
        """Return these and ``functions``; ValueError when a name is taken or no plain name."""
        for name in functions:
            if name in self._functions:
                raise ValueError(f"function {name} exists already; give yours another name")
            if not name.isidentifier() or name.startswith("_"):
                raise ValueError(f"function {name!r} cannot be called; name it with letters, digits and underscores")
        return Functions({**self.entries, **functions})

    def __getitem__(self, name: str) -> Callable[..., Any]:
        return self._functions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)

    __hash__ = object.__hash__  # a cache key by identity

    def __eq__(self, other: object) -> bool:
        return self is other


def _callable(entry: FunctionEntry) -> Callable[..., Any]:
    """Our own functions are called as they are, those of others with copies."""
    return entry.function if entry.owner == "core" else isolate(entry)


def guard(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Let ``function`` fail only with Refused and return only values of a sane size."""
    charge = WORK.charge

    def call(*arguments: Any, **named: Any) -> Any:
        try:
            charge(1 + sum(len(each) for each in arguments if isinstance(each, str | list | tuple | dict)))
            return bounded(function(*arguments, **named))
        except Refused:
            raise
        except Exception as error:
            given = ", ".join(kind(value) for value in (*arguments, *named.values()))
            raise Refused(f"{name}() does not work with ({given}): {error}", "check what it is given") from error

    return call


def look_up(value: Any, key: str) -> Any:
    """``value.key``: a dictionary's entry, none when it has none."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return value.get(key)
    raise Refused(f"`.{key}` looks into a {kind(value)}", "only dictionaries have keys")


def item(value: Any, index: Any) -> Any:
    """``value[index]``: an entry or member, none when there is none."""
    if value is None:
        return None
    if isinstance(value, Mapping) and not isinstance(index, list | tuple | Mapping):
        return value.get(index)
    if isinstance(value, list | tuple | str) and type(index) is int:
        return value[index] if -len(value) <= index < len(value) else None
    raise Refused(f"a {kind(value)} has no item [{kind(index)}]", "use a number for lists, a text for dictionaries")


def add(left: Any, right: Any) -> Any:
    """Numbers are added, texts and lists are joined."""
    if isinstance(left, str) and isinstance(right, str):
        WORK.charge(len(left) + len(right))
        return bounded(left + right)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        WORK.charge(len(left) + len(right))
        return bounded([*left, *right])
    return compute("+", left, right, lambda: left + right)


def compute(operator: str, left: Any, right: Any, result: Callable[[], Any]) -> Any:
    """Calculate with numbers only, so a text is never repeated or formatted."""
    if type(left) not in NUMBER_TYPES or type(right) not in NUMBER_TYPES:
        remedy = "convert with int(), float() or str() first"
        if left is None or right is None:
            remedy = "give the missing value a default, as in `(x or 0)`"
        raise Refused(f"cannot calculate {kind(left)} {operator} {kind(right)}", remedy)
    try:
        return bounded(result())
    except ArithmeticError as error:
        raise Refused(
            f"cannot calculate {left} {operator} {right}", "test for zero and for huge numbers first"
        ) from error


def negate(value: Any) -> Any:
    """``-value``."""
    return compute("-", 0, value, lambda: -value)


_SCOPE: dict[str, Any] = {
    "_look_up": look_up,
    "_item": item,
    "_add": add,
    "_subtract": lambda left, right: compute("-", left, right, lambda: left - right),
    "_multiply": lambda left, right: compute("*", left, right, lambda: left * right),
    "_divide": lambda left, right: compute("/", left, right, lambda: left / right),
    "_floor_divide": lambda left, right: compute("//", left, right, lambda: left // right),
    "_modulo": lambda left, right: compute("%", left, right, lambda: left % right),
    "_negate": negate,
    "_plus": lambda value: compute("+", 0, value, lambda: value),
}
