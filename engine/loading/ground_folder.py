"""The vector files of a city's ``ground/`` folder: which one holds a layer, and what it says."""

from __future__ import annotations

from pathlib import Path

from engine.city import City
from engine.errors import CityBroken, Invalid
from engine.ground.datums import system_named
from engine.ground.layer_kinds import CORE, GroundLayer
from engine.ground.vector_files import DRIVERS, VectorLayer
from engine.loading.ground_layers import read_layer

FOLDER = "ground"
NEEDED = ("divisions", "unit_grids", "duty_grids")


def layer_file(city: City, layer: GroundLayer) -> Path | None:
    """The file that holds a layer: the one ``ground_layers.toml`` names, or ``ground/<layer>`` with the ending of a
    vector file; none when there is none. Raises CityBroken when the named one is missing, or there are several."""
    folder = city.root / FOLDER
    if layer.file.name:
        named = folder / layer.file.name
        if not named.is_file():
            raise CityBroken(f"{named} is missing; put it there, or name another file in ground_layers.toml")
        return named
    there = [path for suffix in DRIVERS if (path := folder / f"{layer.name}{suffix}").is_file()]
    if len(there) > 1:
        names = ", ".join(path.name for path in there)
        remedy = "keep one, or name it in ground_layers.toml"
        raise CityBroken(f"{folder} holds {layer.name} several times: {names}; {remedy}")
    if not there and layer.name in NEEDED:
        missing = folder / f"{layer.name}.geojson"
        raise CityBroken(f"{missing} is missing; see docs/reference/city-pack.md for its properties")
    return there[0] if there else None


def read_folder_layer(city: City, layer: GroundLayer) -> tuple[Path, VectorLayer] | None:
    """A layer's file and its features; none when the city has no such file. Raises CityBroken."""
    path = layer_file(city, layer)
    if path is None:
        return None
    named = layer.file
    try:
        found = read_layer(
            path, layer, system=system_named(named.system) if named.system else None, of=named.layer or None,
            encoding=named.encoding or None,
        )  # fmt: skip
    except Invalid as error:
        raise CityBroken(error.message) from error
    return path, found


def folder_name(city: City, path: Path) -> str:
    """A file's name as findings and versions write it: ``ground/unit_grids.geojson``."""
    return path.relative_to(city.root).as_posix()


def folder_divisions(city: City) -> dict[str, str]:
    """Levels of the folder's divisions by code. Raises CityBroken."""
    read = read_folder_layer(city, CORE["divisions"])
    features = read[1].features if read else []
    return {str(each.properties["code"]): str(each.properties["level"]) for each in features}
