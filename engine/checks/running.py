"""Run every check on a city. It needs no database and stops at nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from engine.checks.calendars import check_calendars
from engine.checks.catalogue import check_catalogue
from engine.checks.city_file import check_city_file, enabled_plugins, is_zone, read_toml
from engine.checks.diagrams import check_diagrams
from engine.checks.documents import check_documents
from engine.checks.escalating import check_escalation
from engine.checks.finding import Finding, Source, errors_of, split_remedy
from engine.checks.flows import check_flows
from engine.checks.forms import check_forms
from engine.checks.ground import check_ground
from engine.checks.intake import check_intake
from engine.checks.intake_texts import check_intake_texts
from engine.checks.judgement import check_judgement
from engine.checks.loops import check_loops
from engine.checks.material import Material, read_material
from engine.checks.matters import check_matters
from engine.checks.names import check_names
from engine.checks.organisation import check_organisation
from engine.checks.overdue import check_overdue
from engine.checks.overrides import check_overrides
from engine.checks.patrol import check_patrol
from engine.checks.registers import check_registers
from engine.checks.scenarios import check_scenarios
from engine.checks.scorecards import check_scorecards
from engine.checks.sensors import check_sensors
from engine.checks.services import check_services
from engine.checks.sources import check_sources
from engine.checks.tasks import check_tasks
from engine.checks.translations import check_translations
from engine.checks.variables import check_variables
from engine.city import City, find_city, load_city
from engine.core_operators import CORE_OPERATORS
from engine.errors import CityBroken
from engine.hooks.host import load_plugins
from engine.installed_plugins import find_plugins, plugin_folders
from engine.registry import Registry, build_registry
from engine.workflow.definitions import parse_specs

DIAGRAM_CHECKS = (
    check_diagrams, check_flows, check_loops, check_tasks, check_forms, check_services, check_overrides,
    check_sources, check_escalation,
)  # fmt: skip


def check_city(city: City, registry: Registry | None = None) -> list[Finding]:
    """Every fault and doubt of a city's files, core and plugins included, in the order of the files.

    :param registry: operators and functions of core and plugins; the core's alone when not given.
    """
    return _check_root(city.root, city, city.plugin_roots, registry)


def check_folder(
    name_or_path: str, plugin_roots: Mapping[str, Path] | None = None, registry: Registry | None = None
) -> tuple[City | None, list[Finding]]:
    """The city of a folder and its findings; no city when ``city.toml`` is broken: the other files are checked anyway.

    Raises CityBroken only when there is no such folder.
    """
    root, plugins = find_city(name_or_path), plugin_folders() if plugin_roots is None else plugin_roots
    findings = _check_root(root, None, plugins, registry)
    broken = any(finding.file == "city.toml" for finding in errors_of(findings))
    return None if broken else load_city(str(root), plugins), findings


def _check_root(root: Path, city: City | None, plugins: Mapping[str, Path], registry: Registry | None) -> list[Finding]:
    toml, findings = read_toml(root)
    if not findings:
        findings = list(check_city_file(toml, plugins))
    if errors_of(findings):
        city = _stand_in(toml, root, plugins)
    return sorted([*findings, *_check_files(city or load_city(str(root), plugins), registry)], key=_order)


def _check_files(city: City, registry: Registry | None) -> list[Finding]:
    """Everything but ``city.toml`` itself."""
    findings: list[Finding] = []
    if registry is None:
        registry, findings = _ask_plugins(city)
    material, unread = read_material(city, registry)
    findings += unread
    for check in DIAGRAM_CHECKS:
        findings += check(material)
    calendar, told = check_calendars(city)
    findings += told
    findings += check_variables(material, calendar)
    findings += check_catalogue(material)
    findings += check_intake(material)
    findings += check_intake_texts(material)
    findings += check_organisation(material)
    findings += check_ground(city)
    findings += check_patrol(material)
    findings += check_sensors(material)
    findings += check_judgement(material)
    findings += check_translations(material)
    findings += check_names(material)
    findings += check_scenarios(material)
    findings += check_registers(material)
    findings += check_documents(material)
    findings += check_matters(material)
    findings += check_overdue(material)
    findings += check_scorecards(material)
    if not errors_of(findings):
        findings += _parse(material)
    return list(dict.fromkeys(findings))


def _ask_plugins(city: City) -> tuple[Registry, list[Finding]]:
    """The registry of core and plugins, and what is broken about plugins."""
    source = Source("city.toml")
    try:
        host = load_plugins(city, skip_broken=True)
    except CityBroken as error:
        faults = error.message.splitlines()
        registry = build_registry(CORE_OPERATORS)
    else:
        installed = find_plugins()  # one that is not has been told of in city.toml's own check
        faults = [fault for name, fault in host.broken.items() if name in installed]
        registry = host.registry
    return registry, [
        source.error("plugins.enabled", *split_remedy(fault, "correct the plugin, or take it off the list"))
        for fault in faults
    ]


def _parse(material: Material) -> list[Finding]:
    """The last net: what only the engine itself refuses."""
    try:
        parse_specs(material.diagrams)
    except CityBroken as error:
        message, remedy = split_remedy(error.message, "correct the diagram")
        file, _, place = message.partition(", element ")
        source = material.sources.get(file, Source(file))
        element, _, rest = place.partition(": ")
        return [source.error(element.split(" ")[-1] or "file", (rest or message).rstrip(" ."), remedy)]
    except Exception as error:  # whatever the engine stumbles over is a finding; the checker itself goes on
        source = Source("processes", f"city {material.city.id}")
        return [source.error("engine", f"the diagrams cannot be prepared: {error!r}", "undo the latest change")]
    return []


def _order(finding: Finding) -> tuple[bool, str, str, int]:
    return (finding.file != "city.toml", finding.layer, finding.file, finding.line or 0)


def _stand_in(toml: Mapping[str, Any], root: Path, plugins: Mapping[str, Path]) -> City:
    """A city from what its broken city.toml still says, so that the faults of its other files are told as well."""

    def table(name: str) -> dict[str, Any]:
        values = toml.get(name)
        return values if isinstance(values, dict) else {}

    def text(name: str, otherwise: str, of: str = "city") -> str:
        value = table(of).get(name)
        return value if isinstance(value, str) else otherwise

    zone, hours, weekdays = text("time_zone", "UTC"), *map(table("working_time").get, ("hours", "weekdays"))
    languages = table("city").get("languages")
    return City(
        id=text("id", root.name),
        name=text("name", root.name),
        name_en=text("name_en", root.name),
        languages=tuple(map(str, languages)) if isinstance(languages, list) and languages else ("zh",),
        time_zone=ZoneInfo(zone if is_zone(zone) else "UTC"),
        division_code=text("division_code", ""),
        case_number=text("case_number", ""),
        unit_grid_code=text("unit_grid_code", ""),
        process=text("process", "case", "lifecycle"),
        plugins=tuple(enabled_plugins(toml)),
        inherit_catalogue=table("catalogue").get("inherit") is not False,
        root=root,
        working_time=MappingProxyType(
            {
                **table("working_time"),
                "hours": hours if isinstance(hours, list) else ["00:00-24:00"],
                "weekdays": weekdays if isinstance(weekdays, list) else [1, 2, 3, 4, 5],
            }
        ),
        holidays=MappingProxyType(table("holidays")),
        plugin_roots=MappingProxyType(dict(plugins)),
    )
