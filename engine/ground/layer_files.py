"""``ground_layers.toml`` of core and city: which areal layers there are, and how their files are read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.city import City
from engine.errors import CityBroken, DomainError
from engine.ground.datums import system_named
from engine.ground.layer_kinds import (
    CORE,
    KINDS,
    TEXT,
    TYPES,
    VALID_FROM,
    VALID_TO,
    GroundLayer,
    LayerFile,
    PropertyType,
)
from engine.layers import Found

FILE = "ground_layers.toml"
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
FILE_KEYS = ("file", "system", "layer", "encoding")
KEYS = ("name", "name_en", "kind", "properties", "required", *FILE_KEYS)


@dataclass(frozen=True)
class LayerFault:
    """What is wrong with a declaration; ``of`` is the table it stands in, empty for the file as a whole."""

    found: Found
    of: str
    message: str
    remedy: str


def city_layers(city: City) -> dict[str, GroundLayer]:
    """Every layer of a city by name, those of the core first. Raises CityBroken with every fault."""
    layers, faults = read_declarations(city)
    if faults:
        raise CityBroken("; ".join(f"{FILE}: {fault.of}: {fault.message}; {fault.remedy}" for fault in faults))
    return layers


def declared_layers(city: City) -> dict[str, GroundLayer]:
    """The areal layers that files declare."""
    return {name: layer for name, layer in city_layers(city).items() if name not in CORE}


def read_declarations(city: City) -> tuple[dict[str, GroundLayer], list[LayerFault]]:
    """The layers that can be read, and what is wrong with the others. A city's keys win over the core's."""
    merged: dict[str, dict[str, Any]] = {}
    last: dict[str, Found] = {}
    faults: list[LayerFault] = []
    for found in city.layers.all_of(FILE):
        try:
            tables = tomllib.loads(found.read())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            faults.append(LayerFault(found, "", f"it cannot be read: {error}", "correct the file, TOML in UTF-8"))
            continue
        for name, values in tables.items():
            if not isinstance(values, dict):
                faults.append(LayerFault(found, name, "it is no table", f"write [{name}] and its keys below it"))
                continue
            merged[name] = {**merged.get(name, {}), **values}
            last[name] = found
    layers = dict(CORE)
    for name, values in merged.items():
        told = list(_faults(name, values))
        faults += [LayerFault(last[name], name, message, remedy) for message, remedy in told]
        if not told:
            layers[name] = _layer(name, values)
    return layers, faults


def _faults(name: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Everything that does not hold, with its remedy."""
    known = FILE_KEYS if name in CORE else KEYS
    for key in values:
        if key not in known:
            yield f"the key {key!r} is unknown", f"use {', '.join(known)}"
    for key in FILE_KEYS:
        if not isinstance(values.get(key, ""), str):
            yield f"{key} is no text", "write it in quotation marks"
    if "/" in str(values.get("file", "")):
        yield f"file {values['file']!r} leads into another folder", "put the file into ground/"
    if values.get("system") and isinstance(values["system"], str):
        try:
            system_named(values["system"])
        except DomainError as error:
            message, _, remedy = error.message.rpartition("; ")
            yield message, remedy
    if name in CORE:
        return
    if not NAME.fullmatch(name):
        yield f"{name!r} is no name of a layer", "write small letters, digits and _, 40 at most"
    for key in ("name", "name_en"):
        if not isinstance(values.get(key), str) or not values[key].strip():
            yield f"it has no {key}", f'write {key} = "…"'
    if values.get("kind") not in KINDS:
        yield f"kind {values.get('kind')!r} is unknown", f"use one of {', '.join(KINDS)}"
    yield from _property_faults(values)


def _property_faults(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    properties, required = values.get("properties", {}), values.get("required", [])
    if not isinstance(properties, dict):
        yield "properties is no table", 'write [layer.properties] and name = "text" below it'
        return
    for key, type_ in properties.items():
        if not NAME.fullmatch(key):
            yield f"{key!r} is no name of a property", "write small letters, digits and _"
        chosen = isinstance(type_, list) and type_ and all(isinstance(each, str) for each in type_)
        if not chosen and type_ not in TYPES:
            yield f"property {key}: type {type_!r} is unknown", f"use one of {', '.join(TYPES)}, or a list of texts"
        if key in (VALID_FROM, VALID_TO) and type_ != "date":
            yield f"property {key} is no date", f'write {key} = "date"'
    if not isinstance(required, list):
        yield "required is no list", 'write required = ["name"]'
        return
    for key in required:
        if key not in properties and key != "code":
            yield f"required names {key!r}, which is no property", "add it to properties, or take it out of required"


def _layer(name: str, values: Mapping[str, Any]) -> GroundLayer:
    file = LayerFile(
        values.get("file", ""), values.get("system", ""), values.get("layer", ""), values.get("encoding", "")
    )
    if name in CORE:
        return replace(CORE[name], file=file)
    types = {
        key: PropertyType("text", tuple(each)) if isinstance(each, list) else PropertyType(each)
        for key, each in values.get("properties", {}).items()
    }
    required = tuple(dict.fromkeys(("code", *values.get("required", []))))
    return GroundLayer(
        name, values["name"], values["name_en"], values["kind"], {"code": TEXT, **types}, required, file=file
    )
