"""Functions that plugins add to expressions: each is named after its owner, declared pure, described and tried out."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from engine.errors import CityBroken
from engine.workflow.expression_entries import FunctionEntry
from engine.workflow.expression_library import CORE, DESCRIBED
from engine.workflow.expressions import ExpressionError, Functions, compile_expression

OTHER_KINDS = (
    inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction, inspect.isclass,
)  # fmt: skip


def check_functions(entries: Iterable[FunctionEntry]) -> dict[str, FunctionEntry]:
    """Return the functions by name.

    :raises CityBroken: naming every function that breaks a rule, with the remedy.
    """
    known: dict[str, FunctionEntry] = {}
    faults: list[str] = []
    for entry in entries:
        wrong = list(_faults(entry))
        other = known.get(entry.name)
        if other is not None:
            wrong.append(f"is supplied by {other.owner} too; disable one of the two")
        faults += [f"function {entry.name} of {entry.owner} {fault}" for fault in wrong]
        known.setdefault(entry.name, entry)
    if faults:
        raise CityBroken("\n".join(faults))
    return known


def _faults(entry: FunctionEntry) -> Iterator[str]:
    if entry.name in DESCRIBED:
        yield "has the name of a function that every city has; rename it"
    elif not entry.name.startswith(f"{entry.owner}_") or entry.owner == "core":
        yield f"does not bear its owner's name; rename it {entry.owner}_{entry.name}"
    if not entry.pure:
        remedy = "give pure=True if its value depends on its arguments alone, else make it an operator"
        yield f"is not declared pure; {remedy}"
    if not (entry.zh.strip() and entry.en.strip()):
        yield "lacks a description; say what it gives in zh and en"
    if any(test(entry.function) for test in OTHER_KINDS):
        yield "is no plain function; give one that returns its value at once"
        return
    yield from _misfits(entry)
    if not entry.examples:
        yield "has no example; give at least one call with its value"
    for call, wanted in entry.examples:
        yield from _tried(entry, call, wanted)


def _misfits(entry: FunctionEntry) -> Iterator[str]:
    """Where the signature for analysts is not that of the function."""
    try:
        signature = inspect.signature(entry.function)
    except (TypeError, ValueError):
        yield "has no signature to check; wrap it in a function of Python's own"
        return
    needed = sum(not (each.optional or each.repeated) for each in entry.parameters)
    for count in {needed, len(entry.parameters)}:
        try:
            signature.bind(*[None] * count)
        except TypeError as error:
            yield f"does not take what {entry.usage!r} says: {error}; correct one of the two"


def _tried(entry: FunctionEntry, call: str, wanted: str) -> Iterator[str]:
    """Run an example twice, on one compiled expression: a function with a memory or a clock is likely to differ."""
    functions = CORE.extend({entry.name: entry}) if entry.name not in CORE else CORE
    try:
        first, second, expected = (_compute(text, functions) for text in (call, call, wanted))
    except ExpressionError as error:
        yield f"fails in its example: {error}"
        return
    if entry.name not in compile_expression(call, functions).functions:
        yield f"is not called in its example {call!r}; show how it is used"
    elif first != second:
        yield f"gives {first!r} and then {second!r} in its example {call!r}; a pure function gives one value"
    elif first != expected or type(first) is not type(expected):
        yield f"gives {first!r} in its example {call!r}, not {wanted}; correct one of the two"


def _compute(text: str, functions: Functions) -> Any:
    return compile_expression(text, functions).evaluate({})
