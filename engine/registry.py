"""What behaves: operators and pure functions by name, asked for once, checked, frozen."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from engine.errors import CityBroken
from engine.pure_functions import check_functions
from engine.workflow.expression_entries import FunctionEntry

OperatorFunction = Callable[..., Any]


@dataclass(frozen=True)
class Operator:
    """What a service task calls. The first parameter is the ``Step``; the others are the diagram's input parameters."""

    topic: str
    function: OperatorFunction
    owner: str = "core"

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """The inputs a diagram may give, by name."""
        return MappingProxyType(dict(list(inspect.signature(self.function).parameters.items())[1:]))

    def faults(self, inputs: Iterable[str]) -> list[str]:
        """What is wrong with a service task that gives these inputs."""
        given, known = set(inputs), self.parameters
        faults = [
            f"operator {self.topic} has no input {name!r}; it takes {', '.join(known) or 'none'}"
            for name in sorted(given - set(known))
        ]
        faults += [
            f"operator {self.topic} needs the input {name!r}; add it"
            for name, parameter in known.items()
            if parameter.default is inspect.Parameter.empty and name not in given
        ]
        return faults


@dataclass(frozen=True)
class Contributions:
    """What one plugin contributes by hooks, as ``engine.hooks`` defines it."""

    operators: tuple[Operator, ...] = ()
    functions: tuple[FunctionEntry, ...] = ()
    models: tuple[type[Any], ...] = ()
    permissions: tuple[Any, ...] = ()
    indicators: tuple[Any, ...] = ()
    map_layers: tuple[Any, ...] = ()
    jobs: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Registry:
    """Operators by topic, pure functions of plugins by name, and all that each plugin contributes."""

    operators: Mapping[str, Operator] = field(default_factory=dict)
    functions: Mapping[str, FunctionEntry] = field(default_factory=dict)
    plugins: Mapping[str, Contributions] = field(default_factory=dict)


def build_registry(
    operators: Iterable[Operator],
    functions: Iterable[FunctionEntry] = (),
    plugins: Mapping[str, Contributions] | None = None,
) -> Registry:
    """Freeze a registry.

    :param functions: what plugins add to expressions, each declared pure; see docs/reference/expressions.md.
    :param plugins: everything each plugin contributes, by its name.
    :raises CityBroken: two supply the same topic or name (both owners are named), or a function breaks a rule.
    """
    known: dict[str, Operator] = {}
    for operator in operators:
        other = known.setdefault(operator.topic, operator)
        if other is not operator:
            raise CityBroken(
                f"operator {operator.topic} is supplied by {other.owner} and by {operator.owner}; disable one of them"
            )
    return Registry(
        MappingProxyType(known), MappingProxyType(check_functions(functions)), MappingProxyType(dict(plugins or {}))
    )
