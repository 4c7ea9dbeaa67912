"""Rows of plugins in the versions of the catalogue in force and to come, when plugins are enabled and disabled.

A version of the city's own making (a signed change of the manual, an imported file) is later than the files and knows
nothing of a plugin enabled after it. It is followed, from its own first day on, by a version with that plugin's rows;
and by one without them when the plugin is disabled. Cases keep the version they were filed under, and versions are
never altered, so what was filed stays readable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from engine.catalogue.lookup import valid_on
from engine.city import City
from engine.errors import CityBroken
from engine.layers import Layer
from engine.loading.catalogue import PLUGIN, plugins_with_rows, read_classes, read_conditions
from engine.loading.tables import read_csv
from engine.models import CatalogueVersion, FilingCondition, Subclass

Rows = dict[tuple[Any, ...], dict[str, Any]]
KEYS: Mapping[type[Subclass] | type[FilingCondition], tuple[str, tuple[str, ...]]] = {
    Subclass: ("catalogue/classes.csv", ("kind", "full_code")),
    FilingCondition: ("catalogue/conditions.csv", ("kind", "full_code", "condition_no")),
}
"""The file of each table and its key."""
SAID = {Subclass: "name", FilingCondition: "text"}
"""The column by which a row of the same key is told to be the same."""


def follow_plugins(session: Session, city: City, now: datetime) -> list[CatalogueVersion]:
    """Let every version in force today or to come be followed by one with the rows of the enabled plugins, and of no
    other. Returns the new versions; none when nothing has changed.

    :raises CityBroken: the city itself has put another class or condition under a plugin's code.
    """
    enabled = plugins_with_rows(city)
    stale = [each for each in _heads(session, now.astimezone(city.time_zone).date()) if _plugins(each) != enabled]
    made = []
    for version in stale:
        kept = {name for name in _plugins(version) - enabled if name not in city.plugin_roots}
        if _plugins(version) != enabled | kept:
            made.append(_follow(session, city, version, enabled | kept, now))
    return made


def _plugins(version: CatalogueVersion) -> set[str]:
    return set(version.plugins.split())


def _heads(session: Session, today: date) -> list[CatalogueVersion]:
    """The version in force today, and the last one of every later first day."""
    present = session.scalar(valid_on(today))
    query = select(CatalogueVersion).where(CatalogueVersion.valid_from > today).order_by(CatalogueVersion.id)
    coming = {version.valid_from: version for version in session.scalars(query)}
    return [*([present] if present is not None else []), *coming.values()]


def _follow(
    session: Session, city: City, before: CatalogueVersion, plugins: set[str], now: datetime
) -> CatalogueVersion:
    """The version that follows one, with the rows of these plugins."""
    files: Mapping[Any, Rows] = {Subclass: dict(read_classes(city)), FilingCondition: dict(read_conditions(city))}
    come, gone = plugins - _plugins(before), _plugins(before) - plugins
    tables: dict[Any, Rows] = {}
    for model in KEYS:
        rows = tables[model] = _stored(session, model, before)
        for key in set().union(*(_keys(city.plugin_roots[name], name, model) for name in gone)) - set(files[model]):
            rows.pop(key, None)
        for name in sorted(come):
            for key in _keys(city.plugin_roots[name], name, model):
                _refuse_other(name, model, key, rows.get(key), files[model][key])
                rows.setdefault(key, files[model][key])
    _take_leftovers(tables, files, come, city)
    return _store(session, before, plugins, tables, now)


def _take_leftovers(tables: dict[Any, Rows], files: Mapping[Any, Rows], come: set[str], city: City) -> None:
    """Conditions the city's files add to classes that have come; conditions whose class has gone go with it."""
    classes, conditions = tables[Subclass], tables[FilingCondition]
    new = set().union(*(_keys(city.plugin_roots[name], name, Subclass) for name in come))
    for key, row in files[FilingCondition].items():
        if key[:2] in new:
            conditions.setdefault(key, row)
    for key in [key for key in conditions if key[:2] not in classes]:
        del conditions[key]


def _keys(root: Path, name: str, model: Any) -> set[tuple[Any, ...]]:
    """The keys of a plugin's rows."""
    file, columns = KEYS[model]
    path = Layer(f"{PLUGIN}{name}", root).path(file)
    if not path.is_file():
        return set()
    return {
        tuple(int(row[column]) if column == "condition_no" else row[column] for column in columns)
        for _, row in read_csv(path, columns)
    }


def _stored(session: Session, model: Any, version: CatalogueVersion) -> Rows:
    """A version's rows by key, in their order."""
    columns = [column for column in model.__table__.columns if column.name != "version_id"]
    names, key = [column.name for column in columns], KEYS[model][1]
    found = session.execute(
        select(*columns).where(model.version_id == version.id).order_by(*model.__table__.primary_key)
    )
    values = (dict(zip(names, row, strict=True)) for row in found)
    return {tuple(row[name] for name in key): row for row in values}


def _refuse_other(
    plugin: str, model: Any, key: tuple[Any, ...], known: Mapping[str, Any] | None, brought: Mapping[str, Any]
) -> None:
    said = SAID[model]
    if known is not None and known[said] != brought[said]:
        code = "/".join(map(str, key))
        raise CityBroken(
            f"plugin {plugin} brings {code} {brought[said]}, but the manual in force has {code} as {known[said]}; "
            "give the manual's own another code by a change of the manual first"
        )


def _store(
    session: Session, before: CatalogueVersion, plugins: set[str], tables: Mapping[Any, Rows], now: datetime
) -> CatalogueVersion:
    names = " ".join(sorted(plugins))
    content = orjson.dumps(
        [f"plugins {names} over {before.digest}", *(list(rows.values()) for rows in tables.values())]
    )
    version = CatalogueVersion(
        name=before.name, digest=hashlib.sha256(content).hexdigest(), valid_from=before.valid_from,
        valid_to=before.valid_to, note=before.note, loaded_at=now, plugins=names,
    )  # fmt: skip
    session.add(version)
    session.flush()
    for model, rows in tables.items():
        if rows:
            session.execute(insert(model), [{**row, "version_id": version.id} for row in rows.values()])
    return version
