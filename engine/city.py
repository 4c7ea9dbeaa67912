"""city.toml -> City: a frozen value that holds everything the code asks about a city."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.errors import CityBroken
from engine.installed_plugins import plugin_folders
from engine.layers import Layer, Layers, core_root

REQUIRED = {"city": ("id", "name", "languages", "time_zone"), "working_time": ("hours", "weekdays")}


@dataclass(frozen=True)
class City:
    """One city as its folder ``root`` declares it. Texts come in ``languages``, the first is the default."""

    id: str
    name: str
    name_en: str
    languages: tuple[str, ...]
    time_zone: ZoneInfo
    division_code: str
    case_number: str
    unit_grid_code: str
    process: str
    plugins: tuple[str, ...]
    inherit_catalogue: bool
    root: Path
    working_time: Mapping[str, Any]
    holidays: Mapping[str, Any]
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    plugin_roots: Mapping[str, Path] = field(default_factory=dict)

    @cached_property
    def layers(self) -> Layers:
        """Core, enabled plugins, city."""
        plugins = [Layer(f"plugin {name}", root) for name, root in self.enabled_roots.items()]
        return Layers([Layer("core", core_root(), flat=True), *plugins, Layer(f"city {self.id}", self.root)])

    @property
    def enabled_roots(self) -> Mapping[str, Path]:
        """The folders of the enabled plugins that are installed, by name."""
        return {name: self.plugin_roots[name] for name in self.plugins if name in self.plugin_roots}

    @property
    def language(self) -> str:
        """The default language."""
        return self.languages[0]


def cities_root() -> Path:
    """The folder of the city packs that ship with Wangge."""
    return Path(__file__).resolve().parent.parent / "cities"


def find_city(name_or_path: str) -> Path:
    """The folder of a city given by id (shipped) or by path. Raises CityBroken naming what was looked for."""
    for candidate in (Path(name_or_path), cities_root() / name_or_path):
        if (candidate / "city.toml").is_file():
            return candidate.resolve()
    shipped = ", ".join(sorted(path.parent.name for path in cities_root().glob("*/city.toml")))
    raise CityBroken(
        f"no city.toml in {name_or_path!r}; give the path of a city folder or one of the shipped cities: {shipped}"
    )


def load_city(name_or_path: str, plugin_roots: Mapping[str, Path] | None = None) -> City:
    """Read a city's ``city.toml``. Raises CityBroken with every fault of that file in one message.

    :param plugin_roots: the folders of installed plugins by name; looked up when not given.
    """
    root = find_city(name_or_path)
    toml = read_city_toml(root)
    city, faults = toml["city"], city_toml_faults(toml)
    if faults:
        raise CityBroken("; ".join(faults))
    settings = {name: MappingProxyType(values) for name, values in toml.get("settings", {}).items()}
    return City(
        id=city["id"],
        name=city["name"],
        name_en=city.get("name_en", city["name"]),
        languages=tuple(city["languages"]),
        time_zone=ZoneInfo(city["time_zone"]),
        division_code=str(city.get("division_code", "")),
        case_number=city.get("case_number", "{year}{month:02}{day:02}-{serial:05}"),
        unit_grid_code=city.get("unit_grid_code", r"^\d{15}$"),
        process=toml.get("lifecycle", {}).get("process", "case"),
        plugins=tuple(toml.get("plugins", {}).get("enabled", ())),
        inherit_catalogue=bool(toml.get("catalogue", {}).get("inherit", True)),
        root=root,
        working_time=MappingProxyType(toml["working_time"]),
        holidays=MappingProxyType(toml.get("holidays", {})),
        settings=MappingProxyType(settings),
        plugin_roots=MappingProxyType(dict(plugin_folders() if plugin_roots is None else plugin_roots)),
    )


def read_city_toml(root: Path) -> dict[str, Any]:
    """The parsed file with its required tables present, or CityBroken with the line at fault."""
    path = root / "city.toml"
    try:
        toml = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CityBroken(f"{path}: {error}; correct the file, it must be TOML in UTF-8") from error
    for table in REQUIRED:
        if not isinstance(toml.setdefault(table, {}), dict):
            raise CityBroken(f"{path}: {table} is not a table; write [{table}] and its keys below it")
    return toml


def city_toml_faults(toml: Mapping[str, Any]) -> list[str]:
    """Every fault of a parsed city.toml, each naming the key and the remedy."""
    faults = [
        f"city.toml: [{table}] has no {key}; add it (docs/reference/city-pack.md shows an example)"
        for table, keys in REQUIRED.items()
        for key in keys
        if key not in toml[table]
    ]
    zone = toml["city"].get("time_zone")
    if zone is not None:
        try:
            ZoneInfo(str(zone))
        except (ZoneInfoNotFoundError, ValueError):
            faults.append(f"city.toml: time zone {zone!r} is unknown; use an IANA name such as Asia/Shanghai")
    if not toml["city"].get("languages", ["-"]):
        faults.append("city.toml: languages is empty; name at least one, the first is the default")
    return faults
