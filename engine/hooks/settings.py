"""Settings of a plugin: declared in its ``settings.toml``, given by a city under ``[settings.<plugin>]``."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engine.calendar import LimitError, parse_limit
from engine.city import City
from engine.errors import CityBroken

FILE = "settings.toml"
KEYS = ("type", "default", "zh", "en", "least", "most", "choices")


def _clock_time(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) == 5 and time.fromisoformat(value) is not None
    except ValueError:
        return False


def _limit(value: Any) -> bool:
    try:
        return isinstance(value, str) and parse_limit(value) is not None
    except LimitError:
        return False


TYPES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("a text in quotes", lambda value: isinstance(value, str)),
    "number": ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
    "integer": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "truth": ("true or false", lambda value: isinstance(value, bool)),
    "date": ("a date such as 2026-10-01", lambda value: type(value) is date),
    "time": ("a time such as \"22:00\"", _clock_time),
    "limit": ("a limit such as \"8 work_hour\"", _limit),
    "texts": ("a list of texts", lambda value: isinstance(value, list) and all(isinstance(x, str) for x in value)),
}  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """One setting as a plugin declares it. ``least`` and ``most`` bound numbers, ``choices`` a text."""

    name: str
    type: str
    default: Any
    zh: str
    en: str
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()

    def fault(self, value: Any) -> str | None:
        """What is wrong with a value and how to mend it; none when it holds."""
        words, holds = TYPES[self.type]
        if not holds(value):
            return f"{self.name} is {value!r}; write {words}"
        if self.choices and value not in self.choices:
            return f"{self.name} is {value!r}; write one of {', '.join(self.choices)}"
        if self.least is not None and value < self.least:
            return f"{self.name} is {value!r}; it is {self.least} at least"
        if self.most is not None and value > self.most:
            return f"{self.name} is {value!r}; it is {self.most} at most"
        return None


def declared_settings(root: Path) -> Mapping[str, Setting]:
    """The settings a plugin's folder declares, by name; none without the file.

    :raises CityBroken: naming every fault of the declaration: it is the plugin's developer who mends it.
    """
    path = root / FILE
    return _declared(path, path.stat().st_mtime_ns) if path.is_file() else MappingProxyType({})


@lru_cache(maxsize=64)
def _declared(path: Path, stamp_ns: int) -> Mapping[str, Setting]:
    """The settings of a file as long as it does not change."""
    try:
        toml = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CityBroken(f"{path}: {error}; correct the file, it must be TOML in UTF-8") from error
    faults = [f"{path}: {fault}" for name, values in toml.items() for fault in _declaration_faults(name, values)]
    if faults:
        raise CityBroken("\n".join(faults))
    return MappingProxyType({name: _setting(name, values) for name, values in toml.items()})


def _setting(name: str, values: Mapping[str, Any]) -> Setting:
    choices = tuple(values.get("choices", ()))
    return Setting(
        name, values["type"], values["default"], values["zh"], values["en"], values.get("least"), values.get("most"),
        choices,
    )  # fmt: skip


def _declaration_faults(name: str, values: Any) -> Iterator[str]:
    if not isinstance(values, dict):
        yield f"{name} is no table; write [{name}] with type, default, zh and en"
        return
    for key in values:
        if key not in KEYS:
            yield f"[{name}] does not know {key}; it has {', '.join(KEYS)}"
    missing = [key for key in ("type", "default", "zh", "en") if key not in values]
    if missing:
        yield f"[{name}] has no {', '.join(missing)}; add it"
        return
    if values["type"] not in TYPES:
        yield f"[{name}] is of type {values['type']!r}; use one of {', '.join(TYPES)}"
        return
    wrong = _setting(name, values).fault(values["default"])
    if wrong:
        yield f"the default of {wrong}"


def setting_faults(root: Path, given: Mapping[str, Any]) -> list[str]:
    """What is wrong with what a city gives under ``[settings.<plugin>]``."""
    declared = declared_settings(root)
    faults = []
    for name, value in given.items():
        if name not in declared:
            faults.append(f"{name} is unknown; the plugin has {', '.join(declared) or 'no settings'}")
        elif (fault := declared[name].fault(value)) is not None:
            faults.append(fault)
    return faults


def plugin_settings(city: City, plugin: str) -> Mapping[str, Any]:
    """The values in force for a plugin: the city's, otherwise the defaults."""
    declared = declared_settings(city.plugin_roots[plugin])
    given = city.settings.get(plugin, {})
    return MappingProxyType({name: given.get(name, setting.default) for name, setting in declared.items()})


def settings_in_force(city: City) -> dict[str, dict[str, Any]]:
    """The settings of every enabled plugin as expressions read them (``case.settings``): a date is an ISO text."""
    return {
        plugin: {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in plugin_settings(city, plugin).items()
        }
        for plugin in city.enabled_roots
    }
