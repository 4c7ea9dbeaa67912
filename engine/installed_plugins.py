"""Find the plugins that are installed, without importing any: those shipped, and those of other distributions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from engine.errors import CityBroken

GROUP = "wangge.plugins"
NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Package:
    """A plugin as it lies on disk: its folder, the module with its hooks, and where it came from."""

    name: str
    root: Path
    module: str
    origin: str


def shipped_root() -> Path:
    """The folder of the plugins that come with Wangge."""
    return Path(__file__).resolve().parents[1] / "plugins"


def find_plugins() -> Mapping[str, Package]:
    """Every installed plugin by name.

    :raises CityBroken: two distributions supply a plugin of one name (both are named), or an entry point is unusable.
    """
    found: dict[str, Package] = {}
    for package in (*_shipped(), *_installed()):
        other = found.setdefault(package.name, package)
        if other is not package:
            raise CityBroken(
                f"the plugin {package.name} is supplied by {other.origin} and by {package.origin}; "
                "uninstall one of the two"
            )
    return MappingProxyType(found)


def plugin_folders() -> dict[str, Path]:
    """The folders of all installed plugins by name."""
    return {name: package.root for name, package in find_plugins().items()}


def _shipped() -> Iterator[Package]:
    for file in sorted(shipped_root().glob("*/plugin.py")):
        name = file.parent.name
        yield Package(name, file.parent, f"plugins.{name}.plugin", "Wangge")


def _installed() -> Iterator[Package]:
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        origin = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
        if not NAME.fullmatch(point.name):
            raise CityBroken(
                f"{origin} calls a plugin {point.name!r}; a plugin's name has small letters, digits and _ only"
            )
        yield Package(point.name, _root(point.module, origin), point.module, origin)


def _root(module: str, origin: str) -> Path:
    """The folder a module lies in. Only its outermost package is looked up, so nothing of the plugin runs."""
    first, *rest = module.split(".")
    spec = find_spec(first)
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places or not rest:
        raise CityBroken(
            f"{origin}: the entry point {module!r} leads nowhere; "
            "name the module of the hooks, such as my_plugin.plugin"
        )
    return Path(places[0]).joinpath(*rest[:-1])
