"""Load the enabled plugins of a city, ask their hooks once, check every answer, and freeze it all into a registry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Any

import pluggy
from cronsim import CronSim, CronSimError
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from engine.city import City
from engine.core_operators import CORE_OPERATORS
from engine.errors import CityBroken
from engine.hooks import specs
from engine.hooks.contributions import API_VERSION, Indicator, Job, Manifest, MapLayer, Permission
from engine.installed_plugins import Package, find_plugins
from engine.models import Base
from engine.pure_functions import check_functions
from engine.registry import Contributions, Operator, Registry, build_registry
from engine.wall_clock import EPOCH
from engine.workflow.expression_entries import FunctionEntry

HOST_HOOKS = frozenset({"blueprints", "panels"})
"""Hooks that the host of the web adds; see ``api.hooks``."""
LOCAL_ID = re.compile(r"[a-z][a-z0-9_]*")


class PluginBroken(CityBroken):
    """A plugin that cannot be used: which one, why, and the remedy."""

    def __init__(self, plugin: str, fault: str) -> None:
        super().__init__(f"plugin {plugin}: {fault}")
        self.plugin = plugin


@dataclass
class PluginHost:
    """The plugins at work in one process. ``broken`` are those left out, with the reason."""

    manager: pluggy.PluginManager
    manifests: Mapping[str, Manifest]
    registry: Registry
    broken: Mapping[str, str]

    def answers(self, hook: str, kind: type[Any]) -> dict[str, list[Any]]:
        """What each plugin answers to a hook that gives a sequence of ``kind``. Raises PluginBroken."""
        return dict(_ask_all(self.manager, hook, kind))

    def tell(self, hook: str, plugin: str, **arguments: Any) -> None:
        """Call a hook of one plugin, if it has it."""
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            if implementation.plugin_name == plugin:
                self.manager.subset_hook_caller(hook, _others(self.manager, plugin))(**arguments)

    def listens(self, hook: str) -> tuple[str, ...]:
        """The plugins that have a hook, by name."""
        return tuple(sorted(each.plugin_name for each in getattr(self.manager.hook, hook).get_hookimpls()))


def load_plugins(
    city: City,
    *,
    skip_broken: bool = False,
    extra_specs: Sequence[Any] = (),
    packages: Mapping[str, Package] | None = None,
) -> PluginHost:
    """The host of a city's enabled plugins.

    :param skip_broken: leave a broken plugin out instead of refusing the city; its files stay in force.
    :param extra_specs: further modules of hookspecs.
    :param packages: the installed plugins; looked up when not given.
    :raises CityBroken: a plugin is broken (PluginBroken), or two clash.
    """
    manager = pluggy.PluginManager(specs.PROJECT)
    for module in (specs, *extra_specs):
        manager.add_hookspecs(module)
    installed = find_plugins() if packages is None else packages
    manifests: dict[str, Manifest] = {}
    broken: dict[str, str] = {}
    kept: list[tuple[str, Contributions]] = []
    for name in dict.fromkeys(city.plugins):
        try:
            manifests[name] = _register(manager, name, installed, city.plugins)
            kept.append((name, _contributions(manager, name)))
        except PluginBroken as error:
            if not skip_broken:
                raise
            broken[name] = error.message
            manifests.pop(name, None)
            if manager.has_plugin(name):
                manager.unregister(name=name)
    return PluginHost(manager, MappingProxyType(manifests), _freeze(kept), MappingProxyType(broken))


def load_registry(city: City) -> Registry:
    """The frozen registry of core and the city's plugins. Raises as ``load_plugins``."""
    return load_plugins(city).registry


def read_manifest(package: Package) -> Manifest:
    """The manifest of an installed plugin, enabled or not. Raises PluginBroken."""
    manager = pluggy.PluginManager(specs.PROJECT)
    manager.add_hookspecs(specs)
    return _manifest(manager, package)


def _register(
    manager: pluggy.PluginManager, name: str, installed: Mapping[str, Package], enabled: Sequence[str]
) -> Manifest:
    package = installed.get(name)
    if package is None:
        known = ", ".join(sorted(installed)) or "none"
        raise PluginBroken(name, f"it is not installed (installed: {known}); install it or take it off the list")
    found = _manifest(manager, package)
    missing = [each for each in found.requires if each not in enabled]
    if missing:
        raise PluginBroken(name, f"it requires {', '.join(missing)}; enable that too")
    return found


def _manifest(manager: pluggy.PluginManager, package: Package) -> Manifest:
    name = package.name
    module = _import(package)
    try:
        manager.register(module, name=name)
    except Exception as error:  # pluggy raises its own kinds when hooks do not fit
        raise PluginBroken(name, f"its hooks do not fit: {error}; correct {package.module}") from error
    _refuse_unknown_hooks(manager, name, package)
    told = _ask(manager, "manifest", name)
    if told is None:
        raise PluginBroken(name, f"it has no manifest; add the hook to {package.module}")
    if not isinstance(told, Manifest):
        raise PluginBroken(name, f"its manifest is a {type(told).__name__}; return a Manifest")
    if told.name != name:
        raise PluginBroken(name, f"its manifest calls it {told.name!r}; give both the same name")
    try:
        admitted = SpecifierSet(told.api).contains(API_VERSION)
    except InvalidSpecifier:
        raise PluginBroken(name, f"its api {told.api!r} is no range of versions; write such as >=1.0,<2") from None
    if not admitted:
        raise PluginBroken(
            name, f"it was written for the plugin API {told.api}, this is {API_VERSION}; install a release for this one"
        )
    return told


