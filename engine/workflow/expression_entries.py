"""A function of the expression language with what an editor shows of it, and what a supplier must keep to."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

TYPES = ("any", "number", "text", "boolean", "list", "dictionary", "date", "datetime")
"""Types of values as signatures name them; ``boolean`` is true or false."""

_USAGE = re.compile(r"(?P<name>[^\W\d_]\w*)\((?P<parameters>[^()]*)\)\s*->\s*(?P<gives>\w+)")
_PARAMETER = re.compile(r"(?P<name>[^\W\d_]\w*)(?P<mark>\?|\.\.\.)?\s*:\s*(?P<type>\w+)")
_PLAIN = (str, bool, int, float, Decimal, date, datetime, type(None))


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a function takes. ``optional`` may be left out, ``repeated`` may be given any number of times."""

    name: str
    type: str
    optional: bool = False
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class FunctionEntry:
    """A function expressions may call.

    :param usage: ``startswith(text: text, part: text) -> boolean``; ``digits?`` may be left out, ``values...`` repeats.
    :param group: numbers, texts, lists, dates, working time, or a plugin's own word.
    :param zh: what it gives, in Chinese; ``en`` the same in English.
    :param examples: calls with their values as literals, each run when the registry is built.
    :param pure: the supplier's word that the value depends on the arguments alone and that nothing is changed: no
        clock, no file, no network, no chance, no memory of earlier calls.
    :param owner: core, or the plugin.
    :raises ValueError: the usage cannot be read.
    """

    usage: str
    function: Callable[..., Any]
    group: str
    zh: str
    en: str
    examples: tuple[tuple[str, str], ...] = ()
    pure: bool = False
    owner: str = "core"

    def __post_init__(self) -> None:
        match = _USAGE.fullmatch(self.usage)
        wrong = match is None or any(_PARAMETER.fullmatch(each) is None for each in _pieces(match["parameters"]))
        if wrong or any(each not in TYPES for each in [*(p.type for p in self.parameters), self.gives]):
            remedy = f"write name(first: type, second?: type) -> type with the types {', '.join(TYPES)}"
            raise ValueError(f"the usage {self.usage!r} of an expression function cannot be read; {remedy}")

    @property
    def name(self) -> str:
        """The name expressions call it by."""
        return self._match["name"]

    @property
    def gives(self) -> str:
        """The type of its value."""
        return self._match["gives"]

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What it takes, in order."""
        found = [_PARAMETER.fullmatch(each) for each in _pieces(self._match["parameters"])]
        return tuple(
            Parameter(each["name"], each["type"], bool(each["mark"]), each["mark"] == "...") for each in found if each
        )

    @property
    def _match(self) -> re.Match[str]:
        match = _USAGE.fullmatch(self.usage)
        assert match is not None
        return match

    @classmethod
    def of(cls, name: str, function: Callable[..., Any]) -> FunctionEntry:
        """An entry for a bare function, with what its docstring says."""
        text = " ".join((inspect.getdoc(function) or "").split())
        return cls(f"{name}(values...: any) -> any", function, "other", text, text, pure=True)


def _pieces(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def isolate(entry: FunctionEntry) -> Callable[..., Any]:
    """The function of a plugin, given copies of what it may change and held to values an expression can have."""
    function = entry.function

    def call(*arguments: Any) -> Any:
        given = [value if isinstance(value, _PLAIN) else deepcopy(value) for value in arguments]
        return _plain(function(*given))

    return call


def _plain(value: Any) -> Any:
    """Copy a value into the language's own types; TypeError for any other."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Mapping):
        return {_plain(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    raise TypeError(f"it gives a {type(value).__name__}, which no expression can hold")
