"""The promises of a plugin, one function each: what is wrong, or nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.checks import check_folder
from engine.city import City, find_city, load_city
from engine.contract.border import imports_across
from engine.contract.tables import table_faults
from engine.errors import CityBroken, NotFound
from engine.hooks.enabling import with_required, write_enabled
from engine.hooks.host import load_plugins, read_manifest
from engine.hooks.settings import declared_settings
from engine.installed_plugins import Package, find_plugins
from engine.layers import Layer
from engine.scenarios import ScenarioResult, run_scenarios

DIAGRAMS, SCENARIOS = ("processes", ".bpmn"), ("scenarios", ".scenarios.toml")


@dataclass(frozen=True)
class Broken:
    """A promise that is not kept: which, what is wrong, and the remedy within the same text."""

    promise: str
    fault: str


@dataclass(frozen=True)
class Trial:
    """A plugin in a copy of a city in which it, and what it requires, is enabled."""

    package: Package
    folder: Path

    @property
    def name(self) -> str:
        """The plugin."""
        return self.package.name

    @property
    def layer(self) -> Layer:
        """Its files."""
        return Layer(f"plugin {self.name}", self.package.root)

    @cached_property
    def city(self) -> City:
        """The city with it."""
        return load_city(str(self.folder))


@contextmanager
def trial_of(name: str, city: str = "yunhe") -> Iterator[Trial]:
    """A plugin, with what it requires and no other, in a copy of a city that is gone afterwards.

    :raises NotFound: no such plugin. PluginBroken: its manifest cannot be read.
    """
    installed = find_plugins()
    if name not in installed:
        raise NotFound(f"there is no plugin {name!r} here; there are {', '.join(sorted(installed)) or 'none'}")
    original = load_city(city)
    with TemporaryDirectory(prefix="wangge-trial-") as place:
        folder = Path(place) / original.id
        shutil.copytree(find_city(city), folder)
        write_enabled(folder, with_required(name, (), installed))
        yield Trial(installed[name], folder)


def try_plugin(name: str, city: str = "yunhe", only: str = "") -> list[Broken]:
    """Try every promise (or ``only`` one) of an installed plugin. Raises NotFound for an unknown plugin."""
    chosen = {only: PROMISES[only]} if only else PROMISES
    try:
        with trial_of(name, city) as trial:
            return [Broken(title, fault) for title, promise in chosen.items() for fault in _faults(promise, trial)]
    except CityBroken as error:
        return [Broken("hooks", error.message)]


def _faults(promise: Callable[[Trial], Iterator[str]], trial: Trial) -> Iterator[str]:
    try:
        yield from promise(trial)
    except CityBroken as error:
        yield error.message


def hooks(trial: Trial) -> Iterator[str]:
    """Its hooks answer what they should; its settings are declared whole."""
    load_plugins(trial.city)
    declared_settings(trial.package.root)
    if not read_manifest(trial.package).title_en.strip():
        yield "the manifest has no title_en; give the plugin's name in English"


def files(trial: Trial) -> Iterator[str]:
    """Its files hold together with core and city, and every text of theirs is translated."""
    for finding in check_folder(str(trial.folder))[1]:
        if finding.layer == trial.layer.name or (finding.severity == "error" and finding.file == "city.toml"):
            yield str(finding)


def tables(trial: Trial) -> Iterator[str]:
    """Its migrations make exactly its tables, and take them back, on SQLite and on PostgreSQL where one answers."""
    models = load_plugins(trial.city).registry.plugins[trial.name].models
    yield from table_faults(trial.name, trial.package.root, models)


def scenarios(trial: Trial) -> Iterator[str]:
    """Its scenarios pass, and reach every element and flow of its diagrams."""
    diagrams = {Path(logical).stem for logical in trial.layer.files(*DIAGRAMS)}
    names = [Path(logical).name.removesuffix(SCENARIOS[1]) for logical in trial.layer.files(*SCENARIOS)]
    if diagrams and not names:
        yield f"{', '.join(sorted(diagrams))}: no scenario tests a diagram; write scenarios/<name>{SCENARIOS[1]}"
    if not names:
        return
    report = run_scenarios(trial.city, names)
    for result in report.results:
        if result.outcome != "passed":
            yield f"{result.scenario.file}, {result.scenario.title}: {told(result)}"
    reached = {row.process: row for row in report.coverage}
    for process in sorted(diagrams):
        row = reached.get(process)
        missed = (*row.missed_elements, *row.missed_flows) if row is not None else ("any of it",)
        if missed:
            yield f"{process}: no scenario named {process} reaches {', '.join(missed)}; write one that does"


def told(result: ScenarioResult) -> str:
    """Where a scenario broke off and why."""
    if result.failure is None:
        return f"{result.outcome}: {result.reason}"
    differences = "; ".join(
        f"{each.about} is {each.happened}, expected {each.expected}" for each in result.failure.mismatches
    )
    return f"step {result.failure.step} ({result.failure.label}): {differences}"


def border(trial: Trial) -> Iterator[str]:
    """It imports no other plugin; only its pages and addresses import the host of the web."""
    yield from imports_across(trial.package)


def readme(trial: Trial) -> Iterator[str]:
    """It says what it is for, in both languages."""
    for name in ("README.md", "README.zh.md"):
        path = trial.package.root / name
        if not path.is_file() or len(path.read_text(encoding="utf-8").split("\n", 1)[-1].strip()) < 20:
            yield f"{name} is missing or empty; say what the plugin is for, who uses it and what a city may set"


PROMISES: dict[str, Callable[[Trial], Iterator[str]]] = {
    "hooks": hooks,
    "files": files,
    "tables": tables,
    "scenarios": scenarios,
    "border": border,
    "readme": readme,
}
"""What is tried, by name."""