def _import(package: Package) -> ModuleType:
    try:
        return import_module(package.module)
    except Exception as error:  # whatever the plugin's own code raises
        raise PluginBroken(package.name, f"{package.module} cannot be imported: {error!r}; correct it") from error


def _refuse_unknown_hooks(manager: pluggy.PluginManager, name: str, package: Package) -> None:
    for hook in manager.get_hookcallers(manager.get_plugin(name)) or ():
        if not hook.has_spec() and hook.name not in HOST_HOOKS:
            known = ", ".join(sorted({*HOST_HOOKS, *(key for key in vars(specs) if hasattr(manager.hook, key))}))
            raise PluginBroken(name, f"there is no hook {hook.name}; {package.module} may have {known}")


def _contributions(manager: pluggy.PluginManager, name: str) -> Contributions:
    """Everything one plugin contributes, checked."""

    def items(hook: str, kind: type[Any]) -> list[Any]:
        return _sequence(name, hook, kind, _ask(manager, hook, name))

    tables = _models(name, _sequence(name, "models", type, _ask(manager, "models", name)))
    operators = [replace(each, owner=name) for each in items("operators", Operator)]
    for operator in operators:
        _own(name, "operator", operator.topic, f"{name}/")
    functions = [replace(each, owner=name) for each in items("functions", FunctionEntry)]
    try:
        check_functions(functions)
    except CityBroken as error:
        raise PluginBroken(name, error.message) from error
    permissions = items("permissions", Permission)
    for permission in permissions:
        _own(name, "permission", permission.name, f"{name}.")
    return Contributions(
        operators=tuple(operators),
        functions=tuple(functions),
        models=tuple(tables),
        permissions=tuple(permissions),
        indicators=_named(name, "indicator", items("indicators", Indicator)),
        map_layers=_named(name, "map layer", items("map_layers", MapLayer)),
        jobs=_named(name, "job", items("jobs", Job), _cron_fault),
    )


def _own(plugin: str, kind: str, name: str, prefix: str) -> None:
    if not name.startswith(prefix) or len(name) == len(prefix):
        raise PluginBroken(plugin, f"its {kind} {name!r} does not bear its name; call it {prefix}{name}")


def _models(plugin: str, classes: Iterable[Any]) -> list[type[Any]]:
    kept = []
    for each in classes:
        if not issubclass(each, Base):
            raise PluginBroken(plugin, f"its model {each.__name__} is no table; derive it from engine.models.Base")
        if not each.__tablename__.startswith(f"{plugin}_"):
            raise PluginBroken(
                plugin, f"its table {each.__tablename__} does not bear its name; call it {plugin}_{each.__tablename__}"
            )
        kept.append(each)
    return kept


def _named(
    plugin: str, kind: str, items: Sequence[Any], fault: Callable[[Any], str | None] = lambda item: None
) -> tuple[Any, ...]:
    seen: set[str] = set()
    for item in items:
        if not LOCAL_ID.fullmatch(item.id):
            raise PluginBroken(plugin, f"its {kind} {item.id!r} is no word; use small letters, digits and _")
        if item.id in seen:
            raise PluginBroken(plugin, f"it has two of the {kind} {item.id}; rename one")
        if not (item.zh.strip() and item.en.strip()):
            raise PluginBroken(plugin, f"its {kind} {item.id} lacks a name; give zh and en")
        wrong = fault(item)
        if wrong:
            raise PluginBroken(plugin, f"its {kind} {item.id} {wrong}")
        seen.add(item.id)
    return tuple(items)


def _cron_fault(job: Job) -> str | None:
    try:
        CronSim(job.cron, EPOCH)
    except CronSimError as error:
        return f"is due at {job.cron!r}: {error}; write five fields such as 30 2 * * *"
    return None


def _ask(manager: pluggy.PluginManager, hook: str, plugin: str) -> Any:
    """A plugin's answer to a hook without arguments; none when it does not have the hook."""
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        if implementation.plugin_name == plugin:
            try:
                return implementation.function()
            except Exception as error:  # whatever the plugin's own code raises
                raise PluginBroken(plugin, f"its hook {hook} fails: {error!r}; correct it") from error
    return None


def _ask_all(manager: pluggy.PluginManager, hook: str, kind: type[Any]) -> Iterable[tuple[str, list[Any]]]:
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        name = implementation.plugin_name
        yield name, _sequence(name, hook, kind, _ask(manager, hook, name))


def _sequence(plugin: str, hook: str, kind: type[Any], told: Any) -> list[Any]:
    if told is None:
        return []
    if not isinstance(told, list | tuple):
        raise PluginBroken(plugin, f"its hook {hook} returns a {type(told).__name__}; return a list of {kind.__name__}")
    for each in told:
        if not isinstance(each, kind):
            raise PluginBroken(plugin, f"its hook {hook} returns a {type(each).__name__}; return {kind.__name__} only")
    return list(told)


def _others(manager: pluggy.PluginManager, plugin: str) -> list[Any]:
    return [each for name, each in manager.list_name_plugin() if name != plugin and each is not None]


def _freeze(kept: Sequence[tuple[str, Contributions]]) -> Registry:
    operators = [*CORE_OPERATORS, *(each for _, given in kept for each in given.operators)]
    functions = [each for _, given in kept for each in given.functions]
    return build_registry(operators, functions, dict(kept))
